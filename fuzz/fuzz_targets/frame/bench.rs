//! The programs and the reference side by side, in the same state before each input.

use std::cell::RefCell;
use std::collections::BTreeMap;

use aya::maps::{MapData, RingBuf};
use msm_abi::{
    ControlKey, ControlValue, CpuClass, FabricState, FdbEntry, FdbKey, FloodHeader, GateEntry, LPORTS,
    LimitEntry, Lport, gate_index, header_flags, limit_index, names,
};
use msm_dataplane::store::Table;
use msm_dataplane::tables::traps;

use crate::input::Input;
use crate::kernel::{Ran, Tagger, run_xdp, words};
use crate::plane::{Plane, TC_REDIRECT, TC_SHOT, XDP_DROP, XDP_PASS, XDP_REDIRECT, now_stamp};
use crate::reference::{Entry, Frame, Outcome, Seen, Station, Switch, Trapped, Verdict};
use crate::tap::{self, Tap};
use crate::world::{AGE, FABRICS, LAST, NETDEVS, REFRESH, World};

/// Tables that the owner's code fills.
const OWNED: [Table; 10] = [
    Table::AclClass,
    Table::AclBits,
    Table::AclMac,
    Table::AclActions,
    Table::Routes,
    Table::Hops,
    Table::HopGroups,
    Table::Ipfdb,
    Table::Ipfdb6,
    Table::Routes6,
];
/// Nothing passes.
const CLOSED: LimitEntry = LimitEntry { interval: u64::MAX, tolerance: 0 };

thread_local! {
    static BENCH: RefCell<Option<Bench>> = const { RefCell::new(None) };
}

/// Before the first input: programs take seconds to load.
pub(crate) fn start() {
    tap::own_namespace();
    let bench = Bench::new();
    BENCH.with(|place| *place.borrow_mut() = Some(bench));
}

pub(crate) fn with(run: impl FnOnce(&mut Bench)) {
    BENCH.with(|bench| run(bench.borrow_mut().as_mut().expect("started before the first input")));
}

/// The stations of a switch.
type Stations = BTreeMap<([u8; 6], u16), Station>;

/// Programs by descriptor.
struct Programs {
    ingress: i32,
    egress: i32,
    tcx: Tagger,
}

pub(crate) struct Bench {
    plane: Plane,
    programs: Programs,
    taps: Vec<Tap>,
    traps: RingBuf<MapData>,
    world: World,
    /// As before each input.
    stations: Stations,
    learned: BTreeMap<Lport, u64>,
    generation: u64,
    acl: usize,
    fabric: usize,
    full: bool,
}

impl Bench {
    fn new() -> Self {
        let taps: Vec<Tap> = (0..NETDEVS.len()).map(|number| Tap::new(&format!("f{number}"))).collect();
        let ifindexes: Vec<u32> = taps.iter().map(|tap| tap.ifindex).collect();
        let mut world = World::new(&ifindexes);
        let mut plane = Plane::bare(world.switch.room as u32);
        install(&mut plane, &world);
        let programs = Programs {
            ingress: plane.program_fd(names::PROG_INGRESS),
            egress: plane.program_fd(names::PROG_EGRESS_TEST),
            tcx: Tagger::before(plane.program_fd(names::PROG_TCX)).expect("a program in front of tcx"),
        };
        let traps = plane.take(names::TRAP_LACP).try_into().expect("a ring");
        world.switch.fabrics.insert(0, FABRICS[0]);
        let (stations, learned) = (world.switch.fdb.clone(), world.switch.learned.clone());
        Self {
            plane,
            programs,
            taps,
            traps,
            world,
            stations,
            learned,
            generation: 1,
            acl: 0,
            fabric: 0,
            full: false,
        }
    }

    /// One input.
    pub(crate) fn run(&mut self, bytes: &[u8]) {
        let Some(input) = Input::of(bytes) else { return };
        let Some(mut frame) = input.frame() else { return };
        if !input.tcx {
            frame.reach = reach(frame.bytes.len(), input.linear);
        }
        self.configure(&input);
        let times = if input.twice { 2 } else { 1 };
        for _ in 0..times {
            self.pass(&input, &frame);
        }
        self.set_back();
    }

