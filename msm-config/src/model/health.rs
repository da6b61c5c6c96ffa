//! The self test that the master repeats (`enable sys-health-check`).

use std::fmt;

use super::render::Text;

/// Seconds from one self test to the next, before they are configured.
pub const HEALTH_INTERVAL: u16 = 60;
/// Shortest time between two.
pub const HEALTH_MIN: u16 = 2;
/// Longest.
pub const HEALTH_MAX: u16 = 3600;

/// Whether and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// It is repeated.
    pub enabled: bool,
    /// Seconds.
    pub interval: u16,
}

/// A change of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthChange {
    /// `enable sys-health-check`, `disable sys-health-check`
    Enable(bool),
    /// `configure sys-health-check interval`
    Interval(u16),
}

impl Default for Health {
    fn default() -> Self {
        Self { enabled: true, interval: HEALTH_INTERVAL }
    }
}

impl Health {
    pub(super) fn apply(&mut self, change: HealthChange) {
        match change {
            HealthChange::Enable(enabled) => self.enabled = enabled,
            HealthChange::Interval(interval) => self.interval = interval,
        }
    }

    pub(super) fn render(&self, out: &mut Text) {
        out.section("System Health Check Configuration");
        let factory = Self::default();
        if self.interval != factory.interval {
            out.line(&HealthChange::Interval(self.interval));
        }
        if self.enabled != factory.enabled {
            out.line(&HealthChange::Enable(self.enabled));
        }
    }
}

impl fmt::Display for HealthChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enable(true) => f.write_str("enable sys-health-check"),
            Self::Enable(false) => f.write_str("disable sys-health-check"),
            Self::Interval(interval) => write!(f, "configure sys-health-check interval {interval}"),
        }
    }
}
