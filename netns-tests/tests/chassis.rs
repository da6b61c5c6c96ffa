//! What the backplane does to MSMs: watchdog, keepalive, cards pulled and put in, resets; and what that does to frames. Needs root.

mod common;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use common::client::{command, script};
use common::{READY, assert_whole, command_of, flow, logs, ready_bed, within};
use netns_tests::bed::{Ready, Slot, Testbed, wait_dead};
use netns_tests::probe::{Probe, ProbeReport, StreamSpec};
use rustix::process::{Signal, kill_process};

/// Streams of one flow each: with so many, both fabrics have some.
const STREAMS: u16 = 16;
/// Of each of them. A fabric that is lost for as little as 2 ms loses some.
const PPS: u32 = 2000;
/// A watchdog's, for tests. Not the shortest: other tests may run.
const WATCHDOG: Duration = Duration::from_millis(500);
/// A keepalive's.
const KEEPALIVE: Duration = Duration::from_millis(300);
/// Longest that a reprogramming may take, from the backplane's word to the last write.
const PROGRAMMED_US: u64 = 20_000;
/// Longest that anything is waited for that is not measured.
const SOON: Duration = Duration::from_secs(5);

/// The last cause.
fn cause(bed: &Testbed) -> String {
    bed.show("msm-failover").expect("show msm-failover")["cause"].as_str().expect("a word").to_owned()
}

/// How long until somebody else owns the tables; then the chassis is whole again.
fn takeover(bed: &Testbed, before: &Ready, since: Instant) -> Duration {
    let new = || bed.owner().is_ok_and(|owner| owner == (before.slave, before.epoch + 1));
    within(SOON, "a takeover", new);
    let took = since.elapsed();
    let after = bed.wait_ready(READY).unwrap_or_else(|error| panic!("{error}\n{}", logs(bed)));
    assert_eq!((after.master, after.epoch), (before.slave, before.epoch + 1));
    took
}

/// Within 1.2 times its time. A backplane that a busy machine kept from its CPU gives everybody some time more, so a test only fails at three
/// times.
fn in_time(bed: &Testbed, what: &str, took: Duration, of: Duration) {
    let bar = of * 12 / 10;
    println!("{what}: {took:?} of {of:?}");
    if took > bar {
        println!("MISS {what}: {took:?}, bar {bar:?}");
    }
    assert!(took <= of * 3, "{what}: {took:?}, bar {bar:?}\n{}", logs(bed));
}

/// Pulls a card, or puts one in.
fn card(bed: &Testbed, what: &str, slot: Slot) {
    let file = bed.run_dir().with_extension("toml");
    let file = file.to_str().expect("a plain path");
    let status = command_of(bed, &["chassis", what, slot.letter(), "--file", file]);
    assert!(status.success(), "chassis {what} {slot}: {status}\n{}", logs(bed));
}

/// Flows between modules, each a stream, and one inside a module.
fn traffic(bed: &Testbed) -> Probe {
    let across = (0..STREAMS).map(|n| StreamSpec::new(&format!("{n}"), "h1", "h3", 1, PPS));
    let inside = [StreamSpec::new("inside", "h2", "h1", 1, PPS)];
    let mut probe = Probe::new(bed, across.chain(inside).collect()).expect("a probe");
    probe.start().expect("stations learned, frames under way");
    flow(0.2);
    probe
}

/// The streams that lost frames. Nothing else may have happened to any, and none inside a module is among them.
fn losers(probe: Probe) -> BTreeSet<String> {
    let report: ProbeReport = probe.stop().expect("a report");
    for stream in &report.streams {
        let wrong = (stream.duplicated, stream.reordered, stream.altered);
        assert_eq!(wrong, (0, 0, 0), "{stream:#?}");
    }
    let lost: BTreeSet<String> =
        report.streams.iter().filter(|stream| stream.lost > 0).map(|stream| stream.name.clone()).collect();
    let most = report.streams.iter().map(|stream| stream.lost).max().unwrap_or(0);
    println!("lost by {lost:?}, {most} frames at most ({} ms)", most * 1000 / u64::from(PPS));
    assert!(!lost.contains("inside"), "a frame inside a module needs no fabric: {report:#?}");
    lost
}

