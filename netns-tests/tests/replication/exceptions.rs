//! A command that panics whoever applies it.

use netns_tests::bed::Slot;

use crate::common::{READY, ready_bed, within};
use crate::script::Script;

#[test]
fn a_command_that_panics_the_master_costs_one_failover_and_is_reported_not_applied() {
    let (bed, before) = ready_bed("rx1-");
    let mut cli = bed.cli().expect("a session");
    let mut script = Script::new();
    for _ in 0..20 {
        script.step(&mut cli);
    }
    let pid = bed.pid(before.slave).expect("a pid");
    cli.send("debug exception-in-command").expect("sent");
    let answer = cli.answer(READY).expect("an answer");
    let why = answer.error.clone().unwrap_or_default();
    assert!(!answer.ok && why.contains("not applied"), "{answer:?}");
    assert_eq!(answer.slot, Some(before.slave), "by the new master: {answer:?}");
    for _ in 0..20 {
        script.step(&mut cli);
    }
    let after = bed.wait_ready(READY).expect("both MSMs again");
    assert_eq!((after.master, after.epoch), (before.slave, before.epoch + 1), "one failover, not two");
    assert_eq!(bed.pid(after.master).expect("a pid"), pid, "the new master lived through it");
    let failovers = bed.show("msm-failover").expect("shown")["failovers"].as_u64();
    assert_eq!(failovers, Some(1));
    script.check(&bed, "after the exception");
    // The way back is as good as the way there.
    cli.send("debug exception-in-command").expect("sent");
    assert!(!cli.answer(READY).expect("an answer").ok);
    within(READY, "the first master again", || bed.master().is_ok_and(|slot| slot == before.master));
    let after = bed.wait_ready(READY).expect("both MSMs again");
    assert_eq!(after.epoch, before.epoch + 2);
    script.check(&bed, "after the second exception");
    assert!(Slot::ALL.contains(&after.slave));
}
