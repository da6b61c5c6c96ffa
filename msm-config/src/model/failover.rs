//! Failover and recovery options (`configure msm-failover`, `configure sys-recovery-level`). The struct is the machine's own.

use std::fmt;
use std::time::Duration;

use msm_proto::{
    EsrpFailoverMode, LinkAction, Options, OptionsError, REELECT_DEFAULT, RecoveryLevel, Routing, SlaveConfig,
};

use super::{Refusal, render::Text};
use crate::options::link_action_text;

/// A change of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailoverChange {
    /// `configure sys-recovery-level`
    Recovery(RecoveryLevel),
    /// `configure msm-failover slave-config`
    SlaveConfig(SlaveConfig),
    /// `configure msm-failover link-action`
    LinkAction(LinkAction),
    /// `configure msm-failover timeout`, seconds
    Timeout(u16),
    /// `configure msm-failover esrp-failover-mode`, with the time after which a master that stayed one elects anew, in seconds
    Esrp(EsrpFailoverMode, Option<u16>),
    /// `configure msm-failover watchdog`, milliseconds
    Watchdog(u16),
    /// `configure msm-failover keepalive`, milliseconds
    Keepalive(u16),
    /// `configure msm-failover routing`
    Routing(Routing),
    /// `unconfigure msm-failover`: all but the recovery level
    Unconfigure,
}

pub(super) fn apply(options: &mut Options, change: &FailoverChange) -> Result<(), Refusal> {
    match *change {
        FailoverChange::Recovery(level) => options.recovery = level,
        FailoverChange::SlaveConfig(source) => options.slave_config = source,
        FailoverChange::LinkAction(action) => options.link_action = action,
        FailoverChange::Timeout(seconds) => options.timeout = Duration::from_secs(u64::from(seconds)),
        FailoverChange::Esrp(mode, reelect) => {
            options.esrp = mode;
            options.reelect =
                reelect.map_or(REELECT_DEFAULT, |seconds| Duration::from_secs(u64::from(seconds)));
        }
        FailoverChange::Watchdog(ms) => options.watchdog = Duration::from_millis(u64::from(ms)),
        FailoverChange::Keepalive(ms) => options.keepalive = Duration::from_millis(u64::from(ms)),
        FailoverChange::Routing(routing) => options.routing = routing,
        FailoverChange::Unconfigure => {
            *options = Options { recovery: options.recovery, ..Options::default() };
        }
    }
    options.validate().map_err(|error| match (error, change) {
        // The options exclude each other in whichever order they come; what is to be typed first is the other one.
        (OptionsError::FlashPreserves(preserve), FailoverChange::SlaveConfig(_)) => {
            Refusal::FlashWithPreserve(preserve)
        }
        (OptionsError::FlashPreserves(preserve), _) => Refusal::PreserveWithFlash(preserve),
        (error, _) => error.into(),
    })
}

/// Everything is written out: what a chassis file says stands behind what was saved.
pub(super) fn render_recovery(options: &Options, out: &mut Text) {
    out.line(&FailoverChange::Recovery(options.recovery));
}

/// In an order in which each line is lawful after the one before.
pub(super) fn render(options: &Options, out: &mut Text) {
    out.section("MSM failover Configuration");
    out.line(&FailoverChange::Unconfigure);
    out.line(&FailoverChange::SlaveConfig(options.slave_config));
    out.line(&FailoverChange::LinkAction(options.link_action));
    out.line(&FailoverChange::Timeout(seconds(options.timeout)));
    let reelect = Some(options.reelect).filter(|time| *time != REELECT_DEFAULT).map(seconds);
    out.line(&FailoverChange::Esrp(options.esrp, reelect));
    out.line(&FailoverChange::Routing(options.routing));
    out.line(&FailoverChange::Watchdog(milliseconds(options.watchdog)));
    out.line(&FailoverChange::Keepalive(milliseconds(options.keepalive)));
}

fn seconds(time: Duration) -> u16 {
    u16::try_from(time.as_secs()).unwrap_or(u16::MAX)
}

fn milliseconds(time: Duration) -> u16 {
    u16::try_from(time.as_millis()).unwrap_or(u16::MAX)
}

impl fmt::Display for FailoverChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recovery(level) => write!(f, "configure sys-recovery-level {level}"),
            Self::SlaveConfig(source) => write!(f, "configure msm-failover slave-config {source}"),
            Self::LinkAction(action) => {
                write!(f, "configure msm-failover link-action {}", link_action_text(*action))
            }
            Self::Timeout(seconds) => write!(f, "configure msm-failover timeout {seconds}"),
            Self::Esrp(mode, None) => write!(f, "configure msm-failover esrp-failover-mode {mode}"),
            Self::Esrp(mode, Some(reelect)) => {
                write!(f, "configure msm-failover esrp-failover-mode {mode} {reelect}")
            }
            Self::Watchdog(ms) => write!(f, "configure msm-failover watchdog {ms}"),
            Self::Keepalive(ms) => write!(f, "configure msm-failover keepalive {ms}"),
            Self::Routing(routing) => write!(f, "configure msm-failover routing {routing}"),
            Self::Unconfigure => f.write_str("unconfigure msm-failover"),
        }
    }
}
