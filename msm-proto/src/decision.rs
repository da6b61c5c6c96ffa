//! The decision table: what a trigger does under the options in force.

use serde::{Deserialize, Serialize};

use crate::{
    cause::{Cause, Trigger},
    options::{LinkAction, Options, Preserve, RecoveryLevel, SlaveConfig},
};

/// What kind of failover it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Nothing is lost.
    Hitless,
    /// Hitless but for the flows of the lost fabric.
    Partial,
    /// The slave takes over; some or all state is discarded.
    NotHitless,
    /// The master restarts in its slot and adopts the running tables, with its flash configuration.
    Reboot,
    /// Mastership stays.
    NoFailover,
}

/// Where the new master's configuration comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ConfigSource {
    /// Replicated from the old master.
    Inherited,
    /// The new master's own flash.
    Flash,
}

/// What the new master does with what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Decision {
    /// Kind.
    pub verdict: Verdict,
    /// Word for the operator.
    pub cause: Cause,
    /// Whose configuration.
    pub configuration: ConfigSource,
    /// Ports stay up.
    pub keep_links: bool,
    /// Layer 2 tables and protocol states stay.
    pub keep_l2: bool,
    /// Layer 3 tables and neighbours stay.
    pub keep_l3: bool,
    /// The old master is hard reset before it may boot.
    pub reset_old_master: bool,
}

/// What `trigger` does under `options`, when the slave's replicated state is complete (`ready`) or not.
///
/// A pure function: DESIGN.md section 7 is its specification and the test below its transcript.
#[must_use]
pub fn decide(trigger: Trigger, options: &Options, ready: bool) -> Decision {
    let covered = |critical| match options.recovery {
        RecoveryLevel::None => false,
        RecoveryLevel::Critical => critical,
        RecoveryLevel::All => true,
    };
    // An inheriting slave without the inheritance has nothing to carry on with.
    let able = ready || options.slave_config == SlaveConfig::Flash;
    match trigger {
        Trigger::SlaveRemoved | Trigger::SlaveReboot => stays(trigger, Verdict::NoFailover),
        Trigger::TaskPanic { critical } if !covered(critical) => stays(trigger, Verdict::NoFailover),
        Trigger::ProcessDeath if options.recovery == RecoveryLevel::None => discards(trigger),
        Trigger::WatchdogTimeout | Trigger::KeepaliveLoss => discards(trigger),
        Trigger::Operator if !able => stays(trigger, Verdict::NoFailover),
        Trigger::TaskPanic { .. } | Trigger::ProcessDeath if !able => stays(trigger, Verdict::Reboot),
        Trigger::Operator | Trigger::TaskPanic { .. } | Trigger::ProcessDeath => {
            keeps(trigger, options, Verdict::Hitless)
        }
        // The master's hardware is gone: a slave without the inheritance still has to take over.
        Trigger::Diagnostic | Trigger::HotRemoval | Trigger::HardReset if !able => discards(trigger),
        Trigger::Diagnostic | Trigger::HotRemoval | Trigger::HardReset => {
            keeps(trigger, options, Verdict::Partial)
        }
    }
}

/// Mastership does not move: everything stays.
const fn stays(trigger: Trigger, verdict: Verdict) -> Decision {
    Decision {
        verdict,
        cause: trigger.cause(),
        configuration: ConfigSource::Flash,
        keep_links: true,
        keep_l2: true,
        keep_l3: true,
        reset_old_master: false,
    }
}

/// A long-duration event: what was saved is stale (manual, "Watchdog Timeout and Keepalive Failure").
const fn discards(trigger: Trigger) -> Decision {
    Decision {
        verdict: Verdict::NotHitless,
        cause: trigger.cause(),
        configuration: ConfigSource::Flash,
        keep_links: false,
        keep_l2: false,
        keep_l3: false,
        reset_old_master: true,
    }
}

/// What the options say, `best` when they say that everything stays.
fn keeps(trigger: Trigger, options: &Options, best: Verdict) -> Decision {
    let preserve = options.link_action.preserve();
    Decision {
        verdict: if options.are_hitless() { best } else { Verdict::NotHitless },
        cause: trigger.cause(),
        configuration: match options.slave_config {
            SlaveConfig::Inherited => ConfigSource::Inherited,
            SlaveConfig::Flash => ConfigSource::Flash,
        },
        keep_links: options.link_action != LinkAction::TakeLinksDown,
        keep_l2: preserve >= Preserve::L2,
        keep_l3: preserve >= Preserve::L2L3,
        reset_old_master: false,
    }
}
