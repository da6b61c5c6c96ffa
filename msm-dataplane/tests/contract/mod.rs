//! What must hold over every back end: the same tests run over the model and over the kernel.
#![allow(unreachable_pub, reason = "each test binary includes this module")]

pub mod acl;
pub mod routes;

use std::{collections::BTreeMap, time::Duration};

use msm_abi::{
    Algorithm, ControlAction, ControlKey, ControlValue, CpuClass, FabricState, FdbEntry, FdbKey, LearnEntry,
    LimitEntry, LimitKind, Lport, NO_LPORT, PortEntry, ShareEntry, VlanEntry, egress_flags, learn_flags,
    port_flags, stamp, vlan_flags,
};
use msm_dataplane::{
    Changes, Desired, DesiredGroup, DesiredPort, DesiredVlan, Driver, FdbFilter, PortFault, RouteChanges,
    RoutesTouched, Routing, StaticEntry, TableError, Touched,
    plane::acl::AclList,
    store::{Hook, Links, Store, Table},
    tables::{egress, fdb, flood, gates, learn, limits, plane_config, ports, sharing, tx, vlans},
};

/// A plane with netdevs that can come and go, and owners too.
pub trait Subject {
    type Store: Store + Links;
    fn reconcile(&mut self, desired: &Desired) -> Result<Changes, TableError>;
    fn reconcile_part(&mut self, desired: &Desired, touched: &Touched) -> Result<Changes, TableError>;
    fn sweep(&mut self, now_ns: u64) -> usize;
    fn sweep_keys(&mut self, keys: &[FdbKey], now_ns: u64) -> usize;
    fn flush(&mut self, filter: FdbFilter) -> usize;
    fn store(&self) -> &Self::Store;
    /// Whether the object has a tcx program.
    fn has_tcx(&self) -> bool;
    /// A netdev that can be a port.
    fn add_device(&mut self, ifindex: u32);
    fn remove_device(&mut self, ifindex: u32);
    /// The owner goes without a word, and another takes over.
    fn next_owner(&mut self);
    /// What the forwarding plane does when it sees a station.
    fn learn(&mut self, key: FdbKey, entry: FdbEntry);
    /// Writes FDB_GEN behind the owner's back.
    fn set_generation(&mut self, generation: u64);
    fn reconcile_acl(&mut self, list: &AclList) -> Result<Changes, TableError>;
    fn reconcile_routes(&mut self, routing: &Routing) -> Result<RouteChanges, TableError>;
    fn reconcile_routes_part(
        &mut self,
        routing: &Routing,
        touched: &RoutesTouched,
    ) -> Result<RouteChanges, TableError>;
    /// Counts as the programs do.
    fn hit(&mut self, counter: u32, hits: u64);
    /// Writes an entry of an array behind the owner's back.
    fn write<const N: usize>(&mut self, table: Table, index: u32, value: [u8; N]);
}

pub const PORTS: [Lport; 4] = [0, 1, 64, 65];
pub const AGE: Duration = Duration::from_secs(300);

pub fn ifindex(lport: Lport) -> u32 {
    1001 + u32::from(lport)
}

pub fn station(n: u8) -> FdbKey {
    FdbKey::new([2, 0, 0, 0, 0, n], 1)
}

fn all() -> DesiredVlan {
    DesiredVlan { untagged: PORTS.into(), ..DesiredVlan::default() }
}

/// Four ports in two modules, VLAN 1.
pub fn desired() -> Desired {
    let port = |lport| {
        (
            lport,
            DesiredPort { ifindex: Some(ifindex(lport)), enabled: true, pvid: 1, ..DesiredPort::default() },
        )
    };
    let bpdu = ControlKey { mac: [1, 0x80, 0xc2, 0, 0, 0], ..ControlKey::default() };
    let discard = ControlValue { action: ControlAction::Discard as u32, class: 0 };
    Desired {
        ports: PORTS.map(port).into(),
        vlans: [(1, all())].into(),
        control: [(bpdu, discard)].into(),
        fabrics: [FabricState { present: 1, programmed: 1 }; 4],
        buckets: (0..1024).map(|b| (b % 2) as u8).collect(),
        fdb_age: AGE,
        static_fdb: [(station(9), StaticEntry { lport: 64, blackhole: false })].into(),
        ..Desired::default()
    }
}

