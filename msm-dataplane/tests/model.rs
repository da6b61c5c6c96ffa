//! The contract over the model, and convergence under chaos.

mod acl_lists;
mod contract;

use std::collections::{BTreeMap, BTreeSet};

use contract::{PORTS, Subject, ifindex};
use msm_abi::{
    FABRIC_BUCKETS_PER_SLOT, FabricState, FdbEntry, FdbKey, Lport, PortEntry, ShareEntry, egress_flags,
    port_flags,
};
use msm_dataplane::{
    Changes, Desired, DesiredGroup, DesiredPort, DesiredVlan, Driver, FdbFilter, RouteChanges, RoutesTouched,
    Routing, StaticEntry, TableError, Touched,
    plane::{Plane, acl::AclList},
    store::{Chaos, Hook, Links, Model, Store, Table},
    tables::{egress, fdb, flood, ports, sharing, tx},
};
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

struct OverModel(Plane<Model>);

impl Subject for OverModel {
    type Store = Model;
    fn reconcile(&mut self, desired: &Desired) -> Result<Changes, TableError> {
        let before = self.0.store().writes();
        let changes = self.0.reconcile(desired)?;
        assert_eq!(changes.writes, self.0.store().writes() - before);
        Ok(changes)
    }
    fn reconcile_part(&mut self, desired: &Desired, touched: &Touched) -> Result<Changes, TableError> {
        self.0.reconcile_part(desired, touched)
    }
    fn sweep(&mut self, now_ns: u64) -> usize {
        self.0.fdb_sweep(now_ns).expect("swept")
    }
    fn sweep_keys(&mut self, keys: &[FdbKey], now_ns: u64) -> usize {
        self.0.fdb_sweep_keys(keys, now_ns).expect("swept")
    }
    fn flush(&mut self, filter: FdbFilter) -> usize {
        self.0.fdb_flush(filter).expect("flushed")
    }
    fn store(&self) -> &Model {
        self.0.store()
    }
    fn has_tcx(&self) -> bool {
        true
    }
    fn add_device(&mut self, ifindex: u32) {
        self.0.store_mut().add_device(ifindex);
    }
    fn remove_device(&mut self, ifindex: u32) {
        self.0.store_mut().remove_device(ifindex);
    }
    fn next_owner(&mut self) {
        let mut model = self.0.store().clone();
        model.owner_dies();
        self.0 = Plane::new(model);
    }
    fn learn(&mut self, key: FdbKey, entry: FdbEntry) {
        fdb::set(self.0.store_mut(), key, entry).expect("room");
    }
    fn set_generation(&mut self, generation: u64) {
        let store = self.0.store_mut();
        store.update(Table::FdbGen, &0u32.to_ne_bytes(), &generation.to_ne_bytes()).expect("written");
    }
    fn reconcile_acl(&mut self, list: &AclList) -> Result<Changes, TableError> {
        self.0.reconcile_acl(list)
    }
    fn reconcile_routes(&mut self, routing: &Routing) -> Result<RouteChanges, TableError> {
        self.0.reconcile_routes(routing)
    }
    fn reconcile_routes_part(
        &mut self,
        routing: &Routing,
        touched: &RoutesTouched,
    ) -> Result<RouteChanges, TableError> {
        self.0.reconcile_routes_part(routing, touched)
    }
    fn hit(&mut self, counter: u32, hits: u64) {
        self.write(Table::AclHits, counter, hits.to_ne_bytes());
    }
    fn write<const N: usize>(&mut self, table: Table, index: u32, value: [u8; N]) {
        self.0.store_mut().update(table, &index.to_ne_bytes(), &value).expect("written");
    }
}

fn over_model(test: impl FnOnce(&mut OverModel)) {
    test(&mut OverModel(Plane::new(Model::new(1024))));
}

contract::contract!(over_model: reconcile_writes_differences, a_port_comes_back_with_its_netdev, ports_change_netdevs,
    faults_are_per_port, flood_sets_are_shared, stations_age_and_are_flushed, static_stations,
    an_interrupted_change_is_finished, a_disabled_port_is_not_sent_to, a_part_costs_what_it_changes,
    a_driver_is_changed_in_place, rates_and_limits, stations_are_counted,
    groups_come_change_and_go, gates_start_closed);

