//! What the black-box tests share.
#![allow(dead_code, reason = "every test binary uses its own part")]

pub(crate) mod client;
pub(crate) mod icmp;
pub(crate) mod ovs;
pub(crate) mod screen;
pub(crate) mod tftp;
pub(crate) mod wire;

use std::time::{Duration, Instant};

use netns_tests::bed::{BedOptions, Ready, Slot, Testbed, wait_dead};
use netns_tests::bench::load::{Load, Place};
use netns_tests::probe::{Probe, ProbeReport, StreamSpec};
use netns_tests::report::Trial;
use netns_tests::trial::{Cause, Series};
use probe_abi::{GenState, load_names, side};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A chassis from nothing to both MSMs ready, on a loaded machine.
pub(crate) const READY: Duration = Duration::from_secs(30);
/// New stations that speak at once: far less than a veth ring holds, for each copy crosses four of them.
const BURST: u32 = 32;

/// A bed of the default shape, ready.
pub(crate) fn ready_bed(prefix: &str) -> (Testbed, Ready) {
    ready(BedOptions { prefix: prefix.into(), ..BedOptions::default() })
}

/// A bed, ready.
pub(crate) fn ready(options: BedOptions) -> (Testbed, Ready) {
    let bed = Testbed::start(options).expect("a bed");
    let ready = bed.wait_ready(READY).expect("both MSMs and the ports");
    (bed, ready)
}

/// The ordinary number of repetitions, or that of a long run.
pub(crate) fn repeat(ordinary: u32, long: u32) -> u32 {
    if std::env::var_os("MSM_TEST_LONG").is_some() { long } else { ordinary }
}

/// Both directions between modules and one stream inside.
pub(crate) fn traffic(bed: &Testbed, pps: u32) -> Probe {
    let streams = vec![
        StreamSpec::new("h1-h3", "h1", "h3", 32, pps),
        StreamSpec::new("h3-h1", "h3", "h1", 32, pps),
        StreamSpec::new("h2-h1", "h2", "h1", 1, 5000),
    ];
    let mut probe = Probe::new(bed, streams).expect("a probe");
    probe.start().expect("stations learned, frames under way");
    probe
}

/// Fails with where frames went unless every one arrived once and in order.
pub(crate) fn assert_whole(report: &ProbeReport) {
    assert!(report.streams.iter().all(|s| s.sent > 0), "a stream sent nothing: {report:#?}");
    assert!(report.clean(), "{:#?}\nwhere: {:?}", report.streams, report.lost_where);
}

/// The next trial of a series that says something about the switch. A void one, whose senders were kept from their CPUs, is named and made
/// again; too many of them fail the test.
pub(crate) fn counts(series: &mut Series<'_>, cause: Cause) -> Trial {
    loop {
        let trial = series.make_by(cause).expect("a trial");
        if trial.void.is_empty() {
            return trial;
        }
        println!("VOID {} {} ({cause}): {}", trial.scenario, trial.trial, trial.void.join("; "));
        if let Err(too_many) = series.more() {
            panic!("{}: {too_many}", trial.scenario);
        }
    }
}

/// The same, and it must be green.
pub(crate) fn counted(series: &mut Series<'_>, cause: Cause, bed: &Testbed) -> Trial {
    let trial = counts(series, cause);
    let Trial { faults, scenario, trial: number, control_plane, senders, streams, .. } = &trial;
    assert!(
        faults.is_empty(),
        "{scenario} {number} ({cause}): {faults:#?}\n{control_plane:?}\n{senders:?}\n{streams:?}\n{}",
        logs(bed)
    );
    trial
}

/// Lets frames flow for a while: the traffic itself is what is waited for.
pub(crate) fn flow(secs: f64) {
    std::thread::sleep(Duration::from_secs_f64(secs));
}

/// Waits for `holds`; how long it took.
pub(crate) fn within(deadline: Duration, what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < deadline, "{what}: not within {deadline:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
    started.elapsed()
}

