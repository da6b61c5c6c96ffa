//! The T-sync messages on the wire, version 4: the one place where they are converted.

mod bodies;
mod numbers;
#[cfg(test)]
mod tests;

use prost::Message as _;

use self::{
    bodies::{WireIdentity, WireName, WireOptions, WireOutcome, WireRecord, WireStanding},
    numbers::Numbered,
};
use crate::{
    envelope::{DecodeError, Envelope},
    message::{Message, Release},
    roles::CommandId,
    subsystem::Subsystem,
    time::Time,
};

/// Oldest version of T-sync that is spoken here: which messages there are and what they mean.
pub(crate) const OLDEST: u32 = 4;
/// Newest one.
pub(crate) const NEWEST: u32 = 4;
/// Version of every payload below. Each is raised alone, when it changes so that an older reader would be wrong.
const PAYLOAD: u32 = 1;
/// Longest text in a message; more is cut.
const TEXT_MAX: usize = 1024;

/// Envelope numbers of the subsystems that speak.
const ROLES: u32 = 1;
const CONFIGURATION: u32 = 2;
const L2_HARDWARE: u32 = 3;

/// Classifiers that every subsystem with state of its own has.
const PIECE: u32 = 1;
const PIECE_ACK: u32 = 2;
const RESUME: u32 = 3;

/// The number of a subsystem in an envelope.
fn number_of(subsystem: Subsystem) -> u32 {
    CONFIGURATION + subsystem as u32
}

/// The subsystem with state of its own that a number means.
fn stateful(number: u32) -> Option<Subsystem> {
    let index = (number as usize).checked_sub(CONFIGURATION as usize)?;
    Subsystem::ALL.get(index).copied().filter(|subsystem| subsystem.has_state())
}

/// The subsystem that an envelope's number means; what no subsystem has concerns the configuration.
pub(crate) fn subsystem(number: u32) -> Subsystem {
    let index = (number as usize).wrapping_sub(CONFIGURATION as usize);
    Subsystem::ALL.get(index).copied().unwrap_or(Subsystem::Configuration)
}

/// Fields of one message, for errors that name them.
#[derive(Clone, Copy)]
struct Of(&'static str);

impl Of {
    fn some<T>(self, field: &'static str, value: Option<T>) -> Result<T, DecodeError> {
        value.ok_or(DecodeError::Field { what: self.0, field })
    }

    fn one_of<T: Numbered>(self, field: &'static str, value: Option<u32>) -> Result<T, DecodeError> {
        self.some(field, value.and_then(T::from_code))
    }

    fn body<M: prost::Message + Default>(self, bytes: &[u8]) -> Result<M, DecodeError> {
        M::decode(bytes).map_err(|e| DecodeError::Broken { what: self.0, why: e.to_string() })
    }
}

/// At most [`TEXT_MAX`] bytes of `text`, whole characters.
fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(TEXT_MAX));
    text
}

#[derive(Clone, PartialEq, prost::Message)]
struct Hello {
    #[prost(message, optional, tag = "1")]
    identity: Option<WireIdentity>,
    #[prost(uint32, optional, tag = "2")]
    phase: Option<u32>,
    #[prost(uint32, optional, tag = "3")]
    oldest: Option<u32>,
    #[prost(uint32, optional, tag = "4")]
    newest: Option<u32>,
}

/// A message that is one number.
#[derive(Clone, PartialEq, prost::Message)]
struct Number {
    #[prost(uint64, optional, tag = "1")]
    number: Option<u64>,
}

/// A message that is one text.
#[derive(Clone, PartialEq, prost::Message)]
struct Text {
    #[prost(string, tag = "1")]
    text: String,
}

/// A message without content. It may get fields; they are ignored here.
#[derive(Clone, PartialEq, prost::Message)]
struct Empty {}

