//! A slave that hears nothing, and who is reset for it.

use super::*;

const KEEPALIVE: Duration = Duration::from_millis(500);

fn suspect(chassis: &mut Chassis, by: Slot) {
    chassis.give(In::Suspect { by, keepalive: KEEPALIVE });
}

fn ping(outputs: &[Out]) -> Option<(Slot, u64)> {
    outputs.iter().find_map(|output| match output {
        Out::Ping { slot, number } => Some((*slot, *number)),
        _ => None,
    })
}

#[test]
fn a_master_that_answers_stays_and_the_slave_that_does_not_hear_it_is_reset_without_its_fabric() {
    let mut chassis = Chassis::pair();
    suspect(&mut chassis, B);
    let (asked, number) = ping(&chassis.take()).expect("the master is asked");
    assert_eq!(asked, A);
    chassis.wait(ms(30));
    chassis.give(In::Pong { slot: A, number });
    let out = chassis.take();
    assert_eq!(notice(&out, B), Some((A, Trigger::KeepaliveLoss)));
    chassis.wait(ms(50));
    assert_eq!(chassis.take(), [Out::Kill { slot: B, pid: 20 }]);
    assert_eq!(chassis.fabric(Bay::B), Fabric::Present);
}

#[test]
fn a_master_that_does_not_answer_in_a_fifth_of_the_time_is_hard_reset() {
    for (keepalive, wait) in [(100, 20), (500, 100), (2000, 100), (30_000, 100)] {
        let mut chassis = Chassis::pair();
        chassis.give(In::Suspect { by: B, keepalive: ms(keepalive) });
        assert!(ping(&chassis.take()).is_some());
        chassis.wait(ms(wait) + timers::DRAIN - ms(1));
        assert_eq!(chassis.take(), [], "{keepalive} ms");
        chassis.wait(ms(1));
        let out = chassis.take();
        assert_eq!(notice(&out, A), Some((B, Trigger::KeepaliveLoss)), "{keepalive} ms");
        let Out::Notice { number, .. } = out[0] else { panic!("{out:?}") };
        chassis.give(In::Noted { slot: B, number });
        let fabric = Out::Fabric { bay: Bay::A, state: Fabric::Reset };
        assert_eq!(chassis.deeds(), [fabric, Out::Kill { slot: A, pid: 10 }]);
    }
}

#[test]
fn a_master_that_is_late_with_its_kick_has_the_time_that_sockets_take() {
    let late = TIMEOUT / 4 + TIMEOUT / 8 + ms(1);
    let mut chassis = Chassis::pair();
    chassis.wait(late);
    suspect(&mut chassis, B);
    let out = chassis.take();
    assert!(ping(&out).is_some() && notice(&out, A).is_none());
    chassis.wait(timers::DRAIN);
    assert_eq!(notice(&chassis.take(), A), Some((B, Trigger::KeepaliveLoss)));
    // Its kick was waiting: now it has to answer like any other.
    for answers in [true, false] {
        let mut chassis = Chassis::pair();
        chassis.wait(late);
        suspect(&mut chassis, B);
        let (_, number) = ping(&chassis.take()).expect("asked");
        chassis.kick(A, 10);
        chassis.wait(timers::DRAIN + ms(90));
        assert_eq!(chassis.take(), []);
        if answers {
            chassis.give(In::Pong { slot: A, number });
        }
        chassis.wait(ms(100));
        let guilty = if answers { B } else { A };
        assert_eq!(notice(&chassis.take(), guilty), Some((guilty.peer(), Trigger::KeepaliveLoss)));
    }
    // Half an interval late is not late.
    let mut chassis = Chassis::pair();
    chassis.wait(TIMEOUT / 4 + TIMEOUT / 8);
    suspect(&mut chassis, B);
    chassis.wait(timers::DRAIN);
    assert!(notice(&chassis.take(), A).is_none());
}

/// A backplane that was started again knows the process, and cannot ask it yet.
#[test]
fn a_master_that_has_not_said_hello_yet_is_asked_when_it_does() {
    let suspected = || {
        let mut chassis = Chassis::off(&[Bay::A, Bay::B]);
        chassis.give(In::Running { slot: A, pid: 10 });
        chassis.give(In::Running { slot: B, pid: 20 });
        chassis.give(In::Here { slot: B, pid: 20 });
        chassis.take();
        suspect(&mut chassis, B);
        chassis.wait(ms(900));
        assert_eq!(chassis.take(), []);
        chassis
    };
    let mut chassis = suspected();
    chassis.give(In::Here { slot: A, pid: 10 });
    let (asked, number) = ping(&chassis.take()).expect("it is asked");
    assert_eq!(asked, A);
    chassis.give(In::Pong { slot: A, number });
    assert_eq!(notice(&chassis.take(), B), Some((A, Trigger::KeepaliveLoss)));
    // One that never says hello is no healthy one.
    let mut chassis = suspected();
    chassis.wait(ms(100) + timers::DRAIN);
    assert_eq!(notice(&chassis.take(), A), Some((B, Trigger::KeepaliveLoss)));
}