contract::acl_contract!(over_model);
contract::route_contract!(over_model);

/// Seeds of the chaos series: each is 12 changes of the desired state at each of three failure rates.
const SEEDS: u64 = 16;
const STEPS: usize = 12;
/// A reconcile is some 30 operations; at 20 % failing, one in 800 gets through. Enough tries that none is left to luck.
const TRIES: usize = 100;

/// Sets alive: some hundred made in advance, as many of an earlier owner, and those that wait for a grace period.
const SETS: usize = 1200;

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// Changes some of what is desired.
fn mutate(random: &mut Random, desired: &mut Desired) {
    for lport in PORTS {
        if random.one_in(3) {
            let port = DesiredPort {
                // Any netdev, sometimes that of another port, sometimes none.
                ifindex: (!random.one_in(4)).then(|| ifindex(PORTS[random.below(4) as usize])),
                enabled: !random.one_in(4),
                pvid: random.below(4) as u16,
                driver: if random.one_in(3) { Driver::Tcx } else { Driver::Xdp },
                ..DesiredPort::default()
            };
            desired.ports.insert(lport, port);
        }
    }
    if random.one_in(3) {
        desired.groups.clear();
        let mut free = PORTS.to_vec();
        while !free.is_empty() && random.one_in(2) {
            let count = 1 + random.below(free.len() as u64) as usize;
            let members: Vec<Lport> = free.drain(..count).collect();
            let index = 3 * desired.groups.len() as u16 + random.below(3) as u16;
            let active = members.iter().copied().filter(|_| random.one_in(2)).collect();
            let group = DesiredGroup { index, members: members.clone(), active, ..DesiredGroup::default() };
            desired.groups.insert(members[random.below(count as u64) as usize], group);
        }
    }
    for (lport, port) in &mut desired.ports {
        let group = desired.groups.iter().find(|(_, group)| group.members.contains(lport));
        port.group = group.map(|(master, _)| *master);
    }
    for vid in 1..5 {
        if random.one_in(3) {
            let mut some = || PORTS.into_iter().filter(|_| random.one_in(2)).collect::<BTreeSet<_>>();
            let vlan = DesiredVlan { untagged: some(), tagged: some(), ..DesiredVlan::default() };
            desired.vlans.insert(vid, vlan);
        } else if random.one_in(5) {
            desired.vlans.remove(&vid);
        }
    }
    for n in 0..4 {
        if random.one_in(4) {
            let station = StaticEntry { lport: PORTS[random.below(4) as usize], blackhole: random.one_in(2) };
            desired.static_fdb.insert(contract::station(n), station);
        } else if random.one_in(4) {
            desired.static_fdb.remove(&contract::station(n));
        }
    }
    desired.buckets = (0..random.below(64)).map(|_| random.below(4) as u8).collect();
    desired.fabrics[random.below(4) as usize].present = random.below(2) as u32;
}

/// Entries of a table that are single values: each must be the old or the new one.
const SIMPLE: [Table; 7] = [
    Table::Sharing,
    Table::PlaneConfig,
    Table::Vlans,
    Table::Control,
    Table::Fdb,
    Table::FabricBuckets,
    Table::Fabrics,
];

/// What is in a table; zero in an array is nothing.
fn entries(model: &Model, table: Table) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let entries = model.written(table).filter(|(_, value)| value.iter().any(|b| *b != 0));
    let plain = |value: &[u8]| {
        let mut value = value.to_vec();
        if table == Table::Vlans {
            // Where its set is, is nobody's business: who is in it is compared.
            value[2..4].fill(0);
        }
        value
    };
    entries.map(|(key, value)| (key.to_vec(), plain(value))).collect()
}

/// Where the set of each VLAN is.
fn vlan_sets(model: &Model) -> BTreeMap<u16, u16> {
    let exist = model.written(Table::Vlans).filter(|(_, value)| value.iter().any(|b| *b != 0));
    let word = |bytes: &[u8]| u16::from_ne_bytes([bytes[0], bytes[1]]);
    exist.map(|(key, value)| (word(key), word(&value[2..]))).collect()
}

