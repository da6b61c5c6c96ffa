//! A slave that has not the last acknowledged command does not take over as if it had.

use std::time::Duration;

use netns_tests::bed::wait_dead;
use rustix::process::{Signal, kill_process};

use crate::common::{READY, assert_same, client, configuration, logs, ready_bed, within};
use crate::script::Script;

/// Far more than the 200 ms that a command waits for a slave.
const DEMOTED: Duration = Duration::from_secs(5);
const DEAD: Duration = Duration::from_secs(1);

#[test]
fn a_slave_behind_the_last_acknowledged_command_never_takes_over_hitlessly() {
    let (bed, before) = ready_bed("rs1-");
    let mut cli = bed.cli().expect("a session");
    let mut script = Script::new();
    for _ in 0..20 {
        script.step(&mut cli);
    }
    cli.run("save").expect("saved");
    let saved = configuration(&bed);
    let slave = bed.pid(before.slave).expect("a pid");
    kill_process(slave, Signal::STOP).expect("stopped");
    // The first waits for the slave, 200 ms; then nobody does.
    for _ in 0..4 {
        script.step(&mut cli);
    }
    let shown = cli.run("show msm-failover").expect("shown").data;
    assert!(shown["ready_slot"].is_null(), "answered without a slave, and said so: {shown}");
    script.check(&bed, "without a slave");
    // One more that is saved: what the manual keeps.
    cli.run("configure snmp sysName kept").expect("acknowledged");
    script.check(&bed, "before the save");
    cli.run("save").expect("saved");
    let kept = configuration(&bed);
    assert_ne!(kept, saved);
    cli.run("configure snmp sysName lost").expect("acknowledged");
    let (_, dead) = bed.kill(before.master, Signal::KILL).expect("killed");
    wait_dead(&dead, DEAD).expect("dead");
    kill_process(slave, Signal::CONT).expect("continued");
    let after = bed.wait_ready(READY).unwrap_or_else(|error| panic!("{error}\n{}", logs(&bed)));
    assert_eq!(
        (after.master, after.epoch),
        (before.master, before.epoch + 1),
        "the slot whose flash has it boots again\n{}",
        logs(&bed)
    );
    assert_same(&configuration(&bed), &kept, "what was saved is in force");
    let said = |slot, what: &str| {
        let mut cli = bed.cli_of(slot).expect("a session");
        let lines = cli.run("show log").expect("shown").data["lines"].to_string();
        assert!(lines.contains(what), "MSM {slot} does not say `{what}`: {lines}");
    };
    said(after.master, "not saved is gone");
    said(after.slave, "cannot take over hitlessly");
    within(DEMOTED, "a session that goes on", || cli.run("show switch").is_ok());
    client::command(&bed, "show msm-failover").good();
}