fn cold_start(subject: &mut impl Subject) -> Desired {
    PORTS.iter().for_each(|lport| subject.add_device(ifindex(*lport)));
    let desired = desired();
    let changes = subject.reconcile(&desired).expect("a cold start");
    assert_eq!((changes.attached, changes.port_faults), (PORTS.to_vec(), BTreeMap::new()));
    desired
}

fn unchanged(subject: &mut impl Subject, desired: &Desired) {
    assert_eq!(
        subject.reconcile(desired).expect("reconciled"),
        Changes::default(),
        "nothing differs, nothing is written"
    );
}

/// Where the member set of each VLAN is.
fn indexes(store: &impl Store) -> BTreeMap<u16, u16> {
    vlans::read(store).expect("read").into_iter().map(|(vid, entry)| (vid, entry.flood)).collect()
}

/// Who floods of a VLAN go to, as ifindexes by port.
fn flooded_to(store: &impl Store, vid: u16) -> Option<BTreeMap<Lport, u32>> {
    let set = flood::get(store, indexes(store).get(&vid).copied()?).expect("read")?;
    let (_, members) = flood::members(store, set).expect("read").expect("a set that FLOOD names lives");
    let program = members.values().map(|hop| hop.program).next();
    assert!(members.values().all(|hop| Some(hop.program) == program), "one egress program");
    Some(members.into_iter().map(|(lport, hop)| (lport, hop.ifindex)).collect())
}

fn members(lports: &[Lport]) -> Option<BTreeMap<Lport, u32>> {
    Some(lports.iter().map(|l| (*l, ifindex(*l))).collect())
}

fn links(store: &impl Links, hook: Hook) -> Vec<(Lport, u32)> {
    store.links(hook).expect("listed").into_iter().map(|(lport, link)| (lport, link.ifindex)).collect()
}

/// A cold start writes everything; again, and by the next owner, nothing.
pub fn reconcile_writes_differences(subject: &mut impl Subject) {
    let desired = cold_start(subject);
    let store = subject.store();
    for lport in PORTS {
        let entry = ports::get(store, ifindex(lport)).expect("read");
        assert_eq!((entry.lport, entry.pvid, entry.flags, entry.slot), (lport, 1, 3, (lport / 64) as u8));
        assert_eq!(tx::get(store, lport).expect("read").map(|hop| hop.ifindex), Some(ifindex(lport)));
    }
    assert_eq!(flooded_to(store, 1), members(&PORTS));
    let entry = vlans::get(store, 1).expect("read");
    assert_eq!(entry, vlans::entry(&all(), entry.flood, false));
    assert_eq!(plane_config::get(store).expect("read").fdb_age, 17_881);
    assert_eq!(fdb::get(store, station(9)).expect("read").map(FdbEntry::lport), Some(64));
    let all = PORTS.map(|l| (l, ifindex(l))).to_vec();
    assert_eq!(links(store, Hook::Xdp), all);
    assert_eq!(links(store, Hook::Tcx), if subject.has_tcx() { all } else { Vec::new() });

    unchanged(subject, &desired);
    subject.next_owner();
    unchanged(subject, &desired);

    let mut fewer = desired.clone();
    fewer.control.clear();
    fewer.buckets[7] = 3;
    fewer.fabrics[1].present = 0;
    fewer.fdb_age = Duration::ZERO;
    assert_eq!(subject.reconcile(&fewer).expect("reconciled").writes, 4, "one write a difference");
    unchanged(subject, &fewer);
}

