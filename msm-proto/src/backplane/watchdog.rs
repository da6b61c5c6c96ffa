//! The watchdog: an MSM that does not kick is reset.
//!
//! Its first kick arms it, so that one that was found running, or boots slowly, is not reset for it.

use std::time::Duration;

use super::{
    Backplane,
    events::{BackplaneOutput, Fabric},
    timers,
};
use crate::{
    cause::Trigger,
    options::{SILENCE_MAX, SILENCE_MIN},
    roles::Level,
    slot::Slot,
    time::Time,
};

/// Kicks in a timeout.
const KICKS: u32 = 4;

/// One that is armed.
#[derive(Debug)]
pub(super) struct Watchdog {
    pub(super) timeout: Duration,
    kicked: Time,
    expires: Time,
    /// It has expired, and what waits in the sockets is read first.
    called: bool,
}

impl Watchdog {
    fn kicked(now: Time, timeout: Duration) -> Self {
        let timeout = timeout.clamp(SILENCE_MIN, SILENCE_MAX);
        Self { timeout, kicked: now, expires: now + timeout, called: false }
    }

    pub(super) fn expires(&self) -> Time {
        self.expires
    }

    /// Whether it has expired for good: the first time, a kick may be waiting behind the timer.
    fn has_expired(&mut self, now: Time) -> bool {
        if now < self.expires || self.called {
            return now >= self.expires;
        }
        self.called = true;
        self.expires = now + timers::DRAIN;
        false
    }

    /// Whether a kick is overdue: a busy machine may be half an interval late with one.
    pub(super) fn is_overdue(&self, now: Time) -> bool {
        let interval = self.timeout / KICKS;
        now > self.kicked + interval + interval / 2
    }

    /// The backplane did not run: kicks may wait in its sockets. If it was `long`, the next is an interval away at most.
    pub(super) fn excuse(&mut self, now: Time, long: bool) {
        let more = if long { self.timeout / KICKS } else { timers::DRAIN };
        self.expires = self.expires.max(now + more);
        self.kicked = self.kicked.max(now);
    }
}

impl Backplane {
    pub(super) fn kick(&mut self, now: Time, slot: Slot, pid: u32, timeout: Duration, master: bool) {
        // One of a process that is not in the slot any more, or not yet, says nothing of who is.
        let Some(process) = self.msm(slot).of(pid) else { return };
        process.introduced = true;
        process.master = master;
        process.watchdog = Some(Watchdog::kicked(now, timeout));
    }

    /// Resets who did not kick.
    pub(super) fn watch(&mut self, now: Time, slot: Slot) {
        let Some(process) = &mut self.msm(slot).process else { return };
        let expired =
            process.watchdog.as_mut().and_then(|watchdog| watchdog.has_expired(now).then_some(watchdog));
        if let Some(timeout) = expired.map(|watchdog| watchdog.timeout)
            && process.doom.is_none()
        {
            let text = format!("MSM {slot} did not kick its watchdog for {} ms", timeout.as_millis());
            self.out.push(BackplaneOutput::Log { level: Level::Error, text });
            self.reset(now, slot, Trigger::WatchdogTimeout, Some(Fabric::Reset), None);
        }
    }
}