/// Does something to the master while the slave, which would program the fabric that is left, is stopped for so long. Without that the loss
/// may be too short to be seen: the senders of a busy machine wait while the slave takes over.
fn with_a_slow_slave(bed: &Testbed, slave: Slot, work: impl FnOnce()) {
    bed.kill(slave, Signal::STOP).expect("stopped");
    work();
    flow(0.1);
    bed.kill(slave, Signal::CONT).expect("continued");
}

/// Every reprogramming of a log is told with its time.
fn programmed(bed: &Testbed) {
    for slot in Slot::ALL {
        let text = std::fs::read_to_string(bed.run_dir().join(format!("msm-{slot}.log"))).unwrap_or_default();
        for line in text.lines().filter(|line| line.contains("I/O modules programmed")) {
            println!("{line}");
            let us = line.split_whitespace().rev().nth(5).and_then(|word| word.parse::<u64>().ok());
            let us = us.unwrap_or_else(|| panic!("no time in: {line}"));
            if us > PROGRAMMED_US {
                println!("MISS reprogrammed in {us} us, bar {PROGRAMMED_US}");
            }
            assert!(us <= 5 * PROGRAMMED_US, "{line}");
        }
    }
}

#[test]
fn a_master_that_does_not_kick_is_reset() {
    let (bed, before) = ready_bed("ch1-");
    let own = format!("configure msm-failover watchdog {}\n", WATCHDOG.as_millis());
    script(&bed, &own).good();
    flow(1.0);
    let since = Instant::now();
    let (_, stopped) = bed.kill(before.master, Signal::STOP).expect("stopped");
    in_time(&bed, "watchdog", takeover(&bed, &before, since), WATCHDOG);
    wait_dead(&stopped, SOON).expect("it was reset");
    assert_eq!(cause(&bed), "watchdog");

    // It lives, and one of its critical tasks does not.
    let before = bed.wait_ready(READY).expect("ready");
    script(&bed, &own).good();
    flow(1.0);
    let since = Instant::now();
    command(&bed, "debug hang main");
    in_time(&bed, "hanging task", takeover(&bed, &before, since), WATCHDOG);
    assert_eq!(cause(&bed), "watchdog");
}

#[test]
fn a_silent_master_is_reset_if_it_is_at_fault_and_its_slave_if_it_is_not() {
    let (bed, before) = ready_bed("ch2-");
    let own = format!(
        "configure msm-failover watchdog 30000\nconfigure msm-failover keepalive {}\n",
        KEEPALIVE.as_millis()
    );
    script(&bed, &own).good();
    flow(1.0);
    let since = Instant::now();
    bed.kill(before.master, Signal::STOP).expect("stopped");
    in_time(&bed, "keepalive", takeover(&bed, &before, since), KEEPALIVE);
    assert_eq!(cause(&bed), "keepalive");

    let before = bed.wait_ready(READY).expect("ready");
    script(&bed, &own).good();
    flow(1.0);
    let (master, slave) = (bed.pid(before.master).expect("a pid"), bed.pidfd(before.slave).expect("a pidfd"));
    bed.cli_of(before.master).and_then(|mut cli| cli.run("debug silence tsync")).expect("silent");
    wait_dead(&slave, SOON).expect("the slave is reset: its master answers the backplane");
    flow(1.0);
    assert_eq!(bed.owner().expect("an owner"), (before.master, before.epoch), "{}", logs(&bed));
    assert_eq!(bed.pid(before.master).expect("a pid"), master, "a sick slave resets no healthy master");
}

#[test]
fn a_slave_that_does_not_kick_is_reset_alone() {
    let (bed, before) = ready_bed("ch3-");
    script(&bed, &format!("configure msm-failover watchdog {}\n", WATCHDOG.as_millis())).good();
    flow(1.0);
    let probe = traffic(&bed);
    let since = Instant::now();
    let (_, slave) = bed.kill(before.slave, Signal::STOP).expect("stopped");
    wait_dead(&slave, SOON).expect("it is reset");
    in_time(&bed, "watchdog of the slave", since.elapsed(), WATCHDOG);
    let after = bed.wait_ready(READY).expect("ready");
    assert_eq!((after.master, after.epoch), (before.master, before.epoch));
    assert_eq!(cause(&bed), "never");
    assert!(losers(probe).len() < usize::from(STREAMS), "its half of the fabric at most");
    programmed(&bed);
}

