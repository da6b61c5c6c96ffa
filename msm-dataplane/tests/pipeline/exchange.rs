//! Whole exchanges under load: one CPU runs frames all the time while the owner's code on the other puts access lists and route tables
//! into force, one after the other. No frame sees half a list, and none goes a way that neither table has.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use msm_abi::{
    DropReason, EgressEntry, FdbEntry, Lport, PORTS, PlaneConfig, PortEntry, VlanEntry, names, port_flags,
    vlan_flags,
};
use msm_dataplane::plane as owner;
use msm_dataplane::plane::acl::{AclFields, AclFrames, AclIp, AclList, AclPrefix, AclRule};
use msm_dataplane::tables::plane_config;
use msm_dataplane::{Gateway, RouteTo, Routing, Station};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::frames::*;
use crate::mirror::{Halves, Mirror};
use crate::plane::*;
use crate::wire;

const ROUTER: [u8; 6] = [2, 0, 0, 0xee, 0, 1];
const SVI: Lport = PORTS as Lport;
/// Pairs of addresses of which the lists permit each with its like.
const PAIRS: u32 = 32;
/// Networks 10.1 to 10.this, of which each has a block in one table and the last one has the destinations: its block is written last.
const LAST: u8 = 64;
/// Of one entry.
const LONG: Duration = Duration::from_secs(1);
/// Within which half a list is seen where lists are written in place. It takes some exchanges.
const SEEN_WITHIN: Duration = Duration::from_secs(10);

const fn source(n: u32) -> u32 {
    0x0a4d_0000 + n
}

const fn destination(n: u32) -> u32 {
    0x0a00_0900 + (LAST as u32 * 0x1_0000) + n
}

/// A list that permits each source to its own destination and denies all else; `turned` puts other rules in front and the rules in
/// another order, so that nothing of the one fits the other.
fn list(turned: bool) -> AclList {
    let exactly = |addr| Some(AclPrefix::new(addr, 32));
    let rule = |permit, source, destination| AclRule {
        permit,
        counter: 0,
        ingress: None,
        frames: AclFrames::Ipv4 {
            source,
            destination,
            protocol: None,
            source_port: None,
            destination_port: None,
        },
    };
    let mut rules: Vec<AclRule> =
        (0..PAIRS).map(|n| rule(true, exactly(source(n)), exactly(destination(n)))).collect();
    if turned {
        rules.reverse();
        let others = (0..10).map(|n| rule(true, exactly(0x0b00_0000 + n), None));
        rules.splice(0..0, others);
    }
    rules.push(rule(false, None, None));
    for (counter, rule) in rules.iter_mut().enumerate() {
        rule.counter = counter as u16;
    }
    AclList { rules }
}

/// One table leads to the destinations by a block of long routes, past which nothing is let through; the other by one short route, and has that
/// block for another network.
fn routing(turned: bool) -> Routing {
    let gateway = |n: u8| Gateway { ip: [10, 0, 10, n].into(), vid: 10 };
    let by = |n| RouteTo::Hops(vec![gateway(n)]);
    let mut routes = Vec::new();
    for n in 1..=LAST {
        let other = 100 + n;
        routes.extend(if turned {
            [(format!("10.{other}.0.0/16"), by(2)), (format!("10.{other}.0.0/17"), by(3))]
        } else {
            [(format!("10.{n}.0.0/16"), RouteTo::Blackhole), (format!("10.{n}.9.0/24"), by(1))]
        });
    }
    if turned {
        routes.push((format!("10.{LAST}.0.0/16"), by(2)));
    }
    let station = |n| Station { mac: [S12, S22, S21][n as usize - 1], vid: 10 };
    Routing {
        hosts: (1..4).map(|n| (gateway(n).ip, station(n))).collect(),
        routes: routes.into_iter().map(|(text, to)| (text.parse().expect("a prefix"), to)).collect(),
        ..Routing::default()
    }
}

fn frame(from: u32, to: u32) -> Vec<u8> {
    let ip =
        AclIp { source: source(from), destination: destination(to), protocol: 17, ports: Some((1000, 2000)) };
    let fields =
        AclFields { ingress: P11, source: S11, destination: ROUTER, ethertype: 0x0800, ip: Some(ip) };
    // No options, no fragment.
    wire::frame(&fields, false, 33)
}

/// Frames that come in by VLAN 1 at 1:1 are routed to VLAN 10.
fn routed(by_tcx: bool) -> Plane {
    let mut plane = Plane::new();
    plane.vlan(10, 0, &[P12, P21, P22], &[]);
    for vid in [1u16, 10] {
        let mut entry: VlanEntry = plane.get(names::VLANS, &u32::from(vid)).expect("an entry");
        entry.flags |= vlan_flags::ROUTED;
        (entry.svi, entry.mtu) = (SVI + vid, 1500);
        plane.set(names::VLANS, &u32::from(vid), &entry);
    }
    for (mac, lport) in [(S12, P12), (S22, P22), (S21, P21)] {
        plane.station(mac, 10, FdbEntry::new(lport, FdbEntry::STATIC, now_stamp()));
    }
    for lport in ALL {
        plane.set(
            names::EGRESS,
            &u32::from(lport),
            &EgressEntry { ifindex: LOOPBACK, ..EgressEntry::default() },
        );
    }
    if by_tcx {
        let entry = port_entry(P11);
        plane.port(PortEntry { flags: entry.flags | port_flags::TCX, ..entry });
    }
    plane
}

