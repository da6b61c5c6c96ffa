//! The writer: the one thread that waits for the disk, so that no task of the MSM ever does.
//!
//! Writes are done in the order in which they were asked for. Changes of nvram that wait are one write, at the place of the newest;
//! the log is written at most once in [`PACE`].

use std::collections::VecDeque;
use std::io;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::{error, info};

use super::configuration::{self, About, Loaded, Saved};
use super::error::{Fault, FlashError};
use super::nvram::{self, Nvram};
use super::parcel::Parcel;
use super::seal;
use super::store::Store;
use msm_config::area::Area;

/// Writes that may wait, each with up to 16 MiB: one a client is more than a person asks for.
const QUEUE: usize = 8;
/// Changes of nvram in one write.
const CHANGES: usize = 64;
/// Shortest time between two writes of the log: what one fault makes everybody say goes together.
const PACE: Duration = Duration::from_millis(200);
/// How long lines may be known to the machine's memory alone. Long enough that what is said of a fault is not on its way to the disk when the
/// fault ends the process.
const SETTLE: Duration = Duration::from_secs(2);
/// Kind and file of the log.
const LOG: &str = "log";
/// Its newest lines, and all that [`LOG`] has, as long as the disk may not have them.
const RECENT: &str = "log.recent";

type Change = Box<dyn FnOnce(&mut Nvram) + Send>;
type Reply<T> = oneshot::Sender<Result<T, FlashError>>;
/// Gives the log as it is now.
pub(crate) type LogSource = Arc<dyn Fn() -> String + Send + Sync>;

/// A write whose end may be waited for.
#[must_use = "a write that failed is told here only"]
pub(crate) struct Pending<T>(oneshot::Receiver<Result<T, FlashError>>);

impl<T> Pending<T> {
    /// How it ended.
    pub(crate) async fn done(self) -> Result<T, FlashError> {
        self.0.await.unwrap_or(Err(FlashError::Ended))
    }

    /// As [`Self::done`], for a thread of its own.
    #[cfg(test)]
    pub(crate) fn wait(self) -> Result<T, FlashError> {
        self.0.blocking_recv().unwrap_or(Err(FlashError::Ended))
    }
}

enum Job {
    Save { area: Area, text: String, reply: Reply<About> },
    Nvram { changes: Vec<(Change, Reply<()>)> },
    Pack { reply: Reply<Vec<u8>> },
    Unpack { parcel: Box<Parcel>, reply: Reply<()> },
}

struct State {
    jobs: VecDeque<Job>,
    nvram: Nvram,
    log: Option<LogSource>,
    /// The log has lines that were not written.
    unwritten: bool,
    /// Nothing more is taken, and what there is, is done without delay.
    ended: bool,
    /// The thread is gone.
    dead: bool,
    /// Files written.
    #[cfg(test)]
    writes: u64,
}

struct Shared {
    store: Store,
    state: Mutex<State>,
    /// There is something to do.
    wake: Condvar,
    /// The thread has ended.
    gone: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The flash of one MSM. Cheap to clone; nothing here waits for a disk unless it says so.
#[derive(Clone)]
pub(crate) struct Flash(Arc<Shared>);

impl Flash {
    /// Opens the flash in `dir`, which need not be there. Waits for the disk: for the start of a process. The faults are what could not
    /// be used; a flash that cannot be written says so at each write again.
    pub(crate) fn open(dir: &Path) -> io::Result<(Self, Vec<FlashError>)> {
        let store = Store::new(dir.to_owned());
        let mut faults: Vec<FlashError> = store.prepare().err().into_iter().collect();
        let (nvram, fault) = nvram::load(&store);
        faults.extend(fault);
        let state = State {
            jobs: VecDeque::new(),
            nvram,
            log: None,
            unwritten: false,
            ended: false,
            dead: false,
            #[cfg(test)]
            writes: 0,
        };
        let shared =
            Arc::new(Shared { store, state: Mutex::new(state), wake: Condvar::new(), gone: Condvar::new() });
        let flash = Self(Arc::clone(&shared));
        std::thread::Builder::new().name("flash".to_owned()).spawn(move || {
            // The hook has logged it. Who waits is told that nothing is written any more.
            let _ = std::panic::catch_unwind(AssertUnwindSafe(|| run(&shared)));
            let mut state = shared.state();
            state.ended = true;
            state.dead = true;
            state.jobs.clear();
            shared.gone.notify_all();
        })?;
        Ok((flash, faults))
    }

    /// What is saved in `area`; none if nothing ever was. Waits for the disk.
    pub(crate) fn load(&self, area: Area) -> Result<Option<Saved>, FlashError> {
        configuration::load(&self.0.store, area)
    }

    /// What to boot with; see [`configuration::load_selected`]. Waits for the disk.
    pub(crate) fn load_selected<T>(
        &self,
        selected: Area,
        read: impl FnMut(&str) -> Result<T, String>,
    ) -> (Loaded<T>, Vec<FlashError>) {
        configuration::load_selected(&self.0.store, selected, read)
    }

