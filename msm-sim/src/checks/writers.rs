//! At most one writer an epoch, and nobody writes without owning (DESIGN.md law 3).

use std::collections::{BTreeMap, BTreeSet};

use super::{Found, Law};
use crate::tree::Instance;

#[derive(Default)]
pub(crate) struct Writers {
    /// Processes with writable fds.
    handles: BTreeSet<Instance>,
    /// Who committed each epoch.
    epochs: BTreeMap<u64, Instance>,
}

impl Writers {
    pub(crate) fn commits(&mut self, found: &mut Found, epoch: u64, who: Instance) {
        if let Some(other) = self.epochs.insert(epoch, who) {
            found.fail(Law::OneWriter, format!("epoch {epoch} owned by {other:x} and {who:x}"));
        }
    }

    pub(crate) fn opens(&mut self, found: &mut Found, who: Instance) {
        self.handles.insert(who);
        if self.handles.len() > 1 {
            found.fail(Law::OneWriter, format!("two owners: {:x?}", self.handles));
        }
    }

    pub(crate) fn closes(&mut self, who: Instance) {
        self.handles.remove(&who);
    }

    pub(crate) fn writes(&self, found: &mut Found, who: Instance, what: &str) {
        if !self.handles.contains(&who) {
            found.fail(Law::OneWriter, format!("process {who:x} wrote {what} without owning"));
        }
    }

    pub(crate) fn has(&self, who: Instance) -> bool {
        self.handles.contains(&who)
    }
}
