//! The slave: keeps a copy of the master's log, and takes over when the master releases the tree or dies.

use super::{
    core::Core,
    election::{Electing, Failover, Taking},
    events::{Level, MetaView, Output, Session},
    intake::Intake,
    parcel::Incoming,
    phase::RoleState,
    suspicion::Suspicion,
    timers,
};
use crate::{
    cause::Trigger,
    decision::{ConfigSource, Verdict, decide},
    message::{Message, Phase, Release, Standing},
    replication::{Store, StoreError},
    slot::OwnerName,
    subsystem::{Reason, Subsystem},
    time::Time,
};

/// How it stands to its master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Footing {
    /// Follows it.
    With,
    /// The link ended, the master is not proven dead: it comes back, or the backplane arbitrates, or the proof comes.
    Lost { since: Time, said: bool },
    /// The master is dead; META is being read.
    Mourning { event: Time, detected: Time },
    /// The master is dead and this slave cannot carry on.
    Orphan { until: Time },
}

/// See the file's first line.
#[derive(Debug)]
pub(super) struct Slave {
    pub(super) footing: Footing,
    pub(super) store: Store,
    /// The owner whose configuration the copy is.
    copy_of: Option<OwnerName>,
    /// The copy has begun in this session: records belong to it. One of the session before stays good until then,
    /// because META does: a master that cannot write META can only leave.
    begun: bool,
    /// Session by which it follows, or followed, its master.
    pub(super) session: Session,
    /// Proof of the master's death, and since when.
    pub(super) dead: Option<Time>,
    resync_at: Option<Time>,
    /// A `synchronize` in progress.
    pub(super) incoming: Option<Box<Incoming>>,
    /// Loads asked for and not answered.
    loads: u32,
    /// META calls this slave ready, says the master.
    pub(super) ready: bool,
    pub(super) suspicion: Suspicion,
    pub(super) intake: Intake,
}

impl Slave {
    /// Follows the master at the other end of the link.
    pub(super) fn follow(core: &mut Core) -> Self {
        let mut slave = Self {
            footing: Footing::With,
            store: Store::default(),
            copy_of: None,
            begun: false,
            session: 0,
            dead: None,
            resync_at: None,
            incoming: None,
            loads: 0,
            ready: false,
            suspicion: Suspicion::default(),
            intake: Intake::default(),
        };
        slave.join(core);
        slave
    }

    fn join(&mut self, core: &mut Core) {
        self.footing = Footing::With;
        self.session = core.link.as_ref().map_or(0, |link| link.session);
        self.dead = None;
        self.resync_at = None;
        self.ready = false;
        self.begun = false;
        self.incoming = None;
        self.suspicion = Suspicion::default();
        core.forget_fate();
        if self.copy_of != core.owner {
            self.store.clear();
        }
        core.log(Level::Info, format!("MSM {} is slave of MSM {}", core.me.slot, core.me.slot.peer()));
        if core.peer().is_some_and(|peer| peer.speaks) {
            core.push(Output::CheckHardware);
            self.resume_intake(core);
            core.send(&Message::SyncRequest);
        }
    }

    /// Whether its master is at the other end of `session`.
    pub(super) fn follows(&self, session: Session) -> bool {
        self.session == session
    }

    pub(super) fn phase(&self) -> Phase {
        match self.footing {
            Footing::With => Phase::Slave,
            Footing::Lost { .. } | Footing::Mourning { .. } => Phase::Claiming,
            Footing::Orphan { .. } => Phase::Orphan,
        }
    }

    pub(super) fn deadline(&self, core: &Core) -> Option<Time> {
        let footing = match self.footing {
            Footing::With => self.dead.map(|at| at + timers::LAST_WORDS),
            Footing::Lost { since, said: false } => Some(since + timers::LOST),
            Footing::Orphan { until } => Some(until),
            Footing::Lost { .. } | Footing::Mourning { .. } => None,
        };
        [footing, self.resync_at, self.suspects_at(core)].into_iter().flatten().min()
    }

    pub(super) fn tick(&mut self, core: &mut Core, now: Time) -> Option<RoleState> {
        if self.resync_at.is_some_and(|at| now >= at) {
            self.resync_at = None;
            core.send(&Message::SyncRequest);
        }
        self.suspect(core, now);
        match self.footing {
            Footing::With if self.dead.is_some_and(|at| now >= at + timers::LAST_WORDS) => {
                let event = self.dead.unwrap_or(now);
                self.mourn(core, now, event);
            }
            Footing::Lost { since, said: false } if now >= since + timers::LOST => {
                self.footing = Footing::Lost { since, said: true };
                core.log(
                    Level::Warning,
                    format!(
                        "MSM {} is out of reach and not proven dead: MSM {} stays slave",
                        core.me.slot.peer(),
                        core.me.slot
                    ),
                );
            }
            Footing::Orphan { until } if now >= until => return Some(Taking::boot(core, true)),
            _ => {}
        }
        None
    }

