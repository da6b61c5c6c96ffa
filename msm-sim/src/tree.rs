//! The pin tree: a name, a lock that dies with its process, META, and who has a writable handle.

use msm_proto::{MetaView, OwnerName, Refusal, Slot};

use crate::checks::{Found, Writers};

/// A process: its slot and its start.
pub(crate) type Instance = u64;

#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) name: Option<OwnerName>,
    pub(crate) lock: Option<Instance>,
    pub(crate) meta: Option<MetaView>,
    writers: Writers,
}

impl Tree {
    pub(crate) fn create(
        &mut self,
        found: &mut Found,
        slot: Slot,
        who: Instance,
    ) -> Result<OwnerName, Refusal> {
        if self.name.is_some() {
            return Err(Refusal::Renamed);
        }
        Ok(self.own(found, OwnerName { slot, epoch: 1 }, who))
    }

    /// lock, renameat2(RENAME_NOREPLACE), open.
    pub(crate) fn take(
        &mut self,
        found: &mut Found,
        from: OwnerName,
        slot: Slot,
        who: Instance,
    ) -> Result<OwnerName, Refusal> {
        if self.name != Some(from) {
            return Err(Refusal::Renamed);
        }
        if self.lock.is_some() {
            return Err(Refusal::OwnerLives);
        }
        Ok(self.own(found, OwnerName { slot, epoch: from.epoch + 1 }, who))
    }

    fn own(&mut self, found: &mut Found, name: OwnerName, who: Instance) -> OwnerName {
        self.writers.commits(found, name.epoch, who);
        self.name = Some(name);
        self.lock = Some(who);
        self.writers.opens(found, who);
        if self.meta.is_none() {
            self.meta = Some(MetaView { ready: None, generation: 0, trying: None });
        }
        name
    }

    pub(crate) fn reopen(
        &mut self,
        found: &mut Found,
        name: OwnerName,
        who: Instance,
    ) -> Result<OwnerName, Refusal> {
        if self.name != Some(name) {
            return Err(Refusal::Renamed);
        }
        if self.lock.is_some() {
            return Err(Refusal::OwnerLives);
        }
        self.lock = Some(who);
        self.writers.opens(found, who);
        Ok(name)
    }

    /// Drops the lock, and the fds unless `keep_fds` (a broken law).
    pub(crate) fn release(&mut self, who: Instance, keep_fds: bool) {
        if self.lock == Some(who) {
            self.lock = None;
        }
        if !keep_fds {
            self.writers.closes(who);
        }
    }

    pub(crate) fn die(&mut self, who: Instance) {
        self.release(who, false);
    }

    /// Whether `who` has a handle.
    pub(crate) fn owns(&self, who: Instance) -> bool {
        self.writers.has(who)
    }

    /// `who` writes; without a handle that is a violation.
    pub(crate) fn writes(&self, found: &mut Found, who: Instance, what: &str) {
        self.writers.writes(found, who, what);
    }
}
