//! Scenarios: each law and each way of a failover, in virtual time.

use super::scenario::*;
use crate::{MS, SEC, US, faults::CommitFault, index, world::World};
use msm_proto::{
    Answer, Cause, Channel, LinkAction, Options, Outcome, Output, Preserve, Reason, RecoveryLevel, Refusal,
    Role, State, Subsystem,
};

// ---- boot ------------------------------------------------------------------------------------------------------

#[test]
fn two_booting_msms_make_a_the_master_at_once_and_b_its_ready_slave() {
    let mut world = World::new(1, Options::hitless());
    world.start(B);
    world.start(A);
    world.run(50 * MS);
    assert!(world.is_settled(), "{}", world.history());
    assert_eq!(kinds(&world), [(A, "cold")]);
    assert!(said(&world, "\"Slave MSM initialized for hitless failover operation.\""));
    let status = world.status(A).expect("it runs");
    assert_eq!((status.role, status.ready_slot, status.history.cause), (Role::Master, Some(B), Cause::Never));
}

#[test]
fn b_alone_becomes_master_later_than_a_would_and_a_comes_back_as_slave() {
    let mut world = World::new(1, Options::hitless());
    world.start(B);
    world.run(300 * MS);
    assert_eq!(world.master(), None);
    world.run(150 * MS);
    assert_eq!(world.master(), Some(B));
    world.start(A);
    world.settle();
    assert_eq!(kinds(&world), [(B, "cold")]);
}

#[test]
fn both_dead_the_first_one_up_adopts_and_says_cold_only_once() {
    let mut world = World::pair(Options::hitless());
    world.command(A, 10);
    world.run(10 * MS);
    world.kill(A);
    world.kill(B);
    world.settle();
    assert_eq!(kinds(&world), [(A, "cold"), (A, "adopted")]);
    assert_eq!(world.tree.name.map(|name| name.epoch), Some(2));
    assert_eq!(config(&world, A), [0; 0], "unsaved configuration is gone");
    sound(&world);
}

#[test]
fn both_dead_the_last_owner_goes_first_since_what_was_saved_is_in_its_flash() {
    let mut world = World::pair(Options::hitless());
    world.kill(A);
    world.settle();
    assert_eq!(world.master(), Some(B));
    world.kill(A);
    world.kill(B);
    world.settle();
    assert_eq!(world.master(), Some(B));
    assert_eq!(world.tree.name.map(|name| name.epoch), Some(3));
    sound(&world);
}

#[test]
fn an_owner_that_lives_is_not_robbed() {
    let mut world = World::new(1, Options::hitless());
    world.start(A);
    world.run(200 * MS);
    // No link: B cannot hear the master.
    world.wired = false;
    world.start(B);
    world.run(3 * SEC);
    assert_eq!((world.master(), world.role(B)), (Some(A), Some(Role::Booting)));
    world.wired = true;
    world.kill(B);
    world.settle();
    assert_eq!(kinds(&world), [(A, "cold")]);
    sound(&world);
}

// ---- operator --------------------------------------------------------------------------------------------------

#[test]
fn an_operator_failover_keeps_the_unsaved_configuration_and_the_old_master_comes_back_ready() {
    let mut world = World::pair(Options::hitless());
    for id in [10, 11, 12] {
        world.command(A, id);
    }
    world.run(10 * MS);
    world.run_failover(A, 99);
    world.settle();
    assert!(done(&world, 99));
    assert_eq!(kinds(&world), [(A, "cold"), (B, "hitless")]);
    assert_eq!(config(&world, B), [10, 11, 12]);
    let status = world.status(B).expect("it runs");
    assert_eq!((status.history.failovers, status.history.cause), (1, Cause::Admin));
    let last = status.history.last.expect("stamped");
    assert!(last.event_ns < last.detected_ns && last.detected_ns < last.committed_ns);
    assert!(
        last.committed_ns <= last.serving_ns
            && last.serving_ns - last.event_ns < std::time::Duration::from_millis(1)
    );
    let old = status.subsystems[0];
    assert_eq!(
        (old.name, old.old_state, old.old_reason),
        (Subsystem::Configuration, State::Ready, Reason::None)
    );
    // The slave shows the same history.
    assert_eq!(world.status(A).expect("it runs").history, status.history);
    sound(&world);
}

