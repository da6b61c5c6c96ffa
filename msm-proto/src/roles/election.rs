//! Without a master: who takes the tree, and the taking.

use super::{
    core::Core,
    events::{Level, MetaView, Output, Refusal, Takeover, Trying},
    master::{Beginning, Master},
    phase::RoleState,
    slave::Slave,
    timers,
};
use crate::{
    decision::Decision,
    message::{Message, Phase},
    slot::OwnerName,
    time::Time,
};

/// Waits for a master, or for the right to be it.
#[derive(Debug)]
pub(super) struct Electing {
    until: Time,
    /// The last attempt failed: the next one waits for `until`, whatever the peer says.
    hold: bool,
    /// The peer was left the tree once.
    deferred: bool,
    /// The slave that META calls ready was waited for.
    heir_waited: bool,
}

impl Electing {
    pub(super) fn enter(core: &mut Core, now: Time, hold: bool) -> RoleState {
        let until = now + timers::election(core.goes_first());
        let mut electing = Self { until, hold, deferred: false, heir_waited: false };
        match electing.settle(core, now) {
            Some(next) => next,
            None => RoleState::Electing(electing),
        }
    }

    /// META calls the peer ready: it has what this MSM has not, and may only be slow to speak.
    fn wait_for_heir(core: &mut Core, now: Time) -> RoleState {
        let until = now + timers::HEIR;
        let mut electing = Self { until, hold: false, deferred: false, heir_waited: true };
        match electing.settle(core, now) {
            Some(next) => next,
            None => RoleState::Electing(electing),
        }
    }

    /// Whether the peer has had its time.
    fn waited(&self) -> bool {
        self.heir_waited || self.deferred
    }

    /// The peer's phase may decide it.
    pub(super) fn settle(&mut self, core: &mut Core, now: Time) -> Option<RoleState> {
        match core.peer_phase() {
            Some(Phase::Master) => Some(RoleState::Slave(Slave::follow(core))),
            Some(Phase::Orphan) if !self.hold => Some(Taking::boot(core, self.waited())),
            Some(Phase::Booting) if !self.hold && core.goes_first() => {
                Some(Taking::boot(core, self.waited()))
            }
            // After a failed attempt it tries again in its own time.
            Some(Phase::Booting) if core.goes_first() => None,
            Some(Phase::Booting | Phase::Claiming | Phase::Slave) if !self.deferred => {
                self.deferred = true;
                self.until = now + timers::DEFER;
                None
            }
            _ => None,
        }
    }

    /// The link has ended: perhaps the peer starts again. An heir keeps the time that it was given.
    pub(super) fn alone(&mut self, core: &Core, now: Time) {
        let until = now + timers::election(core.goes_first());
        self.until = if self.heir_waited && !self.deferred { self.until.max(until) } else { until };
        self.deferred = false;
    }

    pub(super) fn deadline(&self) -> Time {
        self.until
    }

    pub(super) fn tick(&self, core: &mut Core, now: Time) -> Option<RoleState> {
        (now >= self.until).then(|| Taking::boot(core, self.waited()))
    }
}

/// Why the tree is taken.
#[derive(Debug)]
enum Plan {
    /// There is no master. `trying`: the redo record that the last one was applying.
    Boot { heir_waited: bool, trying: Option<Trying> },
    /// The master released it, or died.
    Failover(Box<Failover>),
}

/// A failover in progress.
#[derive(Debug)]
pub(super) struct Failover {
    /// Name that the tree must have.
    pub(super) from: OwnerName,
    pub(super) decision: Decision,
    pub(super) event: Time,
    pub(super) detected: Time,
    /// The master is alive and waits for an answer.
    pub(super) handover: bool,
    /// The redo record that the dead master was applying.
    pub(super) trying: Option<Trying>,
    /// What to carry on from, or to go back to.
    pub(super) slave: Slave,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Observing,
    Creating,
    Committing(OwnerName),
    /// The tree is ours under this name; META says whether the copy is the one that the master released.
    Verifying(OwnerName),
    Waiting(Time),
}

/// Takes the tree.
#[derive(Debug)]
pub(super) struct Taking {
    plan: Plan,
    stage: Stage,
    attempts: u32,
    refusal: Refusal,
}

impl Taking {
    /// Takes a tree without an owner, or creates it. `heir_waited`: a ready slave was given its time.
    pub(super) fn boot(core: &mut Core, heir_waited: bool) -> RoleState {
        core.push(Output::Observe);
        RoleState::Taking(Self::new(Plan::Boot { heir_waited, trying: None }, Stage::Observing))
    }

    /// Takes the tree that `failover` names.
    pub(super) fn failover(core: &mut Core, failover: Failover) -> RoleState {
        let from = failover.from;
        core.push(Output::Commit { from });
        RoleState::Taking(Self::new(Plan::Failover(Box::new(failover)), Stage::Committing(from)))
    }

    fn new(plan: Plan, stage: Stage) -> Self {
        Self { plan, stage, attempts: 0, refusal: Refusal::Renamed }
    }

    /// The slave that a failover would go back to.
    pub(super) fn slave(&mut self) -> Option<&mut Slave> {
        match &mut self.plan {
            Plan::Failover(failover) => Some(&mut failover.slave),
            Plan::Boot { .. } => None,
        }
    }

    /// Whether nobody was master before.
    pub(super) fn boots(&self) -> bool {
        matches!(self.plan, Plan::Boot { .. })
    }

