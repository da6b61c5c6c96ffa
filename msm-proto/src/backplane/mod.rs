//! The machine of the chassis process: power, watchdog, arbitration, and what operators do to cards.
//!
//! It holds no forwarding state and knows no roles but what kicks say of them: what a reset means for mastership is decided by the
//! surviving MSM, which is told the reason before the reset.

mod arbitration;
mod events;
mod operator;
mod power;
mod presence;
mod reset;
mod revival;
mod state;
#[cfg(test)]
mod tests;
mod timers;
mod watchdog;

pub use events::{BackplaneInput, BackplaneOutput, Bay, BayStatus, Fabric, Operate};

use self::{arbitration::Arbitration, state::Msm};
use crate::{cause::Trigger, roles::Level, slot::Slot, time::Time};

/// Slots with a controller.
const SLOTS: [Slot; 2] = [Slot::A, Slot::B];

/// One chassis.
#[derive(Debug)]
pub struct Backplane {
    /// Bays that this chassis has.
    bays: Vec<Bay>,
    msms: [Msm; 2],
    fabrics: [Fabric; 4],
    arbitration: Option<Arbitration>,
    /// Last number of a ping or notice.
    numbers: u64,
    /// When a step should have come by now: a late one means that this process did not run.
    expected: Option<Time>,
    out: Vec<BackplaneOutput>,
}

impl Backplane {
    /// A chassis with `bays`, all of them filled. What runs already is told by [`BackplaneInput::Running`] before the first
    /// [`BackplaneInput::Tick`], which starts the rest.
    #[must_use]
    pub fn new(bays: &[Bay]) -> Self {
        Self::adopt(bays, [Fabric::Present; 4])
    }

    /// The same for one that forwards already, with its fabrics as the FABRICS table has them: an absent one is a card that is out.
    #[must_use]
    pub fn adopt(bays: &[Bay], fabrics: [Fabric; 4]) -> Self {
        let there = |bay: Bay| bays.contains(&bay) && fabrics[bay.index()] != Fabric::Absent;
        Self {
            bays: Bay::ALL.into_iter().filter(|bay| bays.contains(bay)).collect(),
            msms: SLOTS.map(|slot| Msm::new(!there(slot.into()))),
            fabrics: Bay::ALL.map(|bay| if there(bay) { fabrics[bay.index()] } else { Fabric::Absent }),
            arbitration: None,
            numbers: 0,
            expected: None,
            out: Vec::new(),
        }
    }

    /// Takes one input at `now` and says what is to be done. Never panics on what an MSM or an operator says.
    pub fn step(&mut self, now: Time, input: BackplaneInput) -> Vec<BackplaneOutput> {
        if let Some(expected) = self.expected.filter(|expected| now > *expected + timers::SOON) {
            self.excuse(now, now > expected + timers::LATE);
        }
        match input {
            BackplaneInput::Tick => self.tick(now),
            BackplaneInput::Running { slot, pid } => self.running(now, slot, pid),
            BackplaneInput::StartFailed { slot, text } => self.start_failed(now, slot, &text),
            BackplaneInput::Here { slot, pid } => self.here(now, slot, pid),
            BackplaneInput::Gone { slot, pid } => {
                if let Some(process) = self.msm(slot).of(pid) {
                    process.connected = false;
                }
            }
            BackplaneInput::Died { slot, pid } => self.died(now, slot, pid),
            BackplaneInput::Kick { slot, pid, timeout, master } => self.kick(now, slot, pid, timeout, master),
            BackplaneInput::Pong { slot, number } => self.pong(now, slot, number),
            BackplaneInput::Suspect { by, keepalive } => self.suspect(now, by, keepalive),
            BackplaneInput::DiagnosticsFailed { slot, text } => self.diagnostics_failed(now, slot, &text),
            BackplaneInput::DiagnosticsPassed { slot } => self.diagnostics_passed(slot),
            BackplaneInput::Noted { slot, number } => self.noted(now, slot, number),
            BackplaneInput::Operator { request, what } => self.operate(now, request, what),
        }
        self.expected = self.deadline();
        std::mem::take(&mut self.out)
    }