fn floods(model: &Model) -> BTreeMap<u16, flood::Members> {
    vlan_sets(model)
        .into_iter()
        .map(|(vid, at)| {
            let set = flood::get(model, at).expect("the model reads").expect("VLANS names sets that are");
            let members = flood::members(model, set).expect("the model reads");
            (vid, members.expect("FLOOD names sets that live").1)
        })
        .collect()
}

fn alive(model: &Model) -> BTreeMap<Lport, u32> {
    model
        .links(Hook::Tcx)
        .expect("the model reads")
        .into_iter()
        .map(|(l, s)| (l, s.ifindex))
        .filter(|l| l.1 != 0)
        .collect()
}

/// Octets of a value that change together: a fabric, an I/O module's buckets. `None`: the whole.
const fn part(table: Table) -> Option<usize> {
    match table {
        Table::Fabrics => Some(size_of::<FabricState>()),
        Table::FabricBuckets => Some(FABRIC_BUCKETS_PER_SLOT as usize),
        _ => None,
    }
}

/// Every entry of `now` is that of `old` or that of `new`. What belongs to a port whose link is made anew may be absent between.
fn check_between(old: &Model, now: &Model, new: &Model, context: &str) {
    for table in SIMPLE {
        let (old, now, new) = (entries(old, table), entries(now, table), entries(new, table));
        for key in old.keys().chain(new.keys()).chain(now.keys()) {
            let value = now.get(key);
            let lawful = value == old.get(key)
                || value == new.get(key)
                || value.zip(part(table)).is_some_and(|(now, part)| {
                    // One that was never written is zero.
                    let zero = vec![0; now.len()];
                    let [old, new] = [&old, &new].map(|at| at.get(key).unwrap_or(&zero));
                    let mut parts = now.chunks(part).zip(old.chunks(part).zip(new.chunks(part)));
                    parts.all(|(now, (old, new))| now == old || now == new)
                });
            assert!(lawful, "{context}: {table:?} {key:?} {value:?}");
        }
    }
    let (was, is) = (alive(old), alive(new));
    let steady: BTreeMap<Lport, u32> =
        was.into_iter().filter(|(lport, ifindex)| is.get(lport) == Some(ifindex)).collect();
    for (lport, ifindex) in &steady {
        let entry = ports::get(now, *ifindex).expect("the model reads");
        let [was, is] = [old, new].map(|m| ports::get(m, *ifindex).expect("the model reads"));
        // The XDP program could not be attached: all else is as desired.
        let waits = PortEntry { flags: is.flags | was.flags & port_flags::TCX, ..is };
        assert!([was, is, waits].contains(&entry), "{context}: PORTS of {lport}");
        let hop = tx::get(now, *lport).expect("the model reads");
        let lawful = [old, new].map(|m| tx::get(m, *lport).expect("the model reads"));
        assert!(lawful.contains(&hop), "{context}: TX of {lport}");
    }
    let (old, now, new) = (floods(old), floods(now), floods(new));
    for vid in old.keys().chain(new.keys()) {
        for lport in steady.keys() {
            let hop = |m: &BTreeMap<u16, flood::Members>| {
                m.get(vid).and_then(|members| members.get(lport)).copied()
            };
            assert!([hop(&old), hop(&new)].contains(&hop(&now)), "{context}: flood of VLAN {vid} to {lport}");
        }
    }
}