    /// End of the link.
    pub(super) fn gone(&mut self, core: &mut Core, now: Time) {
        self.ready = false;
        self.incoming = None;
        if self.footing == Footing::With {
            self.footing = Footing::Lost { since: now, said: false };
            self.resync_at = None;
            if let Some(dead) = self.dead {
                self.mourn(core, now, dead);
            }
        }
    }

    /// Proof of the master's death.
    pub(super) fn died(&mut self, core: &mut Core, now: Time, session: Session) {
        if session != self.session || self.dead.is_some() {
            return;
        }
        self.dead = Some(now);
        if let Footing::Lost { since, .. } = self.footing {
            self.mourn(core, now, since);
        }
    }

    fn mourn(&mut self, core: &mut Core, now: Time, event: Time) {
        self.footing = Footing::Mourning { event, detected: now };
        core.push(Output::Observe);
    }

    /// What the peer says of itself, after a hello too.
    pub(super) fn peer_says(&mut self, core: &mut Core, now: Time, phase: Phase) {
        match (phase, self.footing) {
            (Phase::Master, Footing::With) => {}
            (Phase::Master, _) => self.join(core),
            // The slot of the master boots: that process is not the master any more. The lock will prove it.
            (Phase::Booting | Phase::Claiming, Footing::Lost { since, .. }) => self.mourn(core, now, since),
            _ => {}
        }
    }

    pub(super) fn standing(&mut self, core: &mut Core, standing: Standing) {
        if self.footing != Footing::With {
            return;
        }
        self.ready = standing.ready;
        self.suspicion.informed = true;
        core.options = standing.options;
        core.history = standing.history;
        for (subsystem, state, reason) in standing.subsystems {
            core.rows[subsystem as usize] = (state, reason);
        }
    }

    /// The master is dead and META has been read: may this slave take over, and with what?
    pub(super) fn observed(
        mut self,
        core: &mut Core,
        now: Time,
        name: Option<OwnerName>,
        meta: Option<MetaView>,
    ) -> RoleState {
        let Footing::Mourning { event, detected } = self.footing else { return RoleState::Slave(self) };
        let Some(from) = name else {
            core.owner = None;
            core.log(Level::Error, "the pin tree is gone: starting anew");
            return Electing::enter(core, now, true);
        };
        let unable = self.unable(core, from, meta);
        let trigger = core.fate(now).unwrap_or(Trigger::ProcessDeath);
        core.fate = None;
        // What was acknowledged came with the log; the master's word of it may not have come.
        let options = if self.store.in_step() { self.store.options } else { core.options };
        let decision = decide(trigger, &options, unable.is_none());
        match decision.verdict {
            Verdict::Hitless | Verdict::Partial | Verdict::NotHitless => {
                core.log(
                    Level::Warning,
                    format!("MSM {} died ({}): MSM {} takes over", from.slot, trigger.cause(), core.me.slot),
                );
                let trying = meta.and_then(|meta| meta.trying);
                let failover =
                    Failover { from, decision, event, detected, handover: false, trying, slave: self };
                Taking::failover(core, failover)
            }
            Verdict::Reboot | Verdict::NoFailover => {
                let why = unable.unwrap_or_default();
                core.log(
                    Level::Warning,
                    format!(
                        "MSM {} died and MSM {} cannot take over hitlessly: {why}; MSM {} boots again",
                        from.slot, core.me.slot, from.slot
                    ),
                );
                self.footing = Footing::Orphan { until: now + timers::ORPHAN };
                RoleState::Slave(self)
            }
        }
    }

    /// Why it may not take over hitlessly; `None` if it may (DESIGN.md law 5).
    fn unable(&self, core: &Core, name: OwnerName, meta: Option<MetaView>) -> Option<String> {
        if !self.store.in_step() {
            return Some("its copy of the configuration is not complete".into());
        }
        if self.copy_of != Some(name) {
            return Some(format!("its copy is not of {name}"));
        }
        let Some(meta) = meta else { return Some("META cannot be read".into()) };
        if meta.ready != Some(core.me.slot) {
            return Some("META does not call it ready".into());
        }
        if self.store.generation() < meta.generation {
            return Some(format!(
                "it has generation {} and META says {}",
                self.store.generation(),
                meta.generation
            ));
        }
        None
    }

    /// The master released the tree under `name`: take it, or say why not.
    pub(super) fn released(mut self, core: &mut Core, now: Time, release: Release) -> RoleState {
        let Release { name, generation, trigger, options, event } = release;
        let in_step = self.store.in_step() && self.store.generation() == generation;
        let decision = decide(trigger, &options, in_step);
        let lawful = self.footing == Footing::With && core.owner == Some(name);
        if !lawful || matches!(decision.verdict, Verdict::NoFailover | Verdict::Reboot) {
            let why = format!(
                "MSM {} has generation {} of {generation} and cannot carry on",
                core.me.slot,
                self.store.generation()
            );
            core.send(&Message::HandoverFailed { why });
            return RoleState::Slave(self);
        }
        self.ready = false;
        core.options = options;
        core.log(Level::Info, format!("MSM {} released {name}: MSM {} takes it", name.slot, core.me.slot));
        Taking::failover(
            core,
            Failover {
                from: name,
                decision,
                event,
                detected: now,
                handover: true,
                trying: None,
                slave: self,
            },
        )
    }