#[test]
fn an_answer_that_comes_late_or_has_another_number_is_none() {
    let mut chassis = Chassis::pair();
    suspect(&mut chassis, B);
    let (_, number) = ping(&chassis.take()).expect("asked");
    chassis.give(In::Pong { slot: A, number: number + 1 });
    chassis.give(In::Pong { slot: B, number });
    assert_eq!(chassis.take(), []);
    chassis.wait(ms(100) + timers::DRAIN);
    assert_eq!(notice(&chassis.take(), A), Some((B, Trigger::KeepaliveLoss)));
    chassis.give(In::Pong { slot: A, number });
    assert_eq!(notice(&chassis.take(), B), None, "it is decided");
}

#[test]
fn a_suspicion_is_heard_once_and_the_other_side_s_not_at_all() {
    let mut chassis = Chassis::pair();
    suspect(&mut chassis, B);
    assert!(ping(&chassis.take()).is_some());
    suspect(&mut chassis, B);
    suspect(&mut chassis, A);
    assert_eq!(chassis.take(), [], "one at a time, and a master suspects nobody");
    chassis.wait(ms(100) + timers::DRAIN);
    chassis.note();
    let out = chassis.take();
    assert!(killed(&out, A) && !killed(&out, B));
    suspect(&mut chassis, B);
    suspect(&mut chassis, A);
    assert_eq!(chassis.take(), [], "it is being reset");
}

#[test]
fn two_that_both_say_that_they_are_slaves_cost_one_of_them() {
    let mut chassis = Chassis::pair();
    for (slot, pid) in [(A, 10), (B, 20)] {
        chassis.give(In::Kick { slot, pid, timeout: TIMEOUT, master: false });
    }
    suspect(&mut chassis, A);
    suspect(&mut chassis, B);
    let asked = chassis.take();
    assert_eq!(asked.len(), 1, "{asked:?}");
    chassis.wait(ms(200));
    let out = chassis.take();
    assert!(killed(&out, B) && !killed(&out, A), "{out:?}");
}

#[test]
fn the_death_of_either_ends_it() {
    for (slot, pid) in [(A, 10), (B, 20)] {
        let mut chassis = Chassis::pair();
        suspect(&mut chassis, B);
        chassis.give(In::Died { slot, pid });
        chassis.take();
        chassis.wait(ms(200));
        assert_eq!(chassis.take(), [Out::Start { slot }]);
    }
}

/// The one that did not hear is the only one left.
#[test]
fn who_is_to_be_reset_for_not_hearing_a_master_that_dies_meanwhile_is_not() {
    let mut chassis = Chassis::pair();
    suspect(&mut chassis, B);
    let (_, number) = ping(&chassis.take()).expect("asked");
    chassis.give(In::Pong { slot: A, number });
    assert!(notice(&chassis.take(), B).is_some());
    chassis.give(In::Died { slot: A, pid: 10 });
    chassis.wait(ms(500));
    assert!(!killed(&chassis.take(), B));
    assert!(chassis.said("MSM b is not reset"));
}

#[test]
fn one_that_is_not_there_or_not_connected_is_not_asked() {
    let mut chassis = Chassis::pair();
    chassis.give(In::Died { slot: A, pid: 10 });
    chassis.take();
    suspect(&mut chassis, B);
    assert_eq!(chassis.take(), [], "its pidfd tells");
    // A connection that ended: nothing can be asked, so nothing is answered.
    let mut chassis = Chassis::pair();
    chassis.give(In::Gone { slot: A, pid: 10 });
    suspect(&mut chassis, B);
    assert_eq!(ping(&chassis.take()), None);
    chassis.wait(ms(100) + timers::DRAIN);
    assert_eq!(notice(&chassis.take(), A), Some((B, Trigger::KeepaliveLoss)));
}

#[test]
fn a_backplane_that_did_not_run_waits_for_the_answer_anew() {
    let mut chassis = Chassis::pair();
    suspect(&mut chassis, B);
    let (_, number) = ping(&chassis.take()).expect("asked");
    chassis.now = chassis.now + ms(1000);
    chassis.give(In::Tick);
    chassis.give(In::Pong { slot: A, number });
    assert_eq!(notice(&chassis.take(), B), Some((A, Trigger::KeepaliveLoss)));
}