    /// When [`BackplaneInput::Tick`] is due. Changes with every step; a Tick that comes early does nothing.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        let arbitration = self.arbitration.as_ref().map(Arbitration::deadline);
        self.msms.iter().map(Msm::deadline).chain([arbitration]).flatten().min()
    }

    /// What is in each bay.
    #[must_use]
    pub fn status(&self) -> Vec<BayStatus> {
        let one = |bay: &Bay| {
            let process = bay.msm().and_then(|slot| self.msms[slot as usize].process.as_ref());
            BayStatus {
                bay: *bay,
                fabric: self.fabrics[bay.index()],
                process: process.map(|process| process.pid),
                connected: process.is_some_and(|process| process.connected),
                master: process.is_some_and(|process| process.master),
                watchdog: process
                    .and_then(|process| process.watchdog.as_ref())
                    .map(|watchdog| watchdog.timeout),
                reset: process.and_then(|process| process.doom).map(|doom| doom.trigger),
            }
        };
        self.bays.iter().map(one).collect()
    }

    fn msm(&mut self, slot: Slot) -> &mut Msm {
        &mut self.msms[slot as usize]
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn log(&mut self, level: Level, text: impl Into<String>) {
        self.out.push(BackplaneOutput::Log { level, text: text.into() });
    }

    /// This process did not run: what should have come meanwhile may be waiting. `long`: perhaps nobody ran.
    fn excuse(&mut self, now: Time, long: bool) {
        for msm in &mut self.msms {
            if let Some(watchdog) = msm.process.as_mut().and_then(|process| process.watchdog.as_mut()) {
                watchdog.excuse(now, long);
            }
        }
        if let Some(arbitration) = &mut self.arbitration {
            arbitration.excuse(now, long);
        }
    }

    fn tick(&mut self, now: Time) {
        self.judge(now);
        for slot in SLOTS {
            self.watch(now, slot);
            self.hasten(now, slot);
            self.power(now, slot);
        }
    }

    /// Tells MSMs of all fabrics.
    fn tell(&mut self, slot: Slot) {
        if self.msm(slot).listens() {
            let all = self.fabrics;
            self.out.push(BackplaneOutput::Fabrics { to: slot, all });
        }
    }

    /// The hardware's doing, then the MSMs are told.
    fn set_fabric(&mut self, bay: Bay, state: Fabric) {
        self.fabrics[bay.index()] = state;
        self.out.push(BackplaneOutput::Fabric { bay, state });
        SLOTS.into_iter().for_each(|slot| self.tell(slot));
    }

    fn has(&self, bay: Bay) -> bool {
        self.fabrics[bay.index()] != Fabric::Absent
    }

    fn diagnostics_failed(&mut self, now: Time, slot: Slot, text: &str) {
        let bay = Bay::from(slot);
        if !self.has(bay) || self.msm(slot).doom().is_some() {
            return;
        }
        self.log(Level::Error, format!("MSM {slot}: diagnostics failed: {text}"));
        if self.fabrics[bay.index()] == Fabric::Failed {
            return self.log(
                Level::Error,
                format!("MSM {slot} was reset for it and fails still: its fabric is not used"),
            );
        }
        self.reset(now, slot, Trigger::Diagnostic, Some(Fabric::Failed), None);
    }

    fn diagnostics_passed(&mut self, slot: Slot) {
        let bay = Bay::from(slot);
        if self.fabrics[bay.index()] == Fabric::Failed && self.msm(slot).doom().is_none() {
            self.log(Level::Info, format!("MSM {slot}: diagnostics pass: its fabric is used again"));
            self.set_fabric(bay, Fabric::Present);
        }
    }
}