#[test]
fn a_failover_without_a_ready_slave_is_refused_by_the_name_of_the_subsystem() {
    let mut world = World::new(1, Options::hitless());
    world.faults.hardware_fails = true;
    world.start(A);
    world.run_failover(A, 1);
    assert!(matches!(world.last_answer(1), Some(Answer::Elsewhere(_))));
    world.run(200 * MS);
    world.run_failover(A, 2);
    let Some(Answer::Refused(why)) = world.last_answer(2) else { panic!("{}", world.history()) };
    assert!(why.contains("<not available>"), "{why}");
    world.start(B);
    world.run(100 * MS);
    world.run_failover(A, 3);
    let Some(Answer::Refused(why)) = world.last_answer(3) else { panic!("{}", world.history()) };
    assert!(why.contains("subsystem L2 hardware") && why.contains("failed"), "{why}");
    assert_eq!(row(&world, A, Subsystem::L2Hardware), (State::Failed, Reason::HardwareFailed));
    assert_eq!(row(&world, B, Subsystem::L2Hardware), (State::Failed, Reason::HardwareFailed));
    assert_eq!(row(&world, A, Subsystem::Stp), (State::Disable, Reason::None));
    // A reboot of the slave clears it.
    world.faults.hardware_fails = false;
    world.kill(B);
    world.settle();
    assert_eq!(row(&world, A, Subsystem::L2Hardware), (State::Ready, Reason::None));
}

#[test]
fn with_the_manual_s_defaults_mastership_moves_but_nothing_is_replicated() {
    let mut world = World::pair(Options::default());
    world.command(A, 10);
    world.run(10 * MS);
    assert_eq!(row(&world, A, Subsystem::Configuration), (State::Disable, Reason::None));
    let sent = &world.processes[index(A)].as_ref().expect("it runs").outputs;
    assert!(!sent.iter().any(|output| matches!(output, Output::TakeSnapshot)));
    assert!(!sent.iter().any(|output| matches!(output, Output::Send { channel: Channel::Bulk, .. })));
    world.run_failover(A, 99);
    world.settle();
    assert!(done(&world, 99));
    assert_eq!(kinds(&world), [(A, "cold"), (B, "not hitless")]);
    assert_eq!(config(&world, B), [0; 0]);
    sound(&world);
}

#[test]
fn options_switch_replication_on_and_off() {
    let mut world = World::pair(Options::default());
    let hitless = Options::hitless();
    world.command_with(A, 10, Some(hitless));
    world.settle();
    assert_eq!(world.tree.meta.and_then(|meta| meta.ready), Some(B));
    assert_eq!(world.status(B).expect("it runs").options, hitless);
    // The slave knows them without asking: they are part of the record.
    let l2 = Options { link_action: LinkAction::KeepLinksUp(Preserve::L2), ..hitless };
    world.command_with(A, 11, Some(l2));
    world.run(10 * MS);
    assert_eq!(row(&world, A, Subsystem::L3Hardware), (State::Disable, Reason::None));
    world.command_with(A, 12, Some(Options::default()));
    world.settle();
    assert_eq!(world.tree.meta.and_then(|meta| meta.ready), None);
    // Unlawful ones are refused before anything happens.
    let unlawful = Options { slave_config: msm_proto::SlaveConfig::Flash, ..hitless };
    world.command_with(A, 13, Some(unlawful));
    assert!(matches!(world.last_answer(13), Some(Answer::Refused(_))));
    assert_eq!(config(&world, A), [10, 11, 12]);
}