/// A port whose netdev went and came back is attached again, whoever noticed.
pub fn a_port_comes_back_with_its_netdev(subject: &mut impl Subject) {
    let desired = cold_start(subject);
    let mut without = desired.clone();
    without.ports.get_mut(&1).expect("a port").ifindex = None;

    subject.remove_device(ifindex(1));
    let changes = subject.reconcile(&without).expect("reconciled");
    assert_eq!((changes.detached.as_slice(), changes.attached.as_slice()), (&[1][..], &[][..]));
    assert_eq!(ports::get(subject.store(), ifindex(1)).expect("read"), PortEntry::default());
    assert_eq!(flooded_to(subject.store(), 1), members(&[0, 64, 65]));
    unchanged(subject, &without);

    subject.add_device(ifindex(1));
    let changes = subject.reconcile(&desired).expect("reconciled");
    assert_eq!((changes.detached.as_slice(), changes.attached.as_slice()), (&[][..], &[1][..]));
    assert_eq!(flooded_to(subject.store(), 1), members(&PORTS));
    unchanged(subject, &desired);

    // Gone and back between two looks, under the same ifindex.
    subject.remove_device(ifindex(1));
    subject.add_device(ifindex(1));
    let changes = subject.reconcile(&desired).expect("reconciled");
    assert_eq!((changes.detached.as_slice(), changes.attached.as_slice()), (&[1][..], &[1][..]));
    assert_eq!(flooded_to(subject.store(), 1), members(&PORTS));
    assert_eq!(tx::get(subject.store(), 1).expect("read").map(|hop| hop.ifindex), Some(ifindex(1)));
    unchanged(subject, &desired);

    // Gone while nobody lived: the dead link no longer knows whose PORTS entry is stale.
    subject.remove_device(ifindex(1));
    subject.next_owner();
    let changes = subject.reconcile(&without).expect("reconciled");
    assert_eq!(changes.detached, [1]);
    assert_eq!(ports::get(subject.store(), ifindex(1)).expect("read"), PortEntry::default());
    unchanged(subject, &without);
}

/// Two ports change netdevs; a third changes to a new one.
pub fn ports_change_netdevs(subject: &mut impl Subject) {
    let mut desired = cold_start(subject);
    subject.add_device(1500);
    for (lport, ifindex) in [(0, ifindex(1)), (1, ifindex(0)), (64, 1500)] {
        desired.ports.get_mut(&lport).expect("a port").ifindex = Some(ifindex);
    }
    let changes = subject.reconcile(&desired).expect("reconciled");
    assert_eq!((changes.detached, changes.attached), (vec![0, 1, 64], vec![0, 1, 64]));
    let want = [(0, ifindex(1)), (1, ifindex(0)), (64, 1500), (65, ifindex(65))];
    assert_eq!(links(subject.store(), Hook::Xdp), want);
    if subject.has_tcx() {
        assert_eq!(links(subject.store(), Hook::Tcx), want);
    }
    assert_eq!(flooded_to(subject.store(), 1), Some(want.into()));
    assert_eq!(ports::get(subject.store(), ifindex(1)).expect("read").lport, 0);
    assert_eq!(ports::get(subject.store(), ifindex(64)).expect("read"), PortEntry::default());
    unchanged(subject, &desired);
}

/// Ports that cannot be are named; the others work.
pub fn faults_are_per_port(subject: &mut impl Subject) {
    PORTS[..2].iter().for_each(|lport| subject.add_device(ifindex(*lport)));
    let mut desired = desired();
    desired.ports.get_mut(&64).expect("a port").ifindex = Some(70_000);
    desired.ports.insert(
        66,
        DesiredPort { ifindex: Some(ifindex(0)), enabled: true, pvid: 1, ..DesiredPort::default() },
    );
    let changes = subject.reconcile(&desired).expect("reconciled");
    assert_eq!(changes.attached, [0, 1]);
    let faults = [
        (64, PortFault::IfindexTooLarge { ifindex: 70_000, limit: 65_536 }),
        (65, PortFault::DeviceMissing { ifindex: ifindex(65) }),
        (66, PortFault::NetdevShared { ifindex: ifindex(0), other: 0 }),
    ];
    assert_eq!(changes.port_faults, faults.into());
    assert_eq!(flooded_to(subject.store(), 1), members(&[0, 1]));
    let again = subject.reconcile(&desired).expect("reconciled");
    assert_eq!((again.writes, again.port_faults.len()), (0, 3));
}

