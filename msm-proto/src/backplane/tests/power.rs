//! Start, death, and who is in a slot.

use super::*;

#[test]
fn an_empty_chassis_starts_both_controllers_and_nothing_else() {
    let mut chassis = Chassis::off(&Bay::ALL);
    assert_eq!(chassis.machine.deadline(), Some(Time(0)));
    chassis.give(In::Tick);
    assert_eq!(chassis.take(), [Out::Start { slot: A }, Out::Start { slot: B }]);
    chassis.give(In::Tick);
    assert_eq!(chassis.take(), [], "asked once");
    let status = chassis.machine.status();
    assert_eq!(status.iter().map(|bay| bay.fabric).collect::<Vec<_>>(), [Fabric::Present; 4]);
}

#[test]
fn what_runs_is_adopted_and_is_told_of_the_fabrics() {
    let mut chassis = Chassis::off(&[Bay::A, Bay::B]);
    chassis.give(In::Running { slot: A, pid: 10 });
    chassis.give(In::Tick);
    assert_eq!(chassis.take(), [Out::Start { slot: B }]);
    chassis.give(In::Here { slot: A, pid: 10 });
    let [a, b] = [Fabric::Present; 2];
    assert_eq!(chassis.take(), [Out::Fabrics { to: A, all: [a, b, Fabric::Absent, Fabric::Absent] }]);
}

#[test]
fn a_card_that_was_out_when_the_backplane_died_stays_out() {
    let fabrics = [Fabric::Present, Fabric::Absent, Fabric::Absent, Fabric::Present];
    let mut machine = Backplane::adopt(&Bay::ALL, fabrics);
    assert_eq!(machine.step(Time(1), In::Tick), [Out::Start { slot: A }]);
    assert!(machine.status().iter().any(|bay| bay.bay == Bay::C && bay.fabric == Fabric::Absent));
}

#[test]
fn a_dead_msm_is_started_again_at_once_and_its_fabric_stays() {
    let mut chassis = Chassis::pair();
    chassis.give(In::Died { slot: A, pid: 10 });
    chassis.wait(Duration::ZERO);
    assert_eq!(chassis.take(), [Out::Start { slot: A }]);
    assert_eq!(chassis.fabric(Bay::A), Fabric::Present);
}

#[test]
fn one_that_dies_without_a_hello_waits_longer_each_time() {
    let mut chassis = Chassis::off(&[Bay::A]);
    chassis.give(In::Tick);
    let mut waits = Vec::new();
    for pid in 1..8 {
        chassis.take();
        chassis.give(In::Running { slot: A, pid });
        chassis.give(In::Died { slot: A, pid });
        let wait = chassis.machine.deadline().expect("it is started again") - chassis.now;
        chassis.wait(wait);
        assert_eq!(chassis.take(), [Out::Start { slot: A }]);
        waits.push(wait.as_millis());
    }
    assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000]);
}

#[test]
fn a_start_that_fails_or_never_ends_is_tried_again() {
    let mut chassis = Chassis::off(&[Bay::A]);
    chassis.give(In::Tick);
    chassis.give(In::StartFailed { slot: A, text: "no such file".into() });
    assert!(chassis.said("no such file"));
    chassis.take();
    chassis.wait(ms(100));
    assert_eq!(chassis.take(), [Out::Start { slot: A }]);
    // No result comes.
    chassis.wait(Duration::from_secs(11));
    assert_eq!(chassis.take(), [Out::Start { slot: A }]);
    // One that nobody waits for any more is nothing.
    chassis.give(In::Running { slot: A, pid: 1 });
    chassis.give(In::StartFailed { slot: A, text: "late".into() });
    assert!(!chassis.said("late"));
}

#[test]
fn a_second_process_in_a_slot_has_to_wait_for_the_death_of_the_first() {
    let mut chassis = Chassis::pair();
    chassis.give(In::Here { slot: A, pid: 11 });
    assert!(chassis.said("has to wait"));
    // What it says counts for nothing.
    chassis.give(In::Kick { slot: A, pid: 11, timeout: TIMEOUT, master: false });
    assert!(chassis.machine.status()[0].master);
    chassis.give(In::Died { slot: A, pid: 10 });
    chassis.wait(ms(1));
    assert!(!started(&chassis.take(), A), "the slot has its process");
    assert_eq!(chassis.machine.status()[0].process, Some(11));
    // It dies itself while it waits: forgotten.
    chassis.give(In::Here { slot: A, pid: 12 });
    chassis.give(In::Died { slot: A, pid: 12 });
    chassis.give(In::Died { slot: A, pid: 11 });
    chassis.wait(ms(1));
    assert!(started(&chassis.take(), A));
}

#[test]
fn one_that_says_hello_beside_a_start_has_the_slot() {
    let mut chassis = Chassis::off(&[Bay::A]);
    chassis.give(In::Tick);
    chassis.give(In::Running { slot: A, pid: 1 });
    chassis.give(In::Here { slot: A, pid: 7 });
    chassis.give(In::Died { slot: A, pid: 1 });
    chassis.take();
    chassis.wait(Duration::from_secs(20));
    assert_eq!(chassis.take(), [], "nothing is started over it");
    assert_eq!(chassis.machine.status()[0].process, Some(7));
}