#[test]
fn a_slave_that_cannot_take_the_tree_gives_it_back_and_the_operator_reads_why() {
    let mut world = World::pair(Options::hitless());
    world.faults.commit = Some(CommitFault::Before(Refusal::Failed("no file descriptors left".into())));
    world.run_failover(A, 99);
    world.run(10 * MS);
    let Some(Answer::Outcome(Outcome::Failed(why))) = world.last_answer(99) else {
        panic!("{}", world.history())
    };
    assert!(why.contains("no file descriptors left"), "{why}");
    assert_eq!(world.master(), Some(A));
    // It was demoted, and asks again by itself.
    world.settle();
    world.command(A, 10);
    world.run(10 * MS);
    assert!(done(&world, 10));
    assert_eq!(kinds(&world), [(A, "cold")]);
    sound(&world);
}

#[test]
fn a_commit_that_fails_after_its_rename_is_finished_and_loses_nothing() {
    for crash in [true, false] {
        let mut world = World::pair(Options::hitless());
        world.command(A, 10);
        world.run(10 * MS);
        world.faults.commit = Some(CommitFault::AfterRename);
        if crash {
            world.kill(A);
        } else {
            world.run_failover(A, 99);
        }
        world.settle();
        assert_eq!(kinds(&world), [(A, "cold"), (B, "hitless")]);
        assert_eq!(config(&world, B), [10]);
        assert_eq!(world.tree.name.map(|name| name.epoch), Some(3));
        sound(&world);
    }
}

#[test]
fn a_slave_that_says_nothing_loses_the_tree_to_the_old_master_again() {
    let mut world = World::pair(Options::hitless());
    world.pause(B, 700 * MS);
    world.run_failover(A, 99);
    world.run(520 * MS);
    let Some(Answer::Outcome(Outcome::Failed(why))) = world.last_answer(99) else {
        panic!("{}", world.history())
    };
    assert!(why.contains("in time"), "{why}");
    world.settle();
    assert_eq!(kinds(&world), [(A, "cold")]);
    sound(&world);
}

#[test]
fn a_link_cut_in_the_middle_of_a_handover_leaves_one_owner() {
    // Before, between and after the words that are exchanged.
    for cut_after in (0..600).step_by(10) {
        let mut world = World::pair(Options::hitless());
        world.command(A, 10);
        world.run(10 * MS);
        world.run_failover(A, 99);
        world.run(cut_after * US);
        world.cut();
        world.settle();
        sound(&world);
        let master = world.master().expect("settled");
        assert_eq!(config(&world, master), [10], "cut after {cut_after} us");
    }
}

// ---- crash -----------------------------------------------------------------------------------------------------

#[test]
fn a_crash_of_the_master_is_taken_over_with_everything_acknowledged() {
    let mut world = World::pair(Options::hitless());
    world.command(A, 10);
    world.run(10 * MS);
    assert!(done(&world, 10));
    world.kill(A);
    let at = world.now;
    let until = at + SEC;
    world.run_while(until, |world| world.master() != Some(B));
    assert!(world.now - at < 2 * MS, "{} us", (world.now - at) / 1000);
    world.settle();
    assert_eq!(kinds(&world), [(A, "cold"), (B, "hitless")]);
    assert_eq!(config(&world, B), [10]);
    assert_eq!(world.status(B).expect("it runs").history.cause, Cause::Exception);
    sound(&world);
}

#[test]
fn end_of_file_without_proof_of_death_moves_nothing() {
    let mut world = World::pair(Options::hitless());
    world.wired = false;
    world.cut();
    world.run(3 * SEC);
    assert_eq!((world.master(), world.role(B)), (Some(A), Some(Role::Slave)));
    assert!(said(&world, "not proven dead"));
    assert_eq!(world.tree.meta.and_then(|meta| meta.ready), None, "META says so at once");
    // The proof comes: what was answered meanwhile is not known to B, so it does not claim it.
    world.command(A, 10);
    world.run(10 * MS);
    assert!(done(&world, 10));
    world.power = [false; 2];
    world.kill(A);
    world.run(SEC);
    assert!(said(&world, "cannot take over hitlessly: META does not call it ready"));
    assert_eq!(world.role(B), Some(Role::Slave));
    // Nobody boots: it adopts in the end.
    world.run(3 * SEC);
    assert_eq!(kinds(&world), [(A, "cold"), (B, "adopted")]);
    assert_eq!(world.status(B).expect("it runs").history.failovers, 1);
    sound(&world);
}