/// VLANs of the same members share a set; a set that others use is not changed under them.
pub fn flood_sets_are_shared(subject: &mut impl Subject) {
    let mut desired = cold_start(subject);
    desired.vlans.extend([(2, all()), (3, all())]);
    subject.reconcile(&desired).expect("reconciled");
    let sets = indexes(subject.store());
    assert!(sets[&1] == sets[&2] && sets[&2] == sets[&3], "one set for three");
    let shared = sets[&1];

    desired.vlans.get_mut(&2).expect("a VLAN").untagged.remove(&0);
    subject.reconcile(&desired).expect("reconciled");
    let sets = indexes(subject.store());
    assert!(sets[&1] == shared && sets[&3] == shared && sets[&2] != shared, "{sets:?}");
    assert_eq!(flooded_to(subject.store(), 1), members(&PORTS));
    assert_eq!(flooded_to(subject.store(), 2), members(&[1, 64, 65]));

    // Alone in its set: changed in place, no grace period.
    let alone = sets[&2];
    desired.vlans.get_mut(&2).expect("a VLAN").untagged.remove(&1);
    desired.vlans.get_mut(&2).expect("a VLAN").tagged.insert(0);
    subject.reconcile(&desired).expect("reconciled");
    assert_eq!(indexes(subject.store())[&2], alone);
    assert_eq!(flooded_to(subject.store(), 2), members(&[0, 64, 65]));
    unchanged(subject, &desired);

    // The same again as the others, and one VLAN gone.
    desired.vlans.insert(2, all());
    desired.vlans.remove(&3);
    subject.reconcile(&desired).expect("reconciled");
    assert_eq!(indexes(subject.store()), [(1, shared), (2, shared)].into());
    assert_eq!(vlans::get(subject.store(), 3).expect("read"), VlanEntry::default());
    assert_eq!(vlans::get(subject.store(), 2).expect("read").flags, vlan_flags::EXISTS);
    unchanged(subject, &desired);

    // An owner that knows nothing finds a VLAN that it does not want.
    subject.next_owner();
    desired.vlans.remove(&2);
    subject.reconcile(&desired).expect("reconciled");
    assert_eq!(flooded_to(subject.store(), 2), None);
    assert_eq!(vlans::get(subject.store(), 2).expect("read"), VlanEntry::default());
}

/// Ageing takes what is old, flush what is meant, and both void what is cached.
pub fn stations_age_and_are_flushed(subject: &mut impl Subject) {
    let desired = cold_start(subject);
    let age = 17_881;
    let now: u64 = 40_000 << 24;
    let seen = |ago: u32| FdbEntry::new(1, 0, stamp(now) - ago);
    subject.learn(station(1), seen(age + 1));
    subject.learn(station(2), seen(age));
    let generation = fdb::generation(subject.store()).expect("read");
    assert_eq!(subject.sweep(now), 1);
    assert!(fdb::generation(subject.store()).expect("read") > generation);
    assert_eq!(fdb::get(subject.store(), station(1)).expect("read"), None);
    assert!(fdb::get(subject.store(), station(9)).expect("read").is_some(), "a static station stays");
    let generation = fdb::generation(subject.store()).expect("read");
    assert_eq!((subject.sweep(now), fdb::generation(subject.store()).expect("read")), (0, generation));

    // Found due by a reader; one was seen again since, one was made static.
    let keys = [station(1), station(2), station(9)];
    subject.learn(station(1), seen(age + 1));
    assert_eq!(subject.sweep_keys(&keys, now), 1);
    assert_eq!(keys.map(|key| fdb::get(subject.store(), key).expect("read").is_some()), [false, true, true]);

    subject.learn(FdbKey::new([2, 0, 0, 0, 0, 3], 2), FdbEntry::new(1, 0, stamp(now)));
    subject.learn(station(4), FdbEntry::new(64, 0, stamp(now)));
    assert_eq!(subject.flush(FdbFilter::PortVlan(1, 3)), 0);
    assert_eq!(subject.flush(FdbFilter::PortVlan(1, 2)), 1);
    assert_eq!(subject.flush(FdbFilter::Port(64)), 1);
    assert_eq!(subject.flush(FdbFilter::Vlan(1)), 1);
    assert!(fdb::get(subject.store(), station(9)).expect("read").is_some(), "flush is of learned stations");
    unchanged(subject, &desired);
}

/// Static stations: written, restored, removed, also those of an earlier owner.
pub fn static_stations(subject: &mut impl Subject) {
    let mut desired = cold_start(subject);
    let hole = StaticEntry { lport: NO_LPORT, blackhole: true };
    desired.static_fdb.insert(station(8), hole);
    subject.learn(station(8), FdbEntry::new(1, 0, 77));
    let generation = fdb::generation(subject.store()).expect("read");
    subject.reconcile(&desired).expect("reconciled");
    let entry = fdb::get(subject.store(), station(8)).expect("read").expect("there");
    assert_eq!(entry.flags(), FdbEntry::STATIC | FdbEntry::BLACKHOLE);
    assert!(fdb::generation(subject.store()).expect("read") > generation, "a cached lookup is void");

    // Something changed it behind the owner's back.
    subject.learn(station(8), FdbEntry::new(1, 0, 77));
    subject.sweep(0);
    assert_eq!(fdb::get(subject.store(), station(8)).expect("read"), Some(entry));

    // The same owner removes at once; another, who never wrote it, at its first sweep.
    desired.static_fdb.remove(&station(9));
    subject.reconcile(&desired).expect("reconciled");
    assert_eq!(fdb::get(subject.store(), station(9)).expect("read"), None);
    subject.next_owner();
    assert_eq!(subject.sweep(0), 0, "before the first reconcile nothing is known to be stale");
    desired.static_fdb.clear();
    subject.reconcile(&desired).expect("reconciled");
    assert_eq!(subject.sweep(0), 1);
    assert_eq!(fdb::get(subject.store(), station(8)).expect("read"), None);
    unchanged(subject, &desired);
}

