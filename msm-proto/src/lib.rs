//! Sans-IO core of the chassis: who is master, how mastership moves, and what the two MSMs say to each other.
//!
//! Nothing here reads a clock, a socket or a file. Time, inputs and outputs are values, and all of them are
//! serialisable: a recorded run replays through [`Machine::step`] to the same outputs.
#![forbid(unsafe_code)]

pub mod backplane;
mod cause;
mod decision;
mod envelope;
pub mod lacp;
mod message;
mod options;
mod replication;
mod roles;
mod slot;
mod subsystem;
pub mod tftp;
mod time;
mod wire;

pub use cause::{Cause, Trigger};
pub use decision::{ConfigSource, Decision, Verdict, decide};
pub use envelope::{DecodeError, Envelope, FRAME_MAX, PROTOCOL};
pub use message::{Message, Phase, Piece, Record, Release, Snapshot, Standing};
pub use options::{
    EsrpFailoverMode, KEEPALIVE_DEFAULT, LinkAction, Options, OptionsError, Preserve, REELECT_DEFAULT,
    RecoveryLevel, Routing, SILENCE_MAX, SILENCE_MIN, SlaveConfig, TIMEOUT_DEFAULT, TIMEOUT_MAX, TIMEOUT_MIN,
    WATCHDOG_DEFAULT,
};
pub use roles::{
    Answer, Channel, CommandId, History, Identity, Input, Keepalives, Level, Machine, MetaView, Outcome,
    Output, Outputs, PeerStatus, Refusal, Role, Session, Stamps, Status, Takeover, Trying,
};
pub use slot::{OwnerName, OwnerNameError, Slot};
pub use subsystem::{Reason, State, Subsystem, SubsystemStatus};
pub use time::Time;

/// Largest record of a command: a configuration of 4,000 VLANs applied as one is about 1 MiB.
pub const RECORD_MAX: usize = 2 * 1024 * 1024;
/// Largest configuration: a full chassis saved as commands is well under 1 MiB.
pub const SNAPSHOT_MAX: usize = 16 * 1024 * 1024;
/// Largest piece, and largest change, of a subsystem's state.
pub const ITEMS_MAX: usize = 64 * 1024;
