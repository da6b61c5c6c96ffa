//! The master: plans become records, records are acknowledged, applied and answered, in that order.

use std::collections::VecDeque;

use super::{
    core::{Core, NO_ROWS},
    election::Failover,
    events::{CommandId, Level, Outcome, Output, Takeover, Trying},
    handover::Handover,
    parcel::Parcel,
    phase::RoleState,
    state::Stamps,
    stream::Streams,
    sync::{Failures, SlaveSync},
    timers,
};
use crate::{
    cause::{Cause, Trigger},
    message::{Message, Phase, Record, Snapshot},
    options::Options,
    replication::{CHUNK, HELD_MAX, PIPELINE_MAX},
    slot::OwnerName,
    subsystem::{Reason, Subsystem},
    time::Time,
};

/// A command in flight.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) record: Record,
    /// Until when the slave's acknowledgement is waited for; `None` = it may be applied.
    pub(super) waits: Option<Time>,
    /// A client waits for the answer. Nobody does for a redo, until somebody asks.
    pub(super) answer: bool,
    /// It was the old master's.
    pub(super) redo: bool,
}

/// The one effect that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Busy {
    No,
    Applying,
    Snapshotting,
}

/// How mastership began.
#[derive(Debug)]
pub(super) enum Beginning {
    /// Without a master before; `moved`: the tree was the other slot's.
    Boot {
        moved: bool,
        /// The redo record that the last owner was applying.
        trying: Option<Trying>,
    },
    Failover(Box<Failover>),
}

/// See the file's first line.
#[derive(Debug)]
pub(super) struct Master {
    /// Its name in the tree.
    pub(super) name: OwnerName,
    pub(super) serving: bool,
    /// Times of the failover that is being finished.
    stamps: Option<(Cause, Stamps)>,
    pub(super) applied: u64,
    pub(super) assigned: u64,
    pub(super) pipeline: VecDeque<Entry>,
    pub(super) busy: Busy,
    pub(super) slave: Option<SlaveSync>,
    /// Failures of the last slave, by its instance: only a reboot clears them.
    pub(super) failures: Option<(u64, Failures)>,
    /// State of subsystems on its way to the slave.
    pub(super) streams: Streams,
    /// META calls the slave ready.
    pub(super) ready: bool,
    /// The redo record that is being applied.
    pub(super) trying: Option<Trying>,
    pub(super) handover: Option<Handover>,
    /// A `synchronize` in progress.
    pub(super) parcel: Option<Parcel>,
    /// The hitless readiness of this slave has been logged.
    pub(super) announced: bool,
}

impl Master {
    /// The tree is ours under `name`.
    pub(super) fn enter(
        core: &mut Core,
        now: Time,
        name: OwnerName,
        takeover: Takeover,
        beginning: Beginning,
    ) -> RoleState {
        debug_assert_eq!(name.slot, core.me.slot, "a tree taken for another slot");
        debug_assert!(core.owner.is_none_or(|old| old.epoch < name.epoch), "an epoch owned twice");
        core.owner = Some(name);
        core.absence = Reason::None;
        core.old_rows = core.rows;
        core.rows = NO_ROWS;
        let mut master = Self {
            name,
            serving: false,
            stamps: None,
            applied: 0,
            assigned: 0,
            pipeline: VecDeque::new(),
            busy: Busy::No,
            slave: None,
            failures: None,
            streams: Streams::default(),
            ready: false,
            trying: None,
            handover: None,
            parcel: None,
            announced: false,
        };
        let mut handover = false;
        match beginning {
            Beginning::Failover(failover) => {
                handover = failover.handover;
                let stamps = Stamps {
                    event_ns: failover.event,
                    detected_ns: failover.detected,
                    committed_ns: now,
                    serving_ns: now,
                };
                master.stamps = Some((failover.decision.cause, stamps));
                // Its process ends, if it has not.
                if let Some(link) = &mut core.link
                    && failover.slave.follows(link.session)
                    && let Some(peer) = &mut link.peer
                {
                    peer.phase = Phase::Leaving;
                }
                let tried = failover.trying;
                if failover.inherits() {
                    master.inherit(core, failover.slave, tried);
                } else {
                    core.options = core.own_options;
                    Self::give_up(core, tried);
                }
            }
            Beginning::Boot { moved, trying } => {
                core.options = core.own_options;
                Self::give_up(core, trying);
                if moved {
                    core.history.failovers += 1;
                    core.history.cause = core.fate(now).map_or(Cause::Exception, Trigger::cause);
                    core.history.last = None;
                }
            }
        }
        core.fate = None;
        // META still names the slave of the owner before: this MSM itself.
        master.write_meta(core);
        if handover {
            core.send(&Message::Committed { name });
        }
        core.log(Level::Info, format!("MSM {} is master as {name}", core.me.slot));
        core.serve(takeover);
        RoleState::Master(Box::new(master))
    }

