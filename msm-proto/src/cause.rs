//! What makes mastership move, and the word that operators see for it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::backplane::Fabric;

/// Cause of the last failover, in the words of the Extreme MIB (extremeMsmFailoverCause).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// No failover yet.
    #[default]
    Never,
    /// `run msm-failover`.
    Admin,
    /// A task panicked or the process died.
    Exception,
    /// The master was removed or hard reset.
    Removal,
    /// The master's diagnostics failed.
    HwFailure,
    /// The master did not kick its watchdog.
    Watchdog,
    /// The master did not answer keepalives.
    Keepalive,
}

impl Cause {
    /// Every cause, in the MIB's order: the first has number 1.
    pub const ALL: [Self; 7] = [
        Self::Never,
        Self::Admin,
        Self::Exception,
        Self::Removal,
        Self::HwFailure,
        Self::Watchdog,
        Self::Keepalive,
    ];
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Never => "never",
            Self::Admin => "admin",
            Self::Exception => "exception",
            Self::Removal => "removal",
            Self::HwFailure => "hwFailure",
            Self::Watchdog => "watchdog",
            Self::Keepalive => "keepalive",
        })
    }
}

/// An event that may move mastership. Finer than [`Cause`]: one word of the MIB covers several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Trigger {
    /// `run msm-failover`.
    Operator,
    /// A task of the master panicked and its boundary caught it.
    TaskPanic {
        /// The task is one of the critical ones.
        critical: bool,
    },
    /// The master's process died, by whatever signal.
    ProcessDeath,
    /// The master did not kick its watchdog.
    WatchdogTimeout,
    /// The master did not answer keepalives, and arbitration found it at fault.
    KeepaliveLoss,
    /// The master's diagnostics failed.
    Diagnostic,
    /// The master was pulled out.
    HotRemoval,
    /// The master was hard reset.
    HardReset,
    /// The slave was pulled out or hard reset.
    SlaveRemoved,
    /// The slave rebooted.
    SlaveReboot,
}

impl Trigger {
    /// What becomes of the fabric of the MSM that it strikes (manual, "Diagnostic Failure, Hot-removal, or Hard-reset"; a watchdog
    /// timeout and a keepalive failure end in a hard reset).
    #[must_use]
    pub const fn fabric(self) -> Fabric {
        match self {
            Self::Operator | Self::TaskPanic { .. } | Self::ProcessDeath | Self::SlaveReboot => {
                Fabric::Present
            }
            Self::WatchdogTimeout | Self::KeepaliveLoss | Self::HardReset => Fabric::Reset,
            Self::Diagnostic => Fabric::Failed,
            Self::HotRemoval | Self::SlaveRemoved => Fabric::Absent,
        }
    }

    /// The operator's word for it; [`Cause::Never`] for what concerns the slave alone.
    #[must_use]
    pub const fn cause(self) -> Cause {
        match self {
            Self::Operator => Cause::Admin,
            Self::TaskPanic { .. } | Self::ProcessDeath => Cause::Exception,
            Self::WatchdogTimeout => Cause::Watchdog,
            Self::KeepaliveLoss => Cause::Keepalive,
            Self::Diagnostic => Cause::HwFailure,
            Self::HotRemoval | Self::HardReset => Cause::Removal,
            Self::SlaveRemoved | Self::SlaveReboot => Cause::Never,
        }
    }
}