/// The invariants that a new owner relies on, after any operation.
fn check_invariants(model: &Model, context: &str) {
    let links: BTreeSet<Lport> =
        model.links(Hook::Tcx).expect("the model reads").into_iter().map(|l| l.0).collect();
    for (key, entry) in entries(model, Table::Ports) {
        let lport = Lport::from_ne_bytes([entry[0], entry[1]]);
        assert!(links.contains(&lport), "{context}: PORTS {key:?} of {lport} without a link");
        let by_xdp = model.links(Hook::Xdp).expect("the model reads").iter().any(|l| l.0 == lport);
        let flags = u16::from_ne_bytes([entry[6], entry[7]]);
        assert!(by_xdp || flags & port_flags::TCX != 0, "{context}: {lport} takes frames by no program");
    }
    for lport in PORTS {
        let hop = tx::get(model, lport).expect("the model reads");
        assert!(hop.is_none() || links.contains(&lport), "{context}: TX of {lport} without a link");
    }
    for (lport, entry) in egress::shared(model).expect("the model reads") {
        if entry.flags & egress_flags::SHARED == 0 {
            continue;
        }
        let share = sharing::get(model, entry.group).expect("the model reads");
        // Of port 0 alone, and that down, is all zero too.
        assert!(
            lport == 0 || share != ShareEntry::default(),
            "{context}: {lport} names a group that is none"
        );
    }
    for (vid, at) in vlan_sets(model) {
        let set = flood::get(model, at).expect("the model reads");
        assert!(at != 0 && set.is_some(), "{context}: VLAN {vid} without FLOOD");
    }
}

#[test]
fn reconcile_converges_under_chaos_and_never_corrupts() {
    let mut failures = 0;
    for seed in 1..=SEEDS {
        for rate in [5, 50, 200] {
            failures += chaos_run(seed, rate);
        }
    }
    assert!(failures > SEEDS as usize * STEPS, "chaos struck {failures} times only");
}

fn chaos_run(seed: u64, rate: u64) -> usize {
    let mut random = Random(seed * 1000 + rate);
    let mut model = Model::new(64);
    PORTS.iter().for_each(|lport| model.add_device(ifindex(*lport)));
    let mut plane = Plane::new(Chaos::new(model, rate, seed));
    let mut desired = contract::desired();
    let (mut failures, mut whole) = (0, true);
    for step in 0..STEPS {
        let context = format!("seed {seed} rate {rate} step {step}");
        let before = desired.clone();
        mutate(&mut random, &mut desired);
        let touched = Touched::between(&before, &desired);
        if random.one_in(3) {
            // Nothing that a part would see.
            whole = true;
            let ifindex = ifindex(PORTS[random.below(4) as usize]);
            plane.store_mut().inner().remove_device(ifindex);
            plane.store_mut().inner().add_device(ifindex);
        }
        if random.one_in(4) {
            let mut model = plane.store_mut().inner().clone();
            model.owner_dies();
            plane = Plane::new(Chaos::new(model, rate, seed + step as u64));
        }
        let old = plane.store_mut().inner().clone();
        let mut clean = Plane::new(old.clone());
        let faults = clean.reconcile(&desired).expect("without chaos it works").port_faults;
        // An owner that knows nothing leaves stale static stations to its first sweep.
        clean.fdb_sweep(0).expect("without chaos it works");
        let new = clean.store().clone();
        plane.store_mut().set_rate(rate);
        for _ in 0..TRIES {
            let result =
                if whole { plane.reconcile(&desired) } else { plane.reconcile_part(&desired, &touched) };
            whole = whole || result.is_err();
            check_between(&old, plane.store_mut().inner(), &new, &context);
            check_invariants(plane.store_mut().inner(), &context);
            match result {
                Ok(changes) if changes.port_faults == faults => break,
                _ => failures += 1,
            }
        }
        whole = false;
        plane.store_mut().set_rate(0);
        plane.reconcile(&desired).expect("chaos is over");
        plane.fdb_sweep(0).expect("chaos is over");
        assert_eq!(plane.reconcile(&desired).expect("nothing differs").writes, 0, "{context}");
        let now = plane.store_mut().inner();
        let dynamic = [Table::Ports, Table::Tx, Table::Egress].into_iter().chain(SIMPLE);
        for table in dynamic {
            assert_eq!(entries(now, table), entries(&new, table), "{context}: {table:?}");
        }
        assert_eq!((floods(now), alive(now)), (floods(&new), alive(&new)), "{context}");
        assert!(now.set_count() <= SETS, "{context}: sets that nobody has");
    }
    failures
}

