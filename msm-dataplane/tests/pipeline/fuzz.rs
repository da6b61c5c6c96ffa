//! Random frames and random changes by the owner, the programs beside the reference.

use std::collections::BTreeSet;

use msm_abi::{
    ControlAction, CpuClass, FabricState, FdbEntry, GateState, PortCounters, PortEntry, names, port_flags,
};

use crate::frames::*;
use crate::plane::*;
use crate::reference::{Frame, Seen, Station, Switch, Verdict};

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

/// The programs and the reference in the same state.
struct Pair {
    plane: Plane,
    model: Switch,
    port: PortEntry,
}

impl Pair {
    fn new() -> Self {
        let mut plane = Plane::new();
        let mut model = Switch { tx: ALL.into(), ..Switch::default() };
        model.vlans.insert(1, plane.vlan(1, 0, &ALL, &[]));
        model.sets.insert(1);
        model.fabrics.insert(0, FabricState { present: 1, programmed: 1 });
        let port = port_entry(P11);
        model.ports.insert(LOOPBACK, port);
        Self { plane, model, port }
    }

    /// The owner changes something.
    fn change(&mut self, random: &mut Random) {
        match random.below(8) {
            0 => {
                let vid = random.pick(&VIDS);
                let domain = random.pick(&[0, 0, 1, 63]);
                let (mut untagged, mut tagged) = (BTreeSet::new(), BTreeSet::new());
                for lport in ALL {
                    // Mostly as frames come: untagged in VLAN 1, tagged in the others.
                    let (usual, other) = match vid {
                        1 => (&mut untagged, &mut tagged),
                        _ => (&mut tagged, &mut untagged),
                    };
                    match random.below(8) {
                        0 => {}
                        1 => drop(other.insert(lport)),
                        _ => drop(usual.insert(lport)),
                    }
                }
                let list = |set: BTreeSet<u16>| set.into_iter().collect::<Vec<_>>();
                let entry = self.plane.vlan(vid, domain, &list(untagged), &list(tagged));
                self.model.vlans.insert(vid, entry);
                self.model.sets.insert(vid);
            }
            1 => {
                let state = random.pick(&[
                    GateState::Discarding,
                    GateState::Learning,
                    GateState::Forwarding,
                    GateState::Forwarding,
                ]);
                let (domain, lport) = (random.pick(&[1, 63]), random.pick(&ALL));
                self.plane.gate(domain, lport, state, 0);
                self.model.gates.insert((domain, lport), state);
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
                self.model.control.insert((mac, vid), (action, CpuClass::Stp));
            }
            3 => {
                let state = random.pick(&[
                    FabricState { present: 1, programmed: 1 },
                    FabricState { present: 1, programmed: 1 },
                    FabricState { present: 1, programmed: 0 },
                    FabricState { present: 0, programmed: 1 },
                ]);
                let n = random.below(2) as u32;
                self.plane.fabric(n, state);
                self.model.fabrics.insert(n, state);
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
                let mut flags = if fixed { FdbEntry::STATIC } else { 0 };
                flags |= if blackhole { FdbEntry::BLACKHOLE } else { 0 };
                let (age, seen) = random.pick(&[
                    (0, Seen::Lately),
                    (REFRESH + 1, Seen::Before),
                    (AGE - 1000, Seen::Before),
                    (AGE + 1, Seen::LongAgo),
                ]);
                self.plane.station(mac, vid, FdbEntry::new(lport, flags, now_stamp().wrapping_sub(age)));
                self.model.fdb.insert((mac, vid), Station { lport, flags, seen });
            }
        }
    }

    fn come_in(&mut self, random: &mut Random) {
        let enabled = if random.one_in(16) { 0 } else { port_flags::ENABLED };
        let (lport, pvid) = (random.pick(&ALL), random.pick(&[1, 1, 1, 10, 0]));
        self.port = PortEntry { pvid, flags: port_flags::VALID | enabled, ..port_entry(lport) };
        self.plane.port(self.port);
        self.model.ports.insert(LOOPBACK, self.port);
    }

    fn check(&mut self, sent: &[u8], metadata: &[u8]) {
        let outcome = self.plane.run_program(names::PROG_INGRESS, sent, metadata);
        let expected = self.model.receive(LOOPBACK, Frame::xdp(sent)).verdict;
        let got = match outcome.action {
            XDP_DROP => None,
            XDP_REDIRECT => Some((outcome.metadata.is_empty(), outcome.frame.as_slice())),
            other => panic!("no verdict of ours: {other}"),
        };
        match &expected {
            Verdict::Dropped(_) => assert_eq!(got, None, "{expected:?} {:?} {sent:02x?}", self.port),
            Verdict::Sent { frame, .. } => {
                assert_eq!(got, Some((true, frame.as_slice())), "{:?} {sent:02x?}", self.port);
            }
            Verdict::Flooded { header, frame } => {
                let told = format!("{expected:?} {:?} {sent:02x?}", self.port);
                assert_eq!(got, Some((false, frame.as_slice())), "{told}");
                assert_eq!(outcome.header(), *header, "{told}");
            }
            other => unreachable!("{other:?}: nothing is mirrored, trapped or at tcx"),
        }
        // The reason of a drop and the port of unicast are in the counters.
        for lport in ALL {
            let expected = self.model.counters.get(&u32::from(lport)).copied().unwrap_or_default();
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
                    flags: entry.flags(),
                    seen: Seen::of(entry, now, REFRESH, AGE),
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
fn random_frames_fare_as_in_the_reference() {
    series(1);
}
