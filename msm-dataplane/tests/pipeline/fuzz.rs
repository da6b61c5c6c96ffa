//! Random frames and random changes by the owner, the programs beside the model.

use msm_abi::{ControlAction, FabricState, FdbEntry, GateState, PortCounters, PortEntry, names, port_flags};

use crate::frames::*;
use crate::model::{Fabric, Gate, Model, Port, Station, Verdict, Vlan};
use crate::plane::*;

/// Frames of one series. Bounded: a longer search is another seed.
const FRAMES: u32 = 20_000;

/// Random numbers that the seed decides (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

const VIDS: [u16; 4] = [1, 10, 20, 0xFFF];
const STATIONS: [[u8; 6]; 6] = [S11, S12, S21, S22, STRANGER, EAPS];
const OTHERS: [[u8; 6]; 7] = [
    BROADCAST,
    GROUP,
    BPDU,
    [1, 0x80, 0xc2, 0, 0, 0x0f],
    [1, 0x80, 0xc2, 0, 0, 0x10],
    [0; 6],
    [0, 0xe0, 0x2b, 0, 1, 0],
];
const CONTROL: [[u8; 6]; 3] = [BPDU, EAPS, [0, 0xe0, 0x2b, 0, 0, 0xff]];

/// The programs and the model in the same state.
struct Pair {
    plane: Plane,
    model: Model,
    port: Port,
}

impl Pair {
    fn new() -> Self {
        let plane = Plane::new();
        let mut model = Model::default();
        model.vlans.insert(1, Vlan { untagged: ALL.into(), ..Vlan::default() });
        model.fabrics.insert(0, Fabric::Works);
        Self { plane, model, port: Port { lport: P11, pvid: 1, enabled: true } }
    }

    /// The owner changes something.
    fn change(&mut self, random: &mut Random) {
        match random.below(8) {
            0 => {
                let vid = random.pick(&VIDS);
                let mut vlan = Vlan { domain: random.pick(&[0, 0, 1, 63]), ..Vlan::default() };
                for lport in ALL {
                    // Mostly as frames come: untagged in VLAN 1, tagged in the others.
                    let (usual, other) = match vid {
                        1 => (&mut vlan.untagged, &mut vlan.tagged),
                        _ => (&mut vlan.tagged, &mut vlan.untagged),
                    };
                    match random.below(8) {
                        0 => {}
                        1 => drop(other.insert(lport)),
                        _ => drop(usual.insert(lport)),
                    }
                }
                let list = |set: &std::collections::BTreeSet<u16>| set.iter().copied().collect::<Vec<_>>();
                self.plane.vlan(vid, vlan.domain, &list(&vlan.untagged), &list(&vlan.tagged));
                self.model.vlans.insert(vid, vlan);
            }
            1 => {
                let (gate, state) = random.pick(&[
                    (Gate::Discarding, GateState::Discarding),
                    (Gate::Learning, GateState::Learning),
                    (Gate::Forwarding, GateState::Forwarding),
                    (Gate::Forwarding, GateState::Forwarding),
                ]);
                let (domain, lport) = (random.pick(&[1, 63]), random.pick(&ALL));
                self.plane.gate(domain, lport, state, 0);
                self.model.gates.insert((domain, lport), gate);
            }
            2 => {
                let action = random.pick(&[
                    ControlAction::Discard,
                    ControlAction::Forward,
                    ControlAction::Trap,
                    ControlAction::TrapAndForward,
                ]);
                let (mac, vid) = (random.pick(&CONTROL), random.pick(&[0, 0, 1, 10]));
                self.plane.control(mac, vid, action);
                self.model.control.insert((mac, vid), action);
            }
            3 => {
                let (fabric, state) = random.pick(&[
                    (Fabric::Works, FabricState { present: 1, programmed: 1 }),
                    (Fabric::Works, FabricState { present: 1, programmed: 1 }),
                    (Fabric::Unprogrammed, FabricState { present: 1, programmed: 0 }),
                    (Fabric::Absent, FabricState { present: 0, programmed: 1 }),
                ]);
                let n = random.below(2) as u32;
                self.plane.fabric(n, state);
                self.model.fabrics.insert(n, fabric);
            }
            4 => {
                let (bucket, fabric) = (random.below(128) as u32, random.below(2) as u32);
                self.plane.bucket(bucket, fabric as u8);
                self.model.buckets.insert(bucket, fabric);
            }
            5 => {
                let (mac, vid) = (random.pick(&STATIONS), random.pick(&VIDS));
                let there = self.plane.forget(mac, vid);
                assert_eq!(self.model.fdb.remove(&(mac, vid)).is_some(), there);
            }
            _ => {
                let (mac, vid, lport) = (random.pick(&STATIONS), random.pick(&VIDS), random.pick(&ALL));
                let (fixed, blackhole) =
                    random.pick(&[(false, false), (false, false), (true, false), (true, true)]);
                let over_age = random.one_in(3);
                let mut flags = if fixed { FdbEntry::STATIC } else { 0 };
                flags |= if blackhole { FdbEntry::BLACKHOLE } else { 0 };
                let age = if over_age { AGE + 1 } else { random.pick(&[0, REFRESH + 1, AGE - 1000]) };
                self.plane.station(mac, vid, FdbEntry::new(lport, flags, now_stamp().wrapping_sub(age)));
                let over_age = over_age && !fixed;
                self.model.fdb.insert((mac, vid), Station { lport, fixed, blackhole, over_age });
            }
        }
    }

