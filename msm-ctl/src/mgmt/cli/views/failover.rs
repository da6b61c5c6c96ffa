//! `show msm-failover`.

use serde::{Deserialize, Serialize};

/// `show msm-failover`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failover {
    /// Both slots.
    pub(crate) msm: Vec<Msm>,
    /// Owner of the tree.
    pub(crate) owner: Option<Owner>,
    /// Slave that may take over hitlessly.
    pub(crate) ready_slot: Option<String>,
    /// What it means if nobody is.
    pub(crate) note: Option<String>,
    /// Generation of the configuration.
    pub(crate) generation: u64,
    /// Cause of the last failover.
    pub(crate) cause: String,
    /// `take-links-down` or `keep-links-up`.
    pub(crate) link_action: String,
    /// `none`, `l2`, `l2_l3`.
    pub(crate) preserve_state: String,
    /// `inherited` or `flash`.
    pub(crate) slave_config: String,
    /// Failover timer.
    pub(crate) timeout_s: u64,
    /// `none`.
    pub(crate) esrp_failover_mode: String,
    /// After which time an ESRP master that stayed one elects anew.
    #[serde(default)]
    pub(crate) reelect_s: u64,
    /// `none`, `all msm-failover`, `critical msm-failover`.
    #[serde(default)]
    pub(crate) recovery_level: String,
    /// `preserve` or `restart`.
    #[serde(default)]
    pub(crate) routing: String,
    /// How long an MSM may leave its watchdog without a kick.
    #[serde(default)]
    pub(crate) watchdog_ms: u64,
    /// How long a slave may hear nothing of its master.
    #[serde(default)]
    pub(crate) keepalive_ms: u64,
    /// Switching hardware of the MSM slots, as the tables have it.
    #[serde(default)]
    pub(crate) fabrics: Vec<Fabric>,
    /// How many since the chassis was started.
    pub(crate) failovers: u64,
    /// Rows.
    pub(crate) subsystems: Vec<Subsystem>,
    /// Times of the last failover, CLOCK_MONOTONIC.
    pub(crate) last: Option<Last>,
}

/// One MSM of [`Failover`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Msm {
    /// Slot.
    pub(crate) slot: String,
    /// `master`, `slave`, `booting`, `leaving`, `absent`.
    pub(crate) role: String,
    /// Process id; 0 when absent.
    pub(crate) pid: u32,
    /// Version; empty when absent.
    pub(crate) version: String,
    /// Image; empty when absent.
    pub(crate) image: String,
}

/// The fabric of a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fabric {
    /// Slot.
    pub(crate) slot: String,
    /// `in use`, `not programmed`, `absent`.
    pub(crate) state: String,
}

/// Owner of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Owner {
    /// Slot.
    pub(crate) slot: String,
    /// Number of this ownership.
    pub(crate) epoch: u64,
}

/// One subsystem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subsystem {
    /// Name.
    pub(crate) name: String,
    /// State for the present slave.
    pub(crate) state: String,
    /// Why.
    pub(crate) reason: String,
    /// State that this MSM had as slave when it became master.
    pub(crate) old_state: String,
    /// Why.
    pub(crate) old_reason: String,
}

/// Times of a failover in ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Last {
    /// Command, or first sign of the death.
    pub(crate) event_ns: u64,
    /// The slave knows.
    pub(crate) detected_ns: u64,
    /// The rename is done.
    pub(crate) committed_ns: u64,
    /// Commands can be applied.
    pub(crate) serving_ns: u64,
}
