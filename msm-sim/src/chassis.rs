//! The backplane: its machine in its process, what it says to MSMs and hears of them, and its deaths.

use std::collections::BTreeMap;

use msm_proto::{
    Slot, Trigger,
    backplane::{Backplane, BackplaneInput, BackplaneOutput, Bay, Fabric, Operate},
};

use crate::{
    MS, SLOTS, US,
    broken::Broken,
    faults::Faults,
    index,
    outputs::short,
    tree::Instance,
    world::{Event, Thread, World},
};

pub(crate) struct Chassis {
    /// `None`: dead.
    machine: Option<Backplane>,
    /// Which start it is.
    start: u64,
    bays: Vec<Bay>,
    pub(crate) paused_until: u64,
    /// Operators that wait for an answer of this start, and whether it has heard them.
    requests: BTreeMap<u64, bool>,
    numbers: u64,
    /// Starts and deaths that it will be told.
    pending: u64,
}

impl Chassis {
    /// When its machine wants to be called.
    pub(crate) fn due(&self) -> Option<u64> {
        let deadline = self.machine.as_ref()?.deadline()?;
        Some(deadline.0.max(self.paused_until))
    }

    pub(crate) fn bays(&self) -> &[Bay] {
        &self.bays
    }

    pub(crate) fn lives(&self) -> bool {
        self.machine.is_some()
    }
}

impl World {
    /// A chassis with these bays; its backplane begins at once.
    pub(crate) fn power_on(&mut self, bays: &[Bay]) {
        for (bay, half) in Bay::ALL.iter().zip(&mut self.tables.halves) {
            if !bays.contains(bay) {
                (half.present, half.programmed, half.state) = (false, false, Fabric::Absent);
            }
        }
        self.chassis = Some(Chassis {
            machine: None,
            start: 0,
            bays: bays.to_vec(),
            paused_until: 0,
            requests: BTreeMap::new(),
            numbers: 0,
            pending: 0,
        });
        self.backplane_begins();
    }

    /// Its process starts, unless one has the chassis' lock: MSMs that run are adopted, fabrics are as the table has them.
    pub(crate) fn backplane_begins(&mut self) {
        let fabrics = self.tables.halves.map(|half| half.state);
        let Some(chassis) = self.chassis.as_mut().filter(|chassis| chassis.machine.is_none()) else { return };
        chassis.start += 1;
        chassis.paused_until = 0;
        let start = chassis.start;
        chassis.machine = Some(if start == 1 {
            Backplane::new(&chassis.bays)
        } else {
            Backplane::adopt(&chassis.bays, fabrics)
        });
        self.note(|| format!("backplane: starts ({start})"));
        for slot in SLOTS {
            let Some(process) = &self.processes[index(slot)] else { continue };
            let (pid, instance) = (process.pid, process.instance);
            self.backplane(BackplaneInput::Running { slot, pid });
            let delay = 5 * MS + self.jitter(100 * MS);
            self.at(delay, Event::Thread(slot, instance, Thread::Hello));
        }
        self.backplane(BackplaneInput::Tick);
    }

    /// SIGKILL of the backplane: MSMs watch it by pidfd.
    pub(crate) fn kill_backplane(&mut self) {
        let Some(chassis) = self.chassis.as_mut().filter(|chassis| chassis.machine.is_some()) else { return };
        chassis.machine = None;
        chassis.requests.clear();
        chassis.pending = 0;
        self.note(|| "backplane: dies".into());
        for slot in SLOTS {
            if let Some(process) = &mut self.processes[index(slot)] {
                process.connected = false;
                let instance = process.instance;
                self.at(200 * US, Event::Thread(slot, instance, Thread::Revive(0)));
            }
        }
    }

    pub(crate) fn stop_backplane(&mut self, length: u64) {
        let now = self.now;
        if let Some(chassis) = &mut self.chassis {
            chassis.paused_until = chassis.paused_until.max(now + length);
            self.faults.timers_first = true;
            self.note(|| format!("backplane: is stopped for {} ms", length / MS));
        }
    }

    // ---- to it -------------------------------------------------------------------------------------------------

    /// It is told something, after `delay`, if it lives now and then.
    pub(crate) fn tell_backplane(&mut self, delay: u64, input: BackplaneInput) {
        let Some(chassis) = self.chassis.as_mut().filter(|chassis| chassis.machine.is_some()) else { return };
        let start = chassis.start;
        chassis.pending += u64::from(matches!(input, BackplaneInput::Died { .. }));
        self.at(delay, Event::Backplane(start, input));
    }

    pub(crate) fn backplane_hears(&mut self, start: u64, input: BackplaneInput) {
        let Some(chassis) = self.chassis.as_mut().filter(|chassis| chassis.start == start && chassis.lives())
        else {
            return;
        };
        if matches!(
            input,
            BackplaneInput::Died { .. } | BackplaneInput::Running { .. } | BackplaneInput::StartFailed { .. }
        ) {
            chassis.pending = chassis.pending.saturating_sub(1);
        }
        if let BackplaneInput::Operator { request, .. } = &input {
            chassis.requests.insert(*request, true);
        }
        let here = match &input {
            BackplaneInput::Here { slot, pid } => Some((*slot, *pid)),
            _ => None,
        };
        self.backplane(input);
        // It is watched from now on, dead or alive.
        if let Some((slot, pid)) = here
            && self.processes[index(slot)].as_ref().is_none_or(|process| process.pid != pid)
        {
            self.tell_backplane(100 * US, BackplaneInput::Died { slot, pid });
        }
    }

