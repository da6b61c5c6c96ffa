//! Whether the slave may take over, and who is told: META first, then the peer, the log, the operator.

use super::{
    core::Core,
    events::{Level, Output},
    handover::Handover,
    master::Master,
    sync::SlaveSync,
};
use crate::{
    message::{Message, Standing},
    slot::Slot,
    subsystem::{Reason, State, Subsystem},
    time::Time,
};

impl Master {
    /// The slave is no longer in step: META says so first, then commands go on without it.
    pub(super) fn demote(&mut self, core: &mut Core, why: &str) {
        self.unready(core);
        core.log(Level::Warning, format!("MSM {} is not ready: {why}", core.me.slot.peer()));
        core.send(&Message::Demote { why: why.to_owned() });
        if let Some(slave) = &mut self.slave {
            slave.demoted();
        }
        self.clear_waits();
    }

    /// The slave is gone.
    pub(super) fn lose_slave(&mut self, core: &mut Core, now: Time) {
        if let Some(slave) = self.slave.take() {
            self.failures = Some(slave.into_failures());
            core.log(Level::Warning, format!("MSM {} is gone", core.me.slot.peer()));
        }
        let why = format!("MSM {} is gone", core.me.slot.peer());
        self.fail_parcel(core, &why);
        self.announced = false;
        self.detach_streams(now);
        self.unready(core);
        self.clear_waits();
        self.explain_absence(core, now);
    }

    /// Rows of a slave that is not there say what the backplane did to it.
    pub(super) fn explain_absence(&self, core: &mut Core, now: Time) {
        if let Some(trigger) = core.fate(now).filter(|_| self.slave.is_none()) {
            core.absence = Reason::of_absence(trigger);
            core.fate = None;
        }
    }

    pub(super) fn clear_waits(&mut self) {
        for entry in &mut self.pipeline {
            entry.waits = None;
        }
    }

    pub(super) fn unready(&mut self, core: &mut Core) {
        // After a release the tree is not ours to write; a reopened one is mended by `refresh`.
        if self.ready && self.owns() {
            self.ready = false;
            self.write_meta(core);
        }
    }

    /// META becomes what this master is.
    pub(super) fn write_meta(&self, core: &mut Core) {
        let acknowledged = self.slave.as_ref().filter(|_| self.ready).map(SlaveSync::acknowledged_up_to);
        let generation = acknowledged.unwrap_or(self.applied);
        core.push(Output::SetReady { slot: self.ready_slot(core), generation, trying: self.trying });
    }

    /// Whether the handle is open.
    pub(super) fn owns(&self) -> bool {
        !self.handover.as_ref().is_some_and(Handover::released)
    }

    pub(super) fn ready_slot(&self, core: &Core) -> Option<Slot> {
        self.ready.then(|| core.me.slot.peer())
    }

    /// After every step: META and the peer are told what has changed.
    pub(super) fn refresh(&mut self, core: &mut Core, now: Time) {
        if self.slave.is_none() && core.peer().is_some_and(|peer| !peer.speaks) {
            let mut slave = SlaveSync::default();
            slave.fail(core, Subsystem::Configuration, Reason::Revision);
            slave.fail(core, Subsystem::L2Hardware, Reason::Revision);
            self.slave = Some(slave);
        }
        if self.owns() {
            self.pump_streams(core, now);
        }
        let missed = core.link.as_ref().is_some_and(|link| link.missed);
        if let Some(slave) = &mut self.slave {
            slave.follow_options(&core.options);
        }
        let absent = [(State::NotAvailable, core.absence); Subsystem::ALL.len()];
        core.rows =
            self.slave.as_ref().map_or(absent, |slave| slave.rows(&core.options, missed, &self.streams));
        if !self.owns() {
            return;
        }
        let ready = self.serving
            && core.options.replicate()
            && self.slave.as_ref().is_some_and(|slave| slave.in_step(self.assigned))
            && self.laggard(core).is_none();
        if self.ready && (self.laggard(core).is_some() || !core.options.replicate()) {
            self.unready(core);
        } else if ready && !self.ready {
            self.ready = true;
            self.write_meta(core);
        }
        if self.ready && !self.announced && core.options.are_hitless() {
            self.announced = true;
            core.log(Level::Info, "Slave MSM initialized for hitless failover operation.");
        }
        self.tell_standing(core);
    }

    fn tell_standing(&self, core: &mut Core) {
        let now = Some((core.options, core.history, self.ready, core.rows));
        let Some(link) = &mut core.link else { return };
        // This is asked after every step: a message is made of it only when it has changed.
        if link.peer.as_ref().is_some_and(|peer| peer.speaks) && link.standing_sent != now {
            link.standing_sent = now;
            let rows = Subsystem::ALL.iter().zip(core.rows);
            core.send(&Message::Standing(Standing {
                options: core.options,
                history: core.history,
                ready: self.ready,
                subsystems: rows.map(|(name, (state, reason))| (*name, state, reason)).collect(),
            }));
        }
    }

    /// The first enabled subsystem that is not ready.
    pub(super) fn laggard(&self, core: &Core) -> Option<(Subsystem, State)> {
        Subsystem::ALL
            .into_iter()
            .zip(core.rows)
            .find(|(name, (state, _))| name.enabled(&core.options) && *state != State::Ready)
            .map(|(name, (state, _))| (name, state))
    }
}