/// A busy machine may schedule the slave late; the slot that boots meanwhile has lost what the slave has.
#[test]
fn a_booting_msm_waits_for_a_ready_slave_that_is_slow_to_speak() {
    let mut world = World::pair(Options::hitless());
    world.command(A, 10);
    world.run(10 * MS);
    world.pause(B, 900 * MS);
    world.kill(A);
    world.run(600 * MS);
    // A reconnect takes nothing of its time.
    world.cut();
    world.settle();
    assert_eq!(kinds(&world), [(A, "cold"), (B, "hitless")]);
    // But not for one that died with its master.
    world.power[0] = false;
    world.kill(A);
    world.run(10 * MS);
    world.kill(B);
    world.run(3 * SEC);
    assert_eq!(world.master(), Some(B));
    sound(&world);
}

#[test]
fn a_slave_that_is_not_ready_leaves_the_tree_to_the_slot_that_boots_again() {
    let mut world = World::new(1, Options::hitless());
    world.faults.hardware_fails = true;
    world.start(A);
    world.start(B);
    world.run(100 * MS);
    world.command(A, 10);
    world.run(10 * MS);
    world.kill(A);
    world.run(500 * MS);
    assert_eq!(kinds(&world), [(A, "cold"), (A, "adopted")]);
    assert!(said(&world, "boots again"));
    sound(&world);
}

#[test]
fn without_a_recovery_level_a_death_is_not_hitless() {
    let mut world = World::pair(Options { recovery: RecoveryLevel::None, ..Options::hitless() });
    world.command(A, 10);
    world.run(10 * MS);
    world.kill(A);
    world.settle();
    assert_eq!(kinds(&world), [(A, "cold"), (B, "not hitless")]);
    assert_eq!(config(&world, B), [0; 0], "its own flash");
    sound(&world);
}

#[test]
fn a_record_that_was_acknowledged_but_not_applied_is_done_again_once() {
    let mut world = World::pair(Options::hitless());
    world.faults.apply_hangs = true;
    world.command(A, 10);
    world.command(A, 17); // fails when it is applied
    world.run(5 * MS);
    assert_eq!(world.last_answer(10), None);
    world.kill(A);
    world.faults.apply_hangs = false;
    world.settle();
    assert_eq!(config(&world, B), [10]);
    assert!(said(&world, "rolled back"));
    // The client asks again: the answers come from memory.
    world.command(B, 10);
    world.command(B, 17);
    world.run(5 * MS);
    assert!(done(&world, 10));
    assert!(matches!(world.last_answer(17), Some(Answer::Outcome(Outcome::Failed(_)))));
    assert_eq!(config(&world, B), [10]);
    sound(&world);
}

/// The cut falls before, between and after the words about the command.
#[test]
fn a_slave_whose_link_was_cut_before_the_last_acknowledged_command_says_so_and_is_not_hitless() {
    for cut_after in (0..400).step_by(20) {
        let mut world = World::pair(Options::hitless());
        world.command(A, 10);
        world.run(5 * MS);
        world.command(A, 20);
        world.run(cut_after * US);
        world.wired = false;
        world.cut();
        world.run(10 * MS);
        world.command(A, 30);
        world.run(10 * MS);
        assert!(done(&world, 30), "answered at once: META says that there is no slave");
        world.kill(A);
        world.run(100 * MS);
        assert!(said(&world, "cannot take over hitlessly: META does not call it ready"));
        world.wired = true;
        world.wire();
        world.settle();
        assert!(kinds(&world).iter().all(|(_, kind)| *kind != "hitless"), "cut after {cut_after} us");
        sound(&world);
    }
}

