//! A recorded run gives the same outputs again (DESIGN.md law 6).

use msm_proto::{Machine, Output};

use super::{Checks, Law};
use crate::host::Process;

impl Checks {
    /// Called at the end of a process.
    pub(crate) fn replays(&mut self, process: &Process) {
        if !process.is_replayed() {
            return;
        }
        self.totals.replayed += 1;
        let mut machine = Machine::new(process.machine.status().identity);
        let mut outputs: Vec<Output> = Vec::new();
        for (now, input) in &process.inputs {
            outputs.extend(machine.step(*now, input.clone()));
        }
        if outputs != process.outputs {
            self.found.fail(Law::Replays, "a recorded run replays to other outputs");
        }
    }
}
