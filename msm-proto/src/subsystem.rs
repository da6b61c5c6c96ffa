//! Subsystems of T-sync, and how far each is with its slave.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    cause::Trigger,
    options::{Options, Preserve},
};

/// What is handed over, one by one (manual, "Displaying Hitless Failover Statistics").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Subsystem {
    /// The configuration, saved or not.
    #[serde(rename = "configuration")]
    Configuration,
    /// Layer 2 tables of the forwarding plane.
    #[serde(rename = "L2 hardware")]
    L2Hardware,
    /// Layer 3 tables of the forwarding plane.
    #[serde(rename = "L3 hardware")]
    L3Hardware,
    /// Spanning tree.
    #[serde(rename = "STP")]
    Stp,
    /// Ethernet automatic protection switching.
    #[serde(rename = "EAPS")]
    Eaps,
    /// Neighbours of layer 3 interfaces.
    #[serde(rename = "ARP")]
    Arp,
    /// Extreme standby router protocol.
    #[serde(rename = "ESRP")]
    Esrp,
}

impl Subsystem {
    /// All, in the order of `show msm-failover`.
    pub const ALL: [Self; 7] = [
        Self::Configuration,
        Self::L2Hardware,
        Self::L3Hardware,
        Self::Stp,
        Self::Eaps,
        Self::Arp,
        Self::Esrp,
    ];

    /// Whether `options` hand it over. STP, EAPS and ESRP have no engine yet and stay disabled.
    #[must_use]
    pub fn enabled(self, options: &Options) -> bool {
        options.replicate()
            && match self {
                Self::Configuration => true,
                Self::L2Hardware => options.link_action.preserve() >= Preserve::L2,
                Self::L3Hardware => options.link_action.preserve() >= Preserve::L2L3,
                Self::Arp => options.link_action.preserve() >= Preserve::L2L3,
                Self::Stp | Self::Eaps | Self::Esrp => false,
            }
    }

    /// Whether it has state of its own, which is transferred in pieces. (The configuration is a snapshot, tables are adopted.)
    #[must_use]
    pub const fn has_state(self) -> bool {
        match self {
            Self::Configuration | Self::L2Hardware | Self::L3Hardware => false,
            Self::Stp | Self::Eaps | Self::Arp | Self::Esrp => true,
        }
    }
}

impl fmt::Display for Subsystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configuration => "configuration",
            Self::L2Hardware => "L2 hardware",
            Self::L3Hardware => "L3 hardware",
            Self::Stp => "STP",
            Self::Eaps => "EAPS",
            Self::Arp => "ARP",
            Self::Esrp => "ESRP",
        })
    }
}

/// State of a subsystem, in the manual's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// Not handed over by the options in force; also the first state.
    #[default]
    #[serde(rename = "disable")]
    Disable,
    /// To be handed over; the transfer has not started.
    #[serde(rename = "initial")]
    Initial,
    /// Being transferred.
    #[serde(rename = "xfr")]
    Xfr,
    /// The slave has it, and receives its changes.
    #[serde(rename = "ready")]
    Ready,
    /// It failed. A reboot of the slave clears it.
    #[serde(rename = "failed")]
    Failed,
    /// Never shown by a sound machine.
    #[serde(rename = "unknown")]
    Unknown,
    /// There is no slave, or it is booting.
    #[serde(rename = "<not available>")]
    NotAvailable,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disable => "disable",
            Self::Initial => "initial",
            Self::Xfr => "xfr",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::NotAvailable => "<not available>",
        })
    }
}

/// Reason codes of the manual's table 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// No failure.
    #[default]
    #[serde(rename = "none")]
    None,
    /// The slave's version is older and cannot speak with the master's.
    #[serde(rename = "rev(M) > rev(S)")]
    Revision,
    /// The slave was removed.
    #[serde(rename = "hotswap")]
    Hotswap,
    /// A configuration command closed the way back to an older version.
    #[serde(rename = "config command")]
    ConfigCommand,
    /// Out of memory.
    #[serde(rename = "memory")]
    Memory,
    /// More changes than the slave's outbox or log holds.
    #[serde(rename = "brkt ovflow")]
    BracketOverflow,
    /// A message that does not follow from the one before.
    #[serde(rename = "invalid brkt")]
    InvalidBracket,
    /// A message classifier that the receiver does not know.
    #[serde(rename = "invalid subtype")]
    InvalidSubtype,
    /// The link to the slave failed or the slave fell behind.
    #[serde(rename = "comm error")]
    CommError,
    /// Not used.
    #[serde(rename = "no xh support")]
    NoXhSupport,
    /// The slave could not open, check or read the tables.
    #[serde(rename = "L2,L3 failed")]
    HardwareFailed,
    /// The slave could not take the configuration.
    #[serde(rename = "config failed")]
    ConfigFailed,
    /// Keepalives are missing.
    #[serde(rename = "keepalive")]
    Keepalive,
    /// The watchdog was not kicked.
    #[serde(rename = "watchdog")]
    Watchdog,
}

impl Reason {
    /// Why there is no slave, when the backplane reset it for `trigger`.
    #[must_use]
    pub const fn of_absence(trigger: Trigger) -> Self {
        match trigger {
            Trigger::HotRemoval | Trigger::HardReset | Trigger::SlaveRemoved => Self::Hotswap,
            Trigger::WatchdogTimeout => Self::Watchdog,
            Trigger::KeepaliveLoss => Self::Keepalive,
            Trigger::Diagnostic => Self::HardwareFailed,
            Trigger::Operator | Trigger::TaskPanic { .. } | Trigger::ProcessDeath | Trigger::SlaveReboot => {
                Self::None
            }
        }
    }

    /// All, in the manual's order; the position plus 1 is the number on the wire.
    pub const ALL: [Self; 14] = [
        Self::None,
        Self::Revision,
        Self::Hotswap,
        Self::ConfigCommand,
        Self::Memory,
        Self::BracketOverflow,
        Self::InvalidBracket,
        Self::InvalidSubtype,
        Self::CommError,
        Self::NoXhSupport,
        Self::HardwareFailed,
        Self::ConfigFailed,
        Self::Keepalive,
        Self::Watchdog,
    ];
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Revision => "rev(M) > rev(S)",
            Self::Hotswap => "hotswap",
            Self::ConfigCommand => "config command",
            Self::Memory => "memory",
            Self::BracketOverflow => "brkt ovflow",
            Self::InvalidBracket => "invalid brkt",
            Self::InvalidSubtype => "invalid subtype",
            Self::CommError => "comm error",
            Self::NoXhSupport => "no xh support",
            Self::HardwareFailed => "L2,L3 failed",
            Self::ConfigFailed => "config failed",
            Self::Keepalive => "keepalive",
            Self::Watchdog => "watchdog",
        })
    }
}

/// One row of `show msm-failover`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubsystemStatus {
    /// Which.
    pub name: Subsystem,
    /// State of the present slave.
    pub state: State,
    /// Why.
    pub reason: Reason,
    /// State that this MSM had, as slave, when it became master.
    pub old_state: State,
    /// Why.
    pub old_reason: Reason,
}