    /// Brings both into the state that the input is for.
    fn configure(&mut self, input: &Input<'_>) {
        let switch = &mut self.world.switch;
        let (acl, fabric) = (input.acl, input.fabric);
        if acl != self.acl {
            let (list, active) = &self.world.lists[acl];
            (switch.acl, switch.config.acl) = (list.clone(), *active);
            self.plane.config(switch.config);
            self.acl = acl;
        }
        if fabric != self.fabric {
            switch.fabrics.insert(0, FABRICS[fabric]);
            self.plane.fabric(0, FABRICS[fabric]);
            self.fabric = fabric;
        }
        if input.full != self.full {
            if input.full {
                let last = Station { lport: 0, flags: 0, seen: Seen::Lately };
                self.stations.insert(LAST, last);
                self.plane.set(names::FDB, &FdbKey::new(LAST.0, LAST.1), &entry(&last));
            } else {
                self.stations.remove(&LAST);
                self.plane.delete(names::FDB, &FdbKey::new(LAST.0, LAST.1));
            }
            switch.fdb.clone_from(&self.stations);
            self.full = input.full;
        }
        // No slot of the cache outlives an input.
        self.generation += 1;
        self.plane.set(names::FDB_GEN, &0u32, &self.generation);
    }

    fn pass(&mut self, input: &Input<'_>, frame: &Frame) {
        let netdev = input.port % NETDEVS.len();
        let ifindex = self.taps[netdev].ifindex;
        // A frame that is cut into segments when it is sent would be cut here for each copy; only one that is redirected is not sent.
        if frame.segment != 0 {
            let outcome = self.world.switch.clone().receive(ifindex, frame.clone());
            if !outcome.copies.is_empty() {
                return;
            }
        }
        let expected = self.world.switch.receive(ifindex, frame.clone());
        match frame.entry {
            Entry::Xdp => self.by_xdp(input, ifindex, frame, &expected),
            Entry::Tcx => self.by_tcx(input, ifindex, frame, &expected),
        }
        assert_eq!(self.trapped(), expected.trapped, "traps of {input:02x?}");
        self.compare(input, &expected);
    }

    fn by_xdp(&mut self, input: &Input<'_>, ifindex: u32, frame: &Frame, expected: &Outcome) {
        let metadata = &[0xa5; 32][..input.metadata];
        let (ran, metadata) = run_xdp(self.programs.ingress, ifindex, &frame.bytes, metadata, input.linear)
            .unwrap_or_else(|e| panic!("running {input:02x?}: {e}"));
        let Ran { action, bytes } = ran;
        let told = || format!("{expected:02x?} of {input:02x?}");
        match &expected.verdict {
            Verdict::Dropped(_) | Verdict::Taken => assert_eq!(action, XDP_DROP, "{}", told()),
            Verdict::Punted => assert_eq!((action, &bytes), (XDP_PASS, &frame.bytes), "{}", told()),
            Verdict::Sent { frame, .. } => {
                assert_eq!((action, &bytes), (XDP_REDIRECT, frame), "{}", told());
                assert_eq!(metadata, [], "{}", told());
            }
            Verdict::Flooded { header, frame } => {
                assert_eq!((action, &bytes), (XDP_REDIRECT, frame), "{}", told());
                let got: [u8; 8] = metadata.as_slice().try_into().expect("a header");
                assert_eq!(FloodHeader::from_wire(u64::from_be_bytes(got)), *header, "{}", told());
                self.leave(input, ifindex, frame, *header);
            }
            Verdict::Copied => unreachable!("by tcx alone"),
        }
    }

    /// A flooded frame at each member but the one that it came in by.
    fn leave(&mut self, input: &Input<'_>, from: u32, frame: &[u8], header: FloodHeader) {
        let vlan = self.world.switch.vlans[&header.vid];
        let is_routed = header.flags & header_flags::ROUTED != 0;
        for member in self.world.members(&vlan).into_iter().filter(|member| is_routed || *member != from) {
            let expected = self.world.switch.leave(member, frame, header);
            let wire = header.to_wire().to_be_bytes();
            let (ran, metadata) = run_xdp(self.programs.egress, member, frame, &wire, 0)
                .unwrap_or_else(|e| panic!("running {input:02x?} at a member: {e}"));
            let port = self.world.switch.ports[&member];
            match expected {
                Ok(copy) => {
                    let got = (ran.action, ran.bytes, metadata);
                    assert_eq!(got, (XDP_PASS, copy, vec![]), "at {port:?}: {input:02x?}");
                }
                Err(reason) => assert_eq!(ran.action, XDP_DROP, "{reason:?} at {port:?}: {input:02x?}"),
            }
        }
    }

