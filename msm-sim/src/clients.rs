//! Who asks an MSM for something.

use msm_proto::{Answer, CommandId, Input, Options, Slot};

use crate::{
    host, index,
    world::{Event, World},
};

impl World {
    /// A planned change; the id is its content.
    pub(crate) fn command(&mut self, slot: Slot, id: u64) {
        self.command_with(slot, id, None);
    }

    pub(crate) fn command_with(&mut self, slot: Slot, id: u64, options: Option<Options>) {
        let id = CommandId(id);
        self.checks.commands.asked(id);
        if let (Some(options), Some(process)) = (options, &mut self.processes[index(slot)]) {
            process.asked.insert(id, options);
        }
        self.reaches(slot, Input::Command { id, record: host::record(id), options });
    }

    /// `synchronize`; the id, with its bit, is what is sent.
    pub(crate) fn synchronize(&mut self, slot: Slot, id: u64) {
        let id = CommandId(host::SYNC | id);
        self.reaches(slot, Input::Synchronize { id, bytes: host::flash(id) });
    }

    pub(crate) fn run_failover(&mut self, slot: Slot, id: u64) {
        if let Some(process) = &mut self.processes[index(slot)] {
            process.truth.asked = true;
        }
        self.reaches(slot, Input::RunFailover { id: CommandId(id) });
    }

    /// A task of the process in `slot` panics.
    pub(crate) fn panic(&mut self, slot: Slot, critical: bool) {
        if let Some(process) = &mut self.processes[index(slot)] {
            let before = process.truth.panicked.unwrap_or(false);
            process.truth.panicked = Some(before || critical);
        }
        self.reaches(slot, Input::Exception { task: "task".into(), critical, text: "told to".into() });
    }

    pub(crate) fn last_answer(&self, id: u64) -> Option<&Answer> {
        self.answers.get(&CommandId(id))?.last()
    }

    /// It has the input, at once or when it goes on.
    pub(crate) fn reaches(&mut self, slot: Slot, input: Input) {
        let Some(process) = &self.processes[index(slot)] else { return };
        let (instance, paused) = (process.instance, process.paused_until);
        if paused > self.now {
            return self.at(paused - self.now, Event::Input(slot, instance, input));
        }
        self.input(slot, input);
    }

    /// Every time limit has passed.
    pub(crate) fn nobody_waits(&mut self) {
        self.checks.waiting.nobody_waits(&mut self.checks.found);
    }
}
