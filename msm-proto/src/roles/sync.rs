//! The master's side of one slave: snapshot, then every record, in order.

use std::collections::{BTreeMap, VecDeque};

use super::{
    core::{Core, Rows},
    events::{Level, Outcome},
    stream::Streams,
    timers,
};
use crate::{
    message::{Message, Record, Snapshot},
    options::Options,
    replication::{CHUNK, HELD_MAX},
    subsystem::{Reason, State, Subsystem},
    time::Time,
};

/// Chunks under way: the transfer never fills an outbox.
const WINDOW: u32 = 4;
/// Messages, and bytes of them, held back while the chunks travel: the commands in flight and as much again that is applied
/// meanwhile. More fails the subsystem: `brkt ovflow`. An outbox takes all of them at once.
const BACKLOG_MAX: usize = 768;
const BACKLOG_BYTES_MAX: usize = 2 * HELD_MAX;

#[derive(Debug, Default)]
enum Stage {
    /// Nothing is sent: not asked for, demoted, failed, or switched off by the options.
    #[default]
    Idle,
    /// Asked for.
    Wanted,
    /// The process has been asked for its configuration.
    Taking,
    /// Chunks travel; records wait behind them.
    Chunks { all: Vec<Vec<u8>>, sent: u32, acked: u32, backlog: VecDeque<Message>, bytes: usize },
    /// All is sent; the slave loads it.
    Loading,
    /// In step: commands wait for its acknowledgement.
    InStep,
}

/// See the file's first line.
#[derive(Debug, Default)]
pub(super) struct SlaveSync {
    /// Which start of the slave.
    instance: u64,
    stage: Stage,
    /// It fell behind and has not asked again yet.
    behind: bool,
    /// The slave asked, but the options do not replicate.
    asked: bool,
    deadline: Option<Time>,
    acked: u64,
    hardware: bool,
    failed: Failures,
}

/// Failed subsystems and why.
pub(super) type Failures = BTreeMap<Subsystem, Reason>;

impl SlaveSync {
    /// A slave; `failed`: what had failed before its link was cut.
    pub(super) fn new(instance: u64, failed: Failures) -> Self {
        Self { instance, failed, ..Self::default() }
    }

    /// What a reconnect does not clear.
    pub(super) fn into_failures(self) -> (u64, Failures) {
        (self.instance, self.failed)
    }

    /// A slave asks for everything.
    pub(super) fn want(&mut self) {
        let sound = self.failure(Subsystem::Configuration).is_none();
        self.stage = if sound { Stage::Wanted } else { Stage::Idle };
        self.asked = true;
        self.behind = false;
        self.deadline = None;
    }

    /// It fell behind: nothing more is sent until it asks again.
    pub(super) fn demoted(&mut self) {
        self.stop();
        self.behind = true;
    }

    /// Nothing more is sent until it asks again.
    pub(super) fn stop(&mut self) {
        self.stage = Stage::Idle;
        self.asked = false;
        self.deadline = None;
    }

    /// Options switch replication off and on.
    pub(super) fn follow_options(&mut self, options: &Options) {
        match (options.replicate(), &self.stage) {
            (false, Stage::Idle) => {}
            (false, _) => {
                self.stage = Stage::Idle;
                self.deadline = None;
            }
            (true, Stage::Idle) if self.asked && self.failure(Subsystem::Configuration).is_none() => {
                self.stage = Stage::Wanted;
            }
            (true, _) => {}
        }
    }

    /// Whether the process is to be asked for its configuration now.
    pub(super) fn take_snapshot(&mut self, now: Time) -> bool {
        let wanted = matches!(self.stage, Stage::Wanted);
        if wanted {
            self.stage = Stage::Taking;
            self.deadline = Some(now + timers::TRANSFER);
        }
        wanted
    }