#[derive(Clone, PartialEq, prost::Message)]
struct Failed {
    #[prost(uint32, optional, tag = "1")]
    subsystem: Option<u32>,
    #[prost(uint32, optional, tag = "2")]
    reason: Option<u32>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Released {
    #[prost(message, optional, tag = "1")]
    name: Option<WireName>,
    #[prost(uint64, optional, tag = "2")]
    generation: Option<u64>,
    #[prost(uint32, optional, tag = "3")]
    trigger: Option<u32>,
    #[prost(message, optional, tag = "4")]
    options: Option<WireOptions>,
    #[prost(uint64, optional, tag = "5")]
    event_ns: Option<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Committed {
    #[prost(message, optional, tag = "1")]
    name: Option<WireName>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Chunk {
    #[prost(uint32, optional, tag = "1")]
    index: Option<u32>,
    #[prost(uint32, optional, tag = "2")]
    count: Option<u32>,
    #[prost(bytes = "vec", optional, tag = "3")]
    bytes: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Part {
    #[prost(uint64, optional, tag = "1")]
    generation: Option<u64>,
    #[prost(uint32, optional, tag = "2")]
    index: Option<u32>,
    #[prost(bytes = "vec", optional, tag = "3")]
    bytes: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Parcel {
    #[prost(uint64, optional, tag = "1")]
    id: Option<u64>,
    #[prost(uint32, optional, tag = "2")]
    index: Option<u32>,
    /// Not in an acknowledgement.
    #[prost(uint32, optional, tag = "3")]
    count: Option<u32>,
    #[prost(bytes = "vec", optional, tag = "4")]
    bytes: Option<Vec<u8>>,
}

/// A piece of a subsystem's state; without kind and bytes, where its receiver stands.
#[derive(Clone, PartialEq, prost::Message)]
struct WirePiece {
    #[prost(uint64, optional, tag = "1")]
    transfer: Option<u64>,
    #[prost(uint64, optional, tag = "2")]
    number: Option<u64>,
    #[prost(uint32, optional, tag = "3")]
    piece: Option<u32>,
    #[prost(bytes = "vec", optional, tag = "4")]
    bytes: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct State {
    #[prost(bytes = "vec", optional, tag = "1")]
    bytes: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Stored {
    #[prost(uint64, optional, tag = "1")]
    id: Option<u64>,
    #[prost(message, optional, tag = "2")]
    outcome: Option<WireOutcome>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Applied {
    #[prost(uint64, optional, tag = "1")]
    generation: Option<u64>,
    #[prost(message, optional, tag = "2")]
    outcome: Option<WireOutcome>,
}

fn number(number: u64) -> Vec<u8> {
    Number { number: Some(number) }.encode_to_vec()
}

fn place(transfer: u64, number: u64) -> Vec<u8> {
    WirePiece { transfer: Some(transfer), number: Some(number), ..WirePiece::default() }.encode_to_vec()
}

fn text(text: &str) -> Vec<u8> {
    Text { text: cut(text.to_owned()) }.encode_to_vec()
}

impl Message {
    /// The message in its envelope.
    #[must_use]
    pub fn encode(&self, epoch: u64, sequence: u64) -> Vec<u8> {
        let (subsystem, subtype, payload) = match self {
            Self::Hello { identity, phase, oldest, newest } => {
                let hello = Hello {
                    identity: Some(WireIdentity::new(identity)),
                    phase: Some(phase.code()),
                    oldest: Some(*oldest),
                    newest: Some(*newest),
                };
                (ROLES, 1, hello.encode_to_vec())
            }
            Self::Phase(phase) => (ROLES, 2, number(u64::from(phase.code()))),
            Self::Keepalive { number: n } => (ROLES, 3, number(*n)),
            Self::KeepaliveAck { number: n } => (ROLES, 4, number(*n)),
            Self::Standing(standing) => (ROLES, 5, WireStanding::new(standing).encode_to_vec()),
            Self::SyncRequest => (ROLES, 6, Vec::new()),
            Self::Demote { why } => (ROLES, 7, text(why)),
            Self::SubsystemFailed { subsystem, reason } => {
                let failed = Failed { subsystem: Some(subsystem.code()), reason: Some(reason.code()) };
                (ROLES, 8, failed.encode_to_vec())
            }
            Self::Released(Release { name, generation, trigger, options, event }) => {
                let released = Released {
                    name: Some(WireName::new(*name)),
                    generation: Some(*generation),
                    trigger: Some(trigger.code()),
                    options: Some(WireOptions::new(options)),
                    event_ns: Some(event.0),
                };
                (ROLES, 9, released.encode_to_vec())
            }
            Self::Committed { name } => {
                (ROLES, 10, Committed { name: Some(WireName::new(*name)) }.encode_to_vec())
            }
            Self::HandoverFailed { why } => (ROLES, 11, text(why)),
            Self::Chunk { index, count, bytes } => {
                let chunk = Chunk { index: Some(*index), count: Some(*count), bytes: Some(bytes.clone()) };
                (CONFIGURATION, 1, chunk.encode_to_vec())
            }
            Self::ChunkAck { index } => (CONFIGURATION, 2, number(u64::from(*index))),
            Self::Loaded { generation } => (CONFIGURATION, 3, number(*generation)),
            Self::Replicate(record) => (CONFIGURATION, 4, WireRecord::new(record).encode_to_vec()),
            Self::ReplicateAck { generation } => (CONFIGURATION, 5, number(*generation)),
            Self::Applied { generation, outcome } => {
                let applied =
                    Applied { generation: Some(*generation), outcome: Some(WireOutcome::new(None, outcome)) };
                (CONFIGURATION, 6, applied.encode_to_vec())
            }
            Self::Part { generation, index, bytes } => {
                let part =
                    Part { generation: Some(*generation), index: Some(*index), bytes: Some(bytes.clone()) };
                (CONFIGURATION, 7, part.encode_to_vec())
            }
            Self::Parcel { id, index, count, bytes } => {
                let parcel = Parcel {
                    id: Some(id.0),
                    index: Some(*index),
                    count: Some(*count),
                    bytes: Some(bytes.clone()),
                };
                (CONFIGURATION, 8, parcel.encode_to_vec())
            }
            Self::ParcelAck { id, index } => {
                let ack = Parcel { id: Some(id.0), index: Some(*index), ..Parcel::default() };
                (CONFIGURATION, 9, ack.encode_to_vec())
            }
            Self::ParcelStored { id, outcome } => {
                let stored = Stored { id: Some(id.0), outcome: Some(WireOutcome::new(None, outcome)) };
                (CONFIGURATION, 10, stored.encode_to_vec())
            }
            Self::State { bytes } => {
                (CONFIGURATION, 11, State { bytes: Some(bytes.clone()) }.encode_to_vec())
            }
            Self::HardwareChecked => (L2_HARDWARE, 1, Vec::new()),
            Self::Piece { subsystem, transfer, number, piece, bytes } => {
                let wire = WirePiece {
                    transfer: Some(*transfer),
                    number: Some(*number),
                    piece: Some(piece.code()),
                    bytes: Some(bytes.clone()),
                };
                (number_of(*subsystem), PIECE, wire.encode_to_vec())
            }
            Self::PieceAck { subsystem, transfer, number } => {
                (number_of(*subsystem), PIECE_ACK, place(*transfer, *number))
            }
            Self::Resume { subsystem, transfer, number } => {
                (number_of(*subsystem), RESUME, place(*transfer, *number))
            }
        };
        Envelope { epoch, sequence, subsystem, subtype, version: PAYLOAD, payload }.encode()
    }

    /// Reads the payload of an envelope.
    ///
    /// # Errors
    /// [`DecodeError::InvalidSubtype`] for a classifier or version that is not known here; else the field.
    pub fn decode(envelope: &Envelope) -> Result<Self, DecodeError> {
        let Envelope { subsystem, subtype, version, ref payload, .. } = *envelope;
        let invalid = || DecodeError::InvalidSubtype { subsystem, subtype, version };
        if version != PAYLOAD {
            return Err(invalid());
        }
        let one = |of: Of| of.some("number", of.body::<Number>(payload)?.number);
        let small = |of: Of, n: u64| of.some("number", u32::try_from(n).ok());
        let words = |of: Of| Ok::<_, DecodeError>(of.body::<Text>(payload)?.text);
        Ok(match (subsystem, subtype) {
            (ROLES, 1) => {
                let of = Of("hello");
                let wire: Hello = of.body(payload)?;
                Self::Hello {
                    identity: of.some("identity", wire.identity)?.read(of)?,
                    phase: of.one_of("phase", wire.phase)?,
                    oldest: of.some("oldest", wire.oldest)?,
                    newest: of.some("newest", wire.newest)?,
                }
            }
            (ROLES, 2) => {
                let of = Of("phase");
                Self::Phase(of.one_of("phase", Some(small(of, one(of)?)?))?)
            }
            (ROLES, 3) => Self::Keepalive { number: one(Of("keepalive"))? },
            (ROLES, 4) => Self::KeepaliveAck { number: one(Of("keepalive ack"))? },
            (ROLES, 5) => {
                let of = Of("standing");
                Self::Standing(of.body::<WireStanding>(payload)?.read(of)?)
            }
            (ROLES, 6) => {
                Of("sync request").body::<Empty>(payload)?;
                Self::SyncRequest
            }
            (ROLES, 7) => Self::Demote { why: words(Of("demote"))? },
            (ROLES, 8) => {
                let of = Of("subsystem failed");
                let wire: Failed = of.body(payload)?;
                Self::SubsystemFailed {
                    subsystem: of.one_of("subsystem", wire.subsystem)?,
                    reason: of.one_of("reason", wire.reason)?,
                }
            }
            (ROLES, 9) => {
                let of = Of("released");
                let wire: Released = of.body(payload)?;
                Self::Released(Release {
                    name: of.some("name", wire.name)?.read(of)?,
                    generation: of.some("generation", wire.generation)?,
                    trigger: of.one_of("trigger", wire.trigger)?,
                    options: of.some("options", wire.options)?.read(of)?,
                    event: Time(of.some("event", wire.event_ns)?),
                })
            }
            (ROLES, 10) => {
                let of = Of("committed");
                let wire: Committed = of.body(payload)?;
                Self::Committed { name: of.some("name", wire.name)?.read(of)? }
            }
            (ROLES, 11) => Self::HandoverFailed { why: words(Of("handover failed"))? },
            (CONFIGURATION, 1) => {
                let of = Of("chunk");
                let wire: Chunk = of.body(payload)?;
                Self::Chunk {
                    index: of.some("index", wire.index)?,
                    count: of.some("count", wire.count)?,
                    bytes: of.some("bytes", wire.bytes)?,
                }
            }
            (CONFIGURATION, 2) => {
                let of = Of("chunk ack");
                Self::ChunkAck { index: small(of, one(of)?)? }
            }
            (CONFIGURATION, 3) => Self::Loaded { generation: one(Of("loaded"))? },
            (CONFIGURATION, 4) => {
                let of = Of("replicate");
                Self::Replicate(of.body::<WireRecord>(payload)?.read(of)?)
            }
            (CONFIGURATION, 5) => Self::ReplicateAck { generation: one(Of("replicate ack"))? },
            (CONFIGURATION, 6) => {
                let of = Of("applied");
                let wire: Applied = of.body(payload)?;
                Self::Applied {
                    generation: of.some("generation", wire.generation)?,
                    outcome: of.some("outcome", wire.outcome)?.read(of)?,
                }
            }
            (CONFIGURATION, 7) => {
                let of = Of("part");
                let wire: Part = of.body(payload)?;
                Self::Part {
                    generation: of.some("generation", wire.generation)?,
                    index: of.some("index", wire.index)?,
                    bytes: of.some("bytes", wire.bytes)?,
                }
            }
            (CONFIGURATION, 8) => {
                let of = Of("parcel");
                let wire: Parcel = of.body(payload)?;
                Self::Parcel {
                    id: CommandId(of.some("id", wire.id)?),
                    index: of.some("index", wire.index)?,
                    count: of.some("count", wire.count)?,
                    bytes: of.some("bytes", wire.bytes)?,
                }
            }
            (CONFIGURATION, 9) => {
                let of = Of("parcel ack");
                let wire: Parcel = of.body(payload)?;
                Self::ParcelAck {
                    id: CommandId(of.some("id", wire.id)?),
                    index: of.some("index", wire.index)?,
                }
            }
            (CONFIGURATION, 10) => {
                let of = Of("parcel stored");
                let wire: Stored = of.body(payload)?;
                Self::ParcelStored {
                    id: CommandId(of.some("id", wire.id)?),
                    outcome: of.some("outcome", wire.outcome)?.read(of)?,
                }
            }
            (CONFIGURATION, 11) => {
                let of = Of("state");
                Self::State { bytes: of.some("bytes", of.body::<State>(payload)?.bytes)? }
            }
            (L2_HARDWARE, 1) => {
                Of("hardware checked").body::<Empty>(payload)?;
                Self::HardwareChecked
            }
            (which, PIECE..=RESUME) => {
                let subsystem = stateful(which).ok_or_else(invalid)?;
                let of = Of("piece");
                let wire: WirePiece = of.body(payload)?;
                let transfer = of.some("transfer", wire.transfer)?;
                let number = of.some("number", wire.number)?;
                match subtype {
                    PIECE_ACK => Self::PieceAck { subsystem, transfer, number },
                    RESUME => Self::Resume { subsystem, transfer, number },
                    _ => Self::Piece {
                        subsystem,
                        transfer,
                        number,
                        piece: of.one_of("kind", wire.piece)?,
                        bytes: of.some("bytes", wire.bytes)?,
                    },
                }
            }
            _ => return Err(invalid()),
        })
    }
}
