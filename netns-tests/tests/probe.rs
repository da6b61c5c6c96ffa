//! The probe, over a Linux bridge: it loses nothing when nothing happens, and sees what is done to its frames. Needs root.

use std::time::{Duration, Instant};

use netns_tests::bed::{BedOptions, SwitchKind, Testbed, mac_text};
use netns_tests::probe::{Probe, ProbeError, ProbeReport, StreamSpec};

fn bed(prefix: &str) -> Testbed {
    let options =
        BedOptions { prefix: prefix.to_owned(), switch: SwitchKind::Bridge, ..BedOptions::default() };
    Testbed::start(options).unwrap()
}

/// Between the modules, both ways.
fn both_ways(flows: u16, pps: u32) -> Vec<StreamSpec> {
    vec![StreamSpec::new("there", "h1", "h3", flows, pps), StreamSpec::new("back", "h3", "h1", flows, pps)]
}

fn run(
    bed: &Testbed,
    streams: Vec<StreamSpec>,
    time: Duration,
    event: impl FnOnce(&Testbed, &Probe),
) -> ProbeReport {
    let mut probe = Probe::new(bed, streams).unwrap();
    probe.start().unwrap();
    std::thread::sleep(time / 2);
    probe.phase(1).unwrap();
    event(bed, &probe);
    std::thread::sleep(time / 2);
    probe.stop().unwrap()
}

fn in_switch(bed: &Testbed, program: &str, args: &[&str]) {
    assert!(bed.switch_netns().command(program).args(args).status().unwrap().success(), "{program} {args:?}");
}

fn print(report: &ProbeReport) {
    for s in &report.streams {
        println!(
            "{}: offered {:.0} pps sent {} received {} lost {} dup {} reord {} flooded {} reset {:.2}/{:.2} ms gap {:.0} (steady {:.0}) us latency {:.1}/{:.1}/{:.0} us",
            s.name,
            s.offered_pps,
            s.sent,
            s.received,
            s.lost,
            s.duplicated,
            s.reordered,
            s.flooded,
            s.reset_ms_loss,
            s.reset_ms_timestamp,
            s.max_gap_us,
            s.steady_max_gap_us,
            s.latency_p50_us,
            s.latency_p99_us,
            s.latency_max_us
        );
    }
    println!(
        "late {:.0} us, given up {:.1} ms, realtime {}",
        report.sender_late_max_us, report.sender_given_up_ms, report.realtime
    );
    println!("{:#?}", report.lost_where);
}

#[test]
fn a_quiet_run_at_full_rate_loses_nothing() {
    let bed = bed("tp1-");
    let mut streams = both_ways(64, 100_000);
    streams.push(StreamSpec::new("authority", "h4", "h3", 1, 1_000));
    let report = run(&bed, streams, Duration::from_secs(5), |_, _| {});
    print(&report);
    for stream in &report.streams {
        assert_eq!(
            (stream.lost, stream.duplicated, stream.reordered, stream.flooded),
            (0, 0, 0, 0),
            "{}",
            stream.name
        );
        assert_eq!((stream.reset_ms_loss, stream.reset_ms_timestamp), (0.0, 0.0));
        assert!(stream.latency_p50_us > 0.0 && stream.latency_p50_us <= stream.latency_p99_us);
    }
    let there = report.stream("there").unwrap();
    // A machine that gives the senders less than nine tenths of their time cannot show what is claimed here.
    assert!(there.sent >= 450_000, "{} of 500,000 sent; {report:?}", there.sent);
    assert!(
        there.flows.iter().all(|flow| flow.sent.abs_diff(there.sent / 64) <= 1 && flow.received == flow.sent)
    );
}

#[test]
fn a_link_that_is_down_for_50_ms_is_lost_frames_and_its_time() {
    let bed = bed("tp2-");
    let mut streams = both_ways(8, 10_000);
    streams.push(StreamSpec::new("elsewhere", "h2", "h4", 8, 10_000));
    let report = run(&bed, streams, Duration::from_secs(1), |bed, _| {
        in_switch(bed, "ip", &["link", "set", "s1p1", "down"]);
        std::thread::sleep(Duration::from_millis(50));
        in_switch(bed, "ip", &["link", "set", "s1p1", "up"]);
    });
    print(&report);
    for name in ["there", "back"] {
        let stream = report.stream(name).unwrap();
        assert!(stream.lost >= 400, "{name} lost {}", stream.lost);
        assert!(stream.reset_ms_loss >= 40.0 && stream.reset_ms_timestamp >= 40.0, "{name}");
        // Two methods, one outage: apart by the time between two frames of a flow, and what the machine adds.
        assert!((stream.reset_ms_loss - stream.reset_ms_timestamp).abs() < 10.0, "{name}");
        assert!(stream.max_gap_us >= 40_000.0 && stream.steady_max_gap_us < stream.max_gap_us, "{name}");
    }
    assert_eq!(report.stream("elsewhere").unwrap().lost, 0);
    assert!(!report.lost_where.is_empty(), "a lost frame has a place");
}