    /// Sends `snapshot`, and `records` behind it: those that are not applied yet.
    pub(super) fn transfer<'a>(
        &mut self,
        core: &mut Core,
        now: Time,
        snapshot: Snapshot,
        records: impl Iterator<Item = &'a Record>,
    ) {
        if !matches!(self.stage, Stage::Taking) {
            return;
        }
        if snapshot.configuration.len() > crate::SNAPSHOT_MAX {
            return self.fail(core, Subsystem::Configuration, Reason::BracketOverflow);
        }
        self.acked = snapshot.generation;
        let all: Vec<_> = snapshot.encode().chunks(CHUNK).map(<[u8]>::to_vec).collect();
        self.stage = Stage::Chunks { all, sent: 0, acked: 0, backlog: VecDeque::new(), bytes: 0 };
        for record in records {
            self.relay_record(core, record);
        }
        self.advance(core, now);
    }

    /// The slave has chunk `index`.
    pub(super) fn chunk_acknowledged(&mut self, core: &mut Core, now: Time, index: u32) {
        if let Stage::Chunks { sent, acked, .. } = &mut self.stage
            && index == *acked
            && index < *sent
        {
            *acked += 1;
            self.advance(core, now);
        }
    }

    fn advance(&mut self, core: &mut Core, now: Time) {
        let Stage::Chunks { all, sent, acked, backlog, .. } = &mut self.stage else { return };
        self.deadline = Some(now + timers::TRANSFER);
        // At most SNAPSHOT_MAX / CHUNK and a few.
        let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
        while *sent < count && *sent < *acked + WINDOW {
            let bytes = std::mem::take(&mut all[*sent as usize]);
            core.send(&Message::Chunk { index: *sent, count, bytes });
            *sent += 1;
        }
        if *sent == count {
            for message in std::mem::take(backlog) {
                core.send(&message);
            }
            self.stage = Stage::Loading;
        }
    }

    /// The slave has loaded it.
    pub(super) fn loaded(&mut self) {
        if matches!(self.stage, Stage::Loading) {
            self.stage = Stage::InStep;
            self.deadline = None;
        }
    }

    /// Sends a record, behind what went before; its last part with the rest of them.
    pub(super) fn relay_record(&mut self, core: &mut Core, record: &Record) {
        if self.follows() {
            record.messages().for_each(|message| self.relay(core, message));
        }
    }

    /// Sends what became of a record.
    pub(super) fn relay_applied(&mut self, core: &mut Core, generation: u64, outcome: &Outcome) {
        if self.follows() {
            self.relay(core, Message::Applied { generation, outcome: outcome.clone() });
        }
    }

    /// Whether the log is sent to it.
    pub(super) fn follows(&self) -> bool {
        !matches!(self.stage, Stage::Idle | Stage::Wanted | Stage::Taking)
    }

    fn relay(&mut self, core: &mut Core, message: Message) {
        match &mut self.stage {
            Stage::Idle | Stage::Wanted | Stage::Taking => {}
            Stage::Chunks { backlog, bytes, .. } => {
                if let Message::Replicate(Record { bytes: piece, .. }) | Message::Part { bytes: piece, .. } =
                    &message
                {
                    *bytes += piece.len();
                }
                backlog.push_back(message);
                if backlog.len() > BACKLOG_MAX || *bytes > BACKLOG_BYTES_MAX {
                    self.fail(core, Subsystem::Configuration, Reason::BracketOverflow);
                }
            }
            Stage::Loading | Stage::InStep => core.send(&message),
        }
    }

    /// Why a subsystem failed, if it has.
    pub(super) fn failure(&self, subsystem: Subsystem) -> Option<Reason> {
        self.failed.get(&subsystem).copied()
    }

    /// Whether commands wait for this slave.
    pub(super) fn strict(&self) -> bool {
        matches!(self.stage, Stage::InStep)
    }

    /// It stored everything up to `generation`; false if that means nothing now.
    pub(super) fn acknowledged(&mut self, generation: u64) -> bool {
        let counts = matches!(self.stage, Stage::Loading | Stage::InStep) && generation > self.acked;
        if counts {
            self.acked = generation;
        }
        counts
    }

    /// Last record that it is known to have.
    pub(super) fn acknowledged_up_to(&self) -> u64 {
        self.acked
    }

    /// Whether it has every record up to `assigned`.
    pub(super) fn in_step(&self, assigned: u64) -> bool {
        self.strict() && self.acked == assigned
    }

    pub(super) fn hardware_checked(&mut self) {
        self.hardware = true;
    }

    /// A subsystem failed, here or there. A reboot of the slave clears it.
    pub(super) fn fail(&mut self, core: &mut Core, subsystem: Subsystem, reason: Reason) {
        core.log(
            Level::Error,
            format!("subsystem {subsystem} of MSM {} failed: {reason}", core.me.slot.peer()),
        );
        self.failed.insert(subsystem, reason);
        if subsystem == Subsystem::L2Hardware {
            self.failed.insert(Subsystem::L3Hardware, reason);
        }
        if subsystem == Subsystem::Configuration {
            self.stop();
        }
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.deadline
    }

    /// State and reason of every subsystem.
    pub(super) fn rows(&self, options: &Options, missed: bool, streams: &Streams) -> Rows {
        Subsystem::ALL.map(|name| {
            if !name.enabled(options) {
                return (State::Disable, Reason::None);
            }
            if let Some(reason) = self.failed.get(&name) {
                return (State::Failed, *reason);
            }
            if missed {
                return (State::Initial, Reason::Keepalive);
            }
            if name == Subsystem::Configuration && self.behind {
                return (State::Initial, Reason::CommError);
            }
            if name.has_state() {
                return streams.row(name);
            }
            let state = match (name, &self.stage) {
                (Subsystem::Configuration, Stage::InStep) => State::Ready,
                (Subsystem::Configuration, Stage::Chunks { .. } | Stage::Loading) => State::Xfr,
                (Subsystem::L2Hardware | Subsystem::L3Hardware, _) if self.hardware => State::Ready,
                _ => State::Initial,
            };
            (state, Reason::None)
        })
    }
}
