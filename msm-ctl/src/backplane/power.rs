//! When a slot whose MSM has died is started again. Pure: time is an argument.

use std::time::Duration;

/// A process that lived this long was no failed start: its death is answered at once.
const SETTLED: Duration = Duration::from_secs(1);
/// First wait after two short lives in a row; doubles with each further one.
const FIRST: Duration = Duration::from_millis(100);
/// Longest wait: a slot that cannot start is tried this often, for as long as the chassis is up.
const LONGEST: Duration = Duration::from_secs(5);

/// The deaths of one slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Power {
    short_lives: u32,
}

impl Power {
    /// How long to wait before the next start, after a process that lived for `life`.
    pub(crate) fn died(&mut self, life: Duration) -> Duration {
        if life >= SETTLED {
            self.short_lives = 0;
            return Duration::ZERO;
        }
        self.short_lives += 1;
        match self.short_lives {
            1 => Duration::ZERO,
            n => FIRST.saturating_mul(1 << (n - 2).min(16)).min(LONGEST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settled_process_comes_back_at_once_however_often() {
        let mut power = Power::default();
        for _ in 0..100 {
            assert_eq!(power.died(SETTLED), Duration::ZERO);
        }
    }

    #[test]
    fn one_that_cannot_start_is_tried_less_and_less_but_for_ever() {
        let mut power = Power::default();
        let waits: Vec<u64> =
            (0..10).map(|_| power.died(Duration::from_millis(3)).as_millis() as u64).collect();
        assert_eq!(waits, [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
        assert_eq!(power.died(SETTLED), Duration::ZERO);
        assert_eq!(power.died(Duration::ZERO), Duration::ZERO);
    }
}
