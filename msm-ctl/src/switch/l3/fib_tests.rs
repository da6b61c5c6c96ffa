use super::*;
use crate::netlink::NextHop;

const V10: u32 = 20_000;
const V20: u32 = 20_001;
const MGMT: u32 = 7;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn prefix(text: &str) -> Prefix {
    text.parse().expect("a prefix")
}

fn route(to: &str, kind: u8, priority: u32, hops: &[(Option<&str>, u32)]) -> Route {
    let to = prefix(to);
    let table = if kind == 2 { LOCAL } else { MAIN };
    let hop = |(gateway, ifindex): &(Option<&str>, u32)| NextHop {
        gateway: gateway.map(ip),
        ifindex: Some(*ifindex),
    };
    Route {
        key: RouteKey { table, prefix: to.addr(), prefix_len: to.len(), priority, tos: 0 },
        protocol: 2,
        kind,
        next_hops: hops.iter().map(hop).collect(),
        object: None,
    }
}

fn neighbour(ifindex: u32, address: &str, last: u8, state: u16) -> Neighbour {
    let mac = Some([2, 0, 0, 0, 0, last]);
    Neighbour { ifindex, address: ip(address), mac, state, protocol: 0, managed: false }
}

/// A FIB with two VLANs, and what was touched last.
#[derive(Default)]
struct Bench {
    fib: Fib,
    touched: RoutesTouched,
}

impl Bench {
    fn new() -> Self {
        let mut bench = Self::default();
        bench.fib.set_interfaces([(V10, 10), (V20, 20)].into());
        bench.add(route("10.1.0.0/24", 1, 0, &[(None, V10)]));
        bench.add(route("10.2.0.0/24", 1, 0, &[(None, V20)]));
        bench.add(route("10.1.0.1/32", 2, 0, &[(None, V10)]));
        bench
    }

    fn add(&mut self, route: Route) {
        self.touched = RoutesTouched::default();
        self.fib.set_route(&route.key.clone(), Some(route), &mut self.touched);
    }

    fn remove(&mut self, route: &Route) {
        self.touched = RoutesTouched::default();
        self.fib.set_route(&route.key, None, &mut self.touched);
    }

    fn hear(&mut self, neighbour: Neighbour) {
        self.touched = RoutesTouched::default();
        let key = (neighbour.ifindex, neighbour.address);
        self.fib.set_neighbour(key, Some(neighbour), &mut self.touched);
    }

    fn to(&self, prefix: &str) -> Option<RouteTo> {
        self.fib.routing().routes.get(&self::prefix(prefix)).cloned()
    }

    fn host(&self, address: &str) -> Option<(u8, u16)> {
        self.fib.routing().hosts.get(&ip(address)).map(|station| (station.mac[5], station.vid))
    }
}

fn hops(gateways: &[(&str, u16)]) -> Option<RouteTo> {
    Some(RouteTo::Hops(
        gateways.iter().map(|(gateway, vid)| Gateway { ip: ip(gateway), vid: *vid }).collect(),
    ))
}

#[test]
fn each_kind_of_route_leads_where_the_stack_would_send() {
    let mut bench = Bench::new();
    assert_eq!(bench.to("10.1.0.0/24"), Some(RouteTo::Connected { vid: 10 }));
    assert_eq!(bench.to("10.1.0.1/32"), Some(RouteTo::Local));
    bench.add(route("10.9.0.0/16", 1, 1, &[(Some("10.2.0.9"), V20), (Some("10.1.0.9"), V10)]));
    assert_eq!(bench.to("10.9.0.0/16"), hops(&[("10.1.0.9", 10), ("10.2.0.9", 20)]));
    bench.add(route("10.8.0.0/16", BLACKHOLE, 1, &[]));
    assert_eq!(bench.to("10.8.0.0/16"), Some(RouteTo::Blackhole));
    bench.add(route("10.7.0.0/16", 7, 1, &[]));
    assert_eq!(bench.to("10.7.0.0/16"), Some(RouteTo::Local), "the stack says that it is unreachable");
    bench.add(route("10.6.0.0/16", 1, 1, &[(Some("192.0.2.9"), MGMT)]));
    bench.add(route("10.5.0.0/16", 1, 1, &[(Some("192.0.2.9"), MGMT), (Some("10.1.0.9"), V10)]));
    assert_eq!(
        [bench.to("10.6.0.0/16"), bench.to("10.5.0.0/16")],
        [Some(RouteTo::Local), Some(RouteTo::Local)]
    );
    let mut other_table = route("10.4.0.0/16", BLACKHOLE, 1, &[]);
    other_table.key.table = 100;
    bench.add(other_table);
    assert_eq!((bench.to("10.4.0.0/16"), bench.touched.is_empty()), (None, true));
    bench.add(route("ff00::/8", 5, 256, &[(None, V10)]));
    bench.add(route("fe80::/64", 1, 256, &[(None, V10)]));
    assert_eq!([bench.to("ff00::/8"), bench.to("fe80::/64")], [None, None]);
    assert_eq!(bench.to("fe80::/10"), Some(RouteTo::Local), "a link's address is never forwarded to");
}