#[test]
fn a_lost_fabric_loses_its_own_flows_until_others_carry_them() {
    let (bed, before) = ready_bed("ch4-");
    let (first, second) = (before.master, before.slave);

    let probe = traffic(&bed);
    let since = Instant::now();
    with_a_slow_slave(&bed, second, || card(&bed, "remove", first));
    within(SOON, "a takeover", || bed.owner().is_ok_and(|owner| owner == (second, before.epoch + 1)));
    println!("removal of the master: owner after {:?}", since.elapsed());
    flow(0.5);
    assert!(bed.pid(first).is_err(), "its slot stays empty");
    let of_first = losers(probe);
    assert!(
        !of_first.is_empty() && of_first.len() < usize::from(STREAMS),
        "half of them: {of_first:?}\n{}",
        logs(&bed)
    );
    assert_eq!(cause(&bed), "removal");

    let probe = traffic(&bed);
    card(&bed, "insert", first);
    let before = bed.wait_ready(READY).unwrap_or_else(|error| panic!("{error}\n{}", logs(&bed)));
    assert_eq!(before.master, second);
    assert_whole(&probe.stop().expect("a report"));

    // The other one has the other half.
    let probe = traffic(&bed);
    let since = Instant::now();
    let reset = format!("reboot slot msm-{second} hard-reset");
    with_a_slow_slave(&bed, first, || drop(command(&bed, &reset).good()));
    println!("hard reset of the master: owner after {:?}", takeover(&bed, &before, since));
    let of_second = losers(probe);
    assert!(!of_second.is_empty() && of_first.is_disjoint(&of_second), "{of_first:?} {of_second:?}");
    assert_eq!(cause(&bed), "removal");

    // The slave now: no failover, its flows alone, and not for long.
    let before = bed.wait_ready(READY).expect("ready");
    let probe = traffic(&bed);
    command(&bed, &format!("reboot slot msm-{second} hard-reset")).good();
    flow(0.3);
    bed.wait_ready(READY).expect("ready");
    assert!(losers(probe).is_disjoint(&of_first));
    let probe = traffic(&bed);
    card(&bed, "remove", second);
    flow(0.3);
    assert!(losers(probe).is_disjoint(&of_first));
    card(&bed, "insert", second);
    bed.wait_ready(READY).expect("ready");

    // By software: nothing.
    let probe = traffic(&bed);
    let slave = bed.pidfd(second).expect("a pidfd");
    command(&bed, &format!("reboot slot msm-{second}")).good();
    wait_dead(&slave, SOON).expect("it reboots");
    let after = bed.wait_ready(READY).expect("ready");
    assert_whole(&probe.stop().expect("a report"));
    assert_eq!((after.master, after.epoch), (before.master, before.epoch), "no failover but the first two");
    programmed(&bed);
}

#[test]
fn a_backplane_that_dies_in_the_middle_of_a_reset_leaves_a_way_back() {
    let (bed, _) = ready_bed("ch5-");
    for round in 0..4 {
        let before = bed.wait_ready(READY).unwrap_or_else(|error| panic!("{error}\n{}", logs(&bed)));
        let backplane = bed.backplane_pid().expect("a pid");
        let pidfd = bed.pidfd(before.slave).expect("a pidfd");
        std::thread::scope(|scope| {
            scope.spawn(|| command(&bed, &format!("reboot slot msm-{} hard-reset", before.slave)));
            // Each round a little later in it.
            flow(0.002 * f64::from(round));
            kill_process(backplane, Signal::KILL).expect("killed");
        });
        within(SOON, "a new backplane", || bed.backplane_pid().is_ok_and(|pid| pid != backplane));
        let done = wait_dead(&pidfd, Duration::from_millis(200)).is_ok();
        println!("round {round}: the reset was {}", if done { "done" } else { "not done" });
        let after = bed.wait_ready(READY).unwrap_or_else(|error| panic!("{error}\n{}", logs(&bed)));
        assert_eq!((after.master, after.epoch), (before.master, before.epoch));
        let fabrics = bed.show("msm-failover").expect("an answer")["fabrics"].clone();
        for fabric in fabrics.as_array().expect("a list").iter().filter(|fabric| fabric["state"] != "absent")
        {
            assert_eq!(fabric["state"], "in use", "{fabrics}");
        }
    }
    // Nobody was reset for the kicks that a new backplane has not seen.
    flow(3.0);
    let owner = bed.owner().expect("an owner");
    let after = bed.wait_ready(READY).expect("ready");
    assert_eq!(owner, (after.master, after.epoch));
}
