//! Failover options of a chassis: the six lawful combinations, and the recovery level.

use std::fmt;

use crate::bed::FailoverOptions;

/// `configure msm-failover link-action`, from what keeps least to what keeps most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkAction {
    /// `take-links-down`
    Down,
    /// `keep-links-up`
    Up,
    /// `keep-links-up preserve-state l2`
    PreserveL2,
    /// `keep-links-up preserve-state l2_l3`
    PreserveL2L3,
}

/// `configure msm-failover slave-config`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlaveConfig {
    /// `flash`
    Flash,
    /// `inherited`
    Inherited,
}

/// `configure sys-recovery-level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// `none`
    None,
    /// `critical msm-failover`
    Critical,
    /// `all msm-failover`
    All,
}

/// Everything that decides what a cause does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// What becomes of ports and tables.
    pub links: LinkAction,
    /// Whose configuration.
    pub slave: SlaveConfig,
    /// Which exceptions hand over.
    pub recovery: Recovery,
}

impl Setup {
    /// The manual's defaults.
    pub const FACTORY: Self =
        Self { links: LinkAction::Down, slave: SlaveConfig::Flash, recovery: Recovery::None };
    /// What loses least.
    pub const HITLESS: Self =
        Self { links: LinkAction::PreserveL2L3, slave: SlaveConfig::Inherited, recovery: Recovery::All };

    /// The lawful pairs of link action and slave configuration (manual, "Configuring Hitless Failover"), with the level that hands over
    /// whatever happens.
    pub const LAWFUL: [Self; 6] = [
        Self::of(LinkAction::Down, SlaveConfig::Flash),
        Self::of(LinkAction::Down, SlaveConfig::Inherited),
        Self::of(LinkAction::Up, SlaveConfig::Flash),
        Self::of(LinkAction::Up, SlaveConfig::Inherited),
        Self::of(LinkAction::PreserveL2, SlaveConfig::Inherited),
        Self::of(LinkAction::PreserveL2L3, SlaveConfig::Inherited),
    ];

    const fn of(links: LinkAction, slave: SlaveConfig) -> Self {
        Self { links, slave, recovery: Recovery::All }
    }

    /// The same with another recovery level.
    #[must_use]
    pub const fn recovering(self, recovery: Recovery) -> Self {
        Self { recovery, ..self }
    }

    /// `factory`, `hitless`, or the combination in words. The recovery level has a name of its own.
    pub fn name(&self) -> String {
        if *self == Self::FACTORY {
            "factory".to_owned()
        } else if self.recovering(Recovery::All) == Self::HITLESS {
            "hitless".to_owned()
        } else {
            format!("{}, {}", self.links, self.slave)
        }
    }

    /// As the chassis file has it.
    pub fn options(&self) -> FailoverOptions {
        if *self == Self::FACTORY {
            // Not even written down: the default itself is what is tried.
            return FailoverOptions::FACTORY;
        }
        FailoverOptions {
            sys_recovery_level: Some(self.recovery.to_string()),
            link_action: Some(self.links.to_string()),
            slave_config: Some(self.slave.to_string()),
            ..FailoverOptions::default()
        }
    }
}

impl fmt::Display for LinkAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "take-links-down",
            Self::Up => "keep-links-up",
            Self::PreserveL2 => "keep-links-up preserve-state l2",
            Self::PreserveL2L3 => "keep-links-up preserve-state l2_l3",
        })
    }
}

impl fmt::Display for SlaveConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flash => "flash",
            Self::Inherited => "inherited",
        })
    }
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Critical => "critical msm-failover",
            Self::All => "all msm-failover",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_combinations_are_lawful_and_each_has_its_name() {
        let mut names: Vec<String> = Setup::LAWFUL.iter().map(Setup::name).collect();
        assert_eq!(names[5], "hitless");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 6);
        assert_eq!(Setup::FACTORY.name(), "factory");
        assert_eq!(Setup::FACTORY.options(), FailoverOptions::FACTORY);
        // Nothing is preserved without the inheritance.
        let flash = Setup::LAWFUL.iter().filter(|setup| setup.slave == SlaveConfig::Flash);
        assert!(flash.clone().count() == 2 && flash.clone().all(|s| s.links < LinkAction::PreserveL2));
    }
}
