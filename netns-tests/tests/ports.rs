//! Ports that live: drivers, hosts at their default offloads, slow egress, mirroring, rates, learning limits. Needs root.

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use common::wire::{Tap, Wire, frame};
use common::{flow, port, ready_bed, repeat, traffic, within};
use netns_tests::bed::{Host, Testbed};

/// A change of a netdev reaches the switch, and the switch the frames: the hosts are asked every 2 s.
const SOON: Duration = Duration::from_secs(10);
/// Bytes of a transfer.
const BYTES: usize = 4 << 20;
const BROADCAST: [u8; 6] = [0xff; 6];

fn configure(bed: &Testbed, lines: &[&str]) {
    let mut cli = bed.cli().expect("a session");
    for line in lines {
        let answer = cli.run(line).expect(line);
        assert!(answer.ok, "{line}: {:?}", answer.error);
    }
}

fn pattern(at: usize) -> u8 {
    (at.wrapping_mul(2_654_435_761) >> 13) as u8
}

/// Sends [`BYTES`] from one host to another by TCP; every byte must come as it was sent.
fn transfer(bed: &Testbed, from: &str, to: &str) {
    let (from, to) = (bed.host(from).expect("host"), bed.host(to).expect("host"));
    let listener = to.enter(|| TcpListener::bind((to.ip(), 0))).expect("inside").expect("a listener");
    let address = listener.local_addr().expect("an address");
    std::thread::scope(|scope| {
        let received = scope.spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            stream.set_read_timeout(Some(SOON)).expect("a timeout");
            let mut bytes = Vec::with_capacity(BYTES);
            stream.read_to_end(&mut bytes).map(|_| bytes)
        });
        let connected = from.enter(|| TcpStream::connect_timeout(&address, SOON)).expect("inside");
        let mut stream = connected.unwrap_or_else(|e| {
            // The listener's thread waits for somebody.
            drop(to.enter(|| TcpStream::connect(address)));
            panic!("{} to {}: {e}", from.spec.number, to.spec.number)
        });
        stream.set_write_timeout(Some(SOON)).expect("a timeout");
        let bytes: Vec<u8> = (0..BYTES).map(pattern).collect();
        stream.write_all(&bytes).expect("sent");
        drop(stream);
        let received = received.join().expect("no panic").expect("received");
        assert!(received == bytes, "{} bytes arrived, or others than were sent", received.len());
    });
}

/// IPv4 packets that the stack of the switch's namespace has taken in.
fn taken_in(bed: &Testbed) -> u64 {
    let text = bed.in_switch(|| std::fs::read_to_string("/proc/thread-self/net/snmp"));
    let text = text.expect("inside").expect("readable");
    let mut lines = text.lines().filter(|line| line.starts_with("Ip:"));
    let names = lines.next().expect("names").split_whitespace();
    let values = lines.next().expect("values").split_whitespace();
    let found = names.zip(values).find(|(name, _)| *name == "InReceives");
    found.expect("counted").1.parse().expect("a number")
}

fn offloads(host: &Host, on: bool) {
    host.set_offloads(on).expect("offloads");
}

fn faults(bed: &Testbed, name: &str) -> String {
    port(bed, name)["faults"].to_string()
}

fn dropped(bed: &Testbed, name: &str, reason: &str) -> u64 {
    port(bed, name)["drops"][reason].as_u64().unwrap_or(0)
}

/// Hosts at their default offloads on tcx ports, others as XDP needs them: TCP goes between all pairs, and nothing of it into the stack of the
/// switch's namespace.
#[test]
fn tcp_goes_between_all_pairs_of_drivers() {
    let (bed, _) = ready_bed("po1-");
    configure(&bed, &["configure ports 1:2,2:2 driver tcx"]);
    for name in ["h2", "h4"] {
        offloads(bed.host(name).expect("host"), true);
    }
    assert_eq!(port(&bed, "1:2")["driver"], "tcx");
    let before = taken_in(&bed);
    for (from, to) in [("h1", "h3"), ("h1", "h2"), ("h2", "h1"), ("h2", "h4"), ("h4", "h3")] {
        transfer(&bed, from, to);
    }
    assert_eq!(taken_in(&bed), before, "frames of ports are none of the stack's");
    // Back, with the hosts as they were, and the port counts on.
    for name in ["h2", "h4"] {
        offloads(bed.host(name).expect("host"), false);
    }
    configure(&bed, &["configure ports 1:2,2:2 driver xdp"]);
    assert_eq!(port(&bed, "1:2")["driver"], "xdp");
    transfer(&bed, "h2", "h4");
}

