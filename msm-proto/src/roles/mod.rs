//! The machine of one MSM: election, T-sync session, replication, handover.

mod core;
mod election;
mod events;
mod handover;
mod intake;
mod master;
mod parcel;
mod phase;
mod readiness;
mod redo;
mod session;
mod slave;
mod state;
mod stream;
mod succession;
mod suspicion;
mod sync;
#[cfg(test)]
mod tests;
mod timers;

pub use events::{
    Answer, Channel, CommandId, Input, Level, MetaView, Outcome, Output, Outputs, Refusal, Session, Takeover,
    Trying,
};
pub use state::{History, Identity, Keepalives, PeerStatus, Role, Stamps, Status};

use self::{core::Core, election::Electing, phase::RoleState};
use crate::{
    cause::Trigger,
    slot::{OwnerName, Slot},
    subsystem::{Reason, Subsystem, SubsystemStatus},
    time::Time,
};

/// One MSM.
#[derive(Debug)]
pub struct Machine {
    core: Core,
    role: RoleState,
    /// Observations asked for and not answered: only the last one counts.
    observing: u32,
    /// The last session's number.
    sessions: Session,
}

impl Machine {
    /// An MSM that has not started yet: its first input is [`Input::Boot`].
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self { core: Core::new(identity), role: RoleState::Off, observing: 0, sessions: 0 }
    }

    /// Takes one input at `now` and says what is to be done. Never panics on what a peer or a client says.
    pub fn step(&mut self, now: Time, input: Input) -> Outputs {
        self.input(now, input);
        self.core.tell_phase(self.role.phase());
        if let RoleState::Master(master) = &mut self.role {
            master.refresh(&mut self.core, now);
            if master.pump(&mut self.core, now) {
                self.role = RoleState::Leaving;
            }
        }
        let out = std::mem::take(&mut self.core.out);
        let observes = out.iter().filter(|output| matches!(output, Output::Observe)).count();
        self.observing += u32::try_from(observes).unwrap_or(u32::MAX);
        out
    }

    fn input(&mut self, now: Time, input: Input) {
        match input {
            Input::Boot { options, history, last_owner } => {
                self.core.first = last_owner.unwrap_or(Slot::A);
                self.core.own_options = options;
                self.core.options = options;
                self.core.history = history;
                if matches!(self.role, RoleState::Off) {
                    self.role = Electing::enter(&mut self.core, now, false);
                }
            }
            Input::Tick => self.tick(now),
            // An older session has ended already.
            Input::PeerConnected { session } if session <= self.sessions => {}
            Input::PeerConnected { session } => {
                self.sessions = session;
                if self.core.link.is_some() {
                    self.gone(now);
                }
                self.core.connected(now, session, self.role.phase());
            }
            Input::Frame { session, channel, bytes } => self.frame(now, session, channel, &bytes),
            Input::PeerGone { session } if self.is_session(session) => self.gone(now),
            Input::PeerGone { .. } => {}
            Input::PeerDead { session } => match &mut self.role {
                RoleState::Slave(slave) => slave.died(&mut self.core, now, session),
                RoleState::Taking(taking) => {
                    if let Some(slave) = taking.slave() {
                        slave.died(&mut self.core, now, session);
                    }
                }
                _ => {}
            },
            Input::OutboxOverflow { session } if self.is_session(session) => {
                if let RoleState::Master(master) = &mut self.role {
                    master.fail(&mut self.core, Subsystem::Configuration, Reason::BracketOverflow);
                }
                self.disconnect(now, "its outbox is full");
            }
            Input::OutboxOverflow { .. } => {}
            Input::Observed { name, meta } => self.observed(now, name, meta),
            Input::Owned(result) => match std::mem::replace(&mut self.role, RoleState::Leaving) {
                RoleState::Taking(taking) => self.role = taking.owned(&mut self.core, now, result),
                RoleState::Master(mut master) => {
                    if !master.owned(&mut self.core, now, result) {
                        self.role = RoleState::Master(master);
                    }
                }
                other => self.role = other,
            },
            Input::Serving
            | Input::Released { .. }
            | Input::OwnershipLost
            | Input::Command { .. }
            | Input::Synchronize { .. }
            | Input::Applied { .. }
            | Input::Snapshot { .. }
            | Input::State { .. }
            | Input::Items { .. }
            | Input::Delta { .. }
            | Input::RunFailover { .. } => self.master_input(now, input),
            Input::FlashStored(result) => parcel::stored(&mut self.core, result),
            Input::Loaded(_) | Input::ReplayFailed { .. } | Input::HardwareChecked(_) => {
                self.slave_input(input);
            }
            Input::SubsystemFailed { subsystem, reason, ref text } => match &mut self.role {
                RoleState::Master(master) => master.cannot_give(&mut self.core, subsystem, reason, text),
                _ => self.slave_input(input),
            },
            Input::PeerFate { trigger } => self.peer_fate(now, trigger),
            Input::DiagnosticsFailed { text } => self.core.push(Output::DiagnosticsFailed { text }),
            Input::Exception { task, critical, text } => self.exception(now, &task, critical, &text),
        }
    }

    fn master_input(&mut self, now: Time, input: Input) {
        let core = &mut self.core;
        let RoleState::Master(master) = &mut self.role else {
            if let Input::Command { id, .. } | Input::Synchronize { id, .. } | Input::RunFailover { id } =
                input
            {
                let master = match core.owner.map(|owner| owner.slot).filter(|slot| *slot != core.me.slot) {
                    Some(slot) => format!("MSM {slot} is: use it, or no --slot"),
                    None => "none is known yet".to_owned(),
                };
                core.elsewhere(id, format!("MSM {} is not the master; {master}", core.me.slot));
            }
            return;
        };
        match input {
            Input::Serving => master.serving(core, now),
            Input::Released { name } => master.released(core, now, name),
            Input::Command { id, record, options } => master.command(core, now, id, record, options),
            Input::Synchronize { id, bytes } => master.synchronize(core, now, id, &bytes),
            Input::Applied { id, result } => master.applied(core, id, result),
            Input::Snapshot { bytes } => master.snapshot(core, now, bytes),
            Input::State { bytes } => master.state(core, bytes),
            Input::Items { subsystem, bytes, last } => master.items(core, now, subsystem, bytes, last),
            Input::Delta { subsystem, bytes } => master.delta(core, now, subsystem, bytes),
            Input::RunFailover { id } => master.run_failover(core, now, id),
            Input::OwnershipLost => {
                core.reset(Level::Error, "the pin tree is another's");
                self.role = RoleState::Leaving;
            }
            _ => {}
        }
    }

    fn slave_input(&mut self, input: Input) {
        let core = &mut self.core;
        let slave = match &mut self.role {
            RoleState::Slave(slave) => slave,
            RoleState::Taking(taking) => match taking.slave() {
                Some(slave) => slave,
                None => return,
            },
            _ => return,
        };
        match input {
            Input::Loaded(result) => slave.loaded(core, result),
            Input::HardwareChecked(result) => slave.hardware(core, result),
            Input::ReplayFailed { text } => {
                core.log(Level::Error, format!("a change of the master cannot be taken over: {text}"));
                slave.fail(core, Subsystem::Configuration, Reason::ConfigFailed);
            }
            Input::SubsystemFailed { subsystem, reason, text } => {
                core.log(Level::Error, format!("{subsystem} of the master cannot be taken over: {text}"));
                slave.fail(core, subsystem, reason);
            }
            _ => {}
        }
    }

    fn observed(&mut self, now: Time, name: Option<OwnerName>, meta: Option<MetaView>) {
        self.observing = self.observing.saturating_sub(1);
        if self.observing > 0 {
            return;
        }
        match std::mem::replace(&mut self.role, RoleState::Leaving) {
            RoleState::Taking(taking) => self.role = taking.observed(&mut self.core, now, name, meta),
            RoleState::Slave(slave) => self.role = slave.observed(&mut self.core, now, name, meta),
            RoleState::Master(master) if master.is_deposed(name) => {
                self.core.reset(Level::Error, "another MSM owns the pin tree");
            }
            other => self.role = other,
        }
    }

    /// The backplane resets the peer.
    fn peer_fate(&mut self, now: Time, trigger: Trigger) {
        let core = &mut self.core;
        core.log(Level::Warning, format!("MSM {} is being reset ({trigger:?})", core.me.slot.peer()));
        core.learn_fate(now, trigger);
        if let RoleState::Master(master) = &mut self.role {
            master.explain_absence(core, now);
        }
    }

    fn exception(&mut self, now: Time, task: &str, critical: bool, text: &str) {
        let core = &mut self.core;
        core.log(Level::Error, format!("task {task} panicked: {text}"));
        let trigger = Trigger::TaskPanic { critical };
        let leaves = match &mut self.role {
            RoleState::Off | RoleState::Leaving => return,
            RoleState::Master(master) => master.exception(core, now, trigger, task),
            // No failover, but the same level says whether a process lives on without one of its tasks.
            _ => {
                crate::decision::decide(trigger, &core.options, true).verdict
                    != crate::decision::Verdict::NoFailover
            }
        };
        if leaves {
            core.reset(Level::Error, format!("task {task} panicked"));
            self.role = RoleState::Leaving;
        }
    }

    fn tick(&mut self, now: Time) {
        let core = &mut self.core;
        let next = match &mut self.role {
            RoleState::Off | RoleState::Leaving => return,
            RoleState::Electing(electing) => electing.tick(core, now),
            RoleState::Taking(taking) => {
                taking.tick(core, now);
                None
            }
            RoleState::Slave(slave) => slave.tick(core, now),
            RoleState::Master(master) => master.tick(core, now).then_some(RoleState::Leaving),
        };
        if let Some(next) = next {
            self.role = next;
        }
        self.core.link_tick(now);
    }

    /// What became of a command that was carried out here or on the master before; `None` = not one of the last 256.
    #[must_use]
    pub fn outcome(&self, id: CommandId) -> Option<&Outcome> {
        self.core.outcomes.get(id)
    }

    /// When [`Input::Tick`] is due. Changes with every step; a Tick that comes early does nothing.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        if matches!(self.role, RoleState::Off | RoleState::Leaving) {
            return None;
        }
        [self.core.link_deadline(), self.role.deadline(&self.core)].into_iter().flatten().min()
    }

    /// Role, without the rest of [`Machine::status`].
    #[must_use]
    pub fn role(&self) -> Role {
        self.role.role()
    }

    /// What this MSM shows of itself.
    #[must_use]
    pub fn status(&self) -> Status {
        let core = &self.core;
        let (generation, ready_slot) = match &self.role {
            RoleState::Master(master) => (master.applied, master.ready_slot(core)),
            RoleState::Slave(slave) => (slave.store.generation(), slave.ready.then_some(core.me.slot)),
            RoleState::Taking(taking) => (taking.generation(), None),
            RoleState::Off | RoleState::Electing(_) | RoleState::Leaving => (0, None),
        };
        let rows = core.rows.iter().zip(core.old_rows);
        Status {
            identity: core.me.clone(),
            role: self.role(),
            peer: core
                .peer()
                .map(|peer| PeerStatus { identity: peer.identity.clone(), role: peer.phase.into() }),
            owner: core.owner,
            ready_slot,
            generation,
            options: core.options,
            history: core.history,
            subsystems: Subsystem::ALL
                .into_iter()
                .zip(rows)
                .map(|(name, (&(state, reason), (old_state, old_reason)))| SubsystemStatus {
                    name,
                    state,
                    reason,
                    old_state,
                    old_reason,
                })
                .collect(),
            keepalives: core.link.as_ref().map(|link| link.keepalives).unwrap_or_default(),
        }
    }
}
