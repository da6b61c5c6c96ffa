//! What can happen to an MSM, and what it wants done.
//!
//! The contract with the process around the machine: outputs are carried out in their order, each finished before
//! the next begins, except where a result is named, which then comes back as an input, exactly one for each.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::state::History;
use crate::{
    cause::Trigger,
    decision::Decision,
    options::Options,
    slot::{OwnerName, Slot},
    subsystem::{Reason, Subsystem},
};

/// A T-sync link, numbered upwards by the process, from 1: a reconnect is a new session, and ends the one before.
pub type Session = u64;

/// Chosen at random by the client. A repeat of one of the last 256 commands is not carried out again; it is answered
/// from memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommandId(pub u64);

/// The two connections of a session. Order holds within each, not between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Channel {
    /// Roles, keepalives, handover, acknowledgements.
    Control,
    /// Snapshot and records.
    Bulk,
}

/// What an observer reads of META.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetaView {
    /// Slave that may take over with what it has.
    pub ready: Option<Slot>,
    /// Generation last acknowledged.
    pub generation: u64,
    /// The redo record that the owner is applying.
    pub trying: Option<Trying>,
}

/// A redo record that is being applied, as META has it: if its owner dies of it, nobody tries it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trying {
    /// Position in the log.
    pub generation: u64,
    /// Whose.
    pub id: CommandId,
}

/// Why the pin tree could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The lock is held: an owner lives.
    #[error("its owner lives")]
    OwnerLives,
    /// It is not named as it was read, or (creating) it exists: another MSM was faster.
    #[error("another MSM was faster")]
    Renamed,
    /// Anything else, said in full.
    #[error("{0}")]
    Failed(String),
}

