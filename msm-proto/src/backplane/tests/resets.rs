//! Notice, kill, and what becomes of the fabric.

use super::*;

/// A way to reset MSM A: what is given, the trigger that its peer reads, and what becomes of its fabric.
type Row = (In, Trigger, Fabric);

fn rows() -> [Row; 4] {
    let operator = |what| In::Operator { request: 1, what };
    [
        (operator(Operate::Remove(Bay::A)), Trigger::HotRemoval, Fabric::Absent),
        (operator(Operate::Reset { slot: A, hard: true }), Trigger::HardReset, Fabric::Reset),
        (In::DiagnosticsFailed { slot: A, text: "no frame".into() }, Trigger::Diagnostic, Fabric::Failed),
        (In::Suspect { by: B, keepalive: ms(500) }, Trigger::KeepaliveLoss, Fabric::Reset),
    ]
}

#[test]
fn the_peer_is_told_and_the_kill_waits_for_its_word() {
    for (input, trigger, fabric) in rows() {
        let mut chassis = Chassis::pair();
        chassis.give(input);
        chassis.wait(if trigger == Trigger::KeepaliveLoss {
            ms(100) + timers::DRAIN
        } else {
            Duration::ZERO
        });
        let out = chassis.out.clone();
        assert_eq!(notice(&out, A), Some((B, trigger)));
        assert!(!killed(&out, A), "{trigger:?}");
        assert_eq!(chassis.machine.status()[0].reset, Some(trigger));
        chassis.out.retain(|output| matches!(output, Out::Notice { .. }));
        // Another number, another slot: not this one's.
        chassis.give(In::Noted { slot: B, number: 999 });
        chassis.give(In::Noted { slot: A, number: 1 });
        assert!(!killed(&chassis.out, A));
        chassis.note();
        let out = chassis.take();
        let all = out.iter().find_map(|output| match output {
            Out::Fabrics { to: B, all } => Some(*all),
            _ => None,
        });
        assert_eq!(all.map(|all| all[0]), Some(fabric), "the survivor programs at once");
        assert!(!out.iter().any(|output| matches!(output, Out::Fabrics { to: A, .. })), "the dying does not");
        let taken = out.iter().position(|o| *o == Out::Fabric { bay: Bay::A, state: fabric });
        let kill = out.iter().position(|output| is_kill(output, A));
        assert!(taken.is_some() && taken < kill, "{out:?}");
    }
}

#[test]
fn it_waits_50_ms_at_most() {
    for (input, trigger, fabric) in rows() {
        let mut chassis = Chassis::pair();
        chassis.give(input);
        chassis.wait(if trigger == Trigger::KeepaliveLoss {
            ms(100) + timers::DRAIN
        } else {
            Duration::ZERO
        });
        chassis.wait(ms(49));
        assert!(!killed(&chassis.out, A));
        chassis.wait(ms(1));
        assert!(killed(&chassis.take(), A));
        assert_eq!(chassis.fabric(Bay::A), fabric);
    }
}

#[test]
fn without_a_peer_it_is_done_at_once() {
    type Make = fn(&mut Chassis);
    let lonely: [(Make, bool); 3] = [
        (|chassis| chassis.give(In::Died { slot: B, pid: 20 }), true),
        (|chassis| chassis.give(In::Gone { slot: B, pid: 20 }), true),
        (|_| {}, false),
    ];
    for (make, alone) in lonely {
        for (input, trigger, fabric) in rows().into_iter().filter(|row| row.1 != Trigger::KeepaliveLoss) {
            let mut chassis = Chassis::pair();
            make(&mut chassis);
            chassis.give(input);
            assert_eq!(killed(&chassis.out, A), alone, "{trigger:?}");
            assert_eq!(chassis.fabric(Bay::A) == fabric, alone, "{trigger:?}");
        }
    }
}

#[test]
fn the_slave_s_fabric_goes_the_same_way_and_its_master_is_told() {
    for (what, trigger, fabric) in [
        (Operate::Remove(Bay::B), Trigger::HotRemoval, Fabric::Absent),
        (Operate::Reset { slot: B, hard: true }, Trigger::HardReset, Fabric::Reset),
    ] {
        let mut chassis = Chassis::pair();
        chassis.operate(1, what);
        assert_eq!(notice(&chassis.out, B), Some((A, trigger)));
        chassis.note();
        assert!(killed(&chassis.out, B) && chassis.fabric(Bay::B) == fabric);
    }
}

#[test]
fn a_plain_reset_takes_no_fabric_and_needs_no_notice() {
    let mut chassis = Chassis::pair();
    chassis.operate(1, Operate::Reset { slot: B, hard: false });
    let out = chassis.take();
    assert!(answer(&out, 1).is_some_and(Result::is_ok));
    assert_eq!((killed(&out, B), notice(&out, B)), (true, None));
    assert_eq!(chassis.fabric(Bay::B), Fabric::Present);
}

