//! Commands a second, and configurations of the largest size.

use std::fmt::Write;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::common::client::{client, command, finish, script};
use crate::common::{READY, assert_same, configuration, has, kill_everybody, ready_bed, within};

/// Bar, and what a busy machine must still reach.
const RATE: (f64, f64) = (1000.0, 500.0);
/// Bar of a load, and what a busy machine must still reach.
const LOAD: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(15));

/// `vlans` VLANs with tags, and members for some: `lines` commands in all.
fn commands(vlans: u32, lines: u32) -> String {
    let mut text = String::new();
    for n in 0..vlans {
        let _ = writeln!(text, "create vlan v{n}");
    }
    for n in 0..vlans {
        let _ = writeln!(text, "configure vlan v{n} tag {}", n + 2);
    }
    for n in 0..lines.saturating_sub(2 * vlans) {
        let _ = writeln!(
            text,
            "configure vlan v{n} add ports {} tagged",
            ["1:1", "1:2", "2:1", "2:2"][n as usize % 4]
        );
    }
    text
}

fn bar(what: &str, took: Duration) {
    println!("{what}: {:.2} s", took.as_secs_f64());
    if took > LOAD.0 {
        println!("MISS {what}: {took:?}; bar {:?}", LOAD.0);
    }
    assert!(took <= LOAD.1, "{what}: {took:?}");
}

#[test]
fn ten_thousand_commands_from_a_script() {
    let (bed, before) = ready_bed("rr1-");
    let mut text = commands(3000, 9000);
    for n in 0..1000 {
        let _ = writeln!(text, "configure snmp sysName s{n}");
    }
    assert_eq!(text.lines().count(), 10_000);
    let ended = script(&bed, &text).good();
    let rate = 10_000.0 / ended.took.as_secs_f64();
    println!("10,000 commands with a ready slave: {rate:.0} a second");
    if rate < RATE.0 {
        println!("MISS commands a second: {rate:.0}; bar {}", RATE.0);
    }
    assert!(rate >= RATE.1, "{rate:.0} a second");
    let ready = bed.wait_ready(READY).expect("the slave kept up");
    assert_eq!((ready.master, ready.epoch), (before.master, before.epoch));
    assert!(has(&configuration(&bed), "v2999"));
    // The slave has every one of them.
    let made = configuration(&bed);
    bed.kill(before.master, Signal::KILL).expect("killed");
    bed.wait_ready(READY).expect("both MSMs again");
    assert_same(&configuration(&bed), &made, "the configuration");
}

#[test]
fn a_configuration_of_four_thousand_vlans_loads_from_a_file_and_from_flash() {
    let (bed, _) = ready_bed("rr2-");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("large.cfg");
    std::fs::write(&file, commands(4000, 10_000)).expect("written");
    let mut load = client(&bed);
    load.args(["-c", &format!("download configuration {} incremental", file.display())]);
    let ended = finish(load, b"").good();
    bar("download incremental of 4,000 VLANs in 10,000 lines", ended.took);
    let made = configuration(&bed);
    assert!(has(&made, "v3999"), "all of it");
    command(&bed, "save").good();
    let again = Instant::now();
    kill_everybody(&bed);
    bed.start_chassis().expect("started");
    within(READY, "the configuration out of flash", || {
        let ended = command(&bed, "show configuration");
        ended.status.success() && ended.out.contains("v3999")
    });
    bar("boot from flash", again.elapsed());
    bed.wait_ready(READY).expect("both MSMs");
    assert_same(&configuration(&bed), &made, "the configuration");
}