#[test]
fn of_several_routes_the_kernels_choice_is_taken_and_the_next_when_it_goes() {
    let mut bench = Bench::new();
    let (best, next) = (
        route("10.9.0.0/16", 1, 1, &[(Some("10.1.0.9"), V10)]),
        route("10.9.0.0/16", 1, 20, &[(Some("10.2.0.9"), V20)]),
    );
    bench.add(next);
    bench.add(best.clone());
    assert_eq!(bench.to("10.9.0.0/16"), hops(&[("10.1.0.9", 10)]));
    bench.remove(&best);
    assert_eq!(bench.to("10.9.0.0/16"), hops(&[("10.2.0.9", 20)]));
    assert_eq!(bench.touched.routes, [prefix("10.9.0.0/16")].into());
    bench.remove(&best);
    assert!(bench.touched.is_empty(), "nothing changed");
}

#[test]
fn a_host_is_a_resolved_neighbour_of_a_network_of_ours() {
    let mut bench = Bench::new();
    bench.hear(neighbour(V10, "10.1.0.7", 7, nud::REACHABLE));
    assert_eq!(bench.host("10.1.0.7"), Some((7, 10)));
    bench.hear(neighbour(V10, "10.1.0.7", 8, 0x04));
    assert_eq!(
        (bench.host("10.1.0.7"), bench.touched.hosts.len()),
        (Some((8, 10)), 1),
        "stale is good, and it moved"
    );
    bench.hear(neighbour(V10, "10.1.0.7", 8, nud::REACHABLE));
    assert!(bench.touched.is_empty(), "a state is no change");
    bench.hear(neighbour(V10, "10.1.0.7", 8, nud::FAILED));
    assert_eq!(bench.host("10.1.0.7"), None);
    bench.hear(neighbour(V20, "10.1.0.7", 9, nud::REACHABLE));
    assert_eq!(bench.host("10.1.0.7"), None, "of another VLAN's network");
    bench.hear(neighbour(MGMT, "192.0.2.9", 9, nud::REACHABLE));
    assert_eq!(bench.host("192.0.2.9"), None);
}

#[test]
fn a_route_into_a_network_takes_its_hosts_and_gives_them_back() {
    let mut bench = Bench::new();
    bench.hear(neighbour(V10, "10.1.0.7", 7, nud::REACHABLE));
    bench.hear(neighbour(V10, "10.1.0.200", 8, nud::REACHABLE));
    let half = route("10.1.0.128/25", 1, 1, &[(Some("10.2.0.9"), V20)]);
    bench.add(half.clone());
    assert_eq!((bench.host("10.1.0.7"), bench.host("10.1.0.200")), (Some((7, 10)), None));
    assert_eq!(bench.touched.hosts, [ip("10.1.0.200")].into());
    bench.remove(&half);
    assert_eq!(bench.host("10.1.0.200"), Some((8, 10)));
    bench.remove(&route("10.1.0.0/24", 1, 0, &[]));
    assert_eq!(bench.fib.routing().hosts.len(), 0);
}

#[test]
fn neighbours_of_a_link_are_told_apart_by_vlan() {
    let mut bench = Bench::new();
    bench.hear(neighbour(V10, "fe80::9", 1, nud::REACHABLE));
    bench.hear(neighbour(V20, "fe80::9", 2, nud::REACHABLE));
    let at = |bench: &Bench, vid| {
        bench.fib.routing().neighbour(Gateway { ip: ip("fe80::9"), vid }).map(|s| s.mac[5])
    };
    assert_eq!((at(&bench, 10), at(&bench, 20)), (Some(1), Some(2)));
    bench.hear(neighbour(V20, "fe80::9", 2, nud::FAILED));
    assert_eq!((at(&bench, 10), at(&bench, 20)), (Some(1), None));
    assert_eq!(bench.touched.hosts, [ip("fe80::9")].into());
}