#[test]
fn a_stale_ports_entry_is_told_from_a_live_one() {
    // Port 0 died with its netdev unseen; port 1 now has a netdev of the same index.
    over_model(|subject| {
        subject.add_device(ifindex(0));
        let mut desired = Desired::default();
        desired.ports.insert(
            0,
            DesiredPort { ifindex: Some(ifindex(0)), enabled: true, pvid: 1, ..DesiredPort::default() },
        );
        subject.reconcile(&desired).expect("reconciled");
        subject.remove_device(ifindex(0));
        subject.add_device(ifindex(0));
        subject.next_owner();
        desired.ports.clear();
        desired.ports.insert(
            1,
            DesiredPort { ifindex: Some(ifindex(0)), enabled: true, pvid: 2, ..DesiredPort::default() },
        );
        subject.reconcile(&desired).expect("reconciled");
        let entry = ports::get(subject.store(), ifindex(0)).expect("read");
        assert_eq!((entry.lport, entry.pvid), (1, 2));
        assert_ne!(entry, PortEntry::default());
        assert_eq!(tx::get(subject.store(), 0).expect("read"), None);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Parts and wholes end in the same tables, and a part writes no more.
    #[test]
    fn parts_end_where_wholes_end(seeds in proptest::collection::vec(1..u64::MAX, 1..24)) {
        let mut model = Model::new(64);
        PORTS.iter().for_each(|lport| model.add_device(ifindex(*lport)));
        let (mut parts, mut wholes) = (Plane::new(model.clone()), Plane::new(model));
        let mut desired = contract::desired();
        parts.reconcile(&desired).expect("the model takes it");
        wholes.reconcile(&desired).expect("the model takes it");
        for seed in seeds {
            let before = desired.clone();
            mutate(&mut Random(seed), &mut desired);
            let touched = Touched::between(&before, &desired);
            let part = parts.reconcile_part(&desired, &touched).expect("the model takes it");
            let whole = wholes.reconcile(&desired).expect("the model takes it");
            prop_assert!(part.writes <= whole.writes, "{} writes, {} as a whole", part.writes, whole.writes);
            prop_assert_eq!(&part.port_faults, &whole.port_faults);
            for table in [Table::Ports, Table::Tx, Table::Egress].into_iter().chain(SIMPLE) {
                prop_assert_eq!(entries(parts.store(), table), entries(wholes.store(), table), "{:?}", table);
            }
            prop_assert_eq!(floods(parts.store()), floods(wholes.store()));
            prop_assert_eq!(alive(parts.store()), alive(wholes.store()));
            check_invariants(parts.store(), "part");
        }
        let writes = parts.reconcile(&desired).expect("the model takes it").writes;
        prop_assert_eq!(writes, 0, "a whole finds nothing to do");
    }
}

/// Whenever an owner dies, frames meet the list before or the list after, whole; and the next owner makes what it wants.
#[test]
fn a_list_is_never_seen_in_part() {
    use contract::acl::{lists, meant, verdicts};
    let mut ends = BTreeSet::new();
    for seed in 10..12 {
        let lists = lists(seed);
        let compiled: Vec<_> = lists.iter().map(|list| list.compile().expect("lawful")).collect();
        let mut plane = Plane::new(Model::new(16));
        plane.install_acl(&compiled[0]).expect("installed");
        plane.install_acl(&compiled[1]).expect("installed");
        let before = plane.store().clone();
        for operations in 0.. {
            let mut dying = Plane::new(Chaos::new(before.clone(), 0, seed + operations));
            dying.store_mut().end_after(operations);
            let ended = dying.install_acl(&compiled[2]);
            let mut found = dying.store_mut().inner().clone();
            found.owner_dies();
            let shown = verdicts(&found);
            assert!(shown == meant(&lists[1]) || shown == meant(&lists[2]), "after {operations} operations");
            for (wanted, compiled) in lists.iter().zip(&compiled).skip(1) {
                let mut next = Plane::new(found.clone());
                let whole = next.acl_in_force(wanted).expect("read");
                assert!(!whole || shown == meant(wanted), "taken for what it is not, after {operations}");
                next.install_acl(compiled).expect("installed");
                assert_eq!(verdicts(next.store()), meant(wanted));
            }
            if ended.is_ok() {
                ends.insert(operations);
                break;
            }
        }
    }
    assert!(ends.iter().all(|operations| *operations > 8), "{ends:?}");
}
