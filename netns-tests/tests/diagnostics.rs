//! The self test of an MSM: it finds nothing where nothing is wrong and costs no frame, and it finds what is broken. Needs root.

mod common;

use std::time::Duration;

use common::client::{command, script};
use common::{assert_whole, flow, ready_bed, traffic, within};
use netns_tests::bed::{Slot, Testbed};
use serde_json::Value;

/// Longest that a repeated self test takes from when it is due.
const SOON: Duration = Duration::from_secs(10);

/// What the MSM in `slot` finds.
fn diagnosis(bed: &Testbed, slot: Slot, ask: &str) -> Value {
    bed.cli_of(slot).and_then(|mut cli| cli.run(ask)).expect("answered").data
}

/// How a check ended.
fn result<'a>(diagnosis: &'a Value, name: &str) -> &'a str {
    let checks = diagnosis["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["name"] == name).expect("the check");
    check["result"].as_str().expect("a word")
}

#[test]
fn a_sound_switch_passes_and_loses_nothing_meanwhile() {
    let (bed, _) = ready_bed("di1-");
    let master = bed.master().expect("one");
    let slave = master.other();
    assert_eq!(diagnosis(&bed, master, "show diagnostics"), Value::Null, "none was run");
    let probe = traffic(&bed, 20_000);
    for _ in 0..20 {
        let found = diagnosis(&bed, master, "run diagnostics");
        assert_eq!(found["failed"], false, "{found:#}");
        for name in ["programs", "tables", "flash"] {
            assert_eq!(result(&found, name), "passed", "{found:#}");
        }
    }
    let found = diagnosis(&bed, slave, "run diagnostics");
    assert_eq!((result(&found, "programs"), result(&found, "tables")), ("not run", "passed"), "{found:#}");
    flow(0.2);
    assert_whole(&probe.stop().expect("a report"));
    let said = command(&bed, "show diagnostics").good().out;
    assert!(said.contains("programs         passed"), "{said}");
}

#[test]
fn a_file_that_was_changed_is_found_and_told() {
    let (bed, _) = ready_bed("di2-");
    script(&bed, "create vlan red\nsave\nconfigure sys-health-check interval 2\n").good();
    let master = bed.master().expect("one");
    let file = bed.flash_dir().join(master.letter()).join("primary.cfg");
    let mut bytes = std::fs::read(&file).expect("saved");
    let at = bytes.len() / 2;
    bytes[at] ^= 4;
    std::fs::write(&file, bytes).expect("damaged");
    within(SOON, "the repeated self test finds it", || {
        let found = diagnosis(&bed, master, "show diagnostics");
        !found.is_null() && result(&found, "flash") == "failed"
    });
    let found = diagnosis(&bed, master, "show diagnostics");
    assert_eq!(found["failed"], false, "no frame needs that file: {found:#}");
    assert_eq!(bed.master().expect("one"), master, "it stays the master");
    // Its cure.
    command(&bed, "save").good();
    assert_eq!(result(&diagnosis(&bed, master, "run diagnostics"), "flash"), "passed");
}

/// What the master says of the fabrics.
fn fabrics(bed: &Testbed) -> Vec<String> {
    let shown = bed.show("msm-failover").expect("shown");
    let all = shown["fabrics"].as_array().expect("fabrics").clone();
    all.iter().map(|fabric| fabric["state"].as_str().expect("a word").to_owned()).collect()
}

#[test]
fn a_master_that_fails_is_reset_and_its_fabric_waits_for_a_self_test_that_passes() {
    let (bed, before) = ready_bed("di3-");
    let whole = fabrics(&bed);
    command(&bed, "debug diagnostics fail").good();
    // Its answer may not come any more.
    drop(command(&bed, "run diagnostics"));
    within(SOON, "a takeover", || bed.owner().is_ok_and(|owner| owner == (before.slave, before.epoch + 1)));
    assert_eq!(bed.show("msm-failover").expect("shown")["cause"], "hwFailure");
    let after = bed.wait_ready(common::READY).expect("the failed one is back");
    within(SOON, "its fabric is used again", || fabrics(&bed) == whole);
    // It is a slave that passed.
    let found = diagnosis(&bed, after.slave, "show diagnostics");
    assert_eq!(found["failed"], false, "{found:#}");
}