/// What can happen. Every variant is serialisable: a run is a list of these with their times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// The process has started. First input, once. `options`: as its own configuration (flash, chassis file) has them.
    Boot {
        /// Options of its own configuration.
        options: Options,
        /// Failovers before this start, as its flash remembers them. A master's word replaces it.
        history: History,
        /// Whose name the tree has now, if there is one.
        last_owner: Option<Slot>,
    },
    /// The time of [`super::Machine::deadline`] has come.
    Tick,
    /// Both connections to the peer stand.
    PeerConnected {
        /// Its number.
        session: Session,
    },
    /// A message of the peer, as it came.
    Frame {
        /// Session that it came by.
        session: Session,
        /// Connection that it came by.
        channel: Channel,
        /// One SEQPACKET record.
        bytes: Vec<u8>,
    },
    /// End of file (or any error) on a connection of the session.
    PeerGone {
        /// Its number.
        session: Session,
    },
    /// The pidfd of the session's peer is readable: the process is dead, its fds are closed. Comes after or before
    /// `PeerGone`, once.
    PeerDead {
        /// Its number.
        session: Session,
    },
    /// The outbox of the session overflowed; what did not fit was dropped.
    OutboxOverflow {
        /// Its number.
        session: Session,
    },
    /// Result of [`Output::Observe`]; `None` without a tree.
    Observed {
        /// Name of the pin tree's directory.
        name: Option<OwnerName>,
        /// Its META, if readable.
        meta: Option<MetaView>,
    },
    /// Result of [`Output::Create`], [`Output::Commit`] and [`Output::Reopen`].
    Owned(Result<OwnerName, Refusal>),
    /// Result of [`Output::Release`]: the name that the tree still has.
    Released {
        /// That name.
        name: OwnerName,
    },
    /// Result of [`Output::Serve`]: commands can be applied.
    Serving,
    /// A write to the tree failed because it is another's.
    OwnershipLost,
    /// A client's planned change of the configuration.
    Command {
        /// Who asks.
        id: CommandId,
        /// The plan, opaque here; at most [`crate::RECORD_MAX`] bytes.
        record: Vec<u8>,
        /// The options after it, if it changes them.
        options: Option<Options>,
    },
    /// `synchronize`: send this to the slave's process, for its flash.
    Synchronize {
        /// Chosen by the client.
        id: CommandId,
        /// Opaque; at most [`crate::SNAPSHOT_MAX`] bytes.
        bytes: Vec<u8>,
    },
    /// Result of [`Output::StoreFlash`].
    FlashStored(Result<(), String>),
    /// Result of [`Output::Apply`].
    Applied {
        /// Which.
        id: CommandId,
        /// A word for the client, or why it was rolled back.
        result: Result<String, String>,
    },
    /// Result of [`Output::TakeSnapshot`]: the configuration with everything applied so far, and nothing else.
    Snapshot {
        /// Opaque; at most [`crate::SNAPSHOT_MAX`] bytes.
        bytes: Vec<u8>,
    },
    /// State of a protocol changed, or a slave was just sent a snapshot and is to have all of it. Nothing waits for it: it is sent before
    /// what is sent after it, and a death lets what was sent arrive.
    State {
        /// Opaque; at most 64 KiB. The last of each kind holds.
        bytes: Vec<u8>,
    },
    /// Result of [`Output::Load`].
    Loaded(Result<(), String>),
    /// A record of [`Output::Replay`] could not be taken over.
    ReplayFailed {
        /// Why.
        text: String,
    },
    /// Result of [`Output::CheckHardware`].
    HardwareChecked(Result<(), String>),
    /// The backplane says that the peer is being reset, and why: proof of its death follows. Holds for the peer's process of now, for
    /// 5 s.
    PeerFate {
        /// Why.
        trigger: Trigger,
    },
    /// Diagnostics of this MSM failed.
    DiagnosticsFailed {
        /// What failed.
        text: String,
    },
    /// Result of [`Output::NextItems`]: the next piece of a subsystem's state, as it is now.
    Items {
        /// Which.
        subsystem: Subsystem,
        /// Opaque; at most [`crate::ITEMS_MAX`] bytes.
        bytes: Vec<u8>,
        /// It was the last one.
        last: bool,
    },
    /// A change of a subsystem that is subscribed to. It comes behind pieces that do not have it, and before those that do.
    Delta {
        /// Which.
        subsystem: Subsystem,
        /// Opaque; at most [`crate::ITEMS_MAX`] bytes.
        bytes: Vec<u8>,
    },
    /// A subsystem's state cannot be given (master) or taken (slave).
    SubsystemFailed {
        /// Which.
        subsystem: Subsystem,
        /// In the manual's words.
        reason: Reason,
        /// In ours.
        text: String,
    },
    /// `run msm-failover`.
    RunFailover {
        /// Who asks.
        id: CommandId,
    },
    /// A task of this process panicked; its boundary caught it.
    Exception {
        /// Name of the task.
        task: String,
        /// It is one of the critical ones.
        critical: bool,
        /// What it said.
        text: String,
    },
}

/// How a new master came to it, and so what it does with what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Takeover {
    /// It created the tree.
    Cold,
    /// It found a tree without an owner: tables stay, configuration is its own.
    Adopted,
    /// It was the slave.
    Failover(Decision),
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Done; a word for the client.
    Done(String),
    /// Rolled back; why.
    Failed(String),
}

/// Answer to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// It was carried out, or tried.
    Outcome(Outcome),
    /// It was not tried: why, and what to do.
    Refused(String),
    /// It was not tried: another MSM is the master, or is becoming it. Send it there, with the same id.
    Elsewhere(String),
}

/// Weight of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Level {
    /// For the record.
    Info,
    /// Redundancy is lost or a command failed.
    Warning,
    /// A supervisor failed.
    Error,
}

