//! An MSM's side of the backplane, on a thread of its own that goes before the others: says who it is, kicks the watchdog while the
//! critical tasks answer, passes on what the backplane says, and hears of its death.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use prost::Message;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, poll};
use tokio::sync::mpsc;
use tracing::{info, warn};

use msm_proto::backplane::Fabric;
use msm_proto::{Slot, Trigger};

use super::messages::{
    FromBackplane, Hello, Kick, MESSAGE_MAX, Nothing, ToBackplane, from_backplane as from, to_backplane::Body,
};
use super::socket;
use crate::config::chassis::Chassis;
use crate::process::{self, Process};
use crate::pulse::Pulses;
use crate::task::Tasks;

/// How often a missing backplane is looked for: its socket is there some 10 ms after it was started.
const RETRY: Duration = Duration::from_millis(20);
/// Kicks in a timeout.
const KICKS: u32 = 4;
/// Between two kicks at least, whatever is configured.
const KICK_MIN: Duration = Duration::from_millis(10);
/// Words of the actor that wait to be said.
const OUTBOX: usize = 64;
/// Pings that wait for the critical tasks: the backplane asks one at a time.
const PINGS: usize = 16;
/// What is said to a missing backplane and kept for the next one.
const KEPT: usize = 16;
/// Name of the thread.
const THREAD: &str = "watchdog";

/// Presence of the backplane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Connected.
    Here,
    /// Dead, or never there.
    Gone,
}

/// What the actor hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// The first word tells how it is at the start.
    Presence(Presence),
    /// All fabrics, by bay.
    Fabrics {
        /// What they are.
        all: [Fabric; 4],
        /// When this process had the word.
        at: Instant,
    },
    /// An MSM is about to be reset.
    Notice {
        /// To be acknowledged with it.
        number: u64,
        /// Which.
        about: Slot,
        /// Why.
        trigger: Trigger,
    },
}

/// What the kicks say of this MSM.
struct Terms {
    watchdog_ms: AtomicU32,
    master: AtomicBool,
}

/// The actor's end of the thread. It never waits.
#[derive(Clone)]
pub(crate) struct Line {
    words: SyncSender<Body>,
    bell: Arc<OwnedFd>,
    terms: Arc<Terms>,
}

impl Line {
    /// What the next kicks say. A change is said at once.
    pub(crate) fn terms(&self, watchdog: Duration, master: bool) {
        let ms = u32::try_from(watchdog.as_millis()).unwrap_or(u32::MAX);
        let same = self.terms.watchdog_ms.swap(ms, Ordering::Relaxed) == ms;
        if self.terms.master.swap(master, Ordering::Relaxed) != master || !same {
            self.ring();
        }
    }

    /// The machine has taken the notice of this number.
    pub(crate) fn noted(&self, number: u64) {
        self.say(Body::Noted(number));
    }

    /// Nothing has been heard of the master for so long.
    pub(crate) fn suspect(&self, keepalive: Duration) {
        self.say(Body::Suspect(u64::try_from(keepalive.as_millis()).unwrap_or(u64::MAX)));
    }

    /// A self test of the MSM in slot `of` failed. If the backplane is away, the next one is told.
    pub(crate) fn diagnostics_failed(&self, of: Slot, text: &str) {
        self.say(ToBackplane::failure(of, text));
    }

    /// The self test of this MSM passed. If the backplane is away, the next one is told.
    pub(crate) fn diagnostics_passed(&self) {
        self.say(Body::DiagnosticsPassed(Nothing {}));
    }

    fn say(&self, body: Body) {
        match self.words.try_send(body) {
            Ok(()) => self.ring(),
            Err(TrySendError::Full(_)) => {
                warn!(target: "msm.backplane", "the watchdog thread is behind: a word to the backplane is lost");
            }
            // Only in tests, and at the end of the process.
            Err(TrySendError::Disconnected(_)) => {}
        }
    }

    fn ring(&self) {
        // It can only fail by being full: then it rings already.
        let _ = rustix::io::write(&*self.bell, &1u64.to_ne_bytes());
    }
}

