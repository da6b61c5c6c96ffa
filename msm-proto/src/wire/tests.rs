//! Every message survives the wire; nothing that comes from it can make the decoder panic.

use std::time::Duration;

use proptest::prelude::*;

use crate::{
    cause::{Cause, Trigger},
    envelope::{DecodeError, Envelope, FRAME_MAX},
    message::{Message, Phase, Piece, Record, Release, Snapshot, Standing},
    options::{LinkAction, Options, Preserve},
    roles::{CommandId, History, Identity, Outcome, Stamps},
    slot::{OwnerName, Slot},
    subsystem::{Reason, State, Subsystem},
    time::Time,
};

fn examples() -> Vec<Message> {
    let identity = Identity {
        slot: Slot::B,
        instance: u64::MAX,
        pid: 7,
        version: "0.1.0".into(),
        image: "primary".into(),
    };
    let name = OwnerName { slot: Slot::A, epoch: 7 };
    let stamps =
        Stamps { event_ns: Time(1), detected_ns: Time(2), committed_ns: Time(3), serving_ns: Time(4) };
    let l2 = Options {
        link_action: LinkAction::KeepLinksUp(Preserve::L2),
        watchdog: Duration::from_millis(300),
        keepalive: Duration::from_millis(700),
        ..Options::hitless()
    };
    let phases =
        [Phase::Booting, Phase::Claiming, Phase::Orphan, Phase::Slave, Phase::Master, Phase::Leaving];
    let mut all: Vec<_> = phases.into_iter().map(Message::Phase).collect();
    all.extend([
        Message::Hello { identity, phase: Phase::Booting, oldest: 1, newest: 3 },
        Message::Keepalive { number: 0 },
        Message::KeepaliveAck { number: u64::MAX },
        Message::Standing(Standing {
            options: Options::hitless(),
            history: History { failovers: 3, cause: Cause::Exception, last: Some(stamps) },
            ready: true,
            subsystems: Subsystem::ALL.map(|s| (s, State::Xfr, Reason::BracketOverflow)).to_vec(),
        }),
        Message::SyncRequest,
        Message::Demote { why: "late".into() },
        Message::SubsystemFailed { subsystem: Subsystem::Esrp, reason: Reason::Watchdog },
        Message::Released(Release {
            name,
            generation: 9,
            trigger: Trigger::TaskPanic { critical: true },
            options: l2,
            event: Time(5),
        }),
        Message::Committed { name },
        Message::HandoverFailed { why: String::new() },
        Message::Chunk { index: 0, count: 1, bytes: vec![1, 2] },
        Message::ChunkAck { index: 0 },
        Message::Loaded { generation: 4 },
        Message::Replicate(Record { id: CommandId(0), generation: 5, bytes: Vec::new(), options: Some(l2) }),
        Message::Part { generation: 5, index: 0, bytes: vec![3] },
        Message::ReplicateAck { generation: 5 },
        Message::Applied { generation: 5, outcome: Outcome::Failed("no".into()) },
        Message::Parcel { id: CommandId(7), index: 0, count: 1, bytes: vec![4] },
        Message::ParcelAck { id: CommandId(7), index: 0 },
        Message::ParcelStored { id: CommandId(7), outcome: Outcome::Done("yes".into()) },
        Message::State { bytes: vec![1, 2, 3] },
        Message::HardwareChecked,
        Message::PieceAck { subsystem: Subsystem::Stp, transfer: 2, number: 0 },
        Message::Resume { subsystem: Subsystem::Esrp, transfer: 0, number: 9 },
    ]);
    let kinds = [Piece::Items, Piece::Last, Piece::Delta];
    all.extend(kinds.map(|piece| Message::Piece {
        subsystem: Subsystem::Arp,
        transfer: 3,
        number: u64::MAX,
        piece,
        bytes: vec![5],
    }));
    all
}

fn decode(bytes: &[u8]) -> Result<Message, DecodeError> {
    Message::decode(&Envelope::decode(bytes)?)
}

#[test]
fn every_message_survives_the_wire() {
    for message in examples() {
        assert_eq!(decode(&message.encode(3, 4)).as_ref(), Ok(&message));
    }
}