    pub(crate) fn operate(&mut self, what: Operate) {
        let Some(chassis) = self.chassis.as_mut().filter(|chassis| chassis.machine.is_some()) else { return };
        chassis.numbers += 1;
        let request = chassis.numbers;
        chassis.requests.insert(request, false);
        let mut marks = |slot: Slot, mark: fn(&mut crate::truth::Truth)| {
            if let Some(process) = &mut self.processes[index(slot)] {
                mark(&mut process.truth);
            }
        };
        match what {
            Operate::Remove(bay) => bay.msm().into_iter().for_each(|slot| marks(slot, |t| t.pulled = true)),
            Operate::Reset { slot, hard: true } => marks(slot, |truth| truth.hard_reset = true),
            Operate::Reset { slot, hard: false } => marks(slot, |truth| truth.rebooted = true),
            Operate::ResetAll => {
                SLOTS.into_iter().for_each(|slot| marks(slot, |truth| truth.rebooted = true));
            }
            Operate::Insert(_) => {}
        }
        self.tell_backplane(100 * US, BackplaneInput::Operator { request, what });
    }

    /// One step of its machine.
    pub(crate) fn backplane(&mut self, input: BackplaneInput) {
        let now = self.time();
        let Some(machine) = self.chassis.as_mut().and_then(|chassis| chassis.machine.as_mut()) else {
            return;
        };
        let quiet = matches!(input, BackplaneInput::Kick { .. } | BackplaneInput::Tick);
        let text = if self.verbose && !quiet { short(&input) } else { String::new() };
        self.digest.word(self.now);
        self.digest.variant(&input);
        let outputs = machine.step(now, input);
        if !quiet {
            self.note(|| format!("backplane < {text}"));
        }
        for output in outputs {
            self.digest.variant(&output);
            let dies = self.faults.crashes > 0 && self.random.range(0, 4000) < self.faults.crashes;
            if dies {
                return self.kill_backplane();
            }
            self.backplane_output(&output);
        }
        let Some(chassis) = &self.chassis else { return };
        let owes = chassis.requests.values().any(|heard| *heard);
        if let Some(machine) = &chassis.machine {
            self.checks.backplane_has_an_exit(machine, owes, chassis.pending > 0);
        }
    }

    // ---- from it -----------------------------------------------------------------------------------------------

    fn backplane_output(&mut self, output: &BackplaneOutput) {
        self.note(|| format!("backplane > {}", short(output)));
        let delay = 20 * US + self.jitter(self.frame_delay);
        match *output {
            BackplaneOutput::Start { slot } => {
                let delay = 2 * MS + self.jitter(self.restart_delay);
                let Some(chassis) = &mut self.chassis else { return };
                chassis.pending += 1;
                let start = chassis.start;
                self.at(delay, Event::Power(start, slot));
            }
            BackplaneOutput::Kill { slot, pid } => self.backplane_kills(slot, pid),
            BackplaneOutput::Ping { slot, number } => self.tell_msm(slot, delay, Thread::Pong(number)),
            BackplaneOutput::Notice { to, number, about, trigger } => {
                let heir = self.processes[index(to)].as_ref().map(|process| process.instance);
                if let Some(heir) = heir {
                    self.checks.takeovers.noticed(about, trigger, heir);
                    if let Some(process) = &mut self.processes[index(about)] {
                        process.truth.notices.push((trigger, heir, false));
                    }
                }
                let said = if self.broken == Broken::WrongReason { Trigger::HardReset } else { trigger };
                self.tell_msm(to, delay, Thread::Notice(number, said));
            }
            BackplaneOutput::Fabric { bay, state } => self.tables.fabric(bay.index(), state),
            BackplaneOutput::Fabrics { to, all } => self.tell_msm(to, delay, Thread::Fabrics(all)),
            BackplaneOutput::Answer { request, .. } => {
                let asked = self.chassis.as_mut().and_then(|chassis| chassis.requests.remove(&request));
                if asked.is_none() {
                    self.checks.found.fail(crate::Law::Answers, format!("request {request} answered twice"));
                }
            }
            BackplaneOutput::Log { .. } => {}
        }
    }

    /// By chassis.sock, if it is connected.
    fn tell_msm(&mut self, slot: Slot, delay: u64, thread: Thread) {
        if let Some(process) = self.processes[index(slot)].as_ref().filter(|process| process.connected) {
            let instance = process.instance;
            self.at(delay, Event::Thread(slot, instance, thread));
        }
    }