#[test]
fn a_second_reset_under_way_is_refused_and_other_causes_change_nothing() {
    let mut chassis = Chassis::pair();
    chassis.operate(1, Operate::Reset { slot: A, hard: true });
    chassis.operate(2, Operate::Reset { slot: A, hard: false });
    chassis.give(In::DiagnosticsFailed { slot: A, text: "x".into() });
    chassis.give(In::Suspect { by: B, keepalive: ms(500) });
    assert!(answer(&chassis.out, 2).is_some_and(Result::is_err));
    assert_eq!(chassis.out.iter().filter(|output| matches!(output, Out::Notice { .. })).count(), 1);
    chassis.wait(ms(50));
    assert_eq!(chassis.fabric(Bay::A), Fabric::Reset);
    assert_eq!(chassis.out.iter().filter(|output| is_kill(output, A)).count(), 1);
}

#[test]
fn a_card_can_be_pulled_while_it_is_being_reset() {
    for wait in [0, 60] {
        let mut chassis = Chassis::pair();
        chassis.operate(1, Operate::Reset { slot: A, hard: true });
        chassis.wait(ms(wait));
        chassis.take();
        chassis.operate(2, Operate::Remove(Bay::A));
        assert_eq!(chassis.fabric(Bay::A), Fabric::Absent);
        assert!(killed(&chassis.out, A));
        chassis.give(In::Died { slot: A, pid: 10 });
        chassis.wait(Duration::from_secs(1));
        let out = chassis.take();
        assert!(answer(&out, 2).is_some_and(Result::is_ok));
        assert!(!started(&out, A));
    }
}

#[test]
fn both_can_be_reset_together() {
    let mut chassis = Chassis::pair();
    chassis.operate(1, Operate::Reset { slot: A, hard: true });
    chassis.operate(2, Operate::Reset { slot: B, hard: true });
    chassis.note();
    chassis.wait(ms(50));
    let out = chassis.take();
    assert!(killed(&out, A) && killed(&out, B));
    for (slot, pid) in [(A, 10), (B, 20)] {
        chassis.give(In::Died { slot, pid });
    }
    chassis.wait(ms(1));
    let out = chassis.take();
    assert!(started(&out, A) && started(&out, B));
}

#[test]
fn a_killed_process_that_does_not_die_is_killed_again_and_nothing_starts_beside_it() {
    let mut chassis = Chassis::pair();
    chassis.operate(1, Operate::Remove(Bay::A));
    chassis.note();
    assert_eq!(answer(&chassis.take(), 1), None, "it is not out before it is dead");
    chassis.wait(ms(3500));
    let out = chassis.take();
    assert_eq!(out.iter().filter(|output| is_kill(output, A)).count(), 3);
    assert!(answer(&out, 1).is_some(), "nobody waits for ever");
    assert!(!started(&out, A));
    chassis.give(In::Died { slot: A, pid: 10 });
    assert_eq!(answer(&chassis.take(), 1), None);
}

#[test]
fn a_reset_fabric_is_in_use_again_when_its_msm_is_back() {
    let mut chassis = Chassis::pair();
    chassis.operate(1, Operate::Reset { slot: A, hard: true });
    chassis.note();
    chassis.give(In::Died { slot: A, pid: 10 });
    chassis.wait(ms(1));
    assert_eq!(chassis.fabric(Bay::A), Fabric::Reset);
    chassis.give(In::Running { slot: A, pid: 11 });
    chassis.give(In::Here { slot: A, pid: 11 });
    assert_eq!(chassis.fabric(Bay::A), Fabric::Present);
}

#[test]
fn a_failed_fabric_is_used_again_when_diagnostics_pass_and_its_msm_is_not_reset_for_ever() {
    let mut chassis = Chassis::pair();
    let failed = || In::DiagnosticsFailed { slot: B, text: "golden frame 3 came out wrong".into() };
    chassis.give(failed());
    chassis.note();
    assert!(killed(&chassis.take(), B) && chassis.fabric(Bay::B) == Fabric::Failed);
    chassis.give(In::Died { slot: B, pid: 20 });
    // One that its diagnostics keep from working waits longer and longer.
    assert_eq!(chassis.machine.deadline().map(|at| (at - chassis.now) >= ms(100)), Some(true));
    chassis.wait(ms(100));
    chassis.give(In::Running { slot: B, pid: 21 });
    chassis.give(In::Here { slot: B, pid: 21 });
    chassis.take();
    chassis.give(failed());
    chassis.wait(ms(60));
    assert_eq!(chassis.take(), [], "it is known");
    // A hard reset does not make it sound.
    chassis.operate(5, Operate::Reset { slot: B, hard: true });
    chassis.note();
    assert_eq!(chassis.fabric(Bay::B), Fabric::Failed);
    chassis.give(In::DiagnosticsPassed { slot: B });
    assert_eq!(chassis.fabric(Bay::B), Fabric::Failed, "said by the one that is being reset");
    chassis.give(In::Died { slot: B, pid: 21 });
    chassis.give(In::DiagnosticsPassed { slot: B });
    assert_eq!(chassis.fabric(Bay::B), Fabric::Present);
    chassis.take();
    chassis.give(In::DiagnosticsPassed { slot: B });
    assert_eq!(chassis.take(), [], "each self test says so");
}
