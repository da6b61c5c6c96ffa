//! Routing tables against a reader of every route, with owners that die.

mod oracle;
mod watched;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use proptest::prelude::*;

use super::{
    Limits, Routes,
    lookup::{Answer, entry, lookup},
};
use crate::{
    Gateway, Prefix, RouteFault, RouteTo, RoutesTouched, Routing, Station, TableError,
    store::{Store, Table},
};
use oracle::{answer, choose, edges};
use watched::{Watch, Watched, describe};

/// Small enough to be full often. (A host without room goes as its network does, which is connected.)
const SMALL: Limits = Limits { blocks: 262, hops: 4, groups: 3, hosts: 1000, prefixes6: 4 };

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn prefix(text: &str) -> Prefix {
    text.parse().expect("a prefix")
}

fn gateway(n: u8) -> Gateway {
    Gateway { ip: IpAddr::from([10, 0, 0, n]), vid: 1 + u16::from(n % 2) }
}

fn station(n: u8) -> Station {
    Station { mac: [2, 0, 0, 0, 0, n], vid: 1 + u16::from(n % 2) }
}

/// An owner of tables: what it remembers goes with it.
#[derive(Default)]
struct Owner {
    routes: Option<Routes>,
}

impl Owner {
    fn apply(
        &mut self,
        store: &mut impl Store,
        routing: &Routing,
        touched: Option<&RoutesTouched>,
        limits: Limits,
    ) -> Result<BTreeMap<RouteFault, u32>, TableError> {
        let mut routes = match self.routes.take() {
            None => {
                let mut routes = Routes::plan_within(store, routing, limits)?;
                routes.execute(store, routing)?;
                routes
            }
            Some(mut routes) => {
                match touched {
                    Some(touched) => routes.apply_part(store, routing, touched)?,
                    None => routes.apply(store, routing)?,
                }
                routes
            }
        };
        let faults = routes.changes(0).faults;
        // Nothing is left to do.
        let before = store.writes();
        routes.apply(store, routing)?;
        assert_eq!(store.writes(), before, "done is done");
        self.routes = Some(routes);
        Ok(faults)
    }
}

fn touched(before: &Routing, after: &Routing) -> RoutesTouched {
    let mut touched = RoutesTouched::default();
    let hosts = before.hosts.keys().chain(after.hosts.keys());
    touched.hosts.extend(hosts.filter(|addr| before.hosts.get(addr) != after.hosts.get(addr)));
    let routes = before.routes.keys().chain(after.routes.keys());
    touched.routes.extend(routes.filter(|prefix| before.routes.get(prefix) != after.routes.get(prefix)));
    touched
}

fn is_right(store: &impl Store, routing: &Routing, edges: &BTreeSet<IpAddr>) {
    for addr in edges {
        assert_eq!(
            lookup(store, *addr, choose).expect("a model reads"),
            answer(routing, *addr),
            "{addr} with {routing:?}"
        );
    }
}

/// A new owner with the same routes writes nothing.
fn adopts(store: &mut Watched, routing: &Routing, limits: Limits) {
    let before = store.model.clone();
    let mut next = Owner::default();
    next.apply(store, routing, None, limits).expect("adopted");
    for table in Table::ALL {
        let was: Vec<_> = before.written(table).collect();
        let is: Vec<_> = store.model.written(table).collect();
        assert!(was == is, "an owner with the same routes changes {table:?}: {}", describe(&store.model));
    }
    assert!(store.model == before, "an owner with the same routes writes: {}", describe(&store.model));
}

#[derive(Clone, Debug)]
enum Op {
    Set(Prefix, RouteTo),
    Remove(prop::sample::Index),
    Host(IpAddr, Station),
    NoHost(prop::sample::Index),
}