/// `auto` follows what the host does, once: a used link goes to tcx when it has to, and stays.
#[test]
fn auto_goes_where_the_hosts_offloads_survive() {
    let (bed, _) = ready_bed("po2-");
    let h1 = bed.host("h1").expect("host");
    configure(&bed, &["configure ports 1:1 driver auto"]);
    let driver = || port(&bed, "1:1")["driver"].as_str().map(str::to_owned).expect("a driver");
    within(SOON, "its host does nothing that XDP cannot carry", || driver() == "xdp");
    transfer(&bed, "h1", "h3");
    offloads(h1, true);
    within(SOON, "its host leaves checksums to the netdev", || driver() == "tcx");
    transfer(&bed, "h1", "h3");
    offloads(h1, false);
    flow(5.0);
    assert_eq!(driver(), "tcx", "a link that is used is not taken apart");
    // Named where XDP is asked for.
    offloads(h1, true);
    configure(&bed, &["configure ports 1:1 driver xdp"]);
    within(SOON, "the fault has a name and a cure", || faults(&bed, "1:1").contains("tx off"));
    offloads(h1, false);
    within(SOON, "and goes", || faults(&bed, "1:1") == "[]");
}

/// A port whose peer takes no XDP frames is served by tcx, and said to be.
#[test]
fn frames_to_a_port_without_xdp_transmit_go_by_tcx() {
    let (bed, _) = ready_bed("po3-");
    let h3 = bed.host("h3").expect("host");
    h3.set_gro(false).expect("GRO off");
    within(SOON, "the fault is named", || faults(&bed, "2:1").contains("gro on"));
    transfer(&bed, "h1", "h3");
    let slow = || port(&bed, "1:1")["slow"].as_u64().expect("a count");
    let by_tcx = slow();
    assert!(by_tcx > 0, "unicast and floods went by tcx");
    h3.set_gro(true).expect("GRO on");
    within(SOON, "the fault is gone", || faults(&bed, "2:1") == "[]");
    let by_tcx = slow();
    transfer(&bed, "h1", "h3");
    assert_eq!(slow(), by_tcx, "by XDP again");
}

/// Copies of what a port receives and sends arrive at the monitor port, and nothing else does.
#[test]
fn mirrored_frames_are_copied() {
    let (bed, _) = ready_bed("po4-");
    let [h1, h2, h4] = ["h1", "h2", "h4"].map(|name| bed.host(name).expect("host"));
    configure(
        &bed,
        &[
            "configure vlan Default delete ports 2:2",
            "enable mirroring to port 2:2",
            "configure mirroring add ports 1:1 ingress",
        ],
    );
    let tap = Tap::of(h4);
    let (one, two) = (Wire::of(h1), Wire::of(h2));
    const MANY: u32 = 50;
    let send = |wire: &Wire, to, from, first| {
        (first..first + MANY).for_each(|n| {
            wire.send(&frame(to, from, None, n, 100));
            // A veth ring holds 256.
            std::thread::sleep(Duration::from_micros(200));
        });
    };
    send(&two, BROADCAST, h2.mac(), 1000);
    tap.take();
    send(&one, h2.mac(), h1.mac(), 0);
    let copies = tap.take();
    let numbers: Vec<u32> = copies.iter().filter_map(|bytes| common::wire::number(bytes)).collect();
    assert_eq!(numbers, (0..MANY).collect::<Vec<_>>(), "received by 1:1");
    assert_eq!(copies[7], frame(h2.mac(), h1.mac(), None, 7, 100), "as it came");
    send(&two, h1.mac(), h2.mac(), 0);
    assert_eq!(tap.take().len(), 0, "sent by 1:1: not asked for");
    configure(&bed, &["configure mirroring delete all", "configure mirroring add ports 1:1 egress"]);
    send(&two, h1.mac(), h2.mac(), 0);
    send(&one, h2.mac(), h1.mac(), 0);
    assert_eq!(tap.take().len(), MANY as usize, "sent by 1:1");
    configure(&bed, &["disable mirroring"]);
    send(&one, h2.mac(), h1.mac(), 0);
    assert_eq!(tap.take().len(), 0);
}

