//! Kicks, and their lack.

use super::*;

#[test]
fn one_that_was_never_kicked_does_not_bite() {
    let mut chassis = Chassis::off(&[Bay::A, Bay::B]);
    chassis.give(In::Tick);
    chassis.give(In::Running { slot: A, pid: 10 });
    chassis.give(In::Here { slot: A, pid: 10 });
    chassis.take();
    chassis.wait(Duration::from_secs(3600));
    assert!(!killed(&chassis.take(), A));
}

#[test]
fn kicks_keep_both_alive() {
    let mut chassis = Chassis::pair();
    chassis.wait_kicking(Duration::from_secs(60), &[(A, 10), (B, 20)]);
    assert_eq!(chassis.take(), []);
}

#[test]
fn a_master_that_stops_kicking_is_hard_reset_in_time_and_its_peer_told_first() {
    for timeout in [100, 2000, 30_000] {
        let mut chassis = Chassis::pair();
        for (slot, pid) in [(A, 10), (B, 20)] {
            chassis.give(In::Kick { slot, pid, timeout: ms(timeout), master: slot == A });
        }
        let last = chassis.now;
        while !chassis.out.iter().any(|output| matches!(output, Out::Notice { .. })) {
            chassis.wait((ms(timeout) / 20).min(ms(40)));
            chassis.give(In::Kick { slot: B, pid: 20, timeout: ms(timeout), master: false });
            assert!(chassis.now - last <= ms(timeout) * 6 / 5, "{timeout} ms");
        }
        assert!(chassis.now - last >= ms(timeout));
        let out = chassis.take();
        assert_eq!(notice(&out, A), Some((B, Trigger::WatchdogTimeout)));
        assert!(!killed(&out, A) && chassis.fabric(Bay::A) == Fabric::Present, "the peer is told first");
        let Out::Notice { number, .. } = out[0] else { panic!("{out:?}") };
        chassis.give(In::Noted { slot: B, number });
        let out = chassis.deeds();
        let fabric = Out::Fabric { bay: Bay::A, state: Fabric::Reset };
        assert_eq!(out, [fabric, Out::Kill { slot: A, pid: 10 }]);
        chassis.give(In::Died { slot: A, pid: 10 });
        chassis.wait(ms(1));
        assert!(started(&chassis.take(), A));
    }
}

#[test]
fn a_slave_that_stops_kicking_is_reset_too() {
    let mut chassis = Chassis::pair();
    chassis.wait_kicking(TIMEOUT, &[(A, 10)]);
    chassis.wait(timers::DRAIN + ms(50));
    let out = chassis.take();
    assert_eq!(notice(&out, B), Some((A, Trigger::WatchdogTimeout)));
    assert!(killed(&out, B) && !killed(&out, A));
}

#[test]
fn a_kick_of_an_old_process_is_no_kick() {
    let mut chassis = Chassis::pair();
    chassis.give(In::Died { slot: A, pid: 10 });
    chassis.wait(Duration::ZERO);
    chassis.give(In::Running { slot: A, pid: 11 });
    chassis.kick(A, 10);
    assert_eq!(chassis.machine.status()[0].watchdog, None, "not armed");
    chassis.kick(A, 11);
    assert_eq!(chassis.machine.status()[0].watchdog, Some(TIMEOUT));
    // The old one's do not keep the new one alive.
    let from = chassis.now;
    chassis.take();
    while !killed(&chassis.out, A) {
        chassis.wait_kicking(TIMEOUT / 4, &[(A, 10), (B, 20)]);
        chassis.note();
        assert!(chassis.now - from < TIMEOUT * 2);
    }
}

#[test]
fn a_timeout_out_of_range_is_taken_for_the_nearest_in_it() {
    let mut chassis = Chassis::pair();
    for (said, held) in [(0, 100), (99, 100), (31_000, 30_000), (u64::MAX, 30_000)] {
        chassis.give(In::Kick { slot: A, pid: 10, timeout: ms(said), master: true });
        assert_eq!(chassis.machine.status()[0].watchdog, Some(ms(held)));
    }
}

/// Stopped and continued, or starved: it must not reset MSMs whose kicks wait in its sockets.
#[test]
fn a_backplane_that_did_not_run_resets_nobody_for_it() {
    for gap in [TIMEOUT, TIMEOUT * 2, Duration::from_secs(3600), Duration::from_secs(1 << 33)] {
        let mut chassis = Chassis::pair();
        chassis.now = chassis.now + gap + ms(500);
        chassis.give(In::Tick);
        chassis.kick(A, 10);
        chassis.kick(B, 20);
        assert_eq!(chassis.take(), [], "{gap:?}");
        // Who still does not kick is reset an interval later.
        chassis.now = chassis.now + gap + ms(500);
        chassis.give(In::Tick);
        chassis.kick(B, 20);
        chassis.wait(TIMEOUT / 4 + timers::DRAIN);
        assert_eq!(notice(&chassis.take(), A), Some((B, Trigger::WatchdogTimeout)), "{gap:?}");
    }
}

/// However short after the watchdog's time it wakes.
#[test]
fn kicks_that_wait_behind_the_timer_count() {
    for late in [0, 1, 3, 40] {
        let mut chassis = Chassis::pair();
        chassis.now = chassis.now + TIMEOUT + ms(late);
        chassis.give(In::Tick);
        assert_eq!(chassis.take(), [], "{late} ms");
        chassis.kick(A, 10);
        chassis.kick(B, 20);
        chassis.wait(TIMEOUT / 2);
        assert_eq!(chassis.take(), [], "{late} ms");
    }
}
