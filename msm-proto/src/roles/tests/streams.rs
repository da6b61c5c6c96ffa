//! Subsystems with state of their own: pieces, changes, and what goes wrong with them.

use super::*;
use crate::{ITEMS_MAX, LinkAction, Message, Preserve};

fn source(pieces: usize) -> Source {
    let last = pieces.saturating_sub(1);
    (0..pieces).map(|at| (format!("{at}").into_bytes(), at == last)).collect()
}

/// A master that serves, with `pieces` of ARP to give, and a slave that has just connected.
fn begun(pieces: usize, holds: bool) -> Pair {
    let mut pair = Pair::empty(Options::hitless());
    pair.boot(A);
    pair.wait(ms(200));
    pair.node(A).source = source(pieces);
    pair.node(A).holds = holds;
    pair.boot(B);
    pair.connect();
    pair
}

fn items(pair: &mut Pair, text: &str, last: bool) {
    let bytes = text.as_bytes().to_vec();
    pair.give(A, Input::Items { subsystem: ARP, bytes, last });
}

fn delta(pair: &mut Pair, text: &str) {
    pair.give(A, Input::Delta { subsystem: ARP, bytes: text.as_bytes().to_vec() });
}

fn asked(pair: &mut Pair) -> usize {
    pair.outs(A, |output| matches!(output, Output::NextItems { .. }))
}

fn ready(pair: &Pair) -> bool {
    pair.meta.and_then(|meta| meta.ready) == Some(B)
}

#[test]
fn all_pieces_come_in_their_order_and_the_subsystem_is_ready() {
    for pieces in [1, 2, 9, 1000] {
        let mut pair = begun(pieces, false);
        pair.wait(ms(10));
        let mut expected: Vec<_> = (0..pieces).map(|at| at.to_string()).collect();
        expected.last_mut().expect("one at least").push('.');
        assert_eq!(pair.taken(B), expected);
        assert_eq!(asked(&mut pair), pieces, "each is asked for once");
        assert_eq!(pair.row(B, ARP), (State::Ready, Reason::None));
        assert!(ready(&pair));
    }
}

#[test]
fn it_goes_from_initial_by_xfr_to_ready() {
    let mut pair = begun(0, true);
    assert_eq!(pair.row(A, ARP), (State::Initial, Reason::None));
    items(&mut pair, "0", false);
    assert_eq!(pair.row(A, ARP), (State::Xfr, Reason::None));
    assert!(!ready(&pair), "nothing is before all is");
    items(&mut pair, "1", true);
    assert_eq!(pair.row(A, ARP), (State::Ready, Reason::None));
    assert!(ready(&pair));
}

#[test]
fn changes_come_between_the_pieces_and_after_them() {
    let mut pair = begun(0, true);
    delta(&mut pair, "before");
    items(&mut pair, "0", false);
    delta(&mut pair, "a");
    items(&mut pair, "1", true);
    delta(&mut pair, "b");
    assert_eq!(pair.taken(B), ["0", "+a", "1.", "+b"]);
    assert!(ready(&pair), "a change takes no readiness away");
}

#[test]
fn a_slave_that_reads_nothing_costs_the_master_a_window_and_no_more() {
    let mut pair = begun(0, true);
    pair.node(A).holds = false;
    pair.node(A).source = source(100_000);
    pair.node(B).stopped = true;
    items(&mut pair, "first", false);
    assert!(pieces_under_way(&mut pair) <= 8);
    assert!(asked(&mut pair) <= 9);
    // Commands go on meanwhile.
    pair.command(A, 10);
    pair.wait(ms(300));
    assert_eq!(pair.outs(A, |output| matches!(output, Output::Answer { .. })), 1);
}

#[test]
fn a_cut_in_the_middle_goes_on_where_it_stood() {
    for cut_after in 0..6 {
        let mut pair = begun(0, true);
        let mut expected = Vec::new();
        for at in 0..6 {
            if at == cut_after {
                pair.cut();
                // What changes meanwhile waits.
                delta(&mut pair, "meanwhile");
                if at > 0 {
                    expected.push("+meanwhile".to_owned());
                }
                pair.wait(ms(100));
                pair.connect();
                if at == 0 {
                    items(&mut pair, "of the one before", false);
                }
            }
            items(&mut pair, &at.to_string(), at == 5);
            expected.push(if at == 5 { "5.".into() } else { at.to_string() });
        }
        pair.wait(ms(50));
        assert_eq!(pair.taken(B), expected, "cut after {cut_after}");
        let begins = pair.outs(A, |output| matches!(output, Output::Subscribe { .. }));
        // Nothing had come of the one that was cut before its first piece.
        assert_eq!(begins, if cut_after == 0 { 2 } else { 1 }, "cut after {cut_after}");
        assert!(ready(&pair));
    }
}