#[test]
fn gateways_and_hosts_are_in_use_and_nobody_else() {
    let mut bench = Bench::new();
    let (a, b) = (
        route("10.9.0.0/16", 1, 1, &[(Some("10.1.0.9"), V10)]),
        route("10.8.0.0/16", 1, 1, &[(Some("10.1.0.9"), V10)]),
    );
    bench.add(a.clone());
    bench.add(b.clone());
    assert!(bench.fib.uses(V10, ip("10.1.0.9")) && !bench.fib.uses(V20, ip("10.1.0.9")));
    bench.remove(&a);
    assert!(bench.fib.uses(V10, ip("10.1.0.9")), "of another route");
    bench.remove(&b);
    assert!(!bench.fib.uses(V10, ip("10.1.0.9")));
    bench.hear(neighbour(V10, "10.1.0.7", 7, nud::REACHABLE));
    assert!(bench.fib.uses(V10, ip("10.1.0.7")) && !bench.fib.uses(V10, ip("10.1.0.1")));
    assert!(!bench.fib.uses(MGMT, ip("10.1.0.7")));
}

/// However it came to be, the FIB is that of what there is; and what changed was touched.
#[test]
fn the_order_of_what_is_told_does_not_matter() {
    let mut random = 7u64;
    let mut draw = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).unwrap_or(0) % below
    };
    let prefixes =
        ["0.0.0.0/0", "10.1.0.0/24", "10.1.0.0/25", "10.1.0.7/32", "127.0.0.0/8", "2001:db8::/64", "::/0"];
    let ways: [&[(Option<&str>, u32)]; 5] = [
        &[(None, V10)],
        &[(None, V20)],
        &[(Some("10.1.0.9"), V10)],
        &[(Some("10.1.0.9"), V10), (Some("10.2.0.9"), V20)],
        &[(None, MGMT)],
    ];
    let hosts = ["10.1.0.7", "10.1.0.9", "10.1.0.200", "2001:db8::7", "fe80::7"];
    let vlans: [BTreeMap<u32, u16>; 3] = [[(V10, 10), (V20, 20)].into(), [(V10, 30)].into(), BTreeMap::new()];
    let (mut fib, mut shown) = (Fib::default(), Routing::default());
    let mut routes: BTreeMap<(usize, u32), Route> = BTreeMap::new();
    let mut neighbours: BTreeMap<(u32, usize), Neighbour> = BTreeMap::new();
    let mut interfaces = BTreeMap::new();
    for step in 0..4000 {
        let mut touched = RoutesTouched::default();
        match draw(20) {
            0 => {
                interfaces = vlans[draw(3)].clone();
                touched = fib.set_interfaces(interfaces.clone());
            }
            1..10 => {
                let (at, priority) = (draw(prefixes.len()), draw(2) as u32);
                let made =
                    route(prefixes[at], [1, 1, 1, 2, BLACKHOLE][draw(5)], priority, ways[draw(ways.len())]);
                let made = (draw(3) > 0).then_some(made);
                for table in [MAIN, LOCAL] {
                    let mut key = route(prefixes[at], 1, priority, &[]).key;
                    key.table = table;
                    let this = made.clone().filter(|route| route.key.table == table);
                    fib.set_route(&key, this, &mut touched);
                }
                match made {
                    Some(made) => routes.insert((at, priority), made),
                    None => routes.remove(&(at, priority)),
                };
            }
            _ => {
                let (ifindex, at) = ([V10, V20][draw(2)], draw(hosts.len()));
                let made = neighbour(
                    ifindex,
                    hosts[at],
                    draw(4) as u8,
                    [nud::REACHABLE, nud::FAILED, 0x04][draw(3)],
                );
                let made = (draw(4) > 0).then_some(made);
                fib.set_neighbour((ifindex, ip(hosts[at])), made.clone(), &mut touched);
                match made {
                    Some(made) => neighbours.insert((ifindex, at), made),
                    None => neighbours.remove(&(ifindex, at)),
                };
            }
        }
        let mut anew = Fib::default();
        let mut all = RoutesTouched::default();
        neighbours
            .values()
            .for_each(|n| anew.set_neighbour((n.ifindex, n.address), Some(n.clone()), &mut all));
        routes.values().for_each(|route| anew.set_route(&route.key, Some(route.clone()), &mut all));
        anew.set_interfaces(interfaces.clone());
        assert_eq!(fib.routing(), anew.routing(), "step {step}");
        assert_eq!(fib.gateways, anew.gateways, "step {step}");
        for address in &touched.hosts {
            match fib.routing().hosts.get(address) {
                Some(station) => shown.hosts.insert(*address, *station),
                None => shown.hosts.remove(address),
            };
            shown.link_local.retain(|gateway, _| gateway.ip != *address);
            let these = fib.routing().link_local.iter().filter(|(gateway, _)| gateway.ip == *address);
            shown.link_local.extend(these.map(|(gateway, mac)| (*gateway, *mac)));
        }
        for prefix in &touched.routes {
            match fib.routing().routes.get(prefix) {
                Some(to) => shown.routes.insert(*prefix, to.clone()),
                None => shown.routes.remove(prefix),
            };
        }
        assert_eq!(fib.routing(), &shown, "step {step}: what changed was not touched");
    }
}