/// An owner that died between changing stations and voiding the caches: the next one voids them.
pub fn an_interrupted_change_is_finished(subject: &mut impl Subject) {
    let desired = cold_start(subject);
    let generation = fdb::generation(subject.store()).expect("read");
    subject.set_generation((generation + 5) | 1 << 63);
    subject.next_owner();
    let changes = subject.reconcile(&desired).expect("reconciled");
    assert!(changes.writes > 0);
    assert!(!fdb::interrupted(subject.store()).expect("read"));
    assert!(fdb::generation(subject.store()).expect("read") > generation + 5);
    unchanged(subject, &desired);
}

/// A disabled port keeps its link and its place in the flood (the egress program drops); unicast to it ends in TX.
pub fn a_disabled_port_is_not_sent_to(subject: &mut impl Subject) {
    let mut desired = cold_start(subject);
    desired.ports.get_mut(&64).expect("a port").enabled = false;
    let changes = subject.reconcile(&desired).expect("reconciled");
    assert_eq!((changes.writes, changes.detached.len()), (3, 0), "PORTS, EGRESS and TX");
    assert_eq!(tx::get(subject.store(), 64).expect("read"), None);
    assert_eq!(flooded_to(subject.store(), 1), members(&PORTS));
    unchanged(subject, &desired);
    desired.ports.get_mut(&64).expect("a port").enabled = true;
    assert_eq!(subject.reconcile(&desired).expect("reconciled").writes, 3);
    assert_eq!(tx::get(subject.store(), 64).expect("read").map(|hop| hop.ifindex), Some(ifindex(64)));
}

/// A command that changes one VLAN, port or station writes what it changes, without a look at the rest.
pub fn a_part_costs_what_it_changes(subject: &mut impl Subject) {
    let mut desired = cold_start(subject);
    let vlan =
        |tagged: &[Lport]| DesiredVlan { tagged: tagged.iter().copied().collect(), ..DesiredVlan::default() };
    let part = |subject: &mut _, before: &mut Desired, after: Desired| {
        let touched = Touched::between(before, &after);
        *before = after;
        Subject::reconcile_part(subject, before, &touched).expect("reconciled").writes
    };
    // The first change after a cold start has its fresh set at hand.
    let mut next = desired.clone();
    next.vlans.insert(7, vlan(&[]));
    assert_eq!(part(subject, &mut desired, next.clone()), 1, "a VLAN without members");
    assert_eq!(flooded_to(subject.store(), 7), members(&[]));
    next.vlans.insert(7, vlan(&[0, 64]));
    assert_eq!(part(subject, &mut desired, next.clone()), 3, "two members and an entry");
    next.vlans.insert(8, vlan(&[0, 64]));
    assert_eq!(part(subject, &mut desired, next.clone()), 1, "a shared set");
    next.vlans.insert(8, vlan(&[0]));
    assert_eq!(part(subject, &mut desired, next.clone()), 2, "a fresh set for the one that differs");
    assert_eq!(flooded_to(subject.store(), 7), members(&[0, 64]));
    assert_eq!(flooded_to(subject.store(), 8), members(&[0]));
    let moved = next.vlans.remove(&8).expect("a VLAN");
    next.vlans.insert(9, moved);
    assert_eq!(part(subject, &mut desired, next.clone()), 2, "another tag");
    assert_eq!((flooded_to(subject.store(), 8), flooded_to(subject.store(), 9)), (None, members(&[0])));
    next.ports.get_mut(&1).expect("a port").enabled = false;
    next.fdb_age = Duration::ZERO;
    next.static_fdb.remove(&station(9));
    assert_eq!(part(subject, &mut desired, next.clone()), 3 + 1 + 3, "port, age, station between two raises");
    unchanged(subject, &desired);
    assert_eq!(part(subject, &mut desired, next.clone()), 0);

    // A port that changes its netdev makes it a whole one.
    subject.add_device(1500);
    next.ports.get_mut(&64).expect("a port").ifindex = Some(1500);
    part(subject, &mut desired, next.clone());
    let hops = Some([(0, ifindex(0)), (64, 1500)].into());
    assert_eq!(flooded_to(subject.store(), 7), hops);
    unchanged(subject, &desired);
    subject.next_owner();
    unchanged(subject, &desired);
}

