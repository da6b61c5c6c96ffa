//! Operator failovers under each of the six lawful combinations of link action, preserved state and slave configuration: what survives. Needs root.

mod common;

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use common::client::{command, script};
use common::icmp::answers;
use common::{
    READY, assert_whole, configuration, fdb_count, fill, flow, has, load_for, logs, ready_bed, traffic,
    within,
};
use netns_tests::bed::{Ready, Testbed};
use rustix::process::Signal;

/// For what the kernel and the switch have to agree on first.
const SOON: Duration = Duration::from_secs(10);
/// Stations that have spoken once.
const STATIONS: u32 = 200;
/// The switch's own address.
const ADDRESS: &str = "10.0.0.254";
/// A neighbour that the switch knows, and that says nothing by itself.
const NEIGHBOUR: &str = "10.0.0.4";
/// Links stay down for at least so long.
const DOWN: Duration = Duration::from_secs(1);

/// One combination, and what is to survive.
struct Combination {
    action: &'static str,
    source: &'static str,
    links: bool,
    stations: bool,
    neighbours: bool,
}

const fn of(
    action: &'static str,
    source: &'static str,
    links: bool,
    stations: bool,
    neighbours: bool,
) -> Combination {
    Combination { action, source, links, stations, neighbours }
}

const LAWFUL: [Combination; 6] = [
    of("keep-links-up preserve-state l2_l3", "inherited", true, true, true),
    of("keep-links-up preserve-state l2", "inherited", true, true, false),
    of("keep-links-up", "inherited", true, false, false),
    of("take-links-down", "inherited", false, false, false),
    of("keep-links-up", "flash", true, false, false),
    of("take-links-down", "flash", false, false, false),
];

#[test]
fn each_lawful_combination_keeps_what_it_says() {
    let (bed, mut before) = ready_bed("co1-");
    for (number, combination) in LAWFUL.iter().enumerate() {
        before = fail_over(&bed, before, combination, number);
    }
}

/// Neighbours of the switch, by address.
fn knows(bed: &Testbed, address: &str) -> bool {
    let shown = bed.show("iparp").expect("an answer");
    let rows = shown["neighbours"].as_array().expect("a list").clone();
    rows.iter().any(|row| row["address"] == address && row["mac"].is_string())
}

/// The XDP and tcx links of the ports, and the inodes of their pins: new ones would have others.
fn pinned(bed: &Testbed) -> BTreeMap<String, u64> {
    let (owner, epoch) = bed.owner().expect("an owner");
    let dir = bed.pins().join(format!("{owner}-{epoch}"));
    let entries = std::fs::read_dir(dir).expect("pins").map(|entry| entry.expect("an entry"));
    let inode = |entry: std::fs::DirEntry| {
        Some((entry.file_name().into_string().ok()?, entry.metadata().ok()?.ino()))
    };
    let links =
        entries.filter_map(inode).filter(|(name, _)| name.starts_with("link_") || name.starts_with("tcx_"));
    // Ports of the stack come and go with their VLANs.
    links
        .filter(|(name, _)| {
            name.rsplit('_').next().and_then(|n| n.parse::<u32>().ok()).is_some_and(|n| n < 1024)
        })
        .collect()
}

fn fail_over(bed: &Testbed, before: Ready, combination: &Combination, number: usize) -> Ready {
    let Combination { action, source, .. } = combination;
    let case = format!("{action}, {source}");
    let (inherited, hitless) = (*source == "inherited", combination.stations);
    script(
        bed,
        &format!(
            "unconfigure msm-failover\nconfigure msm-failover slave-config {source}\n\
             configure msm-failover link-action {action}\nconfigure msm-failover routing preserve\n\
             create vlan unsaved{number}\nconfigure vlan Default ipaddress {ADDRESS}/24\nenable ipforwarding\n"
        ),
    )
    .good();
    let h4 = bed.host("h4").expect("h4");
    within(SOON, "the switch answers", || answers(h4, ADDRESS));
    within(SOON, "the switch knows its neighbour", || knows(bed, NEIGHBOUR));
    // What it forgets, nobody tells it.
    assert!(h4.command("ip").args(["neigh", "flush", "dev", "eth0"]).status().expect("ip").success());
    {
        let mut load = load_for(bed);
        fill(&mut load, bed, "h2", STATIONS);
    }
    let stations = fdb_count(bed);
    assert!(stations >= u64::from(STATIONS), "{case}: {stations} stations");
    if inherited {
        bed.wait_ready(READY).expect("a ready slave");
    }
    let probe = hitless.then(|| traffic(bed, 2_000));
    let (carrier, pins) = (bed.carrier_changes().expect("counts"), pinned(bed));
    assert!(!pins.is_empty());
    let mut refused = String::new();
    let begun = Instant::now();
    within(READY, "a slave takes over", || {
        let ended = command(bed, "run msm-failover");
        refused = format!("{ended:?}");
        ended.status.success()
    });
    let after = within_ready(bed, &case);
    let took = begun.elapsed();
    assert_eq!((after.master, after.epoch), (before.slave, before.epoch + 1), "{case}\n{}", logs(bed));
    let changes = bed.carrier_changes().expect("counts") - carrier;
    let now = fdb_count(bed);
    let neighbour = knows(bed, NEIGHBOUR);
    let unsaved = has(&configuration(bed), &format!("create vlan unsaved{number}"));
    println!(
        "{case}: {changes} carrier changes, {now} of {stations} stations, neighbour {neighbour}, unsaved VLAN {unsaved}, {took:?}"
    );
    // Each of eight ends went down and up once.
    let expected = if combination.links { 0 } else { 2 * 2 * bed.hosts().len() as u64 };
    assert_eq!(changes, expected, "{case}: carrier changes\n{}", logs(bed));
    assert!(combination.links || took >= DOWN, "{case}: links were down for less than {DOWN:?}: {took:?}");
    assert_eq!(pinned(bed), pins, "{case}: the programs stay attached");
    if combination.stations {
        assert!(now >= u64::from(STATIONS), "{case}: stations are kept");
    } else {
        assert!(now < u64::from(STATIONS) / 2, "{case}: stations are flushed\n{}", logs(bed));
    }
    assert_eq!(neighbour, combination.neighbours, "{case}: a learned neighbour\n{}", logs(bed));
    assert_eq!(unsaved, inherited, "{case}: what was not saved");
    if let Some(probe) = probe {
        flow(0.5);
        assert_whole(&probe.stop().expect("a report"));
    }
    told(bed, combination, &case);
    within(SOON, "the switch answers again", || !inherited || answers(h4, ADDRESS));
    after
}

