//! How mastership is given away: the master's side of operator failovers and of exceptions.

use super::{
    core::Core,
    events::{CommandId, Level, Output, Refusal},
    handover::{Handover, Reopened},
    master::Master,
};
use crate::{
    cause::Trigger,
    decision::{Verdict, decide},
    message::{Message, Phase},
    slot::OwnerName,
    subsystem::{State, Subsystem},
    time::Time,
};

impl Master {
    /// `run msm-failover`.
    pub(super) fn run_failover(&mut self, core: &mut Core, now: Time, id: CommandId) {
        let slave = core.me.slot.peer();
        if self.handover.is_some() || !self.serving {
            return core.refuse(id, "a failover is in progress");
        }
        if core.peer_phase() != Some(Phase::Slave) {
            return core.refuse(id, format!("there is no slave: MSM {slave} is <not available>"));
        }
        if core.options.replicate() && !self.ready {
            // With every row ready, only an acknowledgement is missing.
            let (name, state) = self.laggard(core).unwrap_or((Subsystem::Configuration, State::Xfr));
            let why =
                format!("subsystem {name} of MSM {slave} is not ready ({state}): see show msm-failover");
            return core.refuse(id, why);
        }
        self.leave_parcel(core);
        self.handover = Some(Handover::begin(
            core,
            now,
            self.name,
            Trigger::Operator,
            Some(id),
            self.streams.positions(),
        ));
    }

    /// A task of this process panicked. True: the process ends.
    pub(super) fn exception(&mut self, core: &mut Core, now: Time, trigger: Trigger, task: &str) -> bool {
        let decision = decide(trigger, &core.options, self.ready);
        match decision.verdict {
            Verdict::NoFailover => {
                core.log(Level::Warning, format!("task {task} stays dead"));
                false
            }
            Verdict::Reboot => !self.leave_after_handover(),
            Verdict::Hitless | Verdict::Partial | Verdict::NotHitless => {
                if self.leave_after_handover() {
                    return false;
                }
                if core.peer_phase() != Some(Phase::Slave) || !self.serving {
                    return true;
                }
                self.leave_parcel(core);
                self.handover =
                    Some(Handover::begin(core, now, self.name, trigger, None, self.streams.positions()));
                false
            }
        }
    }

    /// A failover is in progress: it ends this process, or its failure does.
    fn leave_after_handover(&mut self) -> bool {
        self.handover.as_mut().is_some_and(|handover| {
            handover.leave = true;
            true
        })
    }

    /// A task panicked, and the tree is not released yet: this process ends in any case.
    pub(super) fn dies_of_a_panic(&self) -> bool {
        self.handover.as_ref().is_some_and(|handover| handover.leave && !handover.released())
    }

    /// Nothing is in flight: the tree can be released. True: the process ends.
    pub(super) fn drained(&mut self, core: &mut Core) -> bool {
        let Some(handover) = &mut self.handover else { return false };
        if !self.streams.reached(&handover.positions) {
            return false;
        }
        match decide(handover.trigger, &core.options, self.ready).verdict {
            Verdict::NoFailover | Verdict::Reboot => self.abort(core, "the slave is no longer ready"),
            Verdict::Hitless | Verdict::Partial | Verdict::NotHitless => {
                handover.drained(core);
                false
            }
        }
    }

    /// The handle is dropped.
    pub(super) fn released(&mut self, core: &mut Core, now: Time, name: OwnerName) {
        if let Some(handover) = &mut self.handover {
            handover.dropped(core, now, name, self.applied);
        }
    }

    /// Gives up a failover before the release. True: the process ends.
    pub(super) fn abort(&mut self, core: &mut Core, why: &str) -> bool {
        let Some(handover) = self.handover.take() else { return false };
        handover.failed(core, why);
        if handover.leave {
            core.reset(Level::Error, why);
            return true;
        }
        core.push(Output::Thaw);
        false
    }

    /// The link has ended. True: the process ends.
    pub(super) fn peer_gone(&mut self, core: &mut Core, now: Time) -> bool {
        const WHY: &str = "the slave is gone";
        if self.dies_of_a_panic() {
            // The link may have ended with the task that panicked. META stays as it is: what was answered the slave has, and if it is
            // gone indeed, one that starts again has not.
            return self.abort(core, WHY);
        }
        self.lose_slave(core, now);
        let unreleased = self.handover.as_mut().is_some_and(|handover| !handover.fails(core, WHY));
        unreleased && self.abort(core, WHY)
    }

    /// Result of a Reopen. True: the process ends.
    pub(super) fn owned(&mut self, core: &mut Core, now: Time, result: Result<OwnerName, Refusal>) -> bool {
        let Some(handover) = &mut self.handover else { return false };
        match handover.reopened(core, now, result) {
            Reopened::Waits => false,
            Reopened::Leaves => true,
            Reopened::Back => {
                self.handover = None;
                // META may still call the slave ready.
                self.ready = false;
                self.write_meta(core);
                core.push(Output::Thaw);
                self.demote(core, "it did not take over");
                false
            }
        }
    }

    /// Whether the tree, named `name`, is another's. A released one may be.
    pub(super) fn is_deposed(&self, name: Option<OwnerName>) -> bool {
        self.owns() && name != Some(self.name)
    }

    /// A message of the slave. True: the process ends.
    pub(super) fn message(&mut self, core: &mut Core, now: Time, message: Message) -> bool {
        match message {
            Message::SyncRequest => self.sync_request(core),
            Message::ReplicateAck { generation } => self.acknowledged(core, generation),
            Message::SubsystemFailed { subsystem, reason } => self.fail(core, subsystem, reason),
            Message::ParcelAck { id, index } => self.parcel_acknowledged(core, id, index),
            Message::ParcelStored { id, outcome } => self.parcel_stored(core, id, outcome),
            Message::Committed { name } => {
                let Some(handover) = self.handover.as_ref().filter(|handover| handover.released()) else {
                    core.push(Output::Observe);
                    return false;
                };
                core.owner = Some(name);
                handover.done(core);
                return true;
            }
            Message::HandoverFailed { why } => {
                if let Some(handover) = &mut self.handover
                    && handover.released()
                {
                    handover.fails(core, &why);
                }
            }
            Message::Resume { subsystem, transfer, number } => {
                self.resume_stream(core, now, subsystem, transfer, number);
            }
            Message::PieceAck { subsystem, transfer, number } => {
                self.piece_acknowledged(now, subsystem, transfer, number);
            }
            message => {
                let Some(slave) = &mut self.slave else { return false };
                match message {
                    Message::ChunkAck { index } => slave.chunk_acknowledged(core, now, index),
                    Message::Loaded { .. } => slave.loaded(),
                    Message::HardwareChecked => slave.hardware_checked(),
                    _ => {}
                }
            }
        }
        false
    }
}
