//! The decision table: what a trigger does under the options in force.

use serde::{Deserialize, Serialize};

use crate::{
    backplane::Fabric,
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
    /// What becomes of the old master's fabric.
    pub fabric: Fabric,
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
        fabric: Fabric::Present,
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
        fabric: trigger.fabric(),
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
        fabric: trigger.fabric(),
        reset_old_master: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The six lawful pairs of link action and slave configuration (manual, "Configuring Hitless Failover").
    const LAWFUL: [(LinkAction, SlaveConfig); 6] = [
        (LinkAction::TakeLinksDown, SlaveConfig::Flash),
        (LinkAction::TakeLinksDown, SlaveConfig::Inherited),
        (LinkAction::KeepLinksUp(Preserve::None), SlaveConfig::Flash),
        (LinkAction::KeepLinksUp(Preserve::None), SlaveConfig::Inherited),
        (LinkAction::KeepLinksUp(Preserve::L2), SlaveConfig::Inherited),
        (LinkAction::KeepLinksUp(Preserve::L2L3), SlaveConfig::Inherited),
    ];
    const LEVELS: [RecoveryLevel; 3] = [RecoveryLevel::None, RecoveryLevel::Critical, RecoveryLevel::All];

    /// One line a trigger: cause; verdicts by recovery level (none, critical, all) with hitless options and a ready slave;
    /// the same without a ready slave. H hitless, P partial, N not hitless, R reboot, - no failover.
    const TABLE: [(Trigger, Cause, &str, &str); 11] = [
        (Trigger::Operator, Cause::Admin, "HHH", "---"),
        (Trigger::TaskPanic { critical: false }, Cause::Exception, "--H", "--R"),
        (Trigger::TaskPanic { critical: true }, Cause::Exception, "-HH", "-RR"),
        (Trigger::ProcessDeath, Cause::Exception, "NHH", "NRR"),
        (Trigger::WatchdogTimeout, Cause::Watchdog, "NNN", "NNN"),
        (Trigger::KeepaliveLoss, Cause::Keepalive, "NNN", "NNN"),
        (Trigger::Diagnostic, Cause::HwFailure, "PPP", "NNN"),
        (Trigger::HotRemoval, Cause::Removal, "PPP", "NNN"),
        (Trigger::HardReset, Cause::Removal, "PPP", "NNN"),
        (Trigger::SlaveRemoved, Cause::Never, "---", "---"),
        (Trigger::SlaveReboot, Cause::Never, "---", "---"),
    ];

    fn verdict(letter: char) -> Verdict {
        match letter {
            'H' => Verdict::Hitless,
            'P' => Verdict::Partial,
            'N' => Verdict::NotHitless,
            'R' => Verdict::Reboot,
            '-' => Verdict::NoFailover,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn every_trigger_under_every_option_is_decided_as_the_table_says() {
        for (trigger, cause, with, without) in TABLE {
            for (recovery, (with, without)) in LEVELS.into_iter().zip(with.chars().zip(without.chars())) {
                for (link_action, slave_config) in LAWFUL {
                    for ready in [true, false] {
                        let options = Options { recovery, link_action, slave_config, ..Options::default() };
                        assert_eq!(options.validate(), Ok(()));
                        // A slave with its own configuration needs nothing.
                        let able = ready || slave_config == SlaveConfig::Flash;
                        let expected = match verdict(if able { with } else { without }) {
                            Verdict::Hitless | Verdict::Partial if !options.are_hitless() => {
                                Verdict::NotHitless
                            }
                            verdict => verdict,
                        };
                        let decision = decide(trigger, &options, ready);
                        let case = format!("{trigger:?} {options:?} ready {ready}");
                        assert_eq!((decision.verdict, decision.cause), (expected, cause), "{case}");
                        check_what_stays(decision, trigger, &options, &case);
                    }
                }
            }
        }
    }

    fn check_what_stays(decision: Decision, trigger: Trigger, options: &Options, case: &str) {
        let long = matches!(trigger, Trigger::WatchdogTimeout | Trigger::KeepaliveLoss);
        match decision.verdict {
            // "All saved operational state information is discarded. The failed master is hard reset."
            Verdict::NotHitless if decision.reset_old_master => {
                let stays = [decision.keep_links, decision.keep_l2, decision.keep_l3];
                assert_eq!(stays, [false; 3], "{case}");
                assert_eq!(decision.configuration, ConfigSource::Flash, "{case}");
            }
            Verdict::Hitless | Verdict::Partial | Verdict::NotHitless => {
                assert!(!long, "{case}");
                let preserve = options.link_action.preserve();
                assert_eq!(decision.keep_links, options.link_action != LinkAction::TakeLinksDown, "{case}");
                assert_eq!(decision.keep_l2, preserve != Preserve::None, "{case}");
                assert_eq!(decision.keep_l3, preserve == Preserve::L2L3, "{case}");
                let inherits = options.slave_config == SlaveConfig::Inherited;
                assert_eq!(decision.configuration == ConfigSource::Inherited, inherits, "{case}");
            }
            Verdict::Reboot | Verdict::NoFailover => {
                assert!(decision.keep_links && decision.keep_l2 && decision.keep_l3, "{case}");
            }
        }
    }

    #[test]
    fn flash_excludes_preserving_state_and_the_timer_has_its_range() {
        for preserve in [Preserve::L2, Preserve::L2L3] {
            let options = Options { link_action: LinkAction::KeepLinksUp(preserve), ..Options::default() };
            assert_eq!(options.validate(), Err(crate::OptionsError::FlashPreserves(preserve)));
        }
        for (seconds, lawful) in [(29, false), (30, true), (60, true), (300, true), (301, false)] {
            let timeout = std::time::Duration::from_secs(seconds);
            assert_eq!(Options { timeout, ..Options::default() }.validate().is_ok(), lawful);
        }
    }

    #[test]
    fn defaults_are_the_manual_s() {
        let options = Options::default();
        let words =
            [options.recovery.to_string(), options.link_action.to_string(), options.slave_config.to_string()];
        assert_eq!(words, ["none", "take-links-down", "flash"]);
        assert_eq!(options.timeout.as_secs(), 60);
        assert!(!options.are_hitless() && Options::hitless().are_hitless());
    }
}