    /// The log of the last run, as its source gave it. Waits for the disk.
    pub(crate) fn load_log(&self) -> Result<Option<String>, FlashError> {
        if let Ok(Some(bytes)) = self.0.store.read(RECENT)
            && let Ok((_, body)) = seal::unseal(LOG, &bytes)
        {
            return Ok(Some(body.to_owned()));
        }
        // None, or the machine went down before the disk had it whole.
        let Some(bytes) = self.0.store.read(LOG)? else { return Ok(None) };
        match seal::unseal(LOG, &bytes) {
            Ok((_, body)) => Ok(Some(body.to_owned())),
            Err(fault) => Err(FlashError::Damaged { path: self.0.store.path(LOG), fault }),
        }
    }

    /// Reads every file again; what of it is not as it was written. Waits for the disk.
    pub(crate) fn verify(&self) -> Vec<FlashError> {
        let saved = Area::ALL.into_iter().filter_map(|area| self.load(area).err());
        let mut faults: Vec<FlashError> = saved.collect();
        faults.extend(nvram::load(&self.0.store).1);
        faults.extend(self.load_log().err());
        faults
    }

    /// Nvram as it was last written.
    pub(crate) fn nvram(&self) -> Nvram {
        self.0.state().nvram.clone()
    }

    /// Saves `text` in `area`.
    pub(crate) fn save(&self, area: Area, text: String) -> Pending<About> {
        self.ask(|reply| Job::Save { area, text, reply })
    }

    /// Changes nvram. If it cannot be written, it stays as it was.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Nvram) + Send + 'static) -> Pending<()> {
        let (reply, answer) = oneshot::channel();
        let mut state = self.0.state();
        let waiting = state.jobs.iter().position(|job| matches!(job, Job::Nvram { .. }));
        let mut changes = match waiting.and_then(|at| state.jobs.remove(at)) {
            Some(Job::Nvram { changes }) => changes,
            _ => Vec::new(),
        };
        let refused = match () {
            () if state.ended => Some(FlashError::Ended),
            () if changes.len() == CHANGES => Some(FlashError::Busy(CHANGES)),
            () if state.jobs.len() >= QUEUE => Some(FlashError::Busy(QUEUE)),
            () => None,
        };
        if let Some(error) = refused {
            let _ = reply.send(Err(error));
        } else {
            changes.push((Box::new(change), reply));
        }
        if !changes.is_empty() {
            state.jobs.push_back(Job::Nvram { changes });
        }
        self.0.wake.notify_one();
        Pending(answer)
    }

    /// Both configurations and the selections, for the slave: a [`Parcel`], encoded.
    pub(crate) fn pack(&self) -> Pending<Vec<u8>> {
        self.ask(|reply| Job::Pack { reply })
    }

    /// Makes configurations and selections those of `parcel`.
    pub(crate) fn unpack(&self, parcel: Parcel) -> Pending<()> {
        self.ask(|reply| Job::Unpack { parcel: Box::new(parcel), reply })
    }

    /// Where the log comes from that is kept over a boot.
    pub(crate) fn set_log_source(&self, source: LogSource) {
        self.0.state().log = Some(source);
    }

    /// The log has new lines to keep. Safe to call from anywhere that does not hold what the source locks.
    pub(crate) fn log_changed(&self) {
        let mut state = self.0.state();
        if !state.unwritten {
            state.unwritten = true;
            self.0.wake.notify_one();
        }
    }

    /// Takes no more work and waits until what there is, is done, at most `within`. True if it is.
    pub(crate) fn end(&self, within: Duration) -> bool {
        let mut state = self.0.state();
        state.ended = true;
        self.0.wake.notify_one();
        let (_state, waited) = self
            .0
            .gone
            .wait_timeout_while(state, within, |state| !state.dead)
            .unwrap_or_else(PoisonError::into_inner);
        !waited.timed_out()
    }

    fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Pending<T> {
        let (reply, answer) = oneshot::channel();
        let mut state = self.0.state();
        if state.ended || state.jobs.len() >= QUEUE {
            let error = if state.ended { FlashError::Ended } else { FlashError::Busy(QUEUE) };
            let _ = reply.send(Err(error));
        } else {
            state.jobs.push_back(job(reply));
            self.0.wake.notify_one();
        }
        Pending(answer)
    }
}

/// What the thread does next.
enum Work {
    Job(Job),
    Log(LogSource),
    Settle,
}

fn run(shared: &Shared) {
    let mut log = LogFile { written: None, unsettled: None, failing: false };
    while let Some(work) = next(shared, &log) {
        let _patience = crate::process::Patience::begin();
        match work {
            Work::Job(job) => carry_out(shared, job),
            Work::Log(source) => log.write(shared, &source),
            Work::Settle => log.settle(shared),
        }
    }
}