/// What the machine wants done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// Send to the peer. Never waits: what the outbox does not hold is [`Input::OutboxOverflow`].
    Send {
        /// By this session; nothing if it has ended.
        session: Session,
        /// By this connection.
        channel: Channel,
        /// One SEQPACKET record.
        bytes: Vec<u8>,
    },
    /// Close the session's connections. No `PeerGone` follows; `PeerDead` still may.
    Disconnect {
        /// Its number.
        session: Session,
    },
    /// Read name and META of the tree. Result: [`Input::Observed`].
    Observe,
    /// Create the tree. Result: [`Input::Owned`].
    Create,
    /// Take the tree: lock, rename, open. Result: [`Input::Owned`].
    Commit {
        /// Name that it must have.
        from: OwnerName,
    },
    /// Open the tree again after [`Output::Release`]. Result: [`Input::Owned`].
    Reopen {
        /// Name that it must still have.
        name: OwnerName,
    },
    /// Begin nothing new that writes to the tree: sweeps, renewals. The handle follows soon.
    Freeze,
    /// Go on.
    Thaw,
    /// Drop the owner handle: every writable fd and the lock. Result: [`Input::Released`].
    Release,
    /// Be master. Result: [`Input::Serving`].
    Serve {
        /// What to keep.
        takeover: Takeover,
    },
    /// Write META: all of it that is the machine's.
    SetReady {
        /// Slave that may take over with what it has.
        slot: Option<Slot>,
        /// Generation last acknowledged (applied, without a slave).
        generation: u64,
        /// The redo record that is applied next.
        trying: Option<Trying>,
    },
    /// Carry out a command. Never a second one before the result: [`Input::Applied`].
    Apply {
        /// Which.
        id: CommandId,
        /// The plan.
        record: Vec<u8>,
        /// It was the old master's, which may have died of it: a panic is caught, rolled back and a result like another.
        redo: bool,
    },
    /// Answer a client.
    Answer {
        /// Which.
        id: CommandId,
        /// With this.
        answer: Answer,
    },
    /// Give the configuration as bytes. Result: [`Input::Snapshot`].
    TakeSnapshot,
    /// Slave: replace the configuration by the master's. Result: [`Input::Loaded`].
    Load {
        /// What the master's `Snapshot` gave.
        bytes: Vec<u8>,
    },
    /// Slave: the master applied this; do it to the copy, tables untouched. Only failure has a result:
    /// [`Input::ReplayFailed`].
    Replay {
        /// The plan.
        record: Vec<u8>,
    },
    /// Slave: keep this, for the day it takes over.
    State {
        /// What the master's `State` had.
        bytes: Vec<u8>,
    },
    /// Slave: write the master's flash to this MSM's. Never a second one before the result: [`Input::FlashStored`]. It takes the
    /// time that a disk takes: other inputs come meanwhile.
    StoreFlash {
        /// What the master's `Synchronize` had.
        bytes: Vec<u8>,
    },
    /// Slave, to the backplane: nothing is heard of the master. Repeated while that lasts.
    Suspect {
        /// The option in force.
        keepalive: Duration,
    },
    /// To the backplane: diagnostics of this MSM failed.
    DiagnosticsFailed {
        /// What failed.
        text: String,
    },
    /// Master: a slave is to have the subsystem's state. From now on each change of it is an [`Input::Delta`], and what
    /// [`Output::NextItems`] asks for begins anew.
    Subscribe {
        /// Which.
        subsystem: Subsystem,
    },
    /// Master: changes are not wanted any more.
    Unsubscribe {
        /// Which.
        subsystem: Subsystem,
    },
    /// Master: give the next piece of the state, as it is now. Never a second one before the result: [`Input::Items`], or
    /// [`Input::SubsystemFailed`].
    NextItems {
        /// Which.
        subsystem: Subsystem,
    },
    /// Slave: a piece of the master's state.
    Items {
        /// Which.
        subsystem: Subsystem,
        /// Opaque.
        bytes: Vec<u8>,
        /// It begins anew: what was there before is void.
        first: bool,
        /// It is complete now.
        last: bool,
    },
    /// Slave: a change of the master's state, behind what came before.
    Delta {
        /// Which.
        subsystem: Subsystem,
        /// Opaque.
        bytes: Vec<u8>,
    },
    /// Slave: open the maps read-only, check the ABI, read a sample. Result: [`Input::HardwareChecked`].
    CheckHardware,
    /// End this process; the slot boots again.
    ResetSelf {
        /// Why.
        why: String,
    },
    /// Write to the log.
    Log {
        /// Weight.
        level: Level,
        /// Line.
        text: String,
    },
}

/// Outputs of one step, in the order in which they are to be carried out.
pub type Outputs = Vec<Output>;
