//! What the backplane knows of one MSM: its process, its power, and a reset that is under way.

use std::time::Duration;

use super::{power::Power, timers, watchdog::Watchdog};
use crate::{cause::Trigger, time::Time};

use super::events::Fabric;

/// One slot with a controller.
#[derive(Debug)]
pub(super) struct Msm {
    /// The card is out: nothing is started here.
    pub(super) empty: bool,
    pub(super) process: Option<Process>,
    /// A second process that says that it is here. It is the slot's once the first is dead.
    pub(super) claimant: Option<u32>,
    pub(super) start: Start,
    power: Power,
}

/// The process in a slot.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    since: Time,
    /// It got as far as saying hello.
    pub(super) introduced: bool,
    pub(super) connected: bool,
    /// It says that it is the master.
    pub(super) master: bool,
    pub(super) watchdog: Option<Watchdog>,
    pub(super) doom: Option<Doom>,
}

/// Whether a process is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// There is one, or none is wanted.
    None,
    /// At this time.
    Due(Time),
    /// Asked for; given up at this time.
    Asked(Time),
}

/// A reset that is under way: it ends with the death of the process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doom {
    pub(super) trigger: Trigger,
    /// What becomes of its fabric with the kill.
    pub(super) fabric: Option<Fabric>,
    pub(super) stage: Stage,
    /// Who waits for the end.
    pub(super) request: Option<u64>,
}

/// See [`Doom`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The peer is being told; killed at the latest then.
    Noticing { number: u64, until: Time },
    /// Killed; once more then.
    Killed { again: Time },
}

impl Process {
    pub(super) fn new(pid: u32, now: Time) -> Self {
        Self {
            pid,
            since: now,
            introduced: false,
            connected: false,
            master: false,
            watchdog: None,
            doom: None,
        }
    }

    /// Said hello.
    pub(super) fn introduce(&mut self) {
        self.introduced = true;
        self.connected = true;
    }
}

impl Msm {
    pub(super) fn new(empty: bool) -> Self {
        let start = if empty { Start::None } else { Start::Due(Time(0)) };
        Self { empty, process: None, claimant: None, start, power: Power::default() }
    }

    /// The process, if it is this one.
    pub(super) fn of(&mut self, pid: u32) -> Option<&mut Process> {
        self.process.as_mut().filter(|process| process.pid == pid)
    }

    pub(super) fn doom(&mut self) -> Option<&mut Doom> {
        self.process.as_mut()?.doom.as_mut()
    }

    /// Whether it can be told something: connected, and not about to be killed.
    pub(super) fn listens(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.connected && process.doom.is_none())
    }

    pub(super) fn is_master(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.master)
    }

    /// The process has ended. Gives how long the slot waits for the next one; `None` = one is there, or none is wanted.
    pub(super) fn ended(&mut self, now: Time, process: &Process) -> Option<Duration> {
        if let Some(pid) = self.claimant.take() {
            let mut next = Process::new(pid, now);
            next.introduce();
            self.process = Some(next);
            self.start = Start::None;
            return None;
        }
        if self.empty {
            self.start = Start::None;
            return None;
        }
        // One that its diagnostics keep from working is no slot that an operator tries failovers with.
        let sound = process.doom.is_none_or(|doom| doom.trigger != Trigger::Diagnostic);
        let wait = self.power.died(now - process.since, process.introduced && sound);
        self.start = Start::Due(now + wait);
        Some(wait)
    }

    /// A start has failed. Gives the wait before the next.
    pub(super) fn start_failed(&mut self, now: Time) -> Duration {
        let wait = self.power.died(Duration::ZERO, false);
        self.start = Start::Due(now + wait);
        wait
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        let start = match self.start {
            Start::None => None,
            Start::Due(at) | Start::Asked(at) => Some(at),
        };
        let process = self.process.as_ref().and_then(|process| match process.doom {
            Some(Doom { stage: Stage::Noticing { until: at, .. } | Stage::Killed { again: at }, .. }) => {
                Some(at)
            }
            None => process.watchdog.as_ref().map(Watchdog::expires),
        });
        [start, process].into_iter().flatten().min()
    }

    /// A start was asked for at `now`.
    pub(super) fn asked(&mut self, now: Time) {
        self.start = Start::Asked(now + timers::START);
    }
}