/// Who has come back as ready slave by then carries on; who has not starts from its flash. Either way work goes on.
#[test]
fn both_msms_one_after_the_other() {
    let mut carried_on = 0;
    for gap in [0, 50 * US, 200 * US, MS, 3 * MS, 10 * MS, 20 * MS, 100 * MS, SEC] {
        let mut world = World::pair(Options::hitless());
        for id in [10, 20] {
            world.command(A, id);
        }
        world.run(5 * MS);
        world.kill(A);
        world.run(gap);
        world.kill(B);
        world.settle();
        let master = world.master().expect("settled");
        let kept = config(&world, master) == [10, 20];
        assert_eq!(kept, kinds(&world).len() == 3 && kinds(&world)[2].1 == "hitless", "{:?}", kinds(&world));
        assert!(kept || gap < 50 * MS, "a gap of {} ms is time enough", gap / MS);
        carried_on += u32::from(kept);
        world.command(master, 30);
        world.run(5 * MS);
        assert!(done(&world, 30));
        sound(&world);
    }
    assert!((1..9).contains(&carried_on), "both ways are seen");
}

// ---- exceptions ------------------------------------------------------------------------------------------------

#[test]
fn a_panicking_task_hands_over_by_the_recovery_level() {
    let mut world = World::pair(Options::hitless());
    world.panic(A, false);
    world.settle();
    assert_eq!(kinds(&world), [(A, "cold"), (B, "hitless")]);
    assert_eq!(world.status(B).expect("it runs").history.cause, Cause::Exception);

    let mut world = World::pair(Options { recovery: RecoveryLevel::Critical, ..Options::hitless() });
    world.panic(A, false);
    world.run(SEC);
    assert_eq!(world.master(), Some(A), "an uncritical task stays dead");
    world.panic(A, true);
    world.settle();
    assert_eq!(kinds(&world), [(A, "cold"), (B, "hitless")]);
    sound(&world);
}

#[test]
fn a_panicking_task_without_a_ready_slave_boots_the_same_slot_again() {
    let mut world = World::new(1, Options::hitless());
    world.start(A);
    world.run(200 * MS);
    world.panic(A, true);
    world.run(SEC);
    assert_eq!(kinds(&world), [(A, "cold"), (A, "adopted")]);
}

/// The task that panicked may be the one that sends: the command behind it is acknowledged by nobody, and that is no fault of the slave's.
#[test]
fn a_command_that_a_panicking_master_cannot_replicate_does_not_cost_it_its_slave() {
    let mut world = World::pair(Options::hitless());
    world.command(A, 10);
    world.run(10 * MS);
    world.pause(B, 300 * MS);
    world.command(A, 11);
    world.run(MS);
    world.panic(A, true);
    world.run(SEC);
    world.settle();
    sound(&world);
    assert_eq!(kinds(&world), [(A, "cold"), (B, "hitless")], "{}", world.history());
    assert!(config(&world, B).contains(&10));
}

/// The same when the link ends with that task.
#[test]
fn a_link_that_ends_with_a_panicking_task_and_a_command_under_way_does_not_cost_the_slave() {
    for cut_after in (0..600).step_by(10) {
        let mut world = World::pair(Options::hitless());
        world.command(A, 10);
        world.run(10 * MS);
        world.pause(B, MS);
        world.command(A, 11);
        world.run(20 * US);
        world.panic(A, true);
        world.run(cut_after * US);
        world.cut();
        world.run(SEC);
        world.settle();
        sound(&world);
        assert_eq!(
            kinds(&world),
            [(A, "cold"), (B, "hitless")],
            "cut after {cut_after} us: {}",
            world.history()
        );
    }
}

/// The master dropped its handle and the link broke: it cannot tell META, so the slave's copy has to stay good.
#[test]
fn a_master_that_dies_of_its_own_failed_handover_is_taken_over_hitlessly() {
    for cut_after in (0..600).step_by(10) {
        let mut world = World::pair(Options::hitless());
        world.command(A, 10);
        world.run(10 * MS);
        world.panic(A, true);
        world.run(cut_after * US);
        world.cut();
        world.settle();
        sound(&world);
        assert_eq!(kinds(&world), [(A, "cold"), (B, "hitless")], "cut after {cut_after} us");
    }
}
