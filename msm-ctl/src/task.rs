//! Task boundaries: a task that panics is an event with a name, not a death.
//!
//! Every task of a process is spawned here. A panic is caught, named and handed to the owner of the [`Tasks`]; whether it
//! ends in a failover is decided elsewhere, by the recovery level and by whether the task is critical.

use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use tokio::sync::{Notify, mpsc};

use crate::pulse::Pulses;

/// A task that ended by panic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exception {
    /// Name of the task.
    pub(crate) task: &'static str,
    /// Whether the chassis cannot work without it.
    pub(crate) critical: bool,
    /// What the panic said.
    pub(crate) message: String,
}

/// Room for exceptions not yet handled: one for each kind of task and some clients.
const EXCEPTIONS: usize = 64;

/// Spawns tasks, hears of their panics, and knows whether the critical ones get their turn. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tasks {
    sender: mpsc::Sender<Exception>,
    poison: Arc<Mutex<BTreeMap<&'static str, Arc<Poison>>>>,
    pulses: Pulses,
}

/// What ends a task to try what follows.
#[derive(Default)]
pub(crate) struct Poison {
    given: Notify,
    hangs: AtomicBool,
}

impl Poison {
    /// Ends when it is given.
    pub(crate) async fn taken(&self) {
        self.given.notified().await;
    }

    /// Panics, or never gives its thread back.
    pub(crate) fn works(&self) -> ! {
        if self.hangs.load(Ordering::Relaxed) {
            loop {
                std::thread::park();
            }
        }
        panic!("debug exception");
    }
}

impl Tasks {
    /// A set of tasks and where their exceptions come out.
    ///
    /// # Errors
    /// No descriptor is left.
    pub(crate) fn new() -> std::io::Result<(Self, mpsc::Receiver<Exception>)> {
        let (sender, receiver) = mpsc::channel(EXCEPTIONS);
        Ok((Self { sender, poison: Arc::default(), pulses: Pulses::new()? }, receiver))
    }

    /// Round trips through the critical tasks.
    pub(crate) fn pulses(&self) -> &Pulses {
        &self.pulses
    }

    /// Runs `future` as task `name`. Several tasks may share a name (one a client).
    pub(crate) fn spawn(
        &self,
        name: &'static str,
        critical: bool,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        let poison = self.poison(name);
        let sender = self.sender.clone();
        let pulse = critical.then(|| self.pulses.of_a_task());
        tokio::spawn(async move {
            let guarded = AssertUnwindSafe(async {
                let beat = async {
                    match pulse {
                        Some(pulse) => pulse.beat().await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    biased;
                    () = poison.taken() => poison.works(),
                    never = beat => match never {},
                    () = future => {}
                }
            });
            if let Err(payload) = guarded.catch_unwind().await {
                report(&sender, name, critical, payload.as_ref());
            }
        })
    }

    /// Runs `body` on an operating system thread of its own, for work that must not stand in a task's way.
    pub(crate) fn thread(
        &self,
        name: &'static str,
        critical: bool,
        body: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<std::thread::JoinHandle<()>> {
        let sender = self.sender.clone();
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            if let Err(payload) = std::panic::catch_unwind(AssertUnwindSafe(body)) {
                report(&sender, name, critical, payload.as_ref());
            }
        })
    }

    /// Makes task `name` panic, or hang, to try what follows. The error lists the tasks there are.
    pub(crate) fn debug_poison(&self, name: &str, hangs: bool) -> Result<(), String> {
        let tasks = self.poison.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match tasks.get(name) {
            Some(poison) => {
                poison.hangs.store(hangs, Ordering::Relaxed);
                poison.given.notify_one();
                Ok(())
            }
            None => {
                let names: Vec<&str> = tasks.keys().copied().collect();
                Err(format!("no task \"{name}\"; there are {}", names.join(", ")))
            }
        }
    }

    /// What [`Self::debug_poison`] gives to `name`: for a task that is not spawned here.
    pub(crate) fn poison(&self, name: &'static str) -> Arc<Poison> {
        let mut tasks = self.poison.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(tasks.entry(name).or_default())
    }
}

/// Runs `work`; a panic of it is the error, in its own words. What `work` changed before it panicked stays as it is: the caller
/// puts it back.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).map_err(|payload| said(payload.as_ref()))
}

fn said(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".to_owned())
}

fn report(sender: &mpsc::Sender<Exception>, task: &'static str, critical: bool, payload: &(dyn Any + Send)) {
    let message = said(payload);
    // Full or closed: the owner is itself ending, and a death is what its peer acts on.
    let _ = sender.try_send(Exception { task, critical, message });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_named_and_the_others_go_on() {
        let (tasks, mut exceptions) = Tasks::new().expect("a descriptor");
        let (done, finished) = tokio::sync::oneshot::channel();
        tasks.spawn("bad", true, async { panic!("index {}", 7) });
        tasks.spawn("good", false, async move {
            let _ = done.send(());
        });
        let exception = exceptions.recv().await.expect("reported");
        assert_eq!(exception, Exception { task: "bad", critical: true, message: "index 7".into() });
        finished.await.expect("the other task finished");
    }

    #[tokio::test]
    async fn poison_panics_the_named_task_only() {
        let (tasks, mut exceptions) = Tasks::new().expect("a descriptor");
        tasks.spawn("timer", false, std::future::pending());
        tasks.spawn("other", false, std::future::pending());
        tasks.debug_poison("timer", false).expect("known");
        assert_eq!(exceptions.recv().await.expect("reported").task, "timer");
        assert!(exceptions.try_recv().is_err());
        let error = tasks.debug_poison("nobody", false).expect_err("unknown");
        assert!(error.contains("other, timer"), "{error}");
    }

    #[test]
    fn a_panic_is_an_error_in_its_own_words() {
        let mut changed = 0;
        let ended = caught(|| {
            changed = 1;
            panic!("index {}", 7)
        });
        assert_eq!((changed, ended), (1, Err::<(), _>("index 7".to_owned())));
        assert_eq!(caught(|| 7), Ok(7));
    }

    #[test]
    fn a_thread_is_a_task_too() {
        let (tasks, mut exceptions) = Tasks::new().expect("a descriptor");
        tasks.thread("os", false, || panic!("thread")).expect("starts").join().expect("caught");
        assert_eq!(exceptions.blocking_recv().expect("reported").message, "thread");
    }
}