fn any_prefix() -> impl Strategy<Value = Prefix> {
    let v4 = (prop::sample::select(vec![0u8, 9, 10, 11, 255]), 0u8..3, 0u8..3, 0u8..3, 0u8..=32)
        .prop_map(|(a, b, c, d, len)| Prefix::new(IpAddr::from([a, b, c, d * 85]), len));
    let v6 = (0u16..3, 0u16..3, 0u16..3, 0u8..=128)
        .prop_map(|(a, b, c, len)| Prefix::new(IpAddr::from([0x2001 + a, b, 0, 0, 0, c, 0, 1]), len));
    prop_oneof![3 => v4, 1 => v6].prop_map(|prefix| prefix.expect("a length that fits"))
}

fn any_to() -> impl Strategy<Value = RouteTo> {
    prop_oneof![
        6 => prop::collection::vec((1u8..8).prop_map(gateway), 0..4).prop_map(RouteTo::Hops),
        4 => (1u8..8).prop_map(|n| RouteTo::Hops(vec![gateway(n)])),
        1 => (1u16..4).prop_map(|vid| RouteTo::Connected { vid }),
        1 => Just(RouteTo::Local),
        1 => Just(RouteTo::Blackhole),
    ]
}

fn any_op() -> impl Strategy<Value = Op> {
    let host = prop_oneof![
        3 => (1u8..8).prop_map(|n| (gateway(n).ip, n)),
        1 => (0u8..9).prop_map(|n| (IpAddr::from([0x2001, 0, 0, 0, 0, 0, 0, n.into()]), n)),
    ];
    prop_oneof![
        6 => (any_prefix(), any_to()).prop_map(|(prefix, to)| Op::Set(prefix, to)),
        3 => any::<prop::sample::Index>().prop_map(Op::Remove),
        3 => (host, 1u8..9).prop_map(|((addr, n), mac)| Op::Host(addr, Station { mac: [2, 0, 0, 0, 0, mac], ..station(n) })),
        1 => any::<prop::sample::Index>().prop_map(Op::NoHost),
    ]
}

fn perform(routing: &mut Routing, op: Op) {
    match op {
        Op::Set(prefix, to) => drop(routing.routes.insert(prefix, to)),
        Op::Host(addr, station) => drop(routing.hosts.insert(addr, station)),
        Op::Remove(at) => {
            let prefixes: Vec<Prefix> = routing.routes.keys().copied().collect();
            if !prefixes.is_empty() {
                routing.routes.remove(at.get(&prefixes));
            }
        }
        Op::NoHost(at) => {
            let hosts: Vec<IpAddr> = routing.hosts.keys().copied().collect();
            if !hosts.is_empty() {
                routing.hosts.remove(at.get(&hosts));
            }
        }
    }
}

/// What is right at each edge while `before` becomes `after`; with `short` the stack is right too.
fn watch(before: &Routing, after: &Routing, short: bool) -> Watch {
    let mut watch = Watch::default();
    for addr in edges(&[before, after]) {
        let right = watch.right.entry(addr).or_default();
        right.extend([answer(before, addr), answer(after, addr)]);
        if short {
            right.insert(Answer::Resolve);
        }
    }
    watch
}

/// A step of a run: what changes, whether it is told which, and whether the owner dies at a write.
type Step = (Vec<Op>, bool, Option<u64>);

fn any_steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (prop::collection::vec(any_op(), 1..6), any::<bool>(), prop::option::weighted(0.3, 0u64..12));
    prop::collection::vec(step, 1..12)
}

