//! `show vlan`

use serde::{Deserialize, Serialize};

/// VLANs by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Vlans {
    /// Rows.
    pub(crate) vlans: Vec<Vlan>,
    /// How many.
    pub(crate) count: usize,
}

/// One VLAN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Vlan {
    /// Name.
    pub(crate) name: String,
    /// Id inside; 0: not switched.
    pub(crate) vid: u16,
    /// 802.1Q tag, if it has one.
    pub(crate) tag: Option<u16>,
    /// `10.0.0.1/24`
    pub(crate) address: Option<String>,
    /// Of a VLAN that is not switched.
    pub(crate) netdev: Option<String>,
    /// Members without tag, `1:1`.
    pub(crate) untagged: Vec<String>,
    /// Members with the tag.
    pub(crate) tagged: Vec<String>,
    /// Members that can receive and send.
    pub(crate) active: Vec<String>,
    /// Members that an operator has disabled.
    pub(crate) disabled: Vec<String>,
}