/// Starts the thread of `slot`; it ends when nobody reads `words` any more.
///
/// # Errors
/// No thread, or no descriptor.
pub(crate) fn start(
    tasks: &Tasks,
    chassis: Arc<Chassis>,
    slot: Slot,
    words: mpsc::Sender<Word>,
) -> io::Result<Line> {
    let (sender, outbox) = sync_channel(OUTBOX);
    let bell = Arc::new(rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
    let watchdog = u32::try_from(chassis.options.watchdog.as_millis()).unwrap_or(u32::MAX);
    let terms = Arc::new(Terms { watchdog_ms: AtomicU32::new(watchdog), master: AtomicBool::new(false) });
    let line = Line { words: sender, bell: Arc::clone(&bell), terms: Arc::clone(&terms) };
    let now = Instant::now();
    let watch = Watch {
        chassis,
        slot,
        pulses: tasks.pulses().clone(),
        bell,
        outbox,
        words,
        terms,
        kept: VecDeque::new(),
        backplane: None,
        told: None,
        look: now,
        question: false,
        pings: Vec::new(),
        kick: now,
        kicked: None,
    };
    tasks.thread(THREAD, true, || watch.run())?;
    Ok(line)
}

/// The thread.
struct Watch {
    chassis: Arc<Chassis>,
    slot: Slot,
    pulses: Pulses,
    bell: Arc<OwnedFd>,
    outbox: Receiver<Body>,
    words: mpsc::Sender<Word>,
    terms: Arc<Terms>,
    /// For the next backplane.
    kept: VecDeque<Body>,
    backplane: Option<(OwnedFd, Process)>,
    /// The presence that the actor knows of.
    told: Option<Presence>,
    /// When to look for a missing backplane.
    look: Instant,
    /// The critical tasks are asked and have not all answered.
    question: bool,
    /// To be answered then.
    pings: Vec<u64>,
    /// When to kick next.
    kick: Instant,
    /// When it was last kicked.
    kicked: Option<Instant>,
}

impl Watch {
    fn run(mut self) {
        if let Err(error) = process::go_first() {
            warn!(target: "msm.backplane", "the watchdog is kicked at ordinary priority: {error}");
        }
        while !self.words.is_closed() {
            let now = Instant::now();
            if self.backplane.is_none() && now >= self.look {
                self.meet();
            }
            if now >= self.kick {
                self.kick = now + self.interval();
                self.ask();
            }
            self.wait();
            self.pulses.silence();
            if rustix::io::read(&*self.bell, &mut [0; 8]).is_ok() {
                self.kick = Instant::now();
            }
            while let Ok(body) = self.outbox.try_recv() {
                self.say(body);
            }
            self.hear();
            self.answered();
        }
    }

    /// Waits until something has come or is due.
    fn wait(&self) {
        let due = if self.backplane.is_some() { self.kick } else { self.kick.min(self.look) };
        let left = Timespec::try_from(due.saturating_duration_since(Instant::now())).unwrap_or_default();
        let mut fds = vec![
            PollFd::from_borrowed_fd(self.bell.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.pulses.bell(), PollFlags::IN),
        ];
        if let Some((socket, process)) = &self.backplane {
            fds.push(PollFd::new(socket, PollFlags::IN));
            fds.push(PollFd::new(process, PollFlags::IN));
        }
        // An interrupted wait is a short one.
        let _ = poll(&mut fds, Some(&left));
    }

    fn timeout(&self) -> Duration {
        Duration::from_millis(self.terms.watchdog_ms.load(Ordering::Relaxed).into())
    }

    fn interval(&self) -> Duration {
        (self.timeout() / KICKS).max(KICK_MIN)
    }

    /// Begins a round trip through the critical tasks.
    fn ask(&mut self) {
        self.question = true;
        self.pulses.ask();
    }

    /// Ends it, if they have all answered: only then is the watchdog kicked, and a ping answered.
    fn answered(&mut self) {
        if !self.question || !self.pulses.all_answered() {
            return;
        }
        self.question = false;
        for number in std::mem::take(&mut self.pings) {
            self.say(Body::Pong(number));
        }
        let Some(now) = self.backplane.as_ref().map(|_| Instant::now()) else { return };
        let timeout = self.timeout();
        if let Some(gap) = self.kicked.replace(now).map(|last| now - last).filter(|gap| *gap > timeout / 2) {
            warn!(
                target: "msm.backplane",
                "the watchdog was not kicked for {} ms: this MSM is reset after {}", gap.as_millis(), timeout.as_millis()
            );
        }
        let kick = Kick {
            timeout_ms: self.terms.watchdog_ms.load(Ordering::Relaxed),
            master: self.terms.master.load(Ordering::Relaxed),
        };
        self.say(Body::Kick(kick));
    }

    fn say(&mut self, body: Body) {
        let keep = matches!(body, Body::DiagnosticsFailed(_) | Body::DiagnosticsPassed(_));
        match &self.backplane {
            Some((socket, _)) => {
                if let Err(error) = socket::sent(socket, &ToBackplane::say(body)) {
                    self.lost(&error.to_string());
                }
            }
            // All else is of the moment.
            None if keep && self.kept.len() < KEPT => self.kept.push_back(body),
            None => {}
        }
    }

    fn tell(&mut self, word: Word) {
        if self.words.try_send(word).is_err() {
            warn!(target: "msm.backplane", "nobody takes the backplane's word: {word:?}");
        }
    }

    fn present(&mut self, presence: Presence) {
        if self.told.replace(presence) != Some(presence) {
            self.tell(Word::Presence(presence));
        }
    }

    fn meet(&mut self) {
        match self.greet() {
            Ok(backplane) => {
                info!(target: "msm.backplane", "backplane is pid {}", backplane.1.pid());
                self.backplane = Some(backplane);
                self.present(Presence::Here);
                self.kicked = None;
                self.kick = Instant::now();
                for body in std::mem::take(&mut self.kept) {
                    self.say(body);
                }
            }
            Err(error) => {
                if self.told != Some(Presence::Gone) {
                    warn!(target: "msm.backplane", "no backplane: {error}");
                }
                self.present(Presence::Gone);
                self.look = Instant::now() + RETRY;
            }
        }
    }

    fn greet(&self) -> io::Result<(OwnedFd, Process)> {
        let socket = socket::connected(&self.chassis.backplane_socket())?;
        let process = Process::peer(&socket)?;
        let hello = Hello { slot: self.slot.to_string(), version: env!("CARGO_PKG_VERSION").to_owned() };
        socket::sent(&socket, &ToBackplane::say(Body::Hello(hello)))?;
        Ok((socket, process))
    }

    fn lost(&mut self, why: &str) {
        if let Some((_, process)) = self.backplane.take() {
            warn!(target: "msm.backplane", "backplane (pid {}) is gone: {why}", process.pid());
            self.pings.clear();
            self.look = Instant::now() + RETRY;
            self.present(Presence::Gone);
        }
    }

    /// Hears what the backplane has said. The end of file tells a death as soon as the pidfd does.
    fn hear(&mut self) {
        let mut buffer = [0; MESSAGE_MAX];
        loop {
            let Some((socket, _)) = &self.backplane else { return };
            let message = match socket::heard(socket, &mut buffer) {
                Ok(socket::Heard::Nothing) => return,
                Ok(socket::Heard::End) => return self.lost("it ended"),
                Ok(socket::Heard::Message(length)) => buffer.get(..length).map(FromBackplane::decode),
                Err(error) => return self.lost(&error.to_string()),
            };
            match message {
                Some(Ok(message)) => self.heard(message),
                Some(Err(_)) | None => return self.lost("what it says is no message"),
            }
        }
    }

    fn heard(&mut self, message: FromBackplane) {
        match message.body {
            Some(from::Body::Ping(number)) => {
                if self.pings.len() < PINGS {
                    self.pings.push(number);
                    // What was answered before says nothing of now.
                    self.ask();
                }
            }
            Some(from::Body::Notice(notice)) => {
                if let Some((about, trigger)) = notice.read() {
                    self.tell(Word::Notice { number: notice.number, about, trigger });
                }
            }
            Some(from::Body::Fabrics(fabrics)) => {
                if let Some(all) = fabrics.read() {
                    self.tell(Word::Fabrics { all, at: Instant::now() });
                }
            }
            // An operator's, or of a later image.
            Some(from::Body::Answer(_)) | None => {}
        }
    }
}