    pub(super) fn serving(&mut self, core: &mut Core, now: Time) {
        self.serving = true;
        if let Some((cause, mut stamps)) = self.stamps.take() {
            stamps.serving_ns = now;
            core.history.failovers += 1;
            core.history.cause = cause;
            core.history.last = Some(stamps);
        }
    }

    /// A client's planned change.
    pub(super) fn command(
        &mut self,
        core: &mut Core,
        now: Time,
        id: CommandId,
        bytes: Vec<u8>,
        options: Option<Options>,
    ) {
        if let Some(outcome) = core.outcomes.get(id).cloned() {
            return core.outcome(id, outcome);
        }
        if let Some(entry) = self.pipeline.iter_mut().find(|entry| entry.record.id == id) {
            entry.answer = true;
            return;
        }
        if self.handover.is_some() {
            return core.elsewhere(id, "a failover is in progress: send it again, to the new master");
        }
        if bytes.len() > crate::RECORD_MAX {
            return core.refuse(id, format!("a command of {} bytes is too long", bytes.len()));
        }
        if self.pipeline.len() >= PIPELINE_MAX {
            return core.refuse(id, format!("{PIPELINE_MAX} commands are in progress: try again"));
        }
        let held: usize = self.pipeline.iter().map(|entry| entry.record.bytes.len()).sum();
        if held + bytes.len() > HELD_MAX {
            return core.refuse(id, format!("commands of {held} bytes are in progress: try again"));
        }
        if let Some(Err(error)) = options.map(|options| options.validate()) {
            return core.refuse(id, error.to_string());
        }
        self.assigned += 1;
        let record = Record { id, generation: self.assigned, bytes, options };
        let mut waits = None;
        if let Some(slave) = &mut self.slave {
            if slave.strict() {
                waits = Some(now + timers::ACK);
            }
            slave.relay_record(core, &record);
        }
        self.pipeline.push_back(Entry { record, waits, answer: true, redo: false });
    }

    /// Begins what can begin: a snapshot between two commands, else the next command. True: the process ends.
    pub(super) fn pump(&mut self, core: &mut Core, now: Time) -> bool {
        if !self.serving || self.busy != Busy::No || !self.owns() {
            return false;
        }
        if let Some(slave) = &mut self.slave
            && slave.take_snapshot(now)
        {
            self.busy = Busy::Snapshotting;
            core.push(Output::TakeSnapshot);
            return false;
        }
        match self.pipeline.front() {
            Some(entry) if entry.waits.is_none() => {
                self.busy = Busy::Applying;
                let Record { id, generation, ref bytes, .. } = entry.record;
                let (record, redo) = (bytes.clone(), entry.redo);
                if redo {
                    self.trying = Some(Trying { generation, id });
                    self.write_meta(core);
                }
                core.push(Output::Apply { id, record, redo });
                false
            }
            Some(_) => false,
            None => self.drained(core),
        }
    }

    pub(super) fn applied(&mut self, core: &mut Core, id: CommandId, result: Result<String, String>) {
        let ours =
            self.busy == Busy::Applying && self.pipeline.front().is_some_and(|entry| entry.record.id == id);
        debug_assert!(ours, "a result without its Apply");
        let Some(entry) = self.pipeline.pop_front_if(|_| ours) else { return };
        self.busy = Busy::No;
        debug_assert_eq!(entry.record.generation, self.applied + 1, "applied out of order");
        self.applied = entry.record.generation;
        let outcome = match result {
            Ok(text) => {
                if let Some(options) = entry.record.options {
                    core.options = options;
                }
                Outcome::Done(text)
            }
            Err(text) => {
                core.log(Level::Warning, format!("a command was rolled back and is not applied: {text}"));
                Outcome::Failed(text)
            }
        };
        core.outcomes.keep(id, &outcome);
        if let Some(slave) = &mut self.slave {
            slave.relay_applied(core, self.applied, &outcome);
        }
        // Before the answer: what is answered is not given up by the next master.
        self.trying = None;
        if entry.redo || !self.ready {
            self.write_meta(core);
        }
        if entry.answer {
            core.outcome(id, outcome);
        }
    }

