//! Cards out and in, and reboots.

use super::*;

#[test]
fn a_removed_master_is_answered_for_when_it_is_dead_and_stays_out() {
    let mut chassis = Chassis::pair();
    chassis.operate(7, Operate::Remove(Bay::A));
    chassis.note();
    assert_eq!(answer(&chassis.out, 7), None);
    chassis.give(In::Died { slot: A, pid: 10 });
    assert_eq!(answer(&chassis.take(), 7), Some(&Ok("MSM a is removed".to_owned())));
    chassis.wait_kicking(Duration::from_secs(60), &[(B, 20)]);
    assert!(!started(&chassis.take(), A));
    // One that somebody starts by hand in an empty bay is killed.
    chassis.give(In::Here { slot: A, pid: 66 });
    chassis.wait(ms(60));
    assert!(killed(&chassis.take(), A));
    chassis.give(In::Died { slot: A, pid: 66 });
    chassis.operate(8, Operate::Insert(Bay::A));
    let out = chassis.take();
    assert!(answer(&out, 8).is_some_and(Result::is_ok));
    assert!(started(&out, A) && out.contains(&Out::Fabric { bay: Bay::A, state: Fabric::Present }));
    assert!(out.contains(&Out::Fabrics { to: B, all: [Fabric::Present; 4] }));
}

#[test]
fn the_only_msm_can_be_removed_and_the_answer_warns() {
    let mut chassis = Chassis::pair();
    for (request, slot, pid, warns) in [(1, B, 20, false), (2, A, 10, true)] {
        chassis.operate(request, Operate::Remove(slot.into()));
        chassis.note();
        chassis.give(In::Died { slot, pid });
        let out = chassis.take();
        let Some(Ok(text)) = answer(&out, request) else { panic!("{out:?}") };
        assert_eq!(text.contains("nobody controls"), warns, "{text}");
    }
    // With no MSM alive, cards still come and go.
    chassis.operate(3, Operate::Remove(Bay::A));
    chassis.operate(4, Operate::Insert(Bay::A));
    let out = chassis.take();
    assert!(answer(&out, 3).is_some_and(Result::is_err) && answer(&out, 4).is_some_and(Result::is_ok));
    chassis.operate(5, Operate::Remove(Bay::A));
    assert!(answer(&chassis.out, 5).is_some_and(Result::is_ok), "it had not started yet");
    // The start that was asked for comes back: not in an empty bay.
    chassis.take();
    chassis.give(In::Running { slot: A, pid: 11 });
    assert!(killed(&chassis.take(), A));
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    let mut chassis = Chassis::off(&[Bay::A, Bay::B]);
    chassis.give(In::Tick);
    for (what, word) in [
        (Operate::Insert(Bay::A), "already"),
        (Operate::Insert(Bay::C), "no bay c"),
        (Operate::Remove(Bay::D), "empty"),
    ] {
        chassis.take();
        chassis.operate(1, what);
        let out = chassis.take();
        let Some(Err(text)) = answer(&out, 1) else { panic!("{what:?}: {out:?}") };
        assert!(text.contains(word), "{text}");
    }
    chassis.operate(2, Operate::Remove(Bay::B));
    chassis.operate(3, Operate::Reset { slot: B, hard: true });
    assert!(answer(&chassis.out, 3).is_some_and(Result::is_err));
}

#[test]
fn bays_c_and_d_are_fabric_and_nothing_else() {
    let mut chassis = Chassis::pair();
    chassis.operate(1, Operate::Remove(Bay::D));
    let gone = [Fabric::Present, Fabric::Present, Fabric::Present, Fabric::Absent];
    let out = chassis.take();
    assert_eq!(out[0], Out::Fabric { bay: Bay::D, state: Fabric::Absent });
    assert_eq!(out[1..3], [Out::Fabrics { to: A, all: gone }, Out::Fabrics { to: B, all: gone }]);
    assert!(answer(&out, 1).is_some_and(Result::is_ok));
    chassis.operate(2, Operate::Insert(Bay::D));
    let out = chassis.take();
    assert!(out.contains(&Out::Fabric { bay: Bay::D, state: Fabric::Present }));
    assert!(!out.iter().any(|output| matches!(output, Out::Start { .. } | Out::Kill { .. })));
}

#[test]
fn a_card_that_still_ends_is_not_inserted_over() {
    let mut chassis = Chassis::pair();
    chassis.operate(1, Operate::Remove(Bay::A));
    chassis.operate(2, Operate::Insert(Bay::A));
    assert!(answer(&chassis.out, 2).is_some_and(Result::is_err));
    chassis.operate(3, Operate::Remove(Bay::A));
    assert!(answer(&chassis.out, 3).is_some_and(Result::is_err));
}

#[test]
fn a_reboot_of_all_takes_the_slave_first() {
    let mut chassis = Chassis::pair();
    chassis.operate(1, Operate::ResetAll);
    let out = chassis.take();
    let at = |slot| out.iter().position(|output| is_kill(output, slot)).expect("killed");
    assert!(at(B) < at(A), "{out:?}");
    assert!(answer(&out, 1).is_some_and(Result::is_ok));
    assert_eq!((chassis.fabric(Bay::A), chassis.fabric(Bay::B)), (Fabric::Present, Fabric::Present));
}

#[test]
fn a_reset_of_one_that_waits_for_its_start_starts_it_now() {
    let mut chassis = Chassis::off(&[Bay::A]);
    chassis.give(In::Tick);
    chassis.give(In::StartFailed { slot: A, text: "x".into() });
    chassis.take();
    chassis.operate(1, Operate::Reset { slot: A, hard: true });
    let out = chassis.take();
    assert!(started(&out, A) && chassis.fabric(Bay::A) == Fabric::Reset);
    assert!(answer(&out, 1).is_some_and(Result::is_ok));
}

/// A second process said hello while the first was being pulled: it is not left running in an empty bay.
#[test]
fn one_that_waited_for_a_slot_that_was_emptied_is_killed_and_the_wish_is_answered() {
    for introduced in [true, false] {
        let mut chassis = Chassis::off(&[Bay::A, Bay::B]);
        chassis.give(In::Tick);
        chassis.give(In::Running { slot: A, pid: 10 });
        if introduced {
            chassis.give(In::Here { slot: A, pid: 10 });
        }
        chassis.operate(1, Operate::Remove(Bay::A));
        chassis.give(In::Here { slot: A, pid: 11 });
        assert!(chassis.out.contains(&Out::Kill { slot: A, pid: 10 }));
        chassis.give(In::Died { slot: A, pid: 10 });
        assert!(answer(&chassis.out, 1).is_some_and(Result::is_ok));
        assert!(chassis.out.contains(&Out::Kill { slot: A, pid: 11 }));
    }
}
