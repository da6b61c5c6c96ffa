//! What this MSM has sent to the daemons since it became master, and what hinders it: for `show`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Daemon;

/// Shared between who writes and who shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger(Arc<Mutex<Page>>);

/// See the file's first line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// Configuration lines sent to each.
    pub(crate) sent: BTreeMap<Daemon, u64>,
    /// Comparisons that found nothing to send, of each.
    pub(crate) equal: BTreeMap<Daemon, u64>,
    /// Why it is not as it should be.
    pub(crate) fault: Option<String>,
}

impl Ledger {
    /// As it is now.
    pub(crate) fn page(&self) -> Page {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes.
    pub(super) fn note(&self, change: impl FnOnce(&mut Page)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
