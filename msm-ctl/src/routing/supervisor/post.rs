//! One daemon's post: who fills it, and when the next one is due.

use std::process::Child;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::process::{self, Process};

/// One that lived for as long is started again at once.
const LIVED: Duration = Duration::from_secs(5);
/// Wait before the second start in a row, doubled each time.
const FIRST: Duration = Duration::from_millis(100);
/// Longest wait.
const LONGEST: Duration = Duration::from_secs(10);

/// See the file's first line.
#[derive(Default)]
pub(super) struct Post {
    /// Who fills it.
    pub(super) process: Option<Arc<Process>>,
    /// If this supervisor started it.
    child: Option<Child>,
    /// Kernel time of its start or death.
    pub(super) since_ns: u64,
    /// How often it died.
    pub(super) restarts: u32,
    /// Short lives in a row.
    short: u32,
    /// When the next may be started; none: at once.
    pub(super) start_at: Option<Instant>,
    /// It was told to end: when it is killed.
    pub(super) kill_at: Option<Instant>,
    /// zebra keeps its routes if it dies.
    pub(super) held: bool,
    /// It is back from its death, and not yet as it was: see [`super::super::restart`].
    pub(super) returns: bool,
    /// It has been logged that zebra does not.
    pub(super) warned: bool,
    /// The last one died: the next one comes back, and is not new.
    pub(super) died: bool,
    /// It is being killed to begin as after a boot: the next one is new, whatever the last one knew.
    pub(super) anew: bool,
}

impl Post {
    /// `process` fills it.
    pub(super) fn started(&mut self, process: Arc<Process>, child: Child) {
        self.process = Some(process);
        self.child = Some(child);
        self.since_ns = process::monotonic_ns();
        (self.held, self.returns, self.kill_at, self.start_at) = (false, false, None, None);
    }

    /// It could not be filled.
    pub(super) fn failed(&mut self) {
        self.short = self.short.saturating_add(1);
        self.start_at = Some(Instant::now() + wait(self.short));
    }

    /// Its process has ended; the text is how. `wanted`: it should not have.
    pub(super) fn ended(&mut self, wanted: bool) -> String {
        let pid = self.process.take().map(|process| process.pid());
        // The pidfd is readable: this does not wait.
        let status = match self.child.take_if(|child| Some(child.id()) == pid) {
            Some(mut child) => child.wait().map_or_else(|e| e.to_string(), |status| status.to_string()),
            None => "no child of this supervisor".to_owned(),
        };
        let now = process::monotonic_ns();
        let lived = Duration::from_nanos(now.saturating_sub(self.since_ns));
        self.since_ns = now;
        (self.held, self.kill_at) = (false, None);
        if wanted {
            self.restarts += 1;
            self.died = true;
            self.short = if lived >= LIVED { 0 } else { self.short.saturating_add(1) };
            self.start_at = Some(Instant::now() + wait(self.short));
        } else {
            (self.short, self.start_at, self.died) = (0, None, false);
        }
        status
    }
}

/// After so many short lives in a row. The first death is no sign of a second.
fn wait(short: u32) -> Duration {
    match short {
        0 | 1 => Duration::ZERO,
        more => FIRST.saturating_mul(1 << (more - 2).min(10)).min(LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_dies_again_and_again_is_started_ever_later() {
        assert_eq!([0, 1, 2, 3, 4].map(wait), [0, 0, 100, 200, 400].map(Duration::from_millis));
        assert_eq!(wait(u32::MAX), LONGEST);
    }
}