/// Stations `first..first + count` at `host` speak once each, slowly enough that no ring on the way fills.
pub(crate) fn stations_arrive(load: &mut Load, bed: &Testbed, host: &str, first: u32, count: u32) {
    let number = bed.host(host).expect("host").spec.number;
    let order = GenState {
        next: u64::from(first),
        from_side: side(number),
        from_stations: first + count,
        ..GenState::default()
    };
    load.order(order).expect("orders");
    let mut left = count;
    while left > 0 {
        let burst = left.min(BURST);
        let place = Place::host(bed.host(host).expect("host"));
        load.generate(load_names::GEN_LEARN, place, burst, 0).expect("learning frames");
        left -= burst;
    }
}

/// The same as fast as the switch takes them: for filling tables when nothing else is measured.
pub(crate) fn fill(load: &mut Load, bed: &Testbed, host: &str, stations: u32) {
    let number = bed.host(host).expect("host").spec.number;
    load.order(GenState { from_side: side(number), from_stations: stations, ..GenState::default() })
        .expect("orders");
    // Twice: a frame that a full ring dropped is sent again.
    let place = Place::host(bed.host(host).expect("host"));
    load.generate(load_names::GEN_LEARN, place, 2 * stations, 0).expect("learning frames");
}

/// Makes every host end poll, which live frames need.
pub(crate) fn load_for(bed: &Testbed) -> Load {
    let mut load = Load::new().expect("the load programs");
    for host in bed.hosts() {
        load.attach(load_names::SINK_XDP, Place::host(host)).expect("attached");
    }
    load
}

/// Entries of the FDB.
pub(crate) fn fdb_count(bed: &Testbed) -> u64 {
    bed.show("fdb").expect("show fdb")["count"].as_u64().expect("a count")
}

/// `show ports`: the entry of a port.
pub(crate) fn port(bed: &Testbed, name: &str) -> Value {
    let ports = bed.show("ports").expect("show ports");
    let list = ports["ports"].as_array().expect("a list");
    list.iter().find(|port| port["port"] == name).expect("the port").clone()
}

/// Ends of the product's logs, for a failure's message.
pub(crate) fn logs(bed: &Testbed) -> String {
    const LINES: usize = 25;
    let tail = |name: &str| {
        let text = std::fs::read_to_string(bed.run_dir().join(name)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        format!("{name}:\n{}\n", lines[lines.len().saturating_sub(LINES)..].join("\n"))
    };
    ["chassis.log", "msm-a.log", "msm-b.log"].map(tail).concat()
}

/// Resident memory of a process in KiB.
pub(crate) fn resident_kib(pid: Pid) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_pid())).expect("a live process");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Kills both MSMs and the backplane at once, and waits until they are dead.
pub(crate) fn kill_everybody(bed: &Testbed) {
    const DEAD: Duration = Duration::from_secs(2);
    let backplane = bed.backplane_pid().expect("a pid");
    let msms = Slot::ALL.map(|slot| bed.pid(slot).expect("a pid"));
    let dead = Slot::ALL.map(|slot| bed.pidfd(slot).expect("a pidfd"));
    for pid in [backplane, msms[1], msms[0]] {
        kill_process(pid, Signal::KILL).expect("killed");
    }
    for pidfd in &dead {
        wait_dead(pidfd, DEAD).expect("dead");
    }
}

/// The running configuration: its commands, without the comments between them, which have the time in them.
pub(crate) fn configuration(bed: &Testbed) -> Vec<String> {
    commands(&client::command(bed, "show configuration").good().out)
}

/// The commands of a configuration.
pub(crate) fn commands(text: &str) -> Vec<String> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// Whether some command has this in it.
pub(crate) fn has(configuration: &[String], words: &str) -> bool {
    configuration.iter().any(|line| line.replace('"', "").contains(words))
}

/// Fails with what differs.
pub(crate) fn assert_same(is: &[String], should: &[String], what: &str) {
    let without = |some: &[String], others: &[String]| -> Vec<String> {
        some.iter().filter(|line| !others.contains(line)).take(20).cloned().collect()
    };
    if is != should {
        panic!("{what}: too much: {:#?}; missing: {:#?}", without(is, should), without(should, is));
    }
}

/// Runs the product's binary with these arguments.
pub(crate) fn command_of(bed: &Testbed, arguments: &[&str]) -> std::process::ExitStatus {
    let mut command = bed.switch_netns().command(bed.msm_ctl().expect("a binary"));
    command.args(arguments).status().expect("started")
}