/// Waits for work; none at the end. Jobs go first: somebody waits for them.
fn next(shared: &Shared, log: &LogFile) -> Option<Work> {
    let mut state = shared.state();
    loop {
        if let Some(job) = state.jobs.pop_front() {
            return Some(Work::Job(job));
        }
        let write = match (&state.log, state.unwritten) {
            (Some(source), true) => {
                let wait = log.written.map_or(Duration::ZERO, |at| PACE.saturating_sub(at.elapsed()));
                if state.ended || wait.is_zero() {
                    let source = Arc::clone(source);
                    state.unwritten = false;
                    return Some(Work::Log(source));
                }
                Some(wait)
            }
            _ => None,
        };
        let settle = log.unsettled.map(|since| SETTLE.saturating_sub(since.elapsed()));
        if settle.is_some_and(|wait| wait.is_zero()) && !state.ended {
            return Some(Work::Settle);
        }
        let wait = [write, settle].into_iter().flatten().min();
        state = match wait {
            _ if state.ended => return None,
            Some(wait) => shared.wake.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0,
            None => shared.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
        };
    }
}

fn carry_out(shared: &Shared, job: Job) {
    let store = &shared.store;
    // Who asked may be gone: then nobody hears how it ended, and the log has what went wrong.
    match job {
        Job::Save { area, text, reply } => {
            let saved = configuration::save(store, area, &text);
            count(shared);
            match &saved {
                Ok(about) => info!(target: "msm.flash", "{area} configuration saved, {} bytes", about.bytes),
                Err(why) => error!(target: "msm.flash", "{area} configuration not saved: {why}"),
            }
            let _ = reply.send(saved);
        }
        Job::Nvram { changes } => {
            let mut wanted = shared.state().nvram.clone();
            let mut replies = Vec::with_capacity(changes.len());
            for (change, reply) in changes {
                change(&mut wanted);
                replies.push(reply);
            }
            let result = remember(shared, wanted);
            for reply in replies {
                let _ = reply.send(result.clone());
            }
        }
        Job::Pack { reply } => {
            let Nvram { configuration, image, .. } = shared.state().nvram;
            let _ = reply.send(Parcel::pack(store, configuration, image).map(|parcel| parcel.encode()));
        }
        Job::Unpack { parcel, reply } => {
            let done = parcel.unpack(store).and_then(|()| {
                let mut wanted = shared.state().nvram.clone();
                (wanted.configuration, wanted.image) = (parcel.configuration, parcel.image);
                remember(shared, wanted)
            });
            match &done {
                Ok(()) => info!(target: "msm.flash", "flash is a copy of the master's"),
                Err(why) => {
                    error!(target: "msm.flash", "flash is not, or only in part, a copy of the master's: {why}");
                }
            }
            let _ = reply.send(done);
        }
    }
}

/// Writes nvram, if it differs.
fn remember(shared: &Shared, wanted: Nvram) -> Result<(), FlashError> {
    if shared.state().nvram == wanted {
        return Ok(());
    }
    let result = nvram::save(&shared.store, &wanted);
    count(shared);
    match &result {
        Ok(()) | Err(FlashError::NotSynced { .. }) => shared.state().nvram = wanted,
        Err(_) => {}
    }
    if let Err(why) = &result {
        error!(target: "msm.flash", "nvram not saved: {why}");
    }
    result
}

/// Two files. Lines go to [`RECENT`] at once, for which nobody waits for the disk: a process that dies with its last lines on their way to the disk dies when
/// it answers, and its slave waits as long. There they outlast the process. Some time later the disk has them, and the file takes the name [`LOG`].
struct LogFile {
    /// When it was last tried.
    written: Option<Instant>,
    /// Since when there are lines that the disk may not have.
    unsettled: Option<Instant>,
    failing: bool,
}

impl LogFile {
    fn write(&mut self, shared: &Shared, source: &LogSource) {
        let result = seal::seal(LOG, "", &source())
            .map_err(|fault: Fault| FlashError::Damaged { path: shared.store.path(LOG), fault })
            .and_then(|bytes| shared.store.jot(RECENT, &bytes));
        count(shared);
        let now = Instant::now();
        self.written = Some(now);
        if result.is_ok() {
            self.unsettled.get_or_insert(now);
        }
        self.tell(&result);
    }

    fn settle(&mut self, shared: &Shared) {
        self.unsettled = None;
        self.tell(&shared.store.settle(RECENT, LOG));
    }

    fn tell(&mut self, result: &Result<(), FlashError>) {
        // Said once: the line that says it is one more to write.
        if let Err(why) = result
            && !self.failing
        {
            error!(target: "msm.flash", "the log is not kept over a boot: {why}");
        }
        self.failing = result.is_err();
    }
}

fn count(shared: &Shared) {
    #[cfg(test)]
    {
        shared.state().writes += 1;
    }
    #[cfg(not(test))]
    let _ = shared;
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
