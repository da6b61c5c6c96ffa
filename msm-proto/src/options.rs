//! Failover options of the operator, with the manual's defaults.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// Failover timer: default, and the range that `configure msm-failover timeout` takes (manual, "Configuring Timers").
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// Shortest failover timer.
pub const TIMEOUT_MIN: Duration = Duration::from_secs(30);
/// Longest failover timer.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(300);
/// Default of [`Options::reelect`] (manual, "Configuring ESRP for Hitless Failover").
pub const REELECT_DEFAULT: Duration = Duration::from_secs(30);
/// Default of [`Options::watchdog`].
pub const WATCHDOG_DEFAULT: Duration = Duration::from_secs(2);
/// Default of [`Options::keepalive`].
pub const KEEPALIVE_DEFAULT: Duration = Duration::from_secs(2);
/// Shortest time of silence that means something: a busy machine schedules a real-time thread within a tenth of it.
pub const SILENCE_MIN: Duration = Duration::from_millis(100);
/// Longest: nobody wants a dead master for half a minute more.
pub const SILENCE_MAX: Duration = Duration::from_secs(30);
/// Range of [`Options::reelect`] in seconds.
const REELECT: std::ops::RangeInclusive<u64> = 15..=180;

/// `configure sys-recovery-level`: which exceptions make the master hand over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RecoveryLevel {
    /// None: a panicked task stays dead; the death of the process is a failover that discards state.
    #[default]
    #[serde(rename = "none")]
    None,
    /// A panic of a critical task, or the death of the process.
    #[serde(rename = "critical msm-failover")]
    Critical,
    /// A panic of any task, or the death of the process.
    #[serde(rename = "all msm-failover")]
    All,
}

impl fmt::Display for RecoveryLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Critical => "critical msm-failover",
            Self::All => "all msm-failover",
        })
    }
}

/// `configure msm-failover link-action`: what becomes of the external ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LinkAction {
    /// Ports are reset. Not hitless.
    #[default]
    #[serde(rename = "take-links-down")]
    TakeLinksDown,
    /// Ports stay as they are; [`Preserve`] says what else survives.
    #[serde(rename = "keep-links-up")]
    KeepLinksUp(Preserve),
}

impl LinkAction {
    /// What is preserved beside the links.
    #[must_use]
    pub const fn preserve(self) -> Preserve {
        match self {
            Self::TakeLinksDown => Preserve::None,
            Self::KeepLinksUp(preserve) => preserve,
        }
    }
}

impl fmt::Display for LinkAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TakeLinksDown => "take-links-down",
            Self::KeepLinksUp(_) => "keep-links-up",
        })
    }
}

/// `preserve-state` of [`LinkAction::KeepLinksUp`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preserve {
    /// Nothing but the links. Not hitless.
    #[default]
    None,
    /// FDB, load sharing, STP, EAPS, ESRP.
    L2,
    /// The same, and IPFDB, ARP, access lists.
    L2L3,
}

impl fmt::Display for Preserve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::L2 => "l2",
            Self::L2L3 => "l2_l3",
        })
    }
}

/// `configure msm-failover slave-config`: whose configuration a new master uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SlaveConfig {
    /// Its own, from its flash: nothing is replicated. Not hitless.
    #[default]
    Flash,
    /// The old master's, saved or not: replicated.
    Inherited,
}

impl fmt::Display for SlaveConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flash => "flash",
            Self::Inherited => "inherited",
        })
    }
}

/// `configure msm-failover routing`: what becomes of the routing suite in a failover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Routing {
    /// It starts anew, as after a boot (manual, "Configuring Port Behavior"): neighbours re-route, flows live on in the IPFDB.
    #[default]
    Restart,
    /// It is left alone, and its routes are linked again at once. Beyond the manual.
    Preserve,
}

impl fmt::Display for Routing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Restart => "restart",
            Self::Preserve => "preserve",
        })
    }
}

/// `configure msm-failover esrp-failover-mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EsrpFailoverMode {
    /// ESRP takes no part in a hitless failover.
    #[default]
    None,
    /// Its domains elect anew at once.
    RapidReelection,
    /// A master stays one in domains without layer 3, until [`Options::reelect`] has passed.
    #[serde(rename = "remain-esrp-master-in-l2-domains")]
    RemainMaster,
}