    fn come_in(&mut self, random: &mut Random) {
        self.port = Port {
            lport: random.pick(&ALL),
            pvid: random.pick(&[1, 1, 1, 10, 0]),
            enabled: !random.one_in(16),
        };
        let enabled = if self.port.enabled { port_flags::ENABLED } else { 0 };
        let flags = port_flags::VALID | enabled;
        self.plane.port(PortEntry { pvid: self.port.pvid, flags, ..port_entry(self.port.lport) });
    }

    fn check(&mut self, sent: &[u8], metadata: &[u8]) {
        let outcome = self.plane.run_program(names::PROG_INGRESS, sent, metadata);
        let expected = self.model.receive(self.port, sent);
        let got = match outcome.action {
            XDP_DROP => None,
            XDP_REDIRECT => Some((outcome.metadata.is_empty(), outcome.frame.as_slice())),
            other => panic!("no verdict of ours: {other}"),
        };
        match &expected {
            Verdict::Dropped(_) => assert_eq!(got, None, "{expected:?} {:?} {sent:02x?}", self.port),
            Verdict::Unicast { frame, .. } => {
                assert_eq!(got, Some((true, frame.as_slice())), "{:?} {sent:02x?}", self.port);
            }
            Verdict::Flood { vid, flags } => {
                assert_eq!(got, Some((false, sent)), "{expected:?} {:?} {sent:02x?}", self.port);
                let header = outcome.header();
                assert_eq!((header.vid, header.lport, header.flags), (*vid, self.port.lport, *flags));
            }
        }
        // The reason of a drop and the port of unicast are in the counters.
        for lport in ALL {
            let expected = self.model.counters.get(&lport).copied().unwrap_or_default();
            assert_eq!(self.plane.counters(u32::from(lport)), expected, "counters of {lport}, {sent:02x?}");
        }
        assert_eq!(self.plane.counters(NO_PORT), PortCounters::default());
    }

    fn compare_fdb(&self) {
        let now = now_stamp();
        for mac in STATIONS {
            for vid in VIDS {
                let entry = self.plane.fdb(mac, vid).map(|entry| Station {
                    lport: entry.lport(),
                    fixed: entry.flags() & FdbEntry::STATIC != 0,
                    blackhole: entry.flags() & FdbEntry::BLACKHOLE != 0,
                    over_age: entry.expired(now, AGE),
                });
                assert_eq!(entry, self.model.fdb.get(&(mac, vid)).copied(), "{mac:02x?} in {vid}");
            }
        }
    }
}

fn random_frame(random: &mut Random) -> Vec<u8> {
    let mac = |random: &mut Random, others| {
        if random.one_in(others) { random.pick(&OTHERS) } else { random.pick(&STATIONS) }
    };
    let (destination, source) = (mac(random, 3), mac(random, 12));
    let tci = match random.below(16) {
        0..8 => None,
        8 => Some(random.next() as u16),
        9 | 10 => Some((random.next() as u16) & 0xF000), // a priority only
        _ => Some((random.next() as u16) & 0xF000 | random.pick(&VIDS)),
    };
    let len = if random.one_in(8) { 14 + random.below(6) } else { 60 + random.below(1440) };
    sized(destination, source, tci, len as usize)
}

fn series(seed: u64) {
    let mut random = Random(seed);
    let mut pair = Pair::new();
    for n in 0..FRAMES {
        if random.one_in(8) {
            pair.change(&mut random);
        }
        if random.one_in(4) {
            pair.come_in(&mut random);
        }
        let metadata = vec![0xA5; random.pick(&[0, 0, 0, 4, 8, 32])];
        let sent = random_frame(&mut random);
        pair.check(&sent, &metadata);
        if n % 256 == 0 {
            pair.compare_fdb();
        }
    }
    pair.compare_fdb();
    // The series has been everywhere that it can get to.
    let mut sum = PortCounters::default();
    for counters in pair.model.counters.values() {
        sum.tx_frames += counters.tx_frames;
        sum.flooded += counters.flooded;
        sum.drops.iter_mut().zip(counters.drops).for_each(|(sum, drops)| *sum += drops);
    }
    assert!(sum.tx_frames > 1000 && sum.flooded > 1000, "{sum:?}");
    use msm_abi::DropReason::*;
    for reason in [
        Truncated,
        PortDisabled,
        NotMember,
        BadSource,
        Control,
        NoTrap,
        IngressGate,
        EgressGate,
        Hairpin,
        Blackhole,
        FabricAbsent,
        FabricUnprogrammed,
        EgressNotMember,
    ] {
        assert!(sum.drops[reason as usize] > 0, "seed {seed} never dropped for {reason:?}");
    }
}

#[test]
fn random_frames_fare_as_in_the_model() {
    series(1);
}