    /// Back from a takeover that did not happen.
    pub(super) fn resume(mut self, core: &mut Core, now: Time) -> RoleState {
        match core.link {
            Some(ref link) if link.session == self.session => self.footing = Footing::With,
            _ => {
                self.footing = Footing::Lost { since: now, said: false };
                if self.dead.is_some() {
                    self.mourn(core, now, now);
                } else if let Some(phase) = core.peer_phase() {
                    self.peer_says(core, now, phase);
                }
            }
        }
        RoleState::Slave(self)
    }

    /// A message of the log.
    pub(super) fn log(&mut self, core: &mut Core, epoch: u64, message: Message) {
        if self.footing != Footing::With {
            return;
        }
        if let Message::Piece { subsystem, transfer, number, piece, bytes } = message {
            return self.piece(core, epoch, subsystem, (transfer, number), piece, bytes);
        }
        let result = match message {
            // An owner's log is of its epoch.
            _ if core.owner.is_none_or(|owner| owner.epoch != epoch) => Err(StoreError::Broken),
            Message::Chunk { index, count, bytes } => {
                if index == 0 {
                    self.begun = true;
                    self.copy_of = core.owner;
                }
                self.store.chunk(index, count, bytes).map(|configuration| {
                    core.send(&Message::ChunkAck { index });
                    if let Some(bytes) = configuration {
                        self.loads += 1;
                        core.push(Output::Load { bytes });
                    }
                })
            }
            Message::Parcel { id, index, count, bytes } => {
                self.parcel(core, id, index, count, bytes);
                Ok(())
            }
            _ if !self.begun => Ok(()),
            Message::Part { generation, index, bytes } => self.store.part(generation, index, &bytes),
            Message::Replicate(record) => {
                let generation = record.generation;
                self.store.store(record).map(|stored| {
                    if stored {
                        core.send(&Message::ReplicateAck { generation });
                    }
                })
            }
            Message::Applied { generation, outcome } => {
                self.store.applied(generation, &outcome).map(|record| {
                    if let Some(record) = record {
                        core.push(Output::Replay { record });
                    }
                })
            }
            _ => Ok(()),
        };
        match result {
            Ok(()) => {}
            Err(StoreError::Broken) => self.fail(core, Subsystem::Configuration, Reason::InvalidBracket),
            Err(StoreError::Overflow) => self.fail(core, Subsystem::Configuration, Reason::BracketOverflow),
        }
    }

    /// Result of a Load.
    pub(super) fn loaded(&mut self, core: &mut Core, result: Result<(), String>) {
        self.loads = self.loads.saturating_sub(1);
        if self.loads > 0 {
            return;
        }
        match result {
            Ok(()) => {
                let before = self.store.in_step();
                let replays = self.store.loaded();
                if before || !self.store.in_step() {
                    return;
                }
                for record in replays {
                    core.push(Output::Replay { record });
                }
                core.send(&Message::Loaded { generation: self.store.generation() });
            }
            Err(text) => {
                core.log(Level::Error, format!("the master's configuration cannot be loaded: {text}"));
                self.fail(core, Subsystem::Configuration, Reason::ConfigFailed);
            }
        }
    }

    /// A subsystem failed here: says so, and does not claim what it does not have.
    pub(super) fn fail(&mut self, core: &mut Core, subsystem: Subsystem, reason: Reason) {
        if subsystem == Subsystem::Configuration {
            self.store.clear();
        }
        core.log(Level::Error, format!("{subsystem} failed: {reason}"));
        core.send(&Message::SubsystemFailed { subsystem, reason });
    }

    /// META does not call this slave ready any more: its copy ends here.
    pub(super) fn demoted(&mut self, core: &mut Core, now: Time, why: &str) {
        core.log(Level::Warning, format!("demoted by the master: {why}"));
        self.ready = false;
        self.store.clear();
        self.resync_at = Some(now + timers::RESYNC);
    }

    pub(super) fn hardware(&mut self, core: &mut Core, result: Result<(), String>) {
        match result {
            Ok(()) => core.send(&Message::HardwareChecked),
            Err(text) => {
                core.log(Level::Error, format!("the pinned maps cannot be used: {text}"));
                self.fail(core, Subsystem::L2Hardware, Reason::HardwareFailed);
            }
        }
    }
}

impl Failover {
    /// Whether the slave's copy is what the new master starts from.
    pub(super) fn inherits(&self) -> bool {
        self.decision.configuration == ConfigSource::Inherited
    }
}