/// A driver is changed in place: the XDP link alone comes or goes, and the port is in service all the time.
pub fn a_driver_is_changed_in_place(subject: &mut impl Subject) {
    let mut desired = cold_start(subject);
    desired.ports.get_mut(&64).expect("a port").driver = Driver::Tcx;
    let touched = Touched { ports: [64].into(), ..Touched::default() };
    let changes = subject.reconcile_part(&desired, &touched).expect("reconciled");
    if !subject.has_tcx() {
        assert_eq!(changes.port_faults, [(64, PortFault::NoTcx { ifindex: ifindex(64) })].into());
        return;
    }
    assert_eq!((changes.writes, changes.switched.as_slice()), (2, &[64][..]), "PORTS, then the XDP link");
    assert!(changes.attached.is_empty() && changes.detached.is_empty());
    let tcx = |subject: &mut _| {
        let entry = ports::get(Subject::store(subject), ifindex(64)).expect("read");
        entry.flags & port_flags::TCX != 0
    };
    assert!(tcx(subject));
    assert_eq!(links(subject.store(), Hook::Xdp), [0, 1, 65].map(|l| (l, ifindex(l))));
    assert_eq!(links(subject.store(), Hook::Tcx), PORTS.map(|l| (l, ifindex(l))));
    assert_eq!(flooded_to(subject.store(), 1), members(&PORTS));
    unchanged(subject, &desired);
    subject.next_owner();
    unchanged(subject, &desired);

    desired.ports.get_mut(&64).expect("a port").driver = Driver::Xdp;
    let changes = subject.reconcile_part(&desired, &touched).expect("reconciled");
    assert_eq!((changes.writes, changes.switched), (2, vec![64]));
    assert!(!tcx(subject));
    assert_eq!(links(subject.store(), Hook::Xdp), PORTS.map(|l| (l, ifindex(l))));
    unchanged(subject, &desired);

    // Gone with both links, and back by tcx alone.
    desired.ports.get_mut(&64).expect("a port").driver = Driver::Tcx;
    subject.remove_device(ifindex(64));
    subject.add_device(ifindex(64));
    let changes = subject.reconcile(&desired).expect("reconciled");
    assert_eq!((changes.detached, changes.attached, changes.switched), (vec![64], vec![64], Vec::new()));
    assert!(tcx(subject));
    unchanged(subject, &desired);
    desired.ports.remove(&64);
    assert_eq!(subject.reconcile(&desired).expect("reconciled").detached, [64]);
    assert_eq!(links(subject.store(), Hook::Tcx), [0, 1, 65].map(|l| (l, ifindex(l))));
}