#[test]
fn a_link_that_stays_away_begins_anew() {
    let mut pair = begun(3, false);
    pair.wait(ms(10));
    pair.cut();
    pair.wait(ms(5_100));
    assert_eq!(
        pair.outs(A, |output| matches!(output, Output::Unsubscribe { .. })),
        1,
        "nobody waits for changes"
    );
    pair.node(A).source = source(2);
    pair.connect();
    pair.wait(ms(50));
    assert_eq!(pair.taken(B), ["0", "1."], "what was there before is void");
    assert!(ready(&pair));
}

#[test]
fn another_process_begins_anew_and_a_result_of_before_is_nothing() {
    let mut pair = begun(0, true);
    items(&mut pair, "0", false);
    pair.kill(B);
    pair.boot(B);
    pair.connect();
    // The piece that the one before was to have.
    items(&mut pair, "old", true);
    assert_eq!(pair.row(A, ARP), (State::Initial, Reason::None));
    items(&mut pair, "new", true);
    assert_eq!(pair.taken(B), ["new."]);
    assert!(ready(&pair));
}

#[test]
fn a_change_that_the_slave_cannot_take_fails_it_until_the_slave_reboots() {
    let mut pair = Pair::hitless();
    let failed = || Input::SubsystemFailed { subsystem: ARP, reason: Reason::Memory, text: "no room".into() };
    pair.give(B, failed());
    assert_eq!(pair.row(A, ARP), (State::Failed, Reason::Memory));
    assert_eq!(pair.row(B, ARP), (State::Failed, Reason::Memory));
    assert!(!ready(&pair));
    assert_eq!(pair.outs(A, |output| matches!(output, Output::Unsubscribe { .. })), 1);
    delta(&mut pair, "late");
    pair.cut();
    pair.connect();
    pair.wait(Duration::from_secs(3));
    assert_eq!(pair.row(A, ARP), (State::Failed, Reason::Memory));
    pair.kill(B);
    pair.boot(B);
    pair.connect();
    pair.wait(ms(50));
    assert!(ready(&pair));
    // The master's word counts the same.
    pair.give(A, failed());
    assert_eq!(pair.row(A, ARP), (State::Failed, Reason::Memory));
}

#[test]
fn more_changes_than_are_kept_fail_a_slave_that_is_there_and_not_one_that_is_away() {
    let mut pair = Pair::hitless();
    pair.node(B).stopped = true;
    for _ in 0..140 {
        pair.give(A, Input::Delta { subsystem: ARP, bytes: vec![0; ITEMS_MAX] });
    }
    assert_eq!(pair.row(A, ARP), (State::Failed, Reason::BracketOverflow));
    let mut pair = Pair::hitless();
    pair.cut();
    for _ in 0..140 {
        pair.give(A, Input::Delta { subsystem: ARP, bytes: vec![0; ITEMS_MAX] });
    }
    pair.connect();
    pair.wait(ms(50));
    assert!(ready(&pair), "it began anew: {:?}", pair.row(A, ARP));
}

#[test]
fn one_that_is_too_long_is_not_sent() {
    let mut pair = Pair::hitless();
    pair.give(A, Input::Delta { subsystem: ARP, bytes: vec![0; ITEMS_MAX + 1] });
    assert_eq!(pair.row(A, ARP), (State::Failed, Reason::BracketOverflow));
}

#[test]
fn a_transfer_that_stands_still_is_a_comm_error_and_begins_anew() {
    let mut pair = begun(0, true);
    // The process gives nothing.
    pair.wait(ms(2_100));
    assert_eq!(pair.row(A, ARP), (State::Initial, Reason::CommError));
    pair.wait(ms(600));
    assert_eq!(pair.row(A, ARP), (State::Initial, Reason::None), "the slave asked again");
    // Two were asked for and both results come.
    items(&mut pair, "old", true);
    items(&mut pair, "new", true);
    assert_eq!(pair.taken(B), ["new."]);
    pair.wait(ms(50));
    assert!(ready(&pair));
}