/// Changes on changes. With one route or host a step, nothing goes a third way; with more, the routes are each of before or after, which
/// `single` does not look at.
fn run(steps: Vec<Step>, limits: Limits, short: bool) {
    let mut store = Watched::new();
    let mut owner = Owner::default();
    let mut routing = Routing::default();
    for (ops, told, life) in steps {
        let before = routing.clone();
        ops.into_iter().for_each(|op| perform(&mut routing, op));
        let touched = touched(&before, &routing);
        // Hosts change one by one, and with their next hops not at the instant of the routes.
        if touched.hosts.is_empty() || touched.routes.is_empty() && touched.hosts.len() == 1 {
            store.watch = Some(watch(&before, &routing, short));
        } else {
            store.watch = None;
        }
        store.life = life;
        let result = owner.apply(&mut store, &routing, told.then_some(&touched), limits);
        store.life = None;
        let faults = result.unwrap_or_else(|_| {
            owner = Owner::default();
            owner.apply(&mut store, &routing, None, limits).expect("the next owner finishes")
        });
        let edges = edges(&[&routing]);
        if faults.keys().all(|fault| *fault == RouteFault::Members) {
            is_right(&store, &routing, &edges);
        } else {
            assert!(short, "{faults:?}");
            for addr in edges {
                let is = lookup(&store, addr, choose).expect("a model reads");
                assert!(is == Answer::Resolve || is == answer(&routing, addr), "{addr} goes {is:?}");
            }
        }
        store.watch = Some(watch(&routing, &routing, short));
        adopts(&mut store, &routing, limits);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_address_goes_its_way(steps in any_steps()) {
        run(steps, Limits::KERNEL, false);
    }

    #[test]
    fn what_has_no_room_goes_to_the_stack(steps in any_steps()) {
        run(steps, SMALL, true);
    }
}

/// A routing of these routes, each by these gateways, of which 1 to 3 are known.
fn routed(routes: &[(&str, &[u8])]) -> Routing {
    let to = |gateways: &[u8]| RouteTo::Hops(gateways.iter().map(|n| gateway(*n)).collect());
    Routing {
        hosts: (1..4).map(|n| (gateway(n).ip, station(n))).collect(),
        routes: routes.iter().map(|(text, gateways)| (prefix(text), to(gateways))).collect(),
        ..Routing::default()
    }
}

#[test]
fn a_neighbour_is_one_write_whatever_leads_by_it() {
    let (mut store, mut owner) = (Watched::new(), Owner::default());
    let mut routing = routed(&[("10.1.0.0/16", &[9]), ("10.2.3.0/24", &[9, 1]), ("2001:db8::/32", &[9])]);
    let all = Limits::KERNEL;
    owner.apply(&mut store, &routing, None, all).expect("applied");
    let goes = |store: &Watched, text: &str| lookup(store, ip(text), choose).expect("read");
    assert_eq!(goes(&store, "10.1.2.3"), Answer::Resolve);
    routing.hosts.insert(gateway(9).ip, station(9));
    let touched = RoutesTouched { hosts: [gateway(9).ip].into(), ..RoutesTouched::default() };
    let before = store.writes();
    owner.apply(&mut store, &routing, Some(&touched), all).expect("applied");
    assert_eq!(store.writes() - before, 2, "the host and the hop");
    for addr in ["10.1.2.3", "10.2.3.4", "2001:db8::1"] {
        assert_eq!(goes(&store, addr), answer(&routing, ip(addr)), "{addr}");
    }
    // In another VLAN it is somebody else.
    routing.hosts.insert(gateway(9).ip, Station { vid: 77, ..station(9) });
    owner.apply(&mut store, &routing, Some(&touched), all).expect("applied");
    assert_eq!(goes(&store, "10.1.2.3"), Answer::Resolve);
}

#[test]
fn link_local_neighbours_count_in_their_vlan() {
    let (mut store, mut owner) = (Watched::new(), Owner::default());
    let by = |vid| Gateway { ip: ip("fe80::1"), vid };
    let mut routing = Routing::default();
    routing.routes.insert(prefix("2001:db8:1::/48"), RouteTo::Hops(vec![by(1)]));
    routing.routes.insert(prefix("2001:db8:2::/48"), RouteTo::Hops(vec![by(2)]));
    routing.link_local = [(by(1), [2, 0, 0, 0, 0, 1]), (by(2), [2, 0, 0, 0, 0, 2])].into();
    owner.apply(&mut store, &routing, None, Limits::KERNEL).expect("applied");
    is_right(&store, &routing, &edges(&[&routing]));
    routing.link_local.remove(&by(2));
    let touched = RoutesTouched { hosts: [by(2).ip].into(), ..RoutesTouched::default() };
    owner.apply(&mut store, &routing, Some(&touched), Limits::KERNEL).expect("applied");
    is_right(&store, &routing, &edges(&[&routing]));
    let hosts = store.model.written(Table::Ipfdb6).count();
    assert_eq!(hosts, 0, "no frame is routed to a link-local address");
}

#[test]
fn a_route_costs_the_blocks_that_it_changes() {
    let (mut store, mut owner) = (Watched::new(), Owner::default());
    let mut routing = routed(&[("0.0.0.0/0", &[1]), ("10.1.0.0/16", &[2]), ("10.1.2.0/24", &[3])]);
    owner.apply(&mut store, &routing, None, Limits::KERNEL).expect("applied");
    let mut cost = |routing: &Routing, text: &str| {
        let touched = RoutesTouched { routes: [prefix(text)].into(), ..RoutesTouched::default() };
        let before = store.writes();
        owner.apply(&mut store, routing, Some(&touched), Limits::KERNEL).expect("applied");
        is_right(&store, routing, &edges(&[routing]));
        store.writes() - before
    };
    routing.routes.insert(prefix("10.1.3.0/24"), RouteTo::Blackhole);
    // The half that was idle lacks everything: all 256, and the block of 10.1.
    assert_eq!(cost(&routing, "10.1.3.0/24"), 257 + 2, "and the byte, and the state");
    // Then only what changed last time and this time.
    routing.routes.insert(prefix("10.1.4.0/24"), RouteTo::Blackhole);
    assert_eq!(cost(&routing, "10.1.4.0/24"), 1 + 2);
    routing.routes.insert(prefix("10.1.4.128/25"), RouteTo::Local);
    assert_eq!(cost(&routing, "10.1.4.128/25"), 2 + 2);
    routing.routes.remove(&prefix("10.1.4.128/25"));
    assert_eq!(cost(&routing, "10.1.4.128/25"), 2, "the half of before is so still");
    assert_eq!(cost(&routing, "10.1.4.128/25"), 0);
}

#[test]
fn indices_and_blocks_are_the_same_for_the_next_owner() {
    let (mut store, mut owner) = (Watched::new(), Owner::default());
    let mut routing = routed(&[
        ("10.1.2.0/24", &[3]),
        ("10.7.2.0/24", &[2]),
        ("10.8.2.128/25", &[1, 2]),
        ("10.9.2.0/24", &[1, 4]),
    ]);
    owner.apply(&mut store, &routing, None, Limits::KERNEL).expect("applied");
    // Gone from the middle: a compiler that counts would give the others new ones.
    routing.routes.remove(&prefix("10.1.2.0/24"));
    owner.apply(&mut store, &routing, None, Limits::KERNEL).expect("applied");
    let entries = |store: &Watched| {
        ["10.7.2.1", "10.8.2.129", "10.9.2.1"].map(|addr| entry(store, ip(addr)).expect("read"))
    };
    let before = entries(&store);
    adopts(&mut store, &routing, Limits::KERNEL);
    let mut owner = Owner::default();
    routing.routes.insert(prefix("10.2.2.0/24"), RouteTo::Hops(vec![gateway(5)]));
    owner.apply(&mut store, &routing, None, Limits::KERNEL).expect("applied");
    assert_eq!(entries(&store), before);
    is_right(&store, &routing, &edges(&[&routing]));
}

#[test]
fn the_next_owner_leaves_room_to_those_that_have_it() {
    let two = Limits { hops: 2, ..SMALL };
    let (mut store, mut owner) = (Watched::new(), Owner::default());
    // No entry names the first next hop, for longer routes have all its addresses.
    let mut routing = routed(&[("10.0.0.0/8", &[1]), ("10.0.0.0/9", &[2]), ("10.128.0.0/9", &[2])]);
    owner.apply(&mut store, &routing, None, two).expect("applied");
    routing.routes.insert(prefix("9.0.0.0/8"), RouteTo::Hops(vec![gateway(3)]));
    let faults = owner.apply(&mut store, &routing, None, two).expect("applied");
    assert_eq!(faults, [(RouteFault::Hops, 1)].into());
    adopts(&mut store, &routing, two);
    routing.routes.remove(&prefix("10.0.0.0/8"));
    let faults = Owner::default().apply(&mut store, &routing, None, two).expect("applied");
    assert_eq!(faults, BTreeMap::new(), "there is room again");
    is_right(&store, &routing, &edges(&[&routing]));
}

#[test]
fn what_has_no_room_leaves_no_trace() {
    let (mut store, mut owner) = (Watched::new(), Owner::default());
    let mut routing = routed(&[("10.1.0.0/16", &[1, 2]), ("10.2.0.0/16", &[3])]);
    owner.apply(&mut store, &routing, None, SMALL).expect("applied");
    routing.routes.insert(prefix("9.0.0.0/8"), RouteTo::Hops(vec![gateway(4), gateway(5)]));
    let model = store.model.clone();
    let before: Vec<_> = model.written(Table::Hops).collect();
    let faults = owner.apply(&mut store, &routing, None, SMALL).expect("applied");
    assert_eq!(faults, [(RouteFault::Hops, 1)].into(), "one index is free, two are needed");
    assert_eq!(store.model.written(Table::Hops).collect::<Vec<_>>(), before);
    adopts(&mut store, &routing, SMALL);
}

#[test]
fn room_that_comes_while_a_change_is_written_is_used() {
    let one = Limits { hops: 1, ..SMALL };
    let (mut store, mut owner) = (Watched::new(), Owner::default());
    store.period = Duration::from_millis(100);
    owner.apply(&mut store, &routed(&[("10.1.0.0/16", &[1])]), None, one).expect("applied");
    owner.apply(&mut store, &routed(&[]), None, one).expect("applied");
    // The grace period of what went is not over when an index is looked for, but is when the routes are written.
    let mut routing = routed(&[("10.2.0.0/16", &[2])]);
    routing.routes.insert(prefix("10.3.0.0/16"), RouteTo::Blackhole);
    let faults = owner.apply(&mut store, &routing, None, one).expect("applied");
    assert_eq!(faults, BTreeMap::new());
    is_right(&store, &routing, &edges(&[&routing]));
}

#[test]
fn many_next_hops_and_many_hosts() {
    let (mut store, mut owner) = (Watched::new(), Owner::default());
    let all: Vec<u8> = (1..=20).rev().collect();
    let mut routing = routed(&[("10.1.2.0/24", &all)]);
    let faults = owner.apply(&mut store, &routing, None, Limits::KERNEL).expect("applied");
    assert_eq!(faults, [(RouteFault::Members, 1)].into());
    is_right(&store, &routing, &edges(&[&routing]));

    let two = Limits { hosts: 2, ..Limits::KERNEL };
    let (mut store, mut owner) = (Watched::new(), Owner::default());
    let faults = owner.apply(&mut store, &routing, None, two).expect("applied");
    assert_eq!(faults[&RouteFault::Hosts], 1);
    assert_eq!(lookup(&store, gateway(3).ip, choose).expect("read"), Answer::Resolve);
    routing.hosts.remove(&gateway(1).ip);
    let touched = RoutesTouched { hosts: [gateway(1).ip].into(), ..RoutesTouched::default() };
    let faults = owner.apply(&mut store, &routing, Some(&touched), two).expect("applied");
    assert_eq!(faults.get(&RouteFault::Hosts), None, "there is room again");
    is_right(&store, &routing, &edges(&[&routing]));
}

#[test]
fn what_no_table_holds_is_refused() {
    let mut store = Watched::new();
    let refused = |routing: &Routing, store: &mut Watched| {
        let result = Owner::default().apply(store, routing, None, Limits::KERNEL);
        matches!(result, Err(TableError::Desired(_)))
    };
    for vid in [0, 4095] {
        let gateway = Gateway { ip: ip("10.0.0.1"), vid };
        for to in [RouteTo::Hops(vec![gateway]), RouteTo::Connected { vid }] {
            let routes = [(prefix("10.1.0.0/16"), to)].into();
            assert!(refused(&Routing { routes, ..Routing::default() }, &mut store));
        }
        let hosts = [(ip("10.0.0.1"), Station { vid, ..station(1) })].into();
        assert!(refused(&Routing { hosts, ..Routing::default() }, &mut store));
    }
    assert_eq!(store.writes(), 0);
}
