//! What a death means: by the backplane's word, the options, and the slave's readiness.

use super::*;

const DISCARDS: [Trigger; 2] = [Trigger::WatchdogTimeout, Trigger::KeepaliveLoss];
const PARTIAL: [Trigger; 3] = [Trigger::Diagnostic, Trigger::HotRemoval, Trigger::HardReset];

fn struck(mut pair: Pair, trigger: Trigger) -> Pair {
    pair.give(B, Input::PeerFate { trigger });
    pair.kill(A);
    pair.wait(ms(20));
    pair.sound();
    pair
}

#[test]
fn a_death_that_the_backplane_explained_has_its_cause() {
    for trigger in DISCARDS.into_iter().chain(PARTIAL) {
        let pair = struck(Pair::hitless(), trigger);
        let (slot, decision) = pair.decision().expect("B takes over");
        let partial = PARTIAL.contains(&trigger);
        assert_eq!(slot, B);
        assert_eq!(
            decision.verdict,
            if partial { Verdict::Partial } else { Verdict::NotHitless },
            "{trigger:?}"
        );
        assert_eq!(decision.cause, trigger.cause());
        assert_eq!(decision.fabric, trigger.fabric());
        assert_eq!([decision.keep_links, decision.keep_l2, decision.keep_l3], [partial; 3]);
        assert_eq!(decision.reset_old_master, !partial);
        let status = pair.status(B);
        assert_eq!((status.history.cause, status.history.failovers), (trigger.cause(), 1));
    }
}

#[test]
fn without_its_word_a_death_is_an_exception() {
    let mut pair = Pair::hitless();
    pair.kill(A);
    pair.wait(ms(20));
    let (_, decision) = pair.decision().expect("B takes over");
    assert_eq!((decision.verdict, decision.cause), (Verdict::Hitless, Cause::Exception));
    pair.sound();
}

/// "The master's hardware is gone: a slave without the inheritance still has to take over."
#[test]
fn a_slave_that_is_not_ready_takes_over_from_lost_hardware_with_its_own_configuration() {
    for trigger in DISCARDS.into_iter().chain(PARTIAL) {
        let mut pair = Pair::empty(Options::hitless());
        pair.boot(A);
        pair.wait(ms(200));
        // Its copy never comes to an end.
        pair.boot(B);
        pair.node(A).holds = true;
        pair.connect();
        pair.wait(ms(10));
        assert_eq!(pair.meta.and_then(|meta| meta.ready), None);
        let pair = struck(pair, trigger);
        let (slot, decision) = pair.decision().expect("B takes over");
        assert_eq!((slot, decision.verdict), (B, Verdict::NotHitless), "{trigger:?}");
        assert_eq!(decision.configuration, ConfigSource::Flash);
        assert_eq!([decision.keep_links, decision.keep_l2, decision.keep_l3], [false; 3]);
    }
}

#[test]
fn under_every_option_and_level_the_table_is_what_happens() {
    let lawful = [
        Options::default(),
        Options { slave_config: crate::SlaveConfig::Inherited, ..Options::default() },
        Options { recovery: RecoveryLevel::None, ..Options::hitless() },
        Options { link_action: crate::LinkAction::KeepLinksUp(crate::Preserve::L2), ..Options::hitless() },
        Options::hitless(),
    ];
    for options in lawful {
        for trigger in DISCARDS.into_iter().chain(PARTIAL).chain([Trigger::ProcessDeath]) {
            let mut pair = Pair::new(options);
            if trigger != Trigger::ProcessDeath {
                pair.give(B, Input::PeerFate { trigger });
            }
            pair.kill(A);
            pair.wait(ms(20));
            let expected = crate::decide(trigger, &options, true);
            assert_eq!(pair.decision(), Some((B, expected)), "{trigger:?} {options:?}");
            pair.sound();
        }
    }
}

#[test]
fn a_word_that_was_not_followed_by_a_death_within_5_s_is_forgotten() {
    let mut pair = Pair::hitless();
    pair.give(B, Input::PeerFate { trigger: Trigger::HotRemoval });
    pair.wait(ms(5_001));
    pair.kill(A);
    pair.wait(ms(20));
    let (_, decision) = pair.decision().expect("B takes over");
    assert_eq!(decision.cause, Cause::Exception);
}

#[test]
fn a_word_about_one_process_is_not_about_the_next() {
    let mut pair = Pair::hitless();
    // The slave is pulled; another takes its place; then the master is failed over to it.
    pair.give(A, Input::PeerFate { trigger: Trigger::HotRemoval });
    pair.give(B, Input::PeerFate { trigger: Trigger::HotRemoval });
    pair.kill(B);
    pair.boot(B);
    pair.connect();
    pair.wait(ms(50));
    pair.kill(A);
    pair.wait(ms(20));
    let (_, decision) = pair.decision().expect("B takes over");
    assert_eq!(decision.cause, Cause::Exception);
}

#[test]
fn a_link_that_blinks_between_word_and_death_changes_nothing() {
    let mut pair = Pair::hitless();
    pair.give(B, Input::PeerFate { trigger: Trigger::WatchdogTimeout });
    pair.cut();
    pair.connect();
    pair.wait(ms(20));
    pair.kill(A);
    pair.wait(ms(20));
    let (_, decision) = pair.decision().expect("B takes over");
    assert_eq!(decision.cause, Cause::Watchdog);
}