/// Both MSMs up and the links, too. A chassis whose slave keeps its own configuration calls nobody ready: then the new master's options, which
/// are its flash's, do.
fn within_ready(bed: &Testbed, case: &str) -> Ready {
    bed.wait_ready(READY).unwrap_or_else(|error| panic!("{case}: {error}\n{}", logs(bed)))
}

/// `show msm-failover` and the log say what happened.
fn told(bed: &Testbed, combination: &Combination, case: &str) {
    let shown = bed.show("msm-failover").expect("an answer");
    assert_eq!(shown["cause"], "admin", "{case}: {shown}");
    let inherited = combination.source == "inherited";
    let action = if inherited { combination.action } else { "keep-links-up preserve-state l2_l3" };
    let preserve = action.rsplit_once("preserve-state ").map_or("none", |(_, state)| state);
    assert_eq!(shown["preserve_state"], preserve, "{case}: its own options, or the old master's: {shown}");
    assert_eq!(shown["link_action"], action.split(' ').next().expect("a word"), "{case}: {shown}");
    let rows = shown["subsystems"].as_array().expect("rows");
    let row = rows.iter().find(|row| row["name"] == "configuration").expect("a row");
    let old = if inherited { "ready" } else { "disable" };
    assert_eq!(
        (row["old_state"].as_str(), row["state"].as_str()),
        (Some(old), Some("ready")),
        "{case}: {row}"
    );
    for msm in shown["msm"].as_array().expect("both") {
        assert!(msm["pid"].as_u64().is_some_and(|pid| pid > 0) && msm["version"] != "", "{case}: {msm}");
        assert_eq!(msm["image"], "primary", "{case}: {msm}");
    }
    let fabrics: Vec<_> =
        shown["fabrics"].as_array().expect("fabrics").iter().map(|f| f["state"].clone()).collect();
    assert_eq!(fabrics, ["in use", "in use"], "{case}");
    let log = bed.show("log").expect("an answer").to_string();
    let announced = log.contains("Slave MSM initialized for hitless failover operation.");
    assert!(announced || preserve == "none", "{case}: {log}");
}

#[test]
fn unlawful_combinations_are_refused_in_either_order_and_a_slave_that_is_not_there_is_not_available() {
    let (bed, before) = ready_bed("co2-");
    command(&bed, "configure msm-failover slave-config flash")
        .refused("link-action keep-links-up or take-links-down first");
    script(&bed, "unconfigure msm-failover\n").good();
    for state in ["l2", "l2_l3"] {
        command(&bed, &format!("configure msm-failover link-action keep-links-up preserve-state {state}"))
            .refused("slave-config inherited first");
    }
    let shown = bed.show("msm-failover").expect("an answer");
    let is = |field: &str| shown[field].to_string().replace('"', "");
    assert_eq!(
        [is("link_action"), is("preserve_state"), is("slave_config")],
        ["take-links-down", "none", "flash"]
    );
    assert_eq!(
        [is("timeout_s"), is("watchdog_ms"), is("keepalive_ms"), is("routing")],
        ["60", "2000", "2000", "restart"]
    );
    // The slave is killed, and nobody starts it again: as long as that lasts, its rows say so.
    let backplane = bed.backplane_pid().expect("a backplane");
    rustix::process::kill_process(backplane, Signal::STOP).expect("stopped");
    bed.kill(before.slave, Signal::KILL).expect("killed");
    let mut cli = bed.cli().expect("a session");
    within(SOON, "a slave that is not there", || {
        let shown = cli.run("show msm-failover").expect("an answer").data;
        let rows = shown["subsystems"].as_array().expect("rows");
        rows.iter().all(|row| row["state"] == "<not available>" && row["reason"] == "<not available>")
    });
    let shown = cli.run("show msm-failover").expect("an answer").data;
    let roles = shown["msm"].as_array().expect("both").iter().map(|msm| msm["role"].clone());
    assert!(roles.into_iter().any(|role| role == "absent"), "{shown}");
    rustix::process::kill_process(backplane, Signal::CONT).expect("continued");
}