    /// Generation of the copy that is being carried on from.
    pub(super) fn generation(&self) -> u64 {
        match &self.plan {
            Plan::Failover(failover) => failover.slave.store.generation(),
            Plan::Boot { .. } => 0,
        }
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        match self.stage {
            Stage::Waiting(until) => Some(until),
            _ => None,
        }
    }

    pub(super) fn tick(&mut self, core: &mut Core, now: Time) {
        if let Stage::Waiting(until) = self.stage
            && now >= until
        {
            self.stage = Stage::Observing;
            core.push(Output::Observe);
        }
    }

    pub(super) fn observed(
        mut self,
        core: &mut Core,
        now: Time,
        name: Option<OwnerName>,
        meta: Option<MetaView>,
    ) -> RoleState {
        match self.stage {
            Stage::Observing => {}
            Stage::Verifying(ours) => return self.verified(core, now, ours, meta),
            _ => return RoleState::Taking(self),
        }
        let commit = match (&mut self.plan, name) {
            (Plan::Boot { .. }, None) => {
                core.owner = None;
                self.stage = Stage::Creating;
                core.push(Output::Create);
                return RoleState::Taking(self);
            }
            (Plan::Boot { heir_waited, trying }, Some(name)) => {
                core.owner = Some(name);
                let heir = meta.and_then(|meta| meta.ready) == Some(core.me.slot.peer());
                let carries = matches!(core.peer_phase(), None | Some(Phase::Claiming | Phase::Slave));
                *trying = meta.and_then(|meta| meta.trying);
                if heir && carries && !*heir_waited {
                    return Electing::wait_for_heir(core, now);
                }
                name
            }
            (Plan::Failover(failover), Some(name)) => {
                // An attempt that failed after its rename left the tree in our name; each one does so anew.
                let ours = name.slot == core.me.slot && name.epoch > failover.from.epoch;
                // While the master waits, an unrenamed tree goes back to it (DESIGN.md law 9).
                if ours || (name == failover.from && !failover.handover) {
                    name
                } else {
                    return self.give_up(core, now);
                }
            }
            (Plan::Failover(_), None) => return self.give_up(core, now),
        };
        self.stage = Stage::Committing(commit);
        core.push(Output::Commit { from: commit });
        RoleState::Taking(self)
    }

    pub(super) fn owned(
        mut self,
        core: &mut Core,
        now: Time,
        result: Result<OwnerName, Refusal>,
    ) -> RoleState {
        let from = match self.stage {
            Stage::Creating => None,
            Stage::Committing(from) => Some(from),
            Stage::Observing | Stage::Verifying(_) | Stage::Waiting(_) => return RoleState::Taking(self),
        };
        match (result, self.plan) {
            (Ok(name), Plan::Failover(failover)) if failover.handover && failover.inherits() => {
                self.plan = Plan::Failover(failover);
                self.stage = Stage::Verifying(name);
                core.push(Output::Observe);
                RoleState::Taking(self)
            }
            (Ok(name), Plan::Boot { trying, .. }) => {
                let takeover = if from.is_none() { Takeover::Cold } else { Takeover::Adopted };
                let moved = from.is_some_and(|from| from.slot != core.me.slot);
                Master::enter(core, now, name, takeover, Beginning::Boot { moved, trying })
            }
            (Ok(name), Plan::Failover(failover)) => {
                let takeover = Takeover::Failover(failover.decision);
                Master::enter(core, now, name, takeover, Beginning::Failover(failover))
            }
            (Err(refusal), Plan::Boot { .. }) => {
                if matches!(refusal, Refusal::Failed(_)) {
                    core.log(Level::Error, format!("cannot take the pin tree: {refusal}"));
                }
                Electing::enter(core, now, true)
            }
            (Err(refusal), plan) => {
                self.plan = plan;
                self.attempts += 1;
                self.refusal = refusal;
                if self.attempts >= timers::RETRIES {
                    return self.give_up(core, now);
                }
                self.stage = Stage::Waiting(now + timers::RETRY);
                RoleState::Taking(self)
            }
        }
    }

    /// A release is as old as the time that this MSM stood still: a master that took the tree back since, went on and died has
    /// told META. Nobody writes it now.
    fn verified(self, core: &mut Core, now: Time, name: OwnerName, meta: Option<MetaView>) -> RoleState {
        let Plan::Failover(failover) = self.plan else { return RoleState::Taking(self) };
        let holds = |meta: &MetaView| {
            meta.ready == Some(core.me.slot) && meta.generation <= failover.slave.store.generation()
        };
        if meta.as_ref().is_some_and(holds) {
            let takeover = Takeover::Failover(failover.decision);
            return Master::enter(core, now, name, takeover, Beginning::Failover(failover));
        }
        core.log(
            Level::Error,
            format!("{} was released, taken back and lost: its configuration is gone", failover.from),
        );
        let trying = meta.and_then(|meta| meta.trying);
        Master::enter(core, now, name, Takeover::Adopted, Beginning::Boot { moved: true, trying })
    }

    /// Back to where the failover began.
    fn give_up(self, core: &mut Core, now: Time) -> RoleState {
        let Plan::Failover(failover) = self.plan else { return Electing::enter(core, now, true) };
        let why = format!("MSM {} could not take {}: {}", core.me.slot, failover.from, self.refusal);
        core.log(Level::Error, why.clone());
        if failover.handover {
            core.send(&Message::HandoverFailed { why });
            failover.slave.resume(core, now)
        } else {
            Electing::enter(core, now, true)
        }
    }
}