/// Absent is not zero: an empty body is refused unless nothing in it is needed.
#[test]
fn a_message_without_its_fields_is_refused_by_name() {
    for message in examples() {
        let envelope = Envelope::decode(&message.encode(3, 4)).unwrap();
        let fields_matter = !envelope.payload.is_empty()
            && !matches!(message, Message::Demote { .. } | Message::HandoverFailed { .. });
        let empty = Envelope { payload: Vec::new(), ..envelope };
        match decode(&empty.encode()) {
            Err(DecodeError::Field { .. }) => assert!(fields_matter, "{message:?}"),
            Ok(_) => assert!(!fields_matter, "{message:?} was made of nothing"),
            Err(other) => panic!("{message:?}: {other}"),
        }
    }
}

#[test]
fn what_is_unknown_is_refused_by_name() {
    let known = Envelope::decode(&Message::SyncRequest.encode(1, 1)).unwrap();
    for (subsystem, subtype, version) in [(1, 99, 1), (9, 1, 1), (3, 2, 1), (7, 4, 1), (1, 6, 2)] {
        let unknown = Envelope { subsystem, subtype, version, ..known.clone() };
        let error = decode(&unknown.encode()).unwrap_err();
        assert_eq!(error, DecodeError::InvalidSubtype { subsystem, subtype, version });
        assert!(error.to_string().starts_with("invalid subtype"));
    }
    for (subsystem, subtype, version) in [(0, 6, 1), (1, 0, 1), (1, 6, 0)] {
        let unspecified = Envelope { subsystem, subtype, version, ..known.clone() };
        assert!(matches!(decode(&unspecified.encode()), Err(DecodeError::Field { what: "envelope", .. })));
    }
    assert_eq!(decode(&vec![0; FRAME_MAX + 1]), Err(DecodeError::TooLong(FRAME_MAX + 1)));
    // Field 1, varint 2: another protocol.
    assert_eq!(decode(&[8, 2]), Err(DecodeError::Protocol(2)));
    assert_eq!(decode(&[]), Err(DecodeError::Field { what: "envelope", field: "protocol" }));
}

/// Options that exclude each other cannot be smuggled in by a peer.
#[test]
fn unlawful_options_are_refused() {
    let options = Options { slave_config: crate::SlaveConfig::Flash, ..Options::hitless() };
    let record = Record { id: CommandId(1), generation: 1, bytes: vec![], options: Some(options) };
    let error = decode(&Message::Replicate(record).encode(1, 1)).unwrap_err();
    assert_eq!(error, DecodeError::Field { what: "replicate", field: "options" });
}

#[test]
fn long_texts_are_cut_at_a_character() {
    let message = Message::Demote { why: "ä".repeat(2000) };
    let Ok(Message::Demote { why }) = decode(&message.encode(1, 1)) else { panic!("not a demote") };
    assert_eq!(why, "ä".repeat(512));
}

#[test]
fn snapshots_survive_the_wire() {
    let snapshot = Snapshot {
        generation: 3,
        options: Options::hitless(),
        outcomes: vec![
            (CommandId(1), Outcome::Done("x".into())),
            (CommandId(2), Outcome::Failed("y".into())),
        ],
        configuration: vec![0; 100_000],
    };
    assert_eq!(Snapshot::decode(&snapshot.clone().encode()), Ok(snapshot));
    assert!(Snapshot::decode(&[]).is_err());
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
        let _ = decode(&bytes);
        let _ = Snapshot::decode(&bytes);
    }

    /// Cut short, with a byte changed, or with a body of random bytes under a valid classifier.
    #[test]
    fn damaged_messages_never_panic(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
        body in proptest::collection::vec(any::<u8>(), 0..256),
    ) {
        let examples = examples();
        let mut bytes = examples[which.index(examples.len())].encode(1, 1);
        let envelope = Envelope::decode(&bytes).unwrap();
        let _ = decode(&Envelope { payload: body, ..envelope }.encode());
        let at = at.index(bytes.len());
        let _ = decode(&bytes[..at]);
        bytes[at] = to;
        let _ = decode(&bytes);
    }
}