/// The word comes while META is being read: it is not too late.
#[test]
fn a_word_that_comes_with_the_proof_counts() {
    let mut pair = Pair::hitless();
    let session = pair.node(B).session;
    pair.node(B).inbox.extend([
        Input::PeerDead { session },
        Input::PeerFate { trigger: Trigger::HotRemoval },
        Input::PeerGone { session },
    ]);
    pair.holder = None;
    pair.nodes[0] = None;
    pair.run();
    pair.wait(ms(20));
    let (_, decision) = pair.decision().expect("B takes over");
    assert_eq!(decision.cause, Cause::Removal);
}

#[test]
fn a_master_shows_why_its_slave_is_not_there_until_there_is_one() {
    for (trigger, reason) in [
        (Trigger::HotRemoval, Reason::Hotswap),
        (Trigger::HardReset, Reason::Hotswap),
        (Trigger::WatchdogTimeout, Reason::Watchdog),
        (Trigger::KeepaliveLoss, Reason::Keepalive),
        (Trigger::Diagnostic, Reason::HardwareFailed),
    ] {
        for told_after in [false, true] {
            let mut pair = Pair::hitless();
            let word = Input::PeerFate { trigger };
            if !told_after {
                pair.give(A, word.clone());
            }
            pair.kill(B);
            if told_after {
                pair.give(A, word);
            }
            assert_eq!(pair.role(A), Role::Master);
            assert_eq!(pair.meta.and_then(|meta| meta.ready), None);
            for name in Subsystem::ALL {
                assert_eq!(pair.row(A, name), (State::NotAvailable, reason), "{trigger:?}");
            }
            pair.boot(B);
            assert_eq!(pair.row(A, ARP), (State::NotAvailable, reason), "it boots");
            pair.connect();
            pair.wait(ms(50));
            assert_eq!(pair.row(A, ARP), (State::Ready, Reason::None));
            // One that dies by itself has no reason.
            pair.kill(B);
            assert_eq!(pair.row(A, ARP), (State::NotAvailable, Reason::None));
        }
    }
}

#[test]
fn an_msm_whose_diagnostics_fail_tells_the_backplane() {
    let mut pair = Pair::hitless();
    for slot in [A, B] {
        let text = "frame 3 came out wrong".to_owned();
        pair.give(slot, Input::DiagnosticsFailed { text: text.clone() });
        assert_eq!(pair.outs(slot, |output| *output == Output::DiagnosticsFailed { text: text.clone() }), 1);
    }
    assert_eq!((pair.role(A), pair.role(B)), (Role::Master, Role::Slave), "nothing moves by itself");
}

#[test]
fn both_dead_at_once_the_first_one_up_adopts() {
    for first in [A, B] {
        let mut pair = Pair::hitless();
        let node = pair.nodes.iter_mut().map(Option::take).count();
        assert_eq!(node, 2);
        pair.holder = None;
        pair.boot(first);
        pair.wait(Duration::from_secs(3));
        assert_eq!(pair.role(first), Role::Master);
        assert!(matches!(pair.serves.last(), Some((slot, Takeover::Adopted)) if *slot == first));
        pair.sound();
    }
}

#[test]
fn what_the_slave_had_when_it_took_over_is_shown_beside_what_its_slave_has() {
    let mut pair = Pair::hitless();
    pair.give(A, Input::SubsystemFailed { subsystem: ARP, reason: Reason::Memory, text: "x".into() });
    pair.give(B, Input::PeerFate { trigger: Trigger::HotRemoval });
    pair.kill(A);
    pair.wait(ms(20));
    let rows = pair.status(B).subsystems;
    let arp = rows[ARP as usize];
    assert_eq!((arp.old_state, arp.old_reason), (State::Failed, Reason::Memory));
    assert_eq!((arp.state, arp.reason), (State::NotAvailable, Reason::None));
    let configuration = rows[0];
    assert_eq!((configuration.old_state, configuration.old_reason), (State::Ready, Reason::None));
}

/// The slave slept while the process that the word was about died and its slot booted again.
#[test]
fn a_word_that_is_read_after_its_master_was_replaced_is_not_about_the_new_one() {
    let mut pair = Pair::hitless();
    pair.give(B, Input::PeerFate { trigger: Trigger::HotRemoval });
    pair.node(B).stopped = true;
    pair.kill(A);
    // Its pidfd was not looked at: the new session ends the old one.
    pair.node(B).inbox.clear();
    pair.boot(A);
    pair.wait(Duration::from_secs(2));
    assert_eq!(pair.role(A), Role::Master);
    pair.node(B).stopped = false;
    pair.connect();
    pair.wait(ms(500));
    assert_eq!(pair.meta.and_then(|meta| meta.ready), Some(B));
    pair.kill(A);
    pair.wait(ms(20));
    let (_, decision) = pair.decision().expect("B takes over");
    assert_eq!((decision.cause, decision.verdict), (Cause::Exception, Verdict::Hitless));
}
