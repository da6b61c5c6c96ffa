//! The contract's part about routes: in force, found right, finished by the next owner.

use std::net::IpAddr;

use msm_abi::ROUTES6_ENTRIES;
use msm_dataplane::plane::routes::lookup::{Answer, lookup};
use msm_dataplane::tables::states;
use msm_dataplane::{Gateway, Prefix, RouteChanges, RouteFault, RouteTo, RoutesTouched, Routing, Station};

use super::Subject;

pub fn prefix(text: &str) -> Prefix {
    text.parse().expect("a prefix")
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub fn gateway(n: u8) -> Gateway {
    Gateway { ip: IpAddr::from([10, 0, 0, n]), vid: 10 }
}

pub fn station(n: u8) -> Station {
    Station { mac: [2, 0, 0, 0, 0, n], vid: 10 }
}

fn by(gateways: &[u8]) -> RouteTo {
    RouteTo::Hops(gateways.iter().map(|n| gateway(*n)).collect())
}

/// Of each kind one, nested, of both families; gateways 1 and 2 are known.
pub fn routing() -> Routing {
    let routes = [
        ("0.0.0.0/0", by(&[1])),
        ("10.0.0.0/24", RouteTo::Connected { vid: 10 }),
        ("10.0.0.254/32", RouteTo::Local),
        ("10.1.0.0/16", by(&[2])),
        ("10.1.2.0/24", RouteTo::Blackhole),
        ("10.1.2.128/25", by(&[1, 2])),
        ("10.1.2.129/32", by(&[3])),
        ("255.255.255.255/32", RouteTo::Local),
        ("::/0", by(&[2])),
        ("2001:db8::/32", RouteTo::Blackhole),
        ("2001:db8:1::/48", by(&[2, 1])),
        ("2001:db8:1::1/128", RouteTo::Local),
    ];
    let hosts = [1, 2].map(|n| (gateway(n).ip, station(n)));
    Routing {
        hosts: hosts.into_iter().chain([(ip("2001:db8:2::7"), station(7))]).collect(),
        routes: routes.into_iter().map(|(text, to)| (prefix(text), to)).collect(),
        ..Routing::default()
    }
}

fn goes(subject: &impl Subject, text: &str) -> Answer {
    lookup(subject.store(), ip(text), |count| 3 % count).expect("read")
}

fn nothing_is_written(subject: &mut impl Subject, routing: &Routing) {
    let nothing = RouteChanges::default();
    assert_eq!(subject.reconcile_routes(routing).expect("found"), nothing);
    subject.next_owner();
    assert_eq!(subject.reconcile_routes(routing).expect("found"), nothing, "nothing for the next owner");
}

/// Every kind of route leads where it should; again, and for the next owner, nothing is written.
pub fn routes_are_in_force_and_found_right(subject: &mut impl Subject) {
    nothing_is_written(subject, &Routing::default());
    let mut routing = routing();
    assert!(subject.reconcile_routes(&routing).expect("done").writes > 0);
    let to = |n| Answer::To(station(n));
    for (addr, answer) in [
        ("8.8.8.8", to(1)),
        ("10.0.0.1", to(1)),
        ("10.0.0.3", Answer::Resolve),
        ("10.0.0.254", Answer::Local),
        ("10.1.0.1", to(2)),
        ("10.1.2.3", Answer::Blackhole),
        ("10.1.2.128", to(2)),
        ("10.1.2.129", Answer::Resolve),
        ("255.255.255.255", Answer::Local),
        ("2a00::1", to(2)),
        ("2001:db8::1", Answer::Blackhole),
        ("2001:db8:2::7", to(7)),
        ("2001:db8:1::1", Answer::Local),
        ("2001:db8:1::2", to(2)),
    ] {
        assert_eq!(goes(subject, addr), answer, "{addr}");
    }
    nothing_is_written(subject, &routing);

    // By part, by the owner that read it all.
    routing.routes.remove(&prefix("10.1.2.128/25"));
    routing.routes.insert(prefix("2001:db8:1::/48"), by(&[1]));
    routing.hosts.insert(gateway(3).ip, station(3));
    let touched = RoutesTouched {
        routes: [prefix("10.1.2.128/25"), prefix("2001:db8:1::/48")].into(),
        hosts: [gateway(3).ip].into(),
    };
    subject.reconcile_routes_part(&routing, &touched).expect("done");
    for (addr, answer) in [
        ("10.1.2.128", Answer::Blackhole),
        ("10.1.2.129", to(3)),
        ("10.0.0.3", to(3)),
        ("2001:db8:1::2", to(1)),
    ] {
        assert_eq!(goes(subject, addr), answer, "{addr}");
    }
    nothing_is_written(subject, &routing);

    subject.reconcile_routes(&Routing::default()).expect("done");
    for addr in ["8.8.8.8", "10.0.0.1", "10.1.2.129", "2001:db8:1::2", "2001:db8:2::7"] {
        assert_eq!(goes(subject, addr), Answer::Resolve, "{addr}");
    }
    assert_eq!(states::get(subject.store(), msm_abi::tables::ROUTES).expect("read").digest, 0);
    nothing_is_written(subject, &Routing::default());
}

/// More IPv6 prefixes than the table has room for: what has none goes to the stack, and nothing else does.
pub fn too_many_ipv6_prefixes(subject: &mut impl Subject) {
    let nth = |n: u32| Prefix::new(IpAddr::from([0x2001, (n >> 16) as u16, n as u16, 0, 0, 0, 0, 0]), 48);
    let mut routing = routing();
    let have = routing.routes.keys().filter(|prefix| prefix.addr().is_ipv6()).count() as u32;
    let room = ROUTES6_ENTRIES - 1 - have;
    for n in 0..room {
        routing.routes.insert(nth(n).expect("a prefix"), RouteTo::Blackhole);
    }
    assert_eq!(subject.reconcile_routes(&routing).expect("done").faults, [].into());
    assert_eq!(goes(subject, "2a00::1"), Answer::To(station(2)));
    // An entry of a full table can still change.
    routing.routes.insert(prefix("::/0"), by(&[1]));
    let touched = RoutesTouched { routes: [prefix("::/0")].into(), ..RoutesTouched::default() };
    assert_eq!(subject.reconcile_routes_part(&routing, &touched).expect("done").faults, [].into());
    assert_eq!(goes(subject, "2a00::1"), Answer::To(station(1)));

    let more = prefix("2a00:1::/32");
    routing.routes.insert(more, by(&[2]));
    let touched = RoutesTouched { routes: [more].into(), ..RoutesTouched::default() };
    let faults = subject.reconcile_routes_part(&routing, &touched).expect("done").faults;
    assert_eq!(faults, [(RouteFault::Prefixes6, 1)].into());
    assert_eq!(goes(subject, "2a00:1::1"), Answer::Resolve, "never by the default route");
    assert_eq!(goes(subject, "2001:0:5::1"), Answer::Blackhole);

    let first = nth(0).expect("a prefix");
    routing.routes.remove(&first);
    let touched = RoutesTouched { routes: [first].into(), ..RoutesTouched::default() };
    assert_eq!(subject.reconcile_routes_part(&routing, &touched).expect("done").faults, [].into());
    assert_eq!(goes(subject, "2a00:1::1"), Answer::To(station(2)));
    assert_eq!(goes(subject, "2a00::1"), Answer::To(station(1)));
    nothing_is_written(subject, &routing);
}