/// Rates, limits, mirror and router are written where they differ, and what others keep in PLANE_CONFIG stays.
pub fn rates_and_limits(subject: &mut impl Subject) {
    let mut desired = cold_start(subject);
    let before = desired.clone();
    let (slow, fast) = (LimitEntry::of(10, 1), LimitEntry::of(1000, 10));
    desired.limits = [((0, LimitKind::Broadcast), slow), ((0, LimitKind::Unknown), fast)].into();
    desired.cpu = [(CpuClass::Arp, fast)].into();
    desired.learning = [(1, Some(5)), (64, None)].into();
    desired.mirror = Some(65);
    desired.router_mac = [2, 0xe0, 0x2b, 0, 0, 1];
    let port = desired.ports.get_mut(&0).expect("a port");
    (port.limited, port.mirror_received) = (true, true);
    desired.ports.get_mut(&1).expect("a port").learn_limited = true;
    let touched = Touched::between(&before, &desired);
    let changes = subject.reconcile_part(&desired, &touched).expect("reconciled");
    assert_eq!(changes.writes, 2 + 1 + 2 + 1 + 2, "rates, class, limits, PLANE_CONFIG, two ports");
    let store = subject.store();
    assert_eq!(limits::get(store, 0, LimitKind::Broadcast).expect("read"), slow);
    assert_eq!(limits::get(store, 0, LimitKind::Multicast).expect("read"), LimitEntry::default());
    assert_eq!(limits::get(store, 0, LimitKind::Unknown).expect("read"), fast);
    assert_eq!(limits::get_cpu(store, CpuClass::Arp).expect("read"), fast);
    assert_eq!(learn::get(store, 1).expect("read"), LearnEntry { limit: 5, ..LearnEntry::default() });
    assert_eq!(learn::get(store, 64).expect("read").flags, learn_flags::LOCKED);
    let config = plane_config::get(store).expect("read");
    assert_eq!((config.mirror, config.router_mac), (66, 0x02e0_2b00_0001));
    let flags = ports::get(store, ifindex(0)).expect("read").flags;
    assert_eq!(flags, 3 | port_flags::LIMITED | port_flags::MIRRORED);
    unchanged(subject, &desired);
    subject.next_owner();
    unchanged(subject, &desired);

    desired.limits.remove(&(0, LimitKind::Broadcast));
    desired.cpu.clear();
    assert_eq!(subject.reconcile(&desired).expect("reconciled").writes, 2);
    unchanged(subject, &desired);
}

/// The stations of each port are those that were learned, less those that the owner took out; a count finds what was lost between.
pub fn stations_are_counted(subject: &mut impl Subject) {
    let mut desired = cold_start(subject);
    desired.learning.insert(1, Some(5));
    subject.reconcile(&desired).expect("reconciled");
    let count = |subject: &mut _, lport| {
        let store = Subject::store(subject);
        let removed = learn::get(store, lport).expect("read").removed;
        learn::learned(store, lport).expect("read").wrapping_sub(removed)
    };
    let now: u64 = 40_000 << 24;
    (1..=4).for_each(|n| subject.learn(station(n), FdbEntry::new(1, 0, stamp(now))));
    subject.sweep(now);
    assert_eq!(count(subject, 1), 4, "learned without a word, found by the count");
    assert_eq!(learn::get(subject.store(), 1).expect("read").limit, 5);
    assert_eq!(subject.flush(FdbFilter::Port(1)), 4);
    assert_eq!(count(subject, 1), 0);
    subject.learn(station(1), FdbEntry::new(1, 0, stamp(now)));
    subject.sweep(now);
    desired.static_fdb.insert(station(1), StaticEntry { lport: 64, blackhole: false });
    subject.reconcile(&desired).expect("reconciled");
    assert_eq!((count(subject, 1), count(subject, 64)), (0, 0), "placed by the operator, learned no more");
    unchanged(subject, &desired);
}

