//! What an MSM shows of itself.

use serde::{Deserialize, Serialize};

use crate::{
    cause::Cause,
    options::Options,
    slot::{OwnerName, Slot},
    subsystem::SubsystemStatus,
    time::Time,
};

/// Who this process is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its slot.
    pub slot: Slot,
    /// Random, new for each start: tells a restarted peer from the one before.
    pub instance: u64,
    /// Process id.
    pub pid: u32,
    /// Version of its software.
    pub version: String,
    /// Image that it runs: `primary` or `secondary`.
    pub image: String,
}

/// Role, as operators see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looking for a master, or becoming it.
    Booting,
    /// Stands by.
    Slave,
    /// Owns the tree.
    Master,
    /// About to end its process.
    Leaving,
}

/// Times of a failover, of the clock that both MSMs share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamps {
    /// Command received, or first sign of the death.
    pub event_ns: Time,
    /// The slave knows that it must take over.
    pub detected_ns: Time,
    /// The rename is done.
    pub committed_ns: Time,
    /// Commands can be applied.
    pub serving_ns: Time,
}

/// Failovers so far. Travels with mastership.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// How many.
    pub failovers: u64,
    /// Cause of the last one.
    pub cause: Cause,
    /// Its times.
    pub last: Option<Stamps>,
}

/// The other MSM, as far as it has introduced itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerStatus {
    /// Who.
    pub identity: Identity,
    /// What it last said it is.
    pub role: Role,
}

/// Keepalives of the present session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keepalives {
    /// Sent.
    pub sent: u64,
    /// Answered by the peer.
    pub answered: u64,
    /// Received from the peer.
    pub received: u64,
    /// How often nothing came for longer than the limit.
    pub missed: u64,
}

/// Everything that `show msm-failover` needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// This MSM.
    pub identity: Identity,
    /// Its role.
    pub role: Role,
    /// The other one, while connected.
    pub peer: Option<PeerStatus>,
    /// Owner of the tree, as last known.
    pub owner: Option<OwnerName>,
    /// Slave that may take over with what it has (as master; a slave knows it of itself).
    pub ready_slot: Option<Slot>,
    /// Generation of the configuration.
    pub generation: u64,
    /// Options in force.
    pub options: Options,
    /// Failovers so far.
    pub history: History,
    /// Subsystems, all of them, in the order of [`crate::Subsystem::ALL`].
    pub subsystems: Vec<SubsystemStatus>,
    /// Keepalives.
    pub keepalives: Keepalives,
}
