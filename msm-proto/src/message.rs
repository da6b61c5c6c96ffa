//! What the two MSMs say to each other.

use crate::{
    cause::Trigger,
    options::Options,
    replication::CHUNK,
    roles::{Channel, CommandId, History, Identity, Outcome},
    slot::OwnerName,
    subsystem::{Reason, State, Subsystem},
    time::Time,
};

/// Where a machine is in its life. Finer than the role that operators see: the other side acts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Looks for a master; would take the tree.
    Booting,
    /// Is taking the tree, or is about to.
    Claiming,
    /// Was a slave whose master died, and cannot carry on: leaves the tree to whoever boots.
    Orphan,
    /// Follows a master.
    Slave,
    /// Owns the tree.
    Master,
    /// Ends its process.
    Leaving,
}

/// A record of the log: a planned command before it is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose.
    pub id: CommandId,
    /// Position in the log; consecutive.
    pub generation: u64,
    /// The plan. Kept and relayed as it came: an older slave must not drop fields that it does not know.
    pub bytes: Vec<u8>,
    /// Options after it, if it changes them.
    pub options: Option<Options>,
}

impl Record {
    /// The messages that carry it, one after the other: numbered parts, then the record with what is left.
    pub(crate) fn messages(&self) -> impl Iterator<Item = Message> {
        let last = self.bytes.len().saturating_sub(1) / CHUNK;
        let generation = self.generation;
        let part = |index| (index * CHUNK, self.bytes.len().min((index + 1) * CHUNK));
        (0..=last).map(move |index| {
            let (from, to) = part(index);
            let bytes = self.bytes[from..to].to_vec();
            if index < last {
                // At most RECORD_MAX / CHUNK.
                Message::Part { generation, index: u32::try_from(index).unwrap_or(u32::MAX), bytes }
            } else {
                Message::Replicate(Self { id: self.id, generation, bytes, options: self.options })
            }
        })
    }
}

/// Master's configuration at one generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Everything up to this record is in it.
    pub generation: u64,
    /// Options in force.
    pub options: Options,
    /// Last commands and what became of them.
    pub outcomes: Vec<(CommandId, Outcome)>,
    /// What the master's process gave.
    pub configuration: Vec<u8>,
}

/// What a master says of itself, whenever it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Options in force.
    pub options: Options,
    /// Failovers so far.
    pub history: History,
    /// META calls the receiver ready.
    pub ready: bool,
    /// How far each subsystem is.
    pub subsystems: Vec<(Subsystem, State, Reason)>,
}

/// A handover that waits for the slave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// Name that the tree has.
    pub name: OwnerName,
    /// Generation that the slave must have.
    pub generation: u64,
    /// Why.
    pub trigger: Trigger,
    /// Options in force.
    pub options: Options,
    /// When it began.
    pub event: Time,
}

/// What a piece of a subsystem's state is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Some of the state; more follows.
    Items,
    /// The last of it.
    Last,
    /// A change, behind what came before.
    Delta,
}

/// Every message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// First message of each side.
    Hello {
        /// Who.
        identity: Identity,
        /// Where in its life.
        phase: Phase,
        /// Oldest version of these messages that it speaks.
        oldest: u32,
        /// Newest.
        newest: u32,
    },
    /// The phase changed.
    Phase(Phase),
    /// Is anybody there?
    Keepalive {
        /// Counts.
        number: u64,
    },
    /// Yes.
    KeepaliveAck {
        /// Of the question.
        number: u64,
    },
    /// Master's options, history and subsystems.
    Standing(Standing),
    /// Slave: send me everything.
    SyncRequest,
    /// Master: what you have is no longer complete; META says so already.
    Demote {
        /// Why.
        why: String,
    },
    /// Slave: this subsystem failed here.
    SubsystemFailed {
        /// Which.
        subsystem: Subsystem,
        /// Why.
        reason: Reason,
    },
    /// Master: I have no owner handle any more; take it.
    Released(Release),
    /// New master: done.
    Committed {
        /// Name that the tree has now.
        name: OwnerName,
    },
    /// Slave: I did not take it.
    HandoverFailed {
        /// Why.
        why: String,
    },
    /// A piece of an encoded [`Snapshot`].
    Chunk {
        /// Position.
        index: u32,
        /// How many there are.
        count: u32,
        /// The piece.
        bytes: Vec<u8>,
    },
    /// The piece has come.
    ChunkAck {
        /// Which.
        index: u32,
    },
    /// The snapshot is in force on the slave.
    Loaded {
        /// Its generation.
        generation: u64,
    },
    /// The next piece of a record that is larger than one message; [`Message::Replicate`] ends it.
    Part {
        /// Of the record.
        generation: u64,
        /// Position, from 0.
        index: u32,
        /// The piece.
        bytes: Vec<u8>,
    },
    /// Store this, and the parts before it, before I apply it.
    Replicate(Record),
    /// Stored, and everything before it.
    ReplicateAck {
        /// Which.
        generation: u64,
    },
    /// The record's apply has ended.
    Applied {
        /// Which.
        generation: u64,
        /// How.
        outcome: Outcome,
    },
    /// A piece of the master's flash, for the slave's: `synchronize`.
    Parcel {
        /// Which parcel.
        id: CommandId,
        /// Position.
        index: u32,
        /// How many there are.
        count: u32,
        /// The piece.
        bytes: Vec<u8>,
    },
    /// The piece has come.
    ParcelAck {
        /// Of which parcel.
        id: CommandId,
        /// Which.
        index: u32,
    },
    /// The parcel is written, or not and why.
    ParcelStored {
        /// Which.
        id: CommandId,
        /// How.
        outcome: Outcome,
    },
    /// State of a protocol, for who may take over. The last of each kind holds.
    State {
        /// The process' own.
        bytes: Vec<u8>,
    },
    /// A piece of a subsystem's state, or a change of it.
    Piece {
        /// Which subsystem.
        subsystem: Subsystem,
        /// Which transfer of it; another number begins anew.
        transfer: u64,
        /// Position in the transfer, from 1.
        number: u64,
        /// What it is.
        piece: Piece,
        /// The process' own.
        bytes: Vec<u8>,
    },
    /// The piece has come, and all before it.
    PieceAck {
        /// Which subsystem.
        subsystem: Subsystem,
        /// Which transfer.
        transfer: u64,
        /// Position.
        number: u64,
    },
    /// Slave, before it asks for everything: this I have of a transfer from before the link was cut.
    Resume {
        /// Which subsystem.
        subsystem: Subsystem,
        /// Which transfer.
        transfer: u64,
        /// Last position.
        number: u64,
    },
    /// Slave: the maps can be read and are of my ABI.
    HardwareChecked,
}

impl Message {
    /// The connection that it takes: what must stay in order with the log goes by Bulk.
    #[must_use]
    pub fn channel(&self) -> Channel {
        match self {
            Self::Chunk { .. }
            | Self::Part { .. }
            | Self::Replicate(_)
            | Self::Applied { .. }
            | Self::Parcel { .. }
            | Self::Piece { .. } => Channel::Bulk,
            _ => Channel::Control,
        }
    }
}
