//! The pin tree: a name, a lock that dies with its process, META, and who has a writable handle.

use std::collections::{BTreeMap, BTreeSet};

use msm_proto::{MetaView, OwnerName, Refusal, Slot};

/// A process: its slot and its start.
pub(crate) type Instance = u64;

#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) name: Option<OwnerName>,
    pub(crate) lock: Option<Instance>,
    pub(crate) meta: Option<MetaView>,
    /// Processes with writable fds.
    pub(crate) handles: BTreeSet<Instance>,
    /// Who committed each epoch.
    pub(crate) epochs: BTreeMap<u64, Instance>,
    /// What went wrong.
    pub(crate) violations: Vec<String>,
}

impl Tree {
    pub(crate) fn create(&mut self, slot: Slot, who: Instance) -> Result<OwnerName, Refusal> {
        if self.name.is_some() {
            return Err(Refusal::Renamed);
        }
        Ok(self.own(OwnerName { slot, epoch: 1 }, who))
    }

    /// lock, renameat2(RENAME_NOREPLACE), open.
    pub(crate) fn take(&mut self, from: OwnerName, slot: Slot, who: Instance) -> Result<OwnerName, Refusal> {
        if self.name != Some(from) {
            return Err(Refusal::Renamed);
        }
        if self.lock.is_some() {
            return Err(Refusal::OwnerLives);
        }
        Ok(self.own(OwnerName { slot, epoch: from.epoch + 1 }, who))
    }

    fn own(&mut self, name: OwnerName, who: Instance) -> OwnerName {
        if let Some(other) = self.epochs.insert(name.epoch, who) {
            self.violations.push(format!("epoch {} owned by {other} and {who}", name.epoch));
        }
        self.name = Some(name);
        self.lock = Some(who);
        self.open(who);
        if self.meta.is_none() {
            self.meta = Some(MetaView { ready: None, generation: 0, trying: None });
        }
        name
    }

    pub(crate) fn reopen(&mut self, name: OwnerName, who: Instance) -> Result<OwnerName, Refusal> {
        if self.name != Some(name) {
            return Err(Refusal::Renamed);
        }
        if self.lock.is_some() {
            return Err(Refusal::OwnerLives);
        }
        self.lock = Some(who);
        self.open(who);
        Ok(name)
    }

    fn open(&mut self, who: Instance) {
        self.handles.insert(who);
        if self.handles.len() > 1 {
            self.violations.push(format!("two owners: {:?}", self.handles));
        }
    }

    /// Drops the lock, and the fds unless `keep_fds` (a broken law).
    pub(crate) fn release(&mut self, who: Instance, keep_fds: bool) {
        if self.lock == Some(who) {
            self.lock = None;
        }
        if !keep_fds {
            self.handles.remove(&who);
        }
    }

    pub(crate) fn die(&mut self, who: Instance) {
        self.release(who, false);
    }

    /// Whether `who` may write; a write without it is a violation.
    pub(crate) fn writes(&mut self, who: Instance, what: &str) {
        if !self.handles.contains(&who) {
            self.violations.push(format!("process {who} wrote {what} without owning"));
        }
    }
}
