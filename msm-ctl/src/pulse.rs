//! Round trips through critical tasks: who watches asks, and each task answers from its own turn.
//!
//! A task that hangs, or waits for a thread that another one has taken, does not answer. One that has ended has nothing to answer for: its
//! end was an exception.

use std::convert::Infallible;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustix::event::EventfdFlags;
use tokio::sync::Notify;

/// One task's.
pub(crate) struct Pulse {
    asked: AtomicU64,
    answered: AtomicU64,
    question: Notify,
    bell: Arc<OwnedFd>,
}

/// Those of a process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Pulses {
    all: Arc<Mutex<Vec<Weak<Pulse>>>>,
    /// Rung by every answer.
    bell: Arc<OwnedFd>,
}

impl Pulse {
    /// Waits for a question.
    pub(crate) async fn asked(&self) {
        self.question.notified().await;
    }

    /// Answers all questions up to now.
    pub(crate) fn answer(&self) {
        self.answered.store(self.asked.load(Ordering::Acquire), Ordering::Release);
        // It can only fail by being full: then it rings already.
        let _ = rustix::io::write(&*self.bell, &1u64.to_ne_bytes());
    }

    /// Answers for as long as its task runs.
    pub(crate) async fn beat(&self) -> Infallible {
        loop {
            self.asked().await;
            self.answer();
        }
    }
}

impl Pulses {
    /// Nobody's yet.
    pub(crate) fn new() -> io::Result<Self> {
        let bell = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { all: Arc::default(), bell: Arc::new(bell) })
    }

    /// One for a task, which keeps it until it ends.
    pub(crate) fn of_a_task(&self) -> Arc<Pulse> {
        let pulse = Arc::new(Pulse {
            asked: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            question: Notify::new(),
            bell: Arc::clone(&self.bell),
        });
        self.lock().push(Arc::downgrade(&pulse));
        pulse
    }

    /// Asks everybody.
    pub(crate) fn ask(&self) {
        self.lock().retain(|pulse| {
            let Some(pulse) = pulse.upgrade() else { return false };
            pulse.asked.fetch_add(1, Ordering::AcqRel);
            pulse.question.notify_one();
            true
        });
    }

    /// Whether everybody who lives has answered the last question.
    pub(crate) fn all_answered(&self) -> bool {
        let living = |pulse: &Weak<Pulse>| pulse.upgrade();
        self.lock()
            .iter()
            .filter_map(living)
            .all(|pulse| pulse.answered.load(Ordering::Acquire) == pulse.asked.load(Ordering::Acquire))
    }

    /// Readable when somebody has answered since [`Self::silence`].
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// See [`Self::bell`].
    pub(crate) fn silence(&self) {
        let _ = rustix::io::read(&*self.bell, &mut [0; 8]);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Pulse>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn all_who_live_must_answer() {
        let pulses = Pulses::new().expect("a descriptor");
        let [one, two] = [pulses.of_a_task(), pulses.of_a_task()];
        assert!(pulses.all_answered(), "nobody was asked");
        pulses.ask();
        assert!(one.beat().now_or_never().is_none(), "it answers, and waits for the next question");
        assert!(!pulses.all_answered(), "the other hangs");
        assert_eq!(rustix::io::read(pulses.bell(), &mut [0; 8]), Ok(8), "an answer rings");
        two.answer();
        assert!(pulses.all_answered());
        pulses.ask();
        one.answer();
        assert!(!pulses.all_answered(), "an answer of before is none");
        drop(two);
        assert!(pulses.all_answered(), "one that has ended has nothing to answer for");
    }
}
