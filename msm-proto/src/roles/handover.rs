//! The old master's side of a planned failover: drain, release, and leave, or take it back.

use super::{
    core::Core,
    events::{CommandId, Level, Outcome, Output, Refusal},
    timers,
};
use crate::{
    cause::Trigger,
    message::{Message, Release},
    slot::OwnerName,
    subsystem::Subsystem,
    time::Time,
};

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Commands in flight end.
    Draining(Time),
    /// The handle is being dropped.
    Releasing,
    /// The slave has been told.
    Waiting(Time),
    /// The handle is being opened again.
    Reopening,
    /// It could not be; another attempt follows.
    Retrying(Time),
}

/// What came of opening the handle again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reopened {
    /// Not decided yet.
    Waits,
    /// Master again.
    Back,
    /// The tree is another's, or nobody's: this process ends.
    Leaves,
}

/// See the file's first line.
#[derive(Debug)]
pub(super) struct Handover {
    request: Option<CommandId>,
    pub(super) trigger: Trigger,
    event: Time,
    stage: Stage,
    name: OwnerName,
    attempts: u32,
    /// Why it failed.
    why: String,
    /// A failure ends the process: the task that panicked is not there any more.
    pub(super) leave: bool,
    /// What the slave has to have of each subsystem before the tree is released.
    pub(super) positions: Vec<(Subsystem, u64)>,
}

impl Handover {
    /// Begins. `request`: who waits for an answer; `positions`: what the slave has to have of each subsystem.
    pub(super) fn begin(
        core: &mut Core,
        now: Time,
        name: OwnerName,
        trigger: Trigger,
        request: Option<CommandId>,
        positions: Vec<(Subsystem, u64)>,
    ) -> Self {
        core.push(Output::Freeze);
        let stage = Stage::Draining(now + timers::DRAIN);
        Self {
            request,
            trigger,
            event: now,
            stage,
            name,
            attempts: 0,
            why: String::new(),
            leave: request.is_none(),
            positions,
        }
    }

    /// Whether the tree is not this MSM's to write.
    pub(super) fn released(&self) -> bool {
        !matches!(self.stage, Stage::Draining(_))
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        match self.stage {
            Stage::Draining(until) | Stage::Waiting(until) | Stage::Retrying(until) => Some(until),
            Stage::Releasing | Stage::Reopening => None,
        }
    }

    /// Nothing is in flight.
    pub(super) fn drained(&mut self, core: &mut Core) {
        if matches!(self.stage, Stage::Draining(_)) {
            self.stage = Stage::Releasing;
            core.push(Output::Release);
        }
    }

    /// The handle is dropped: the slave may take the tree.
    pub(super) fn dropped(&mut self, core: &mut Core, now: Time, name: OwnerName, generation: u64) {
        if !matches!(self.stage, Stage::Releasing) {
            return;
        }
        self.name = name;
        if !self.why.is_empty() {
            return self.take_back(core, String::new());
        }
        self.stage = Stage::Waiting(now + timers::COMMIT);
        let (trigger, options, event) = (self.trigger, core.options, self.event);
        core.send(&Message::Released(Release { name, generation, trigger, options, event }));
    }

    /// The slave cannot, or is gone. `false`: the handle was never dropped.
    pub(super) fn fails(&mut self, core: &mut Core, why: &str) -> bool {
        match self.stage {
            Stage::Draining(_) => return false,
            // The result of the release comes first.
            Stage::Releasing => why.clone_into(&mut self.why),
            Stage::Waiting(_) => self.take_back(core, why.to_owned()),
            Stage::Reopening | Stage::Retrying(_) => {}
        }
        true
    }

    fn take_back(&mut self, core: &mut Core, why: String) {
        if !why.is_empty() {
            self.why = why;
        }
        self.stage = Stage::Reopening;
        core.push(Output::Reopen { name: self.name });
    }

    /// Its time has come. `false`: the drain took too long, the handle was never dropped.
    pub(super) fn tick(&mut self, core: &mut Core, now: Time) -> bool {
        match self.stage {
            Stage::Draining(until) if now >= until => return false,
            Stage::Waiting(until) if now >= until => {
                self.take_back(core, format!("MSM {} did not take over in time", core.me.slot.peer()));
            }
            Stage::Retrying(until) if now >= until => self.take_back(core, String::new()),
            _ => {}
        }
        true
    }

    /// The slave owns the tree: this process ends, and its slot boots again as slave.
    pub(super) fn done(&self, core: &mut Core) {
        if let Some(id) = self.request {
            core.outcome(id, Outcome::Done(format!("MSM {} is master", core.me.slot.peer())));
        }
        core.reset(Level::Info, format!("MSM {} is master", core.me.slot.peer()));
    }

    /// It did not happen: says why to who asked.
    pub(super) fn failed(&self, core: &mut Core, why: &str) {
        core.log(Level::Error, format!("failover failed: {why}"));
        if let Some(id) = self.request {
            core.outcome(id, Outcome::Failed(why.to_owned()));
        }
    }

    /// Result of a Reopen.
    pub(super) fn reopened(
        &mut self,
        core: &mut Core,
        now: Time,
        result: Result<OwnerName, Refusal>,
    ) -> Reopened {
        if !matches!(self.stage, Stage::Reopening) {
            return Reopened::Waits;
        }
        match result {
            Ok(_) if self.leave => {
                self.failed(core, &self.why.clone());
                core.reset(Level::Error, "a task panicked and the slave did not take over");
                Reopened::Leaves
            }
            Ok(_) => {
                self.failed(core, &self.why.clone());
                Reopened::Back
            }
            // Somebody renamed it: the slave took it after all, only its word did not come.
            Err(Refusal::Renamed) => {
                self.done(core);
                Reopened::Leaves
            }
            Err(refusal) => {
                self.attempts += 1;
                if self.attempts < timers::RETRIES {
                    self.stage = Stage::Retrying(now + timers::RETRY);
                    return Reopened::Waits;
                }
                let why = format!("{}, and the pin tree cannot be taken back: {refusal}", self.why);
                self.failed(core, &why);
                core.reset(Level::Error, why);
                Reopened::Leaves
            }
        }
    }
}