    fn by_tcx(&mut self, input: &Input<'_>, ifindex: u32, frame: &Frame, expected: &Outcome) {
        let Ran { action, bytes } = self
            .programs
            .tcx
            .run(ifindex, &frame.bytes, frame.side, frame.segment)
            .unwrap_or_else(|e| panic!("running {input:02x?}: {e}"));
        let told = || format!("{expected:02x?} of {input:02x?}");
        match &expected.verdict {
            Verdict::Sent { frame, .. } => {
                assert_eq!(action, TC_REDIRECT, "{}", told());
                let aside = [&frame[..12], frame.get(16..).unwrap_or_default()].concat();
                let may_be_aside = matches!(frame[12..14], [0x81, 0] | [0x88, 0xa8]) && frame.len() >= 18;
                assert!(bytes == *frame || may_be_aside && bytes == aside, "{} but {bytes:02x?}", told());
            }
            _ => assert_eq!(action, TC_SHOT, "{}", told()),
        }
        let mut sent: BTreeMap<Lport, Vec<Vec<u8>>> = BTreeMap::new();
        for (index, frame) in tap::sent(&mut self.taps) {
            sent.entry(NETDEVS[index]).or_default().push(frame);
        }
        let mut copies: BTreeMap<Lport, Vec<Vec<u8>>> = BTreeMap::new();
        for (lport, frame) in &expected.copies {
            copies.entry(*lport).or_default().push(frame.clone());
        }
        assert_eq!(sent, copies, "copies of {input:02x?}");
    }

    fn trapped(&mut self) -> Option<Trapped> {
        let record = self.traps.next()?;
        let (header, bytes) = traps::record(&record).expect("a record");
        assert_eq!(header.class, CpuClass::Lacp as u32);
        Some(Trapped { lport: header.lport, vid: header.vid, len: header.len, bytes: bytes.to_vec() })
    }

    /// Counters and stations.
    fn compare(&self, input: &Input<'_>, outcome: &Outcome) {
        let switch = &self.world.switch;
        let told = || format!("{outcome:02x?} of {input:02x?}");
        let ports = switch.ports.values().map(|port| u32::from(port.lport)).chain([LPORTS as u32]);
        for at in ports {
            let expected = switch.counters.get(&at).copied().unwrap_or_default();
            assert_eq!(self.plane.counters(at), expected, "counters of {at}: {}", told());
        }
        for (class, name) in CpuClass::ALL {
            let expected = switch.cpu.get(&class).copied().unwrap_or_default();
            assert_eq!(self.plane.cpu(class), expected, "class {name}: {}", told());
        }
        for rule in &switch.acl.rules {
            let expected = switch.hits.get(&rule.counter).copied().unwrap_or_default();
            assert_eq!(self.plane.acl_hits(rule.counter.into()), expected, "hits of {rule:?}: {}", told());
        }
        assert_eq!(self.fdb(), switch.fdb, "stations: {}", told());
        for (lport, expected) in &switch.learned {
            let learned: u64 = self.plane.get(names::LEARNED, &u32::from(*lport)).expect("an entry");
            assert_eq!(learned, *expected, "learned at {lport}: {}", told());
        }
    }

    fn fdb(&self) -> Stations {
        let now = now_stamp();
        let station = |(key, value)| {
            let (key, entry) = (FdbKey(key), FdbEntry(value));
            let seen = Seen::of(entry, now, REFRESH, AGE);
            ((key.mac(), key.vid()), Station { lport: entry.lport(), flags: entry.flags(), seen })
        };
        let all = words(self.plane.fd(names::FDB), self.world.switch.room).expect("the FDB is read");
        all.into_iter().map(station).collect()
    }