#[test]
fn one_flow_dropped_is_that_flow_and_no_other() {
    let bed = bed("tp3-");
    let report = run(&bed, both_ways(8, 10_000), Duration::from_secs(1), |bed, probe| {
        let station = mac_text(probe.stations("there").unwrap()[3].from);
        in_switch(bed, "nft", &["add", "table", "netdev", "t"]);
        in_switch(
            bed,
            "nft",
            &["add", "chain", "netdev", "t", "c", "{ type filter hook ingress device s1p1 priority 0; }"],
        );
        in_switch(bed, "nft", &["add", "rule", "netdev", "t", "c", "ether", "saddr", &station, "drop"]);
        std::thread::sleep(Duration::from_millis(50));
        in_switch(bed, "nft", &["delete", "table", "netdev", "t"]);
    });
    print(&report);
    let there = report.stream("there").unwrap();
    for flow in &there.flows {
        assert_eq!(flow.lost > 0, flow.flow == 3, "flow {} lost {}", flow.flow, flow.lost);
    }
    assert!(there.flows[3].gaps[1].ns >= 40_000_000 && there.reset_ms_timestamp >= 40.0);
    assert_eq!(report.stream("back").unwrap().lost, 0);
}

#[test]
fn duplicates_and_disorder_are_counted_frame_by_frame() {
    let bed = bed("tp4-");
    // One frame a second, the first after a second: until then all frames are the test's.
    let mut probe = Probe::new(&bed, vec![StreamSpec::new("slow", "h1", "h3", 1, 1)]).unwrap();
    probe.start().unwrap();
    let arrives = |probe: &Probe, frames: u64| {
        let until = Instant::now() + Duration::from_secs(5);
        while probe.sample().unwrap()[0].arrived < frames {
            assert!(Instant::now() < until, "frame {frames} did not arrive");
        }
    };
    probe.inject("slow", 0, 5_000_000).unwrap();
    for sequence in [4_999_998, 4_999_998, 4_999_999, 4_999_999 - 65_536] {
        probe.inject("slow", 0, sequence).unwrap();
    }
    arrives(&probe, 5);
    let report = probe.stop().unwrap();
    print(&report);
    let flow = &report.streams[0].flows[0];
    assert_eq!((flow.duplicated, flow.too_late), (1, 1), "{flow:?}");
    // 4,999,998 and 4,999,999 after 5,000,000; number 0, if it went later, is another.
    assert!((2..=3).contains(&flow.reordered), "{flow:?}");
    assert!(flow.received >= 3 && flow.holes >= 1, "{flow:?}");
}

#[test]
fn frames_for_others_are_flooded_until_their_station_speaks() {
    let bed = bed("tp5-");
    let report = run(&bed, both_ways(4, 1_000), Duration::from_secs(1), |bed, probe| {
        in_switch(bed, "ip", &["link", "set", "br0", "type", "bridge", "fdb_flush"]);
        for flow in 0..4 {
            probe.announce("there", flow).unwrap();
        }
    });
    print(&report);
    for stream in &report.streams {
        assert!(stream.flooded > 0 && stream.lost == 0, "{stream:?}");
    }
    // "back" goes on being flooded, to two hosts, for the half second that is left.
    let [there, back] = ["there", "back"].map(|name| report.stream(name).unwrap().flooded);
    assert!(there * 4 < back, "there {there}, back {back}");
}

#[test]
fn a_switch_that_does_not_forward_is_said_before_anything_is_counted() {
    let bed = bed("tp6-");
    in_switch(&bed, "ip", &["link", "set", "s2p1", "nomaster"]);
    let mut probe = Probe::new(&bed, both_ways(4, 1_000)).unwrap();
    match probe.start() {
        Err(ProbeError::NotLearned { expected: 16, arrived: 0, .. }) => {}
        other => panic!("{other:?}"),
    }
}