/// Over a flood rate frames are dropped and counted; what is left is the rate.
#[test]
fn flood_rates_hold() {
    const RATE: f64 = 1000.0;
    let (bed, _) = ready_bed("po5-");
    let [h1, h3] = ["h1", "h3"].map(|name| bed.host(name).expect("host"));
    configure(&bed, &["configure ports 1:1 rate-limit flood broadcast 1000"]);
    let (tap, wire) = (Tap::of(h3), Wire::of(h1));
    let started = Instant::now();
    let mut sent = 0;
    while started.elapsed() < Duration::from_secs(3) {
        wire.send(&frame(BROADCAST, h1.mac(), None, sent, 64));
        sent += 1;
        std::thread::sleep(Duration::from_micros(150));
    }
    let seconds = started.elapsed().as_secs_f64();
    assert!(f64::from(sent) > 2.0 * RATE * seconds, "{sent} frames are no load");
    let arrived = tap.take().len() as f64;
    let ratio = (arrived - 50.0) / (RATE * seconds);
    assert!((0.9..=1.1).contains(&ratio), "{arrived} of {sent} in {seconds} s: {ratio:.3} of the rate");
    within(SOON, "counted", || dropped(&bed, "1:1", "rate-limited") == u64::from(sent) - arrived as u64);
    // Other kinds have none.
    (0..100).for_each(|n| wire.send(&frame([2, 0, 0, 0, 9, 9], h1.mac(), None, n, 64)));
    assert_eq!(tap.take().len(), 100);
}

/// A port has as many stations as it may; the rest is dropped. What ages or is cleared makes room.
#[test]
fn learning_limits_hold() {
    let (bed, _) = ready_bed("po6-");
    let [h1, h3] = ["h1", "h3"].map(|name| bed.host(name).expect("host"));
    configure(&bed, &["clear fdb", "configure ports 1:1 limit-learning 4"]);
    let (tap, wire) = (Tap::of(h3), Wire::of(h1));
    let speak = |from: u8, to: u8| {
        for n in from..to {
            wire.send(&frame(BROADCAST, [2, 0, 0, 7, 0, n], None, n.into(), 64));
        }
    };
    let stations = || {
        let fdb = bed.show("fdb ports 1:1").expect("show fdb");
        fdb["count"].as_u64().expect("a count")
    };
    speak(0, 10);
    // The host's own station may be one of them.
    assert_eq!(stations(), 4);
    let arrived = tap.take().len();
    assert!((3..=4).contains(&arrived), "{arrived}");
    assert!(dropped(&bed, "1:1", "learn-limited") >= 6);
    configure(&bed, &["clear fdb", "configure ports 1:1 lock-learning"]);
    speak(0, 4);
    assert_eq!((stations(), tap.take().len()), (0, 0), "locked");
    configure(&bed, &["configure ports 1:1 unlock-learning"]);
    speak(10, 14);
    assert_eq!(stations(), 4, "cleared stations made room");
    configure(&bed, &["configure ports 1:1 unlimited-learning"]);
    speak(20, 40);
    assert!(stations() >= 20);
}

/// A port changes its driver under traffic: the tcx link is there all the time, and the XDP link comes before it is needed and goes after.
#[test]
fn a_change_of_driver_loses_nothing() {
    let (bed, _) = ready_bed("po7-");
    let (pps, changes) = (repeat(20_000, 100_000), repeat(10, 100));
    // What either driver carries, and what a change costs beside that.
    for (what, drivers) in [("xdp", &["xdp"][..]), ("tcx", &["tcx"]), ("changes", &["xdp", "tcx"])] {
        configure(&bed, &[&format!("configure ports 1:1 driver {}", drivers[0])]);
        let probe = traffic(&bed, pps);
        for change in 0..if drivers.len() > 1 { changes } else { 10 } {
            flow(0.1);
            if drivers.len() > 1 {
                let driver = drivers[(change as usize + 1) % 2];
                configure(&bed, &[&format!("configure ports 1:1 driver {driver}")]);
                assert_eq!(port(&bed, "1:1")["driver"], driver);
            }
        }
        flow(0.3);
        let report = probe.stop().expect("a report");
        let streams = report.streams.iter().map(|s| {
            format!(
                "{}: sent {} lost {} twice {} behind {}",
                s.name, s.sent, s.lost, s.duplicated, s.reordered
            )
        });
        println!("{what} at {pps}/s: {}; {:?}", streams.collect::<Vec<_>>().join(", "), report.lost_where);
        assert!(
            report.streams.iter().all(|s| s.sent > 0 && s.lost + s.duplicated == 0),
            "{what}: {report:#?}"
        );
    }
}
