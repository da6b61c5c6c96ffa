//! Two that claim one slot, and what no version of the software says.

use super::*;
use crate::{Envelope, Message, Phase};

/// A second process says that it is MSM B: the master talks to whoever came last, and to one at a time.
#[test]
fn two_slaves_that_claim_one_slot_never_make_two_ready_ones() {
    let mut pair = Pair::hitless();
    let session = pair.sessions + 1;
    let identity = Identity { instance: 666, ..pair.status(B).identity };
    pair.give(A, Input::PeerConnected { session });
    let hello = Message::Hello { identity, phase: Phase::Slave, oldest: 1, newest: 99 };
    let frame = |message: &Message, sequence| Input::Frame {
        session,
        channel: Channel::Control,
        bytes: message.encode(1, sequence),
    };
    pair.give(A, frame(&hello, 1));
    assert_eq!(pair.meta.and_then(|meta| meta.ready), None, "the one before is not it any more");
    // It claims what it has not.
    pair.give(A, frame(&Message::Loaded { generation: 0 }, 2));
    pair.give(A, frame(&Message::HardwareChecked, 3));
    pair.give(A, frame(&Message::PieceAck { subsystem: ARP, transfer: 1, number: 1 }, 4));
    pair.give(A, frame(&Message::Resume { subsystem: ARP, transfer: 1, number: 1 }, 5));
    pair.give(A, frame(&Message::Committed { name: OwnerName { slot: B, epoch: 9 } }, 6));
    assert_eq!(pair.meta.and_then(|meta| meta.ready), None);
    assert_eq!(pair.role(A), Role::Master);
    // The true one comes back.
    pair.cut();
    pair.sessions += 1;
    pair.connect();
    pair.wait(ms(100));
    assert_eq!(pair.meta.and_then(|meta| meta.ready), Some(B));
    assert_eq!(pair.row(A, ARP), (State::Ready, Reason::None));
    pair.sound();
}

#[test]
fn one_that_says_that_it_is_in_this_slot_is_not_talked_to() {
    let mut pair = Pair::hitless();
    let session = pair.sessions + 1;
    let identity = Identity { instance: 666, ..pair.status(A).identity };
    pair.give(A, Input::PeerConnected { session });
    let hello = Message::Hello { identity, phase: Phase::Master, oldest: 1, newest: 99 };
    pair.give(A, Input::Frame { session, channel: Channel::Control, bytes: hello.encode(7, 1) });
    assert_eq!(pair.outs(A, |output| *output == Output::Disconnect { session }), 1);
    assert_eq!(pair.role(A), Role::Master);
}

/// The frame's subtype, or none of it.
fn altered(bytes: Vec<u8>, subsystem: u32) -> Vec<u8> {
    let envelope = Envelope::decode(&bytes).expect("ours");
    if envelope.subsystem == subsystem && envelope.subtype == 1 {
        Envelope { subtype: 77, ..envelope }.encode()
    } else {
        bytes
    }
}

#[test]
fn a_subtype_that_the_slave_does_not_know_fails_that_subsystem_and_no_other() {
    let mut pair = Pair::empty(Options::hitless());
    pair.intercept = Some(|bytes| altered(bytes, 7));
    pair.boot(A);
    pair.boot(B);
    pair.connect();
    pair.wait(ms(100));
    for slot in [A, B] {
        assert_eq!(pair.row(slot, ARP), (State::Failed, Reason::InvalidSubtype));
        assert_eq!(pair.row(slot, Subsystem::Configuration), (State::Ready, Reason::None));
        assert_eq!(pair.row(slot, Subsystem::L3Hardware), (State::Ready, Reason::None));
    }
    assert_eq!(pair.meta.and_then(|meta| meta.ready), None);
    pair.give(A, Input::RunFailover { id: CommandId(5) });
    let refused = pair.outs(A, |output| {
        matches!(output, Output::Answer { answer: Answer::Refused(why), .. } if why.contains("subsystem ARP"))
    });
    assert_eq!(refused, 1, "by the subsystem's name");
    // Neither a reconnect nor time clears it.
    pair.intercept = None;
    pair.cut();
    pair.connect();
    pair.wait(Duration::from_secs(10));
    assert_eq!(pair.row(A, ARP), (State::Failed, Reason::InvalidSubtype));
    assert_eq!(pair.row(A, Subsystem::Configuration), (State::Ready, Reason::None));
    // A reboot of the slave does.
    pair.kill(B);
    pair.boot(B);
    pair.connect();
    pair.wait(ms(100));
    assert_eq!(pair.row(A, ARP), (State::Ready, Reason::None));
    assert_eq!(pair.meta.and_then(|meta| meta.ready), Some(B));
}
