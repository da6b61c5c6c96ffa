//! Who is at fault when a slave hears nothing of its master: a sick slave must not reset a healthy master (DESIGN.md section 6).

use std::time::Duration;

use super::{
    Backplane,
    events::{BackplaneOutput, Fabric},
    timers,
};
use crate::{cause::Trigger, options::SILENCE_MIN, roles::Level, slot::Slot, time::Time};

/// A suspected MSM has its time to answer.
#[derive(Debug)]
pub(super) struct Arbitration {
    by: Slot,
    number: u64,
    until: Time,
    /// How long an answer may take.
    wait: Duration,
    stage: Stage,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// A kick that is late may be waiting in a socket.
    Kick,
    /// The answer.
    Answer,
    /// The same, but its time is over: it may be waiting in a socket.
    LastCall,
}

impl Arbitration {
    pub(super) fn deadline(&self) -> Time {
        self.until
    }

    /// The backplane did not run: the answer may wait in its socket.
    pub(super) fn excuse(&mut self, now: Time, long: bool) {
        self.until = self.until.max(now + if long { timers::PONG } else { timers::DRAIN });
    }

    /// Whether it is about the MSM in `slot`, on one side or the other. It is about both there are.
    pub(super) fn concerns(&self, slot: Slot) -> bool {
        self.by == slot || self.by.peer() == slot
    }
}

impl Backplane {
    pub(super) fn suspect(&mut self, now: Time, by: Slot, keepalive: Duration) {
        let suspect = by.peer();
        if self.arbitration.is_some() || !self.msm(by).listens() {
            return;
        }
        if self.msm(by).is_master() {
            return self
                .log(Level::Warning, format!("MSM {by} suspects MSM {suspect}, but is the master itself"));
        }
        // A dead one is told by its pidfd, one that is being reset by its death.
        let Some(process) = self.msm(suspect).process.as_ref().filter(|process| process.doom.is_none())
        else {
            return;
        };
        let overdue = process.watchdog.as_ref().is_some_and(|watchdog| watchdog.is_overdue(now));
        let (connected, known) = (process.connected, process.introduced);
        self.log(Level::Warning, format!("MSM {by} hears nothing of MSM {suspect}"));
        let wait = (keepalive.max(SILENCE_MIN) / 5).min(timers::PONG);
        let number = self.number();
        let (stage, first) = match (known, overdue) {
            // This backplane was started again: who runs says hello soon.
            (false, _) => (Stage::Answer, timers::HELLO),
            (true, true) => (Stage::Kick, timers::DRAIN),
            (true, false) => (Stage::Answer, wait),
        };
        self.arbitration = Some(Arbitration { by, number, until: now + first, wait, stage });
        if connected {
            self.out.push(BackplaneOutput::Ping { slot: suspect, number });
        }
    }

    /// An MSM is connected: if it is suspected, it can be asked now.
    pub(super) fn ask(&mut self, now: Time, slot: Slot) {
        if let Some(held) = self.arbitration.as_mut().filter(|held| held.by.peer() == slot) {
            held.stage = Stage::Answer;
            held.until = now + held.wait;
            let number = held.number;
            self.out.push(BackplaneOutput::Ping { slot, number });
        }
    }

    /// The suspected one lives: the slave is at fault. Its fabric is not.
    pub(super) fn pong(&mut self, now: Time, slot: Slot, number: u64) {
        let answers = |held: &mut Arbitration| held.number == number && held.by == slot.peer();
        let Some(Arbitration { by, .. }) = self.arbitration.take_if(answers) else { return };
        self.log(Level::Error, format!("MSM {slot} answers: MSM {by}, which does not hear it, is reset"));
        self.reset(now, by, Trigger::KeepaliveLoss, None, None);
    }

    pub(super) fn judge(&mut self, now: Time) {
        let Some(mut held) = self.arbitration.take_if(|held| now >= held.until) else { return };
        let suspect = held.by.peer();
        let watchdog = self.msm(suspect).process.as_ref().and_then(|process| process.watchdog.as_ref());
        let overdue = watchdog.is_some_and(|watchdog| watchdog.is_overdue(now));
        match held.stage {
            Stage::Kick if overdue => {
                return self.convict(now, suspect, "it is late with its watchdog's kick, too");
            }
            Stage::Kick => (held.stage, held.until) = (Stage::Answer, now + held.wait),
            Stage::Answer => (held.stage, held.until) = (Stage::LastCall, now + timers::DRAIN),
            Stage::LastCall => return self.convict(now, suspect, "it does not answer, either"),
        }
        self.arbitration = Some(held);
    }

    fn convict(&mut self, now: Time, slot: Slot, why: &str) {
        self.log(Level::Error, format!("MSM {slot} is reset: {why}"));
        self.reset(now, slot, Trigger::KeepaliveLoss, Some(Fabric::Reset), None);
    }
}