    /// The slave stored everything up to `generation`.
    pub(super) fn acknowledged(&mut self, core: &mut Core, generation: u64) {
        let Some(slave) = &mut self.slave else { return };
        if generation > self.assigned || !slave.acknowledged(generation) {
            return;
        }
        for entry in self.pipeline.iter_mut().filter(|entry| entry.record.generation <= generation) {
            entry.waits = None;
        }
        if self.ready {
            self.write_meta(core);
        }
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        let waits = self.pipeline.iter().filter_map(|entry| entry.waits).min();
        let slave = self.slave.as_ref().and_then(SlaveSync::deadline);
        let handover = self.handover.as_ref().and_then(Handover::deadline);
        let parcel = self.parcel.as_ref().map(Parcel::deadline);
        [waits, slave, handover, parcel, self.streams.deadline()].into_iter().flatten().min()
    }

    /// True: the process ends.
    pub(super) fn tick(&mut self, core: &mut Core, now: Time) -> bool {
        if self.pipeline.iter().any(|entry| entry.waits.is_some_and(|until| now >= until)) {
            if self.dies_of_a_panic() {
                // A task panicked: maybe the one that sends. What was answered the slave has; what was not, the next master is asked again.
                return self.abort(core, "a task panicked, and the slave acknowledges nothing");
            }
            self.demote(core, "it did not acknowledge a command within 200 ms");
        }
        if self.slave.as_ref().and_then(SlaveSync::deadline).is_some_and(|until| now >= until) {
            self.demote(core, "the transfer of the configuration stands still");
        }
        self.tick_streams(core, now);
        self.tick_parcel(core, now);
        let drags = self.handover.as_mut().is_some_and(|handover| !handover.tick(core, now));
        drags && self.abort(core, "the commands in flight did not end in time")
    }

    /// A slave asks for everything.
    pub(super) fn sync_request(&mut self, core: &mut Core) {
        core.absence = Reason::None;
        self.unready(core);
        self.clear_waits();
        let Some(link) = &mut core.link else { return };
        link.standing_sent = None;
        let instance = link.peer.as_ref().map_or(0, |peer| peer.identity.instance);
        let failures = self.failures.take().filter(|(whose, _)| *whose == instance);
        let failed = failures.map(|(_, failed)| failed).unwrap_or_default();
        self.slave.get_or_insert_with(|| SlaveSync::new(instance, failed)).want();
        self.want_streams(core, instance);
    }

    /// A subsystem failed, here or at the slave.
    pub(super) fn fail(&mut self, core: &mut Core, subsystem: Subsystem, reason: Reason) {
        if let Some(slave) = &mut self.slave {
            slave.fail(core, subsystem, reason);
            if !slave.strict() {
                self.unready(core);
                self.clear_waits();
            }
        }
    }

    /// A protocol's state, for the slave. By the control connection: a release comes after it.
    pub(super) fn state(&self, core: &mut Core, bytes: Vec<u8>) {
        if bytes.len() <= CHUNK && self.slave.as_ref().is_some_and(SlaveSync::follows) {
            core.send(&Message::State { bytes });
        }
    }

    pub(super) fn snapshot(&mut self, core: &mut Core, now: Time, configuration: Vec<u8>) {
        debug_assert_eq!(self.busy, Busy::Snapshotting, "a snapshot that nobody asked for");
        self.busy = Busy::No;
        let Some(slave) = &mut self.slave else { return };
        let snapshot = Snapshot {
            generation: self.applied,
            options: core.options,
            outcomes: core.outcomes.to_vec(),
            configuration,
        };
        slave.transfer(core, now, snapshot, self.pipeline.iter().map(|entry| &entry.record));
    }
}
