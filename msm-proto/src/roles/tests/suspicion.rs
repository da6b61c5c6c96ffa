//! Silence: when a slave says so, and when not.

use super::*;

fn suspects(pair: &mut Pair) -> usize {
    pair.outs(B, |output| matches!(output, Output::Suspect { .. }))
}

fn with(keepalive: u64) -> Options {
    Options { keepalive: ms(keepalive), ..Options::hitless() }
}

#[test]
fn two_that_talk_suspect_nobody() {
    for keepalive in [100, 2000, 30_000] {
        let mut pair = Pair::new(with(keepalive));
        pair.wait(ms(keepalive * 5));
        assert_eq!(suspects(&mut pair), 0, "{keepalive} ms");
        let sent = pair.status(A).keepalives.sent;
        assert!((49..=200).contains(&sent), "{sent} keepalives in five times {keepalive} ms");
    }
}

#[test]
fn a_silent_master_is_suspected_in_time_and_again_each_time() {
    for keepalive in [100, 500, 2000, 30_000] {
        let mut pair = Pair::new(with(keepalive));
        pair.mute = Some(A);
        // The last word came at most a tenth of the time ago.
        pair.wait(ms(keepalive * 9 / 10 - 2));
        assert_eq!(suspects(&mut pair), 0, "{keepalive} ms");
        pair.wait(ms(keepalive / 10 + 2));
        assert_eq!(suspects(&mut pair), 1, "{keepalive} ms");
        let said = Output::Suspect { keepalive: ms(keepalive) };
        assert!(pair.node(B).out.contains(&said));
        pair.wait(ms(keepalive * 3));
        assert_eq!(suspects(&mut pair), 4, "at most once each time");
        assert_eq!(pair.role(B), Role::Slave, "it decides nothing");
        // The master speaks again.
        pair.mute = None;
        pair.wait(ms(keepalive));
    }
}

#[test]
fn a_link_that_is_away_is_silence_too() {
    let mut pair = Pair::hitless();
    pair.cut();
    pair.wait(ms(1_999));
    assert_eq!(suspects(&mut pair), 0);
    pair.wait(ms(2));
    assert_eq!(suspects(&mut pair), 1);
}

#[test]
fn a_slave_that_did_not_run_reads_what_waits_before_it_suspects() {
    let mut pair = Pair::hitless();
    pair.node(B).stopped = true;
    pair.wait(Duration::from_secs(5));
    pair.go_on(B);
    pair.wait(ms(10));
    assert_eq!(suspects(&mut pair), 0, "keepalives waited in its sockets");
    pair.wait(Duration::from_secs(10));
    assert_eq!(suspects(&mut pair), 0);
    // Nothing waits there: it says so a little later.
    pair.node(B).stopped = true;
    pair.mute = Some(A);
    pair.node(B).inbox.clear();
    pair.wait(Duration::from_secs(5));
    pair.go_on(B);
    assert_eq!(suspects(&mut pair), 0);
    pair.wait(ms(201));
    assert_eq!(suspects(&mut pair), 1);
}

#[test]
fn a_dead_master_is_not_suspected_nor_a_slave() {
    let mut pair = Pair::hitless();
    pair.kill(A);
    pair.wait(Duration::from_secs(10));
    assert_eq!(suspects(&mut pair), 0);
    let mut pair = Pair::hitless();
    pair.mute = Some(B);
    pair.wait(Duration::from_secs(10));
    assert_eq!(pair.outs(A, |output| matches!(output, Output::Suspect { .. })), 0);
    assert_eq!(pair.row(A, ARP), (State::Initial, Reason::Keepalive));
}

#[test]
fn the_time_is_the_one_in_force_and_changes_with_the_option() {
    let mut pair = Pair::new(with(30_000));
    let options = with(100);
    pair.give(A, Input::Command { id: CommandId(1), record: vec![1], options: Some(options) });
    pair.wait(ms(500));
    assert_eq!((suspects(&mut pair), pair.status(B).options), (0, options));
    pair.mute = Some(A);
    pair.wait(ms(110));
    assert_eq!(suspects(&mut pair), 1);
}