impl fmt::Display for EsrpFailoverMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::RapidReelection => f.write_str("rapid-reelection"),
            Self::RemainMaster => f.write_str("remain-esrp-master-in-l2-domains"),
        }
    }
}

/// All of them. `Options::default()` is the product's default: nothing is hitless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Options {
    /// Which exceptions make the master hand over.
    pub recovery: RecoveryLevel,
    /// What becomes of ports and of the state behind them.
    pub link_action: LinkAction,
    /// Whose configuration a new master uses.
    pub slave_config: SlaveConfig,
    /// How long relearned layer 3 entries may take to claim theirs.
    pub timeout: Duration,
    /// What ESRP does.
    pub esrp: EsrpFailoverMode,
    /// After which time a master that stayed one elects anew.
    pub reelect: Duration,
    /// How long an MSM may leave its watchdog without a kick.
    pub watchdog: Duration,
    /// How long a slave may hear nothing of its master.
    pub keepalive: Duration,
    /// What becomes of the routing suite.
    pub routing: Routing,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            recovery: RecoveryLevel::default(),
            link_action: LinkAction::default(),
            slave_config: SlaveConfig::default(),
            timeout: TIMEOUT_DEFAULT,
            esrp: EsrpFailoverMode::default(),
            reelect: REELECT_DEFAULT,
            watchdog: WATCHDOG_DEFAULT,
            keepalive: KEEPALIVE_DEFAULT,
            routing: Routing::default(),
        }
    }
}

/// Options that exclude each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// The slave's own configuration cannot carry on the master's state.
    #[error(
        "preserve-state {0} needs the master's configuration: configure msm-failover slave-config inherited first"
    )]
    FlashPreserves(Preserve),
    /// Timer out of range.
    #[error("failover timeout {0} s is out of range: 30 to 300")]
    Timeout(u64),
    /// Timer out of range.
    #[error("reelect time {0} s is out of range: 15 to 180")]
    Reelect(u64),
    /// Timer out of range.
    #[error("watchdog time {0} ms is out of range: 100 to 30000")]
    Watchdog(u128),
    /// Timer out of range.
    #[error("keepalive time {0} ms is out of range: 100 to 30000")]
    Keepalive(u128),
}

impl Options {
    /// The options under which the testbed's failovers are hitless: everything kept, everything handed over.
    #[must_use]
    pub fn hitless() -> Self {
        Self {
            recovery: RecoveryLevel::All,
            link_action: LinkAction::KeepLinksUp(Preserve::L2L3),
            slave_config: SlaveConfig::Inherited,
            routing: Routing::Preserve,
            ..Self::default()
        }
    }

    /// Whether these options can stand together.
    ///
    /// # Errors
    /// [`OptionsError`], naming the pair that cannot, in whichever order it was typed.
    pub fn validate(&self) -> Result<(), OptionsError> {
        let preserve = self.link_action.preserve();
        if self.slave_config == SlaveConfig::Flash && preserve != Preserve::None {
            return Err(OptionsError::FlashPreserves(preserve));
        }
        if self.timeout < TIMEOUT_MIN || self.timeout > TIMEOUT_MAX {
            return Err(OptionsError::Timeout(self.timeout.as_secs()));
        }
        if !REELECT.contains(&self.reelect.as_secs()) {
            return Err(OptionsError::Reelect(self.reelect.as_secs()));
        }
        let silence = SILENCE_MIN..=SILENCE_MAX;
        if !silence.contains(&self.watchdog) {
            return Err(OptionsError::Watchdog(self.watchdog.as_millis()));
        }
        if !silence.contains(&self.keepalive) {
            return Err(OptionsError::Keepalive(self.keepalive.as_millis()));
        }
        Ok(())
    }

    /// Whether a failover that goes as planned loses nothing.
    #[must_use]
    pub fn are_hitless(&self) -> bool {
        self.slave_config == SlaveConfig::Inherited && self.link_action.preserve() >= Preserve::L2
    }

    /// Whether state goes to the slave at all.
    #[must_use]
    pub fn replicate(&self) -> bool {
        self.slave_config == SlaveConfig::Inherited
    }
}