/// A group is in SHARING before its master names it, and out of its master before it is another's.
pub fn groups_come_change_and_go(subject: &mut impl Subject) {
    let mut desired = cold_start(subject);
    let part = |subject: &mut _, before: &mut Desired, after: &Desired| {
        let touched = Touched::between(before, after);
        *before = after.clone();
        Subject::reconcile_part(subject, before, &touched).expect("reconciled").writes
    };
    let mut next = desired.clone();
    next.vlans = [(1, DesiredVlan { untagged: [0, 1].into(), ..DesiredVlan::default() })].into();
    part(subject, &mut desired, &next);
    assert_eq!(flooded_to(subject.store(), 1), members(&[0, 1]));
    let group = |active: &[Lport]| DesiredGroup {
        index: 5,
        algorithm: Algorithm::Port,
        members: vec![0, 64, 65],
        active: active.iter().copied().collect(),
    };
    next.groups.insert(0, group(&[0, 64, 65]));
    for lport in [0, 64, 65] {
        next.ports.get_mut(&lport).expect("a port").group = Some(0);
    }
    part(subject, &mut desired, &next);
    let store = subject.store();
    let share = sharing::get(store, 5).expect("read");
    assert_eq!((share.algorithm, share.active), (Algorithm::Port as u32, 3));
    assert_eq!(share.buckets[..4], [0, 64, 65, 0]);
    let is = egress::get(store, 0).expect("read");
    assert_eq!((is.flags, is.group), (egress_flags::SHARED, 5));
    for lport in [0, 64, 65] {
        let entry = ports::get(store, ifindex(lport)).expect("read");
        assert_eq!(
            (entry.lport, entry.logical, entry.flags & port_flags::GROUPED),
            (lport, 0, port_flags::GROUPED)
        );
    }
    assert_eq!(flooded_to(store, 1), members(&PORTS), "a flood may leave by any of them");
    unchanged(subject, &desired);

    // A port's fall is one write, and no other flow moves.
    next.groups.insert(0, group(&[0, 65]));
    assert_eq!(part(subject, &mut desired, &next), 1);
    let less = sharing::get(subject.store(), 5).expect("read");
    assert_eq!(less.active, 2);
    for (was, is) in share.buckets.iter().zip(less.buckets) {
        assert!(if *was == 64 { is != 64 } else { is == *was });
    }
    next.groups.insert(0, group(&[]));
    assert_eq!(part(subject, &mut desired, &next), 1);
    let none = sharing::get(subject.store(), 5).expect("read");
    assert!(
        none.active == 0 && none.buckets.iter().all(|lport| [0, 64, 65].contains(lport)),
        "members whatever happens"
    );
    subject.next_owner();
    unchanged(subject, &desired);

    // Its master loses its netdev: the others go on.
    next.groups.insert(0, group(&[64, 65]));
    next.ports.get_mut(&0).expect("a port").ifindex = None;
    part(subject, &mut desired, &next);
    assert_eq!(egress::get(subject.store(), 0).expect("read").flags, egress_flags::SHARED);
    assert_eq!(flooded_to(subject.store(), 1), members(&[1, 64, 65]));
    unchanged(subject, &desired);
    next.ports.get_mut(&0).expect("a port").ifindex = Some(ifindex(0));
    part(subject, &mut desired, &next);

    // Another group takes its place in the table.
    next.groups = [(
        64,
        DesiredGroup { index: 5, members: vec![64, 65], active: [64, 65].into(), ..DesiredGroup::default() },
    )]
    .into();
    for (lport, master) in [(0, None), (64, Some(64)), (65, Some(64))] {
        next.ports.get_mut(&lport).expect("a port").group = master;
    }
    part(subject, &mut desired, &next);
    let [old, new] = [0, 64].map(|lport| egress::get(subject.store(), lport).expect("read"));
    assert_eq!((old.flags, new.flags, new.group), (0, egress_flags::SHARED, 5));
    assert_eq!(sharing::get(subject.store(), 5).expect("read").buckets[..3], [64, 65, 64]);
    assert_eq!(flooded_to(subject.store(), 1), members(&[0, 1]));
    unchanged(subject, &desired);

    // What an owner left that died between is found by the next.
    next.groups.clear();
    next.ports.values_mut().for_each(|port| port.group = None);
    subject.next_owner();
    assert!(subject.reconcile(&next).expect("reconciled").writes > 0);
    assert_eq!(sharing::get(subject.store(), 5).expect("read"), ShareEntry::default());
    assert_eq!(egress::get(subject.store(), 64).expect("read").flags, 0);
    unchanged(subject, &next);
}

/// A gate never written is discarding, for every port and domain.
pub fn gates_start_closed(subject: &mut impl Subject) {
    cold_start(subject);
    assert_eq!(gates::get(subject.store(), 63, 1023).expect("read"), msm_abi::GateEntry::default());
}

/// Runs each of the contract's tests as a `#[test]` through `$run`, which makes a subject and calls the test with it.
macro_rules! contract {
    ($run:ident: $($test:ident),* $(,)?) => {
        $(#[test]
        fn $test() {
            $run(|subject| contract::$test(subject));
        })*
    };
}
pub(crate) use contract;

/// The same of the access list's.
macro_rules! acl_contract {
    ($run:ident) => {
        contract::acl_contract!($run: a_list_is_in_force_and_found_right, an_interrupted_list_is_finished, hits_are_of_a_rule);
    };
    ($run:ident: $($test:ident),* $(,)?) => {
        $(#[test]
        fn $test() {
            $run(|subject| contract::acl::$test(subject));
        })*
    };
}
pub(crate) use acl_contract;

/// The same of the routes'.
macro_rules! route_contract {
    ($run:ident) => {
        contract::route_contract!($run: routes_are_in_force_and_found_right, too_many_ipv6_prefixes);
    };
    ($run:ident: $($test:ident),* $(,)?) => {
        $(#[test]
        fn $test() {
            $run(|subject| contract::routes::$test(subject));
        })*
    };
}
pub(crate) use route_contract;
