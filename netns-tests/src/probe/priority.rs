//! Who goes before whom on a CPU: load below the switch, the switch below what measures it.

/// Senders.
pub(crate) const SENDER: i32 = 1;
/// Who stamps events and answers. The product's processes run at 2: an observer behind them would measure its own waiting.
const OBSERVER: i32 = 3;

/// The calling thread, and what it starts, goes before the switch until this is dropped.
#[derive(Debug)]
pub struct Observing(());

impl Observing {
    /// From now on.
    #[must_use]
    pub fn begin() -> Self {
        raise(OBSERVER);
        Self(())
    }
}

impl Drop for Observing {
    fn drop(&mut self) {
        schedule(libc::SCHED_OTHER, 0);
    }
}

/// Makes the calling thread real time (SCHED_RR); where there is no budget for that, as nice as can be. `true` for real time.
pub(crate) fn raise(priority: i32) -> bool {
    if schedule(libc::SCHED_RR, priority) {
        return true;
    }
    // A cgroup without real-time budget (CONFIG_RT_GROUP_SCHED).
    // SAFETY: plain system call; on Linux 0 is the calling thread.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -20) };
    // SAFETY: plain system call: wakes within 1 ns of the time asked, where 50,000 is the default.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1_u64) };
    false
}

fn schedule(policy: i32, priority: i32) -> bool {
    let parameter = libc::sched_param { sched_priority: priority };
    // SAFETY: the calling thread (0), and a parameter that lives over the call.
    unsafe { libc::sched_setscheduler(0, policy, &raw const parameter) == 0 }
}
