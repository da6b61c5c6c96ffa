//! `show sharing` and `show lacp`

use serde::{Deserialize, Serialize};

/// Load-sharing groups by master.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sharing {
    /// Rows.
    pub(crate) groups: Vec<ShareGroup>,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShareGroup {
    /// The port that stands for all.
    pub(crate) master: String,
    /// Place in the tables.
    pub(crate) index: u16,
    /// `address-based`, `port-based`, `round-robin`.
    pub(crate) algorithm: String,
    /// With LACP.
    pub(crate) dynamic: bool,
    /// All its ports.
    pub(crate) ports: Vec<SharePort>,
}

/// A port of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SharePort {
    /// `1:1`
    pub(crate) port: String,
    /// As in `show ports`.
    pub(crate) state: String,
    /// Flow buckets, of 64, that leave by it; 0: it is not used.
    pub(crate) buckets: usize,
}

/// LACP at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lacp {
    /// Address of this switch.
    pub(crate) system: String,
    /// Its priority.
    pub(crate) system_priority: u16,
    /// Dynamic groups by master. Their ports are empty on an MSM that is not the master.
    pub(crate) groups: Vec<LacpGroup>,
}

/// A group that speaks LACP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LacpGroup {
    /// The port that stands for all.
    pub(crate) master: String,
    /// Its key.
    pub(crate) key: u16,
    /// `short` or `long`.
    pub(crate) timeout: String,
    /// `active` or `passive`.
    pub(crate) activity: String,
    /// Its ports.
    pub(crate) ports: Vec<LacpPort>,
}

/// A port that speaks LACP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LacpPort {
    /// `1:1`
    pub(crate) port: String,
    /// Receive machine: `disabled`, `expired`, `defaulted`, `current`.
    pub(crate) receive: String,
    /// Mux machine: `detached`, `waiting`, `attached`, `collecting`, `distributing`.
    pub(crate) mux: String,
    /// What this switch says of it: names of bits that are set.
    pub(crate) actor_state: Vec<String>,
    /// Address of the partner's system; all zero: not known.
    pub(crate) partner_system: String,
    /// Its key.
    pub(crate) partner_key: u16,
    /// Its port.
    pub(crate) partner_port: u16,
    /// What it says.
    pub(crate) partner_state: Vec<String>,
    /// LACPDUs received, since this MSM is the master.
    pub(crate) received: u64,
    /// LACPDUs sent.
    pub(crate) sent: u64,
    /// Markers answered.
    pub(crate) markers: u64,
}