#[test]
fn pieces_that_do_not_follow_from_each_other_are_an_invalid_bracket() {
    let mut pair = Pair::hitless();
    pair.intercept = Some(|bytes| {
        let envelope = crate::Envelope::decode(&bytes).expect("ours");
        match Message::decode(&envelope) {
            Ok(Message::Piece { subsystem, transfer, number, piece, bytes }) => {
                Message::Piece { subsystem, transfer, number: number + 1, piece, bytes }
                    .encode(envelope.epoch, envelope.sequence)
            }
            _ => bytes,
        }
    });
    delta(&mut pair, "x");
    assert_eq!(pair.row(A, ARP), (State::Failed, Reason::InvalidBracket));
    assert_eq!(pair.taken(B), ["."], "it was not taken");
}

#[test]
fn options_begin_and_end_it() {
    let mut pair = Pair::hitless();
    let l2 = Options { link_action: LinkAction::KeepLinksUp(Preserve::L2), ..Options::hitless() };
    pair.give(A, Input::Command { id: CommandId(1), record: vec![1], options: Some(l2) });
    assert_eq!(pair.row(A, ARP), (State::Disable, Reason::None));
    assert_eq!(pair.outs(A, |output| matches!(output, Output::Unsubscribe { .. })), 1);
    assert!(ready(&pair), "what is not enabled is not missed");
    pair.node(A).source = source(2);
    pair.give(A, Input::Command { id: CommandId(2), record: vec![1], options: Some(Options::hitless()) });
    assert_eq!(pair.taken(B), ["0", "1."]);
    assert!(ready(&pair));
}

/// A release goes by another connection than changes: it waits until they are there.
#[test]
fn a_planned_failover_waits_for_changes_that_are_under_way() {
    let mut pair = Pair::hitless();
    pair.node(B).stopped = true;
    delta(&mut pair, "last");
    pair.give(A, Input::RunFailover { id: CommandId(9) });
    assert!(pair.holder.is_some(), "not released yet");
    pair.go_on(B);
    pair.wait(ms(5));
    assert_eq!(pair.role(B), Role::Master);
    assert_eq!(pair.taken(B), [".", "+last"]);
    pair.sound();
}

#[test]
fn one_whose_changes_do_not_arrive_is_given_up_and_the_master_stays() {
    let mut pair = Pair::hitless();
    pair.node(B).stopped = true;
    delta(&mut pair, "last");
    pair.give(A, Input::RunFailover { id: CommandId(9) });
    pair.wait(ms(1_100));
    assert_eq!(pair.role(A), Role::Master);
    let failed = pair.outs(A, |output| {
        matches!(output, Output::Answer { answer: Answer::Outcome(Outcome::Failed(_)), .. })
    });
    assert_eq!(failed, 1);
    pair.go_on(B);
    pair.wait(Duration::from_secs(3));
    assert!(ready(&pair));
    pair.sound();
}

fn pieces_under_way(pair: &mut Pair) -> usize {
    let is_piece = |input: &&Input| {
        let Input::Frame { bytes, .. } = input else { return false };
        let envelope = crate::Envelope::decode(bytes).expect("ours");
        matches!(Message::decode(&envelope), Ok(Message::Piece { .. }))
    };
    pair.node(B).inbox.iter().filter(is_piece).count()
}

#[test]
fn changes_wait_for_their_window_too_and_all_arrive() {
    let mut pair = Pair::hitless();
    pair.node(B).stopped = true;
    for at in 0..1000 {
        delta(&mut pair, &at.to_string());
    }
    assert_eq!(pieces_under_way(&mut pair), 8);
    pair.go_on(B);
    assert_eq!(pair.taken(B).len(), 1001);
    assert_eq!(pair.taken(B).last().map(String::as_str), Some("+999"));
    assert!(ready(&pair));
}

/// What another process says that it has, or nobody can have.
#[test]
fn a_resume_that_cannot_be_begins_anew() {
    for (other, number) in [(false, 1_000), (true, 1)] {
        let mut pair = begun(3, false);
        pair.wait(ms(10));
        let mut identity = pair.status(B).identity;
        identity.instance += u64::from(other) * 100;
        pair.cut();
        let hello = Message::Hello { identity, phase: crate::Phase::Slave, oldest: 1, newest: 99 };
        let resume = Message::Resume { subsystem: ARP, transfer: 1, number };
        pair.give(A, Input::PeerConnected { session: 500 });
        for (message, sequence) in [(hello, 1), (resume, 2), (Message::SyncRequest, 3)] {
            let bytes = message.encode(1, sequence);
            pair.give(A, Input::Frame { session: 500, channel: Channel::Control, bytes });
        }
        assert_eq!(pair.outs(A, |output| matches!(output, Output::Subscribe { .. })), 2, "{other} {number}");
    }
}