fn pin(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu % thread::available_parallelism().map_or(1, usize::from));
    sched_setaffinity(None, &set).expect("pinning a thread to a CPU");
}

/// What frames did.
#[derive(Debug, Default)]
struct Seen {
    /// Those that both lists deny, and were.
    denied: u64,
    /// Those that both lists permit, by the way that each table has.
    sent: [u64; 2],
    /// Those that neither list does so.
    half: u64,
    /// Those that neither table sends so.
    third: u64,
    /// Those that should have been sent: by a list or by a route, see [`Seen::explain`].
    dropped: u64,
}

impl Seen {
    /// Runs every frame once.
    fn frames(&mut self, plane: &Plane, by_tcx: bool, frames: &[(bool, Vec<u8>)]) {
        for (permitted, frame) in frames {
            let (is_sent, out) = if by_tcx {
                let (action, out) = plane.run_tcx(frame);
                (action == TC_REDIRECT, out)
            } else {
                let outcome = plane.run(frame);
                (outcome.action == XDP_REDIRECT, outcome.frame)
            };
            match (permitted, is_sent) {
                (false, false) => self.denied += 1,
                (true, true) if out[..6] == S12 => self.sent[0] += 1,
                (true, true) if out[..6] == S22 => self.sent[1] += 1,
                (true, true) => self.third += 1,
                (true, false) => self.dropped += 1,
                (false, true) => self.half += 1,
            }
        }
    }
}

impl Seen {
    /// Says by the reasons counted which drops were a list's.
    fn explain(mut self, plane: &Plane) -> Self {
        let by_list = plane.counters(P11.into()).drops[DropReason::AclDenied as usize] - self.denied;
        self.half += by_list;
        self.third += std::mem::take(&mut self.dropped) - by_list;
        self
    }
}

/// Runs frames while lists and tables are exchanged, until `enough`; how many exchanges of each there were.
fn exchange(by_tcx: bool, halves: Halves, enough: impl Fn(&Seen, Duration) -> bool + Sync) -> (u64, Seen) {
    let plane = routed(by_tcx);
    let mut owner = owner::Plane::new(Mirror::with(&plane, halves));
    let config = PlaneConfig {
        fdb_age: AGE,
        fdb_refresh: REFRESH,
        router_mac: plane_config::router_mac(ROUTER),
        ..PlaneConfig::default()
    };
    plane_config::set(owner.store_mut(), config).expect("written");
    let lists = [false, true].map(|turned| list(turned).compile().expect("lawful"));
    let tables = [routing(false), routing(true)];
    let mut both = |turned: usize| {
        if halves == Halves::InPlace {
            // What an owner remembers of two halves is not so.
            let store = std::mem::replace(owner.store_mut(), Mirror::with(&plane, halves));
            owner = owner::Plane::new(store);
        }
        owner.install_acl(&lists[turned]).expect("installed");
        owner.reconcile_routes(&tables[turned]).expect("routed");
    };
    both(0);
    let permitted = (0..PAIRS).map(|n| (true, frame(n, n)));
    let frames: Vec<(bool, Vec<u8>)> =
        permitted.chain((0..PAIRS).map(|n| (false, frame(n, (n + 1) % PAIRS)))).collect();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let forwarder = scope.spawn(|| {
            pin(1);
            let (mut seen, began) = (Seen::default(), Instant::now());
            while !enough(&seen, began.elapsed()) {
                seen.frames(&plane, by_tcx, &frames);
            }
            stop.store(true, SeqCst);
            seen
        });
        pin(0);
        let mut exchanges = 0;
        while !stop.load(SeqCst) && !forwarder.is_finished() {
            exchanges += 1;
            both(exchanges % 2);
        }
        let seen = forwarder.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (exchanges as u64, seen.explain(&plane))
    })
}

#[test]
fn no_frame_sees_half_a_list_or_a_third_way() {
    for by_tcx in [false, true] {
        let (exchanges, seen) = exchange(by_tcx, Halves::Kernel, |_, time| time > LONG);
        println!("tcx {by_tcx}: {exchanges} exchanges of both, {seen:?}");
        assert_eq!((seen.half, seen.third), (0, 0), "tcx {by_tcx}: {exchanges} exchanges, {seen:?}");
        assert!(exchanges > 1 && seen.sent.iter().all(|sent| *sent > 0), "{exchanges} exchanges, {seen:?}");
    }
}

/// The same where lists and tables have one half: the test above would see it.
#[test]
fn written_in_place_half_a_list_is_seen() {
    for by_tcx in [false, true] {
        let enough = |seen: &Seen, time| {
            let dropped_or_sent = seen.half + seen.dropped > 0 && seen.third > 0;
            dropped_or_sent || time > SEEN_WITHIN
        };
        let (exchanges, seen) = exchange(by_tcx, Halves::InPlace, enough);
        println!("tcx {by_tcx}: {exchanges} exchanges of both, {seen:?}");
        assert!(seen.half > 0 && seen.third > 0, "tcx {by_tcx}: {exchanges} exchanges, {seen:?}");
    }
}
