//! What a new master inherits: a copy, and records that the old one may or may not have applied (DESIGN.md law 5).
//!
//! They are done again before anything new. One of them may be what killed the old master, so META names each while it is
//! applied: the next master finds the mark of one that killed again, and does not try it a third time.

use super::{
    core::Core,
    events::{Level, Outcome, Trying},
    master::{Entry, Master},
    slave::Slave,
};

/// Told to who asks for it again.
const GIVEN_UP: &str = "not applied: the master that tried it again after a failover died of it";

impl Master {
    /// Carries on from the copy. `tried`: what META says that the dead master was trying.
    pub(super) fn inherit(&mut self, core: &mut Core, slave: Slave, tried: Option<Trying>) {
        let (redo, applied, options, outcomes) = slave.store.into_redo();
        core.options = options;
        core.outcomes = outcomes;
        let given_up = |record: &crate::message::Record| {
            tried == Some(Trying { generation: record.generation, id: record.id })
        };
        self.applied = applied;
        self.assigned = applied;
        for mut record in redo.into_iter().filter(|record| !given_up(record)) {
            // No slave has these numbers yet.
            self.assigned += 1;
            record.generation = self.assigned;
            self.pipeline.push_back(Entry { record, waits: None, answer: false, redo: true });
        }
        Self::give_up(core, tried);
    }

    /// A record that the master before died of is rolled back: no table and no configuration here has it, only its end
    /// has to be told.
    pub(super) fn give_up(core: &mut Core, tried: Option<Trying>) {
        // An outcome that is known came after the mark.
        if let Some(Trying { generation, id }) = tried.filter(|tried| core.outcomes.get(tried.id).is_none()) {
            core.log(Level::Error, format!("record {generation} is rolled back, {GIVEN_UP}"));
            core.outcomes.keep(id, &Outcome::Failed(GIVEN_UP.to_owned()));
        }
    }
}
