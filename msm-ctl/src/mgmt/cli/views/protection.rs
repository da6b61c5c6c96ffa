//! What `show cpu-protection` and `show mirroring` answer.

use serde::{Deserialize, Serialize};

/// `show cpu-protection`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CpuProtection {
    /// Every class.
    pub(crate) classes: Vec<CpuClass>,
}

/// One class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CpuClass {
    /// `arp`
    pub(crate) class: String,
    /// Frames a second that may pass.
    pub(crate) rate_pps: u32,
    /// It is not the default.
    pub(crate) configured: bool,
    /// Frames that went to the control plane.
    pub(crate) passed: u64,
    /// Frames over the rate.
    pub(crate) limited: u64,
    /// Frames within the rate for which there was no room.
    pub(crate) full: u64,
}

/// `show mirroring`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mirroring {
    /// The monitor port; null: mirroring is off.
    pub(crate) monitor: Option<String>,
    /// Mirrored ports.
    pub(crate) ports: Vec<Mirrored>,
}

/// One mirrored port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mirrored {
    /// `1:1`
    pub(crate) port: String,
    /// What it receives is copied.
    pub(crate) ingress: bool,
    /// What it sends is copied.
    pub(crate) egress: bool,
}
