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