    /// A broken backplane believes who suspects.
    pub(crate) fn resets_unasked(&mut self, slot: Slot) {
        if let Some(process) = &self.processes[index(slot)] {
            self.backplane_kills(slot, process.pid);
        }
    }

    fn backplane_kills(&mut self, slot: Slot, pid: u32) {
        let Some(process) = self.processes[index(slot)].as_mut().filter(|process| process.pid == pid) else {
            return;
        };
        process.truth.killed = true;
        let instance = process.instance;
        let owns = self.reigns(slot, instance);
        let process = self.processes[index(slot)].as_ref().expect("it is there");
        self.checks.resets(self.now, slot, process, owns);
        self.kill(slot);
    }

    /// A slot is powered: a process of it begins, unless one is there.
    pub(crate) fn powers(&mut self, start: u64, slot: Slot) {
        let Some(chassis) = self.chassis.as_ref().filter(|chassis| chassis.start == start && chassis.lives())
        else {
            return;
        };
        let fails = Faults::one(&mut self.faults.starts_fail);
        let start = chassis.start;
        if fails {
            let input = BackplaneInput::StartFailed { slot, text: "planned to fail".into() };
            return self.backplane_hears(start, input);
        }
        if self.processes[index(slot)].is_some() {
            // The slot's lock is taken: the second process ends by itself.
            self.pids += 1;
            let pid = self.pids;
            self.backplane_hears(start, BackplaneInput::Running { slot, pid });
            return self.tell_backplane(2 * MS, BackplaneInput::Died { slot, pid });
        }
        self.start(slot);
        if let Some(process) = &self.processes[index(slot)] {
            let pid = process.pid;
            self.backplane_hears(start, BackplaneInput::Running { slot, pid });
        }
    }

    // ---- an MSM's threads --------------------------------------------------------------------------------------

    pub(crate) fn thread(&mut self, slot: Slot, instance: Instance, thread: Thread) {
        let lives = self.chassis.as_ref().is_some_and(Chassis::lives);
        let delay = 20 * US + self.jitter(self.frame_delay);
        let process = self.process(slot);
        let pid = process.pid;
        match thread {
            Thread::Hello if !lives => self.at(20 * MS, Event::Thread(slot, instance, Thread::Revive(0))),
            Thread::Hello => {
                process.connected = true;
                let first = !std::mem::replace(&mut process.tested, true);
                self.tell_backplane(delay, BackplaneInput::Here { slot, pid });
                if first {
                    let delay = 20 * MS + self.jitter(50 * MS);
                    self.at(delay, Event::Thread(slot, instance, Thread::Passed));
                }
            }
            Thread::Kick => {
                let timeout = process.machine.status().options.watchdog;
                let master = process.machine.role().is_master();
                let next = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX) / 4;
                if process.connected {
                    self.tell_backplane(delay, BackplaneInput::Kick { slot, pid, timeout, master });
                }
                self.at(next, Event::Thread(slot, instance, Thread::Kick));
            }
            Thread::Pong(number) => {
                let delay = delay + self.jitter(MS);
                self.tell_backplane(delay, BackplaneInput::Pong { slot, number });
            }
            Thread::Notice(number, trigger) => {
                self.input(slot, msm_proto::Input::PeerFate { trigger });
                if !self.lives(slot, instance) {
                    return;
                }
                // Who has met that process knows later that it was the one.
                let met = self.process(slot).machine.status().peer.map(|peer| peer.identity.instance);
                if let Some(peer) =
                    self.processes[index(slot.peer())].as_mut().filter(|p| met == Some(p.instance))
                {
                    for (_, whom, noted) in &mut peer.truth.notices {
                        *noted |= *whom == instance;
                    }
                }
                self.tell_backplane(delay, BackplaneInput::Noted { slot, number });
            }
            Thread::Fabrics(all) => {
                process.fabrics = Some(all);
                if self.reigns(slot, instance) && self.broken != Broken::LeavesFabric {
                    self.tables.program(all);
                }
            }
            Thread::Revive(_) if lives => {
                if !process.connected {
                    self.at(10 * MS, Event::Thread(slot, instance, Thread::Hello));
                }
            }
            Thread::Revive(tries) => {
                let role = process.machine.role();
                let Some(after) = role.revives_backplane_after(tries) else { return };
                let after = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
                if tries > 0 || after == 0 {
                    let delay = 3 * MS + self.jitter(5 * MS);
                    self.at(delay, Event::Chassis);
                }
                self.at(after.max(MS), Event::Thread(slot, instance, Thread::Revive(tries + 1)));
            }
            Thread::Passed => {
                if self.tables.halves[Bay::from(slot).index()].state == Fabric::Failed {
                    self.tell_backplane(delay, BackplaneInput::DiagnosticsPassed { slot });
                }
            }
        }
    }

    /// Diagnostics of the MSM in `slot` fail.
    pub(crate) fn diagnostics_fail(&mut self, slot: Slot) {
        if let Some(process) = &mut self.processes[index(slot)] {
            process.truth.diagnosed = true;
            self.reaches(slot, msm_proto::Input::DiagnosticsFailed { text: "told to".into() });
        }
    }
}
