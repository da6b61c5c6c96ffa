//! `show access-list`

use serde::{Deserialize, Serialize};

/// Rules in the order in which they are looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccessLists {
    /// Rows.
    pub(crate) rules: Vec<AccessRule>,
    /// How many there are.
    pub(crate) count: usize,
    /// Room.
    pub(crate) capacity: usize,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccessRule {
    /// Name.
    pub(crate) name: String,
    /// The smallest decides.
    pub(crate) precedence: u16,
    /// `permit` or `deny`.
    pub(crate) action: String,
    /// `ip`, `icmp`, `tcp`, `udp`, a number, or `mac`.
    pub(crate) kind: String,
    /// `10.0.0.0/8`, `02:00:00:00:00:01` or `any`.
    pub(crate) source: String,
    /// The same.
    pub(crate) destination: String,
    /// `any`, `80`, `0-1023`; of a MAC rule nothing.
    pub(crate) source_port: String,
    /// The same.
    pub(crate) destination_port: String,
    /// `any`, `0x0806`; of an IP rule nothing.
    pub(crate) ethertype: String,
    /// `any` or `1:1-1:4`.
    pub(crate) ports: String,
    /// Frames that it decided.
    pub(crate) hits: u64,
}