    /// Forgets what was learned.
    fn set_back(&mut self) {
        let switch = &mut self.world.switch;
        if switch.fdb != self.stations {
            // First what is too much: there may be no room.
            for (mac, vid) in switch.fdb.keys().filter(|key| !self.stations.contains_key(*key)) {
                self.plane.delete(names::FDB, &FdbKey::new(*mac, *vid));
            }
            for (key, station) in self.stations.iter().filter(|(key, old)| switch.fdb.get(*key) != Some(*old))
            {
                self.plane.set(names::FDB, &FdbKey::new(key.0, key.1), &entry(station));
            }
            switch.fdb.clone_from(&self.stations);
        }
        if switch.learned != self.learned {
            for (lport, learned) in
                self.learned.iter().filter(|(at, was)| switch.learned.get(*at) != Some(*was))
            {
                self.plane.set(names::LEARNED, &u32::from(*lport), learned);
            }
            switch.learned.clone_from(&self.learned);
        }
    }
}

/// How many bytes the kernel leaves outside of fragments.
fn reach(len: usize, linear: usize) -> usize {
    /// A page, less the room in front of a frame and behind it (net/bpf/test_run.c: bpf_prog_test_run_xdp).
    const PAGE: usize = 4096 - 256 - 320;
    len.min(if linear == 0 { PAGE } else { linear })
}

fn entry(station: &Station) -> FdbEntry {
    let age = match station.seen {
        Seen::Lately => 0,
        Seen::Before => REFRESH + 100_000,
        Seen::LongAgo => AGE + 100_000,
    };
    FdbEntry::new(station.lport, station.flags, now_stamp().wrapping_sub(age))
}

/// Writes everything as the owner would.
fn install(plane: &mut Plane, world: &World) {
    let switch: &Switch = &world.switch;
    for table in OWNED {
        world.tables.written(table).for_each(|(key, value)| plane.set_bytes(table.name(), key, value));
    }
    plane.config(switch.config);
    let program = plane.program_fd(names::PROG_EGRESS) as u32;
    for (ifindex, port) in &switch.ports {
        plane.set(names::PORTS, ifindex, port);
        let lport = u32::from(port.lport);
        plane.set(names::EGRESS, &lport, &switch.egress[&port.lport]);
        if switch.tx.contains(&port.lport) {
            plane.set(names::TX, &lport, &[*ifindex, program]);
        }
    }
    for (vid, entry) in &switch.vlans {
        plane.set(names::VLANS, &u32::from(*vid), entry);
        if switch.sets.contains(&entry.flood) {
            let members = world.members(entry).into_iter().map(|at| (u32::from(switch.ports[&at].lport), at));
            plane.member_set(entry.flood, &members.collect::<Vec<_>>());
        }
    }
    for ((domain, lport), state) in &switch.gates {
        plane.set(
            names::GATES,
            &gate_index(*domain, *lport),
            &GateEntry { state: *state as u32, ..GateEntry::default() },
        );
    }
    for ((mac, vid), (action, class)) in &switch.control {
        let key = ControlKey { mac: *mac, vid: *vid, ..ControlKey::default() };
        plane.set(names::CONTROL, &key, &ControlValue { action: *action as u32, class: *class as u32 });
    }
    plane.fabric(0, FABRICS[0]);
    let fabrics: &BTreeMap<u32, FabricState> = &switch.fabrics;
    fabrics.iter().for_each(|(at, state)| plane.fabric(*at, *state));
    switch.buckets.iter().for_each(|(at, fabric)| plane.bucket(*at, *fabric as u8));
    switch.groups.iter().for_each(|(at, group)| plane.set(names::SHARING, &u32::from(*at), group));
    for (lport, kind) in &switch.closed {
        plane.set(names::LIMITS, &limit_index(*lport, *kind), &CLOSED);
    }
    switch.closed_classes.iter().for_each(|class| plane.set(names::CPU_LIMITS, &(*class as u32), &CLOSED));
    switch.learn.iter().for_each(|(at, limit)| plane.set(names::LEARN, &u32::from(*at), limit));
    switch.learned.iter().for_each(|(at, learned)| plane.set(names::LEARNED, &u32::from(*at), learned));
    for (key, station) in &switch.fdb {
        plane.set(names::FDB, &FdbKey::new(key.0, key.1), &entry(station));
    }
}
