//! What really happened to a process: kept by the world, read by checkers.

use msm_proto::Trigger;

use crate::{MS, tree::Instance};

/// See the file's first line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    /// `run msm-failover` was typed at it.
    pub(crate) asked: bool,
    /// A task panicked; whether a critical one did.
    pub(crate) panicked: Option<bool>,
    /// When it did not run: stopped, or the whole machine stood still.
    pub(crate) stops: Vec<(u64, u64)>,
    /// Its diagnostics failed.
    pub(crate) diagnosed: bool,
    /// Its card was pulled.
    pub(crate) pulled: bool,
    /// It was hard reset.
    pub(crate) hard_reset: bool,
    /// It was rebooted.
    pub(crate) rebooted: bool,
    /// Its peer was told that it is being reset, and why; whom, and whether that one acknowledged it.
    pub(crate) notices: Vec<(Trigger, Instance, bool)>,
    /// The backplane killed it.
    pub(crate) killed: bool,
}

/// A stop that may make somebody miss an answer: a fifth of the shortest keepalive time.
const NOTICEABLE: u64 = 20 * MS;

impl Truth {
    /// Whether somebody wanted it to end.
    pub(crate) fn is_wanted_down(&self) -> bool {
        self.diagnosed || self.pulled || self.hard_reset || self.rebooted
    }

    /// Whether it stood still at some time since `from`.
    pub(crate) fn stood_still(&self, from: u64) -> bool {
        self.stops.iter().any(|(begun, ended)| *ended >= from && ended - begun >= NOTICEABLE)
    }
}
