//! CPU time of processes between two moments.

use std::collections::HashMap;

use rustix::process::Pid;

/// What processes had used at a moment.
pub(super) struct CpuTime(HashMap<Pid, u64>);

impl CpuTime {
    /// Now, of those of `processes` that live.
    pub(super) fn of(processes: impl IntoIterator<Item = Pid>) -> Self {
        Self(processes.into_iter().filter_map(|pid| Some((pid, used_ns(pid)?))).collect())
    }

    /// What `processes` have used since then, in ns. One that was not among the first has begun since.
    pub(super) fn until_now(&self, processes: impl IntoIterator<Item = Pid>) -> u64 {
        let since =
            |pid: Pid| used_ns(pid).unwrap_or(0).saturating_sub(self.0.get(&pid).copied().unwrap_or(0));
        processes.into_iter().map(since).sum()
    }
}

/// CPU time of all threads of a process; `None` if it is gone.
fn used_ns(pid: Pid) -> Option<u64> {
    let mut clock: libc::clockid_t = 0;
    // SAFETY: writes one clockid_t, which lives over the call.
    if unsafe { libc::clock_getcpuclockid(pid.as_raw_pid(), &raw mut clock) } != 0 {
        return None;
    }
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec, which lives over the call.
    if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
        return None;
    }
    Some(time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted() {
        let own = rustix::process::getpid();
        let then = CpuTime::of([own]);
        let begun = std::time::Instant::now();
        let mut sum = 0_u64;
        while begun.elapsed() < std::time::Duration::from_millis(30) {
            sum = std::hint::black_box(sum + 1);
        }
        let used = then.until_now([own]);
        assert!(used > 0 && sum > 0);
        assert!(CpuTime::of([]).until_now([own]) > used, "all that a process used that was not there then");
    }
}
