//! No state is without an exit: who has something to wait for, has a time when it ends, or an effect under way.

use msm_proto::{Role, Slot, backplane::Backplane};

use super::{Checks, Law};
use crate::host::Process;

impl Checks {
    /// After a step of an MSM.
    pub(crate) fn msm_has_an_exit(&mut self, slot: Slot, process: &Process) {
        if process.machine.deadline().is_some() || process.effects > 0 {
            return;
        }
        let role = process.machine.role();
        if role == Role::Leaving {
            return;
        }
        if role == Role::Booting {
            self.found.fail(Law::Exits, format!("{slot} boots, and nothing is due"));
        }
        if self.waiting.on(process.instance) {
            self.found.fail(Law::Exits, format!("{slot} owes an answer, and nothing is due"));
        }
    }

    /// After a step of the backplane. `pending`: a start or a death that it will be told.
    pub(crate) fn backplane_has_an_exit(&mut self, backplane: &Backplane, owes: bool, pending: bool) {
        if pending || backplane.deadline().is_some() {
            return;
        }
        if owes {
            self.found.fail(Law::Exits, "the backplane owes an answer, and nothing is due");
        }
        for bay in backplane.status().into_iter().filter(|bay| bay.reset.is_some()) {
            self.found.fail(Law::Exits, format!("bay {} is being reset, and nothing is due", bay.bay));
        }
    }
}
