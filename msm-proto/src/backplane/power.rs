//! When a slot whose MSM has died is started again. Pure: time is an argument.

use std::time::Duration;

/// Deaths in a row that are answered at once: an operator who tries failovers is no failing slot.
const CREDIT: u32 = 32;
/// A process that lived this long gives one of them back.
const REGAIN: Duration = Duration::from_secs(1);
/// First wait after a failed start, or when the credit is used up; doubles with each further one.
const FIRST: Duration = Duration::from_millis(100);
/// Longest wait: a slot that cannot start is tried this often, for as long as the chassis is up.
const LONGEST: Duration = Duration::from_secs(5);

/// The deaths of one slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Power {
    /// Deaths that were answered at once and are not regained.
    used: u32,
    /// Waits in a row.
    waits: u32,
}

impl Power {
    /// How long to wait before the next start, after a process that lived for `life`; `started`: it got as far as
    /// introducing itself.
    pub(super) fn died(&mut self, life: Duration, started: bool) -> Duration {
        let regained = u32::try_from(life.as_millis() / REGAIN.as_millis()).unwrap_or(u32::MAX);
        self.used = self.used.saturating_sub(regained);
        if started && self.used < CREDIT {
            self.used += 1;
            self.waits = 0;
            return Duration::ZERO;
        }
        self.waits += 1;
        FIRST.saturating_mul(1 << (self.waits - 1).min(16)).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_that_works_comes_back_at_once_however_often() {
        let mut power = Power::default();
        for _ in 0..1000 {
            assert_eq!(power.died(REGAIN, true), Duration::ZERO);
        }
        for _ in 0..CREDIT - 1 {
            assert_eq!(power.died(Duration::from_millis(30), true), Duration::ZERO);
        }
    }

    #[test]
    fn one_that_cannot_start_is_tried_less_and_less_but_for_ever() {
        let mut power = Power::default();
        let waits: Vec<u64> =
            (0..9).map(|_| power.died(Duration::from_millis(3), false).as_millis() as u64).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
        assert_eq!(power.died(Duration::ZERO, true), Duration::ZERO, "it started after all");
    }

    #[test]
    fn one_that_dies_again_and_again_soon_after_its_start_waits_too() {
        let mut power = Power::default();
        let waited =
            (0..100).filter(|_| power.died(Duration::from_millis(30), true) > Duration::ZERO).count();
        assert_eq!(waited, 100 - CREDIT as usize);
    }
}
