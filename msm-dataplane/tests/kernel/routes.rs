//! 100,000 routes in the kernel: how long it takes until they are in force, and until one more is.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use msm_dataplane::{Prefix, RouteTo, RoutesTouched, Routing, TableError};

use crate::{
    bed::Bed,
    contract::routes::{gateway, prefix, station},
};

const ROUTES: usize = 100_000;
const GATEWAYS: u8 = 200;
/// Networks of 8 bits that the routes are in: so they need 12,800 blocks of their own.
const FIRST: u32 = 50;

/// splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }

    fn route(&mut self) -> (Prefix, RouteTo) {
        let first = 11 + self.below(FIRST.into()) as u32;
        let addr = IpAddr::V4((first << 24 | self.below(1 << 24) as u32).into());
        let len = 24 - (self.below(8) * self.below(8) / 8) as u8;
        let to = RouteTo::Hops(vec![gateway(1 + self.below(GATEWAYS.into()) as u8)]);
        (Prefix::new(addr, len).expect("a length that fits"), to)
    }
}

/// Routes drawn uniformly, with a default route.
fn drawn(seed: u64) -> Routing {
    let mut random = Random(seed);
    let mut routing = Routing {
        hosts: (1..=GATEWAYS).map(|n| (gateway(n).ip, station(n))).collect(),
        routes: [(prefix("0.0.0.0/0"), RouteTo::Hops(vec![gateway(1)]))].into(),
        ..Routing::default()
    };
    while routing.routes.len() < ROUTES {
        let (prefix, to) = random.route();
        routing.routes.insert(prefix, to);
    }
    routing
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> (T, Duration) {
    let begin = Instant::now();
    let done = work();
    let took = begin.elapsed();
    println!("{what}: {took:?}");
    (done, took)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Prints what it takes; a build without optimisation is given ten times as long as a whole second would be.
#[test]
fn a_hundred_thousand_routes() {
    Bed::run(|bed| {
        let mut owner = bed.create();
        let mut routing = drawn(1);
        let reader = owner.route_reader().expect("descriptors");
        let (plan, _) = timed("read empty tables and compile 100,000 routes, on a thread", || {
            std::thread::scope(|s| s.spawn(|| reader.plan(&routing)).join().expect("no panic"))
        });
        let (changes, _) = timed("in force", || owner.install_routes(plan.expect("planned")).expect("done"));
        let state = owner.observer().route_state().expect("read");
        println!("{} writes; blocks, IPv4, IPv6 routes, unfit: {:?}", changes.writes, state.used);
        assert_eq!((changes.faults.len(), state.used[1]), (0, ROUTES as u32));
        assert!(state.used[0] > 12_000);
        right(&owner, &routing, 2);

        // In idle time.
        while !owner.routes_settled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut worst = Duration::ZERO;
        loop {
            let begin = Instant::now();
            let more = owner.routes_catch_up(512).expect("written");
            worst = worst.max(begin.elapsed());
            if !more {
                break;
            }
        }
        println!("idle half up to date by 512 blocks at a time, worst {worst:?}");

        // One route, told by name.
        let mut times = Vec::new();
        let mut random = Random(9);
        for i in 0..40 {
            while !owner.routes_settled() {
                std::thread::sleep(Duration::from_millis(1));
            }
            let (prefix, to) = random.route();
            if i % 2 == 0 {
                routing.routes.insert(prefix, to);
            } else {
                routing.routes.remove(&prefix);
            }
            let touched = RoutesTouched { routes: [prefix].into(), ..RoutesTouched::default() };
            let begin = Instant::now();
            owner.reconcile_routes_part(&routing, &touched).expect("done");
            times.push(begin.elapsed());
        }
        let (worst, usual) = (times.iter().max().copied(), median(times.clone()));
        println!("one route of 100,000: median {usual:?}, worst {worst:?}");

        // Other routes altogether: compiled, then in force.
        let other = drawn(2);
        let (_, took) = timed("100,000 other routes instead, compiled and in force", || {
            owner.reconcile_routes(&other).expect("done")
        });
        right(&owner, &other, 3);
        assert!(took < Duration::from_secs(10));

        // The next owner.
        let name = owner.release();
        let mut owner = bed.tree().take(&name, name.slot).expect("taken");
        let stale = owner.route_reader().expect("descriptors");
        let reader = owner.route_reader().expect("descriptors");
        let (plan, _) = timed("read 100,000 routes and compile them, on a thread", || {
            std::thread::scope(|s| s.spawn(|| reader.plan(&other)).join().expect("no panic"))
        });
        let (changes, _) = timed("adopted", || owner.install_routes(plan.expect("planned")).expect("done"));
        assert_eq!(changes.writes, 0);
        let stale = stale.plan(&other).expect("planned");
        assert!(matches!(owner.install_routes(stale), Err(TableError::StalePlan)));

        let (_, _) = timed("the default route by another gateway", || {
            let mut routing = other.clone();
            let all = prefix("0.0.0.0/0");
            routing.routes.insert(all, RouteTo::Blackhole);
            let touched = RoutesTouched { routes: [all].into(), ..RoutesTouched::default() };
            owner.reconcile_routes_part(&routing, &touched).expect("done")
        });
    });
}

/// Addresses go where the longest of all prefixes says.
fn right(owner: &msm_dataplane::Owner, routing: &Routing, seed: u64) {
    use msm_dataplane::plane::routes::lookup::Answer;
    let mut random = Random(seed);
    for _ in 0..2000 {
        let addr = IpAddr::V4(
            ((11 + random.below(FIRST.into()) as u32) << 24 | random.below(1 << 24) as u32).into(),
        );
        let mut longest = (0..=32).rev().filter_map(|len| routing.routes.get(&Prefix::new(addr, len)?));
        let Some(RouteTo::Hops(gateways)) = longest.next() else { panic!("there is a default route") };
        let want = routing.neighbour(gateways[0]).map_or(Answer::Resolve, Answer::To);
        assert_eq!(owner.observer().route(addr, |_| 0).expect("read"), want, "{addr}");
    }
}
