//! The supervisor process: keeps the daemons running that the master's orders name. It decides nothing about routes.

mod launch;
mod mounts;
mod post;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::orders::Orders;
use super::place::{self, Place};
use super::zapi::Capability;
use super::{Daemon, Report, Running, Vty, grace, hold, install, restart};
use crate::backplane::lock::{Lock, LockError};
use crate::config::chassis::Chassis;
use crate::mgmt::log;
use crate::preflight::{self, PreflightError};
use crate::process::{self, Process};
pub(super) use launch::{ask_to_end, running};
use post::Post;

/// How often it is looked whether a daemon has its connection to zebra: it tries every 10 s after zebra died.
const LOOK: Duration = Duration::from_millis(250);
/// A daemon that is told to end has as long to take back what it announced.
const FAREWELL: Duration = Duration::from_secs(5);
/// zebra takes some 20 ms to listen.
const ZEBRA: Duration = Duration::from_secs(5);
/// Deaths not yet handled.
const DEATHS: usize = 16;
/// Largest log, in bytes: then it begins anew.
const LOG_MAX: u64 = 1 << 20;

/// The supervisor could not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// A condition does not hold.
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    /// FRR.
    #[error("routing: {0}")]
    NotInstalled(#[from] super::NotInstalled),
    /// Something of the run directory.
    #[error("routing: cannot {what} {path}: {error}; is the chassis started? msm-ctl chassis --file FILE")]
    RunDir {
        /// What was being done.
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The mount namespace.
    #[error("routing: a mount namespace for {path}: {error}; it needs root and CAP_SYS_ADMIN")]
    Mounts {
        /// What was to be mounted.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// Runs until nothing is wanted any more, or it is killed.
pub(crate) fn run(chassis: &Chassis) -> Result<(), StartError> {
    preflight::root("routing", &chassis.run_dir)?;
    install::installed()?;
    let failed = |what, path: PathBuf| move |error| StartError::RunDir { what, path, error };
    let lock = match Lock::take(&chassis.routing_lock(), true) {
        Ok(lock) => lock,
        // Two masters in a row started one each: the other has it.
        Err(LockError::Held { .. }) => return Ok(()),
        Err(LockError::Io { path, error }) => return Err(failed("lock", path)(error)),
    };
    let place = chassis.routing();
    place.make().map_err(failed("make", place.root().to_owned()))?;
    // Before the first thread: what follows lives in it.
    mounts::enter(&place).map_err(|error| StartError::Mounts { path: place.root().to_owned(), error })?;
    let unsettled = process::settle();
    log::start(&chassis.routing_log(), false, None, None).map_err(failed("write", chassis.routing_log()))?;
    unsettled.iter().for_each(|text| info!("{text}"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed("start the event loop in", place.root().to_owned()))?;
    runtime.block_on(async {
        let changes = watch_orders(&place).map_err(failed("watch", place.root().to_owned()))?;
        info!("supervisor of the routing daemons of {}, pid {}", chassis.name, std::process::id());
        Supervisor::adopt(place, chassis.routing_log()).serve(&changes).await;
        Ok::<(), StartError>(())
    })?;
    info!("nothing is to run any more");
    let _ = lock.remove();
    Ok(())
}

/// Readable when a file of the directory was replaced.
fn watch_orders(place: &Place) -> std::io::Result<AsyncFd<std::os::fd::OwnedFd>> {
    use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
    let fd = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
    add_watch(&fd, place.root(), WatchFlags::MOVED_TO)?;
    // SAFETY: an OwnedFd is open, and stays the same one, for as long as the AsyncFd has it.
    Ok(unsafe { AsyncFd::register_with_interest(fd, tokio::io::Interest::READABLE) }?)
}

struct Supervisor {
    place: Place,
    log: PathBuf,
    orders: Orders,
    /// Takeover for which the daemons were last started anew.
    anew: u64,
    posts: BTreeMap<Daemon, Post>,
    told: Report,
    sender: mpsc::Sender<(Daemon, u32)>,
    deaths: mpsc::Receiver<(Daemon, u32)>,
    /// Who has returned: restarts that have ended.
    returned: (mpsc::Sender<u32>, mpsc::Receiver<u32>),
}

impl Supervisor {
    /// What runs stays.
    fn adopt(place: Place, log: PathBuf) -> Self {
        let (sender, deaths) = mpsc::channel(DEATHS);
        let told = Report::read(&place.report()).unwrap_or_default();
        let orders = Orders::read(&place.orders()).unwrap_or_default();
        let mut supervisor = Self {
            place,
            log,
            anew: told.anew,
            orders,
            posts: BTreeMap::new(),
            told: Report::default(),
            sender,
            deaths,
            returned: mpsc::channel(DEATHS),
        };
        for daemon in Daemon::ALL {
            let before = told.daemons.get(&daemon).copied().unwrap_or_default();
            let mut post = Post::default();
            (post.restarts, post.since_ns) = (before.restarts, before.since_ns);
            if let Some(process) = launch::running(&supervisor.place, daemon) {
                info!("{daemon} runs as pid {}: adopted", process.pid());
                let process = supervisor.watch(daemon, process);
                // Started by one who did not live to say so.
                let another = before.pid.is_some_and(|pid| pid != process.pid());
                post.restarts += u32::from(another);
                match daemon {
                    Daemon::Zebra => restart::go_on(&process),
                    Daemon::Ospfd if before.returns || another => supervisor.follow(&mut post, &process),
                    // If it was only just started it may be deaf, and nobody has said so.
                    Daemon::Ospfd => restart::let_hear(&process),
                    _ => {}
                }
                post.held = before.held && !another;
                post.process = Some(process);
            } else if before.pid.is_some() {
                // It died with nobody there.
                post.restarts += 1;
                post.died = true;
            }
            supervisor.posts.insert(daemon, post);
        }
        supervisor
    }

    async fn serve(&mut self, changes: &AsyncFd<std::os::fd::OwnedFd>) {
        loop {
            if let Some(orders) = Orders::read(&self.place.orders()) {
                self.orders = orders;
            }
            self.stop_unwanted();
            self.start_anew();
            self.start_due().await;
            self.hold();
            self.report();
            if self.orders.daemons.is_empty() && self.posts.values().all(|post| post.process.is_none()) {
                return;
            }
            let wake = tokio::time::sleep_until(self.wake_at().into());
            tokio::select! {
                Some((daemon, pid)) = self.deaths.recv() => self.died(daemon, pid),
                Some(pid) = self.returned.1.recv() => self.returned(pid),
                ready = changes.readable() => drain(ready),
                () = wake => {}
            }
            launch::shorten(&self.log, LOG_MAX);
        }
    }

    fn wake_at(&self) -> Instant {
        let now = Instant::now();
        let hour = now + Duration::from_secs(3600);
        let unheld = self
            .posts
            .iter()
            .any(|(daemon, post)| post.process.is_some() && needs_hold(*daemon) && !post.held);
        let look = unheld.then(|| now + LOOK);
        let starts = self
            .posts
            .iter()
            .filter(|(daemon, post)| self.is_due(**daemon, post))
            .map(|(_, post)| post.start_at);
        let kills = self.posts.values().filter_map(|post| post.kill_at);
        starts.flatten().chain(kills).chain(look).fold(hour, Instant::min)
    }

    /// Wanted and not there.
    fn is_due(&self, daemon: Daemon, post: &Post) -> bool {
        self.orders.daemons.contains(&daemon) && post.process.is_none()
    }

    async fn start_due(&mut self) {
        for daemon in Daemon::ALL {
            let now = Instant::now();
            // One that has been killed and is not dead yet is no zebra to connect to.
            if daemon != Daemon::Zebra
                && self.posts.get(&Daemon::Zebra).is_some_and(|zebra| zebra.kill_at.is_some())
            {
                return;
            }
            let due = self
                .posts
                .get(&daemon)
                .is_some_and(|post| self.is_due(daemon, post) && post.start_at.is_none_or(|at| at <= now));
            if !due {
                continue;
            }
            if daemon == Daemon::Zebra {
                for post in self.posts.values_mut() {
                    // They have no connection, or are about to lose it.
                    post.held = false;
                }
            } else if !launch::zebra_listens(&self.place, ZEBRA).await {
                warn!("zebra does not listen: {daemon} waits");
                return;
            }
            let died = self.posts.get_mut(&daemon).is_some_and(|post| std::mem::take(&mut post.died));
            let returns = died && daemon == Daemon::Ospfd && grace::announce(&self.place, &self.orders);
            let started = launch::start(daemon, &self.log, self.orders.hold_s);
            let started = started.and_then(|child| Ok((Process::open(child.id())?, child)));
            match started {
                Ok((process, child)) => {
                    info!("{daemon} started as pid {}", process.pid());
                    let process = self.watch(daemon, process);
                    let mut post = self.posts.remove(&daemon).unwrap_or_default();
                    post.started(Arc::clone(&process), child);
                    if returns {
                        if let Some(zebra) =
                            self.posts.get(&Daemon::Zebra).and_then(|post| post.process.as_ref())
                        {
                            restart::deafen(&process, zebra).await;
                        }
                        self.follow(&mut post, &process);
                    }
                    self.posts.insert(daemon, post);
                }
                Err(error) => {
                    warn!("{daemon} cannot be started: {error}");
                    if let Some(post) = self.posts.get_mut(&daemon) {
                        post.failed();
                    }
                }
            }
        }
    }

    fn watch(&self, daemon: Daemon, process: Process) -> Arc<Process> {
        let process = Arc::new(process);
        let (watched, sender) = (Arc::clone(&process), self.sender.clone());
        tokio::spawn(async move {
            if let Err(error) = watched.dead().await {
                warn!("{daemon}: pidfd of {} cannot be watched: {error}", watched.pid());
            }
            let _ = sender.send((daemon, watched.pid())).await;
        });
        process
    }

    /// Sees ospfd through its restart, or until it dies.
    fn follow(&self, post: &mut Post, ospfd: &Arc<Process>) {
        post.returns = true;
        let (process, sender) = (Arc::clone(ospfd), self.returned.0.clone());
        let restart = restart::follow(self.place.clone(), self.orders.clone(), Arc::clone(ospfd));
        tokio::spawn(async move {
            tokio::select! {
                () = restart => {}
                _ = process.dead() => {}
            }
            let _ = sender.send(process.pid()).await;
        });
    }

    /// What zebra was told is void by now.
    fn returned(&mut self, pid: u32) {
        let post = self.posts.get_mut(&Daemon::Ospfd);
        if let Some(post) =
            post.filter(|post| post.process.as_ref().is_some_and(|process| process.pid() == pid))
        {
            (post.held, post.returns) = (false, false);
        }
    }

    fn died(&mut self, daemon: Daemon, pid: u32) {
        let wanted = self.orders.daemons.contains(&daemon);
        let Some(post) = self.posts.get_mut(&daemon) else { return };
        if post.process.as_ref().is_none_or(|process| process.pid() != pid) {
            return;
        }
        let status = post.ended(wanted);
        let anew = std::mem::take(&mut post.anew) && wanted;
        if anew {
            // Its neighbours are to see that it has gone, and zebra keeps its routes.
            (post.died, post.start_at) = (false, None);
        }
        if wanted && (daemon == Daemon::Bgpd || daemon == Daemon::Ospfd && !anew) {
            self.renew_zebra();
        }
        if wanted {
            warn!("{daemon} (pid {pid}) died ({status}); its routes stay for {} s", self.orders.hold_s);
        } else {
            info!("{daemon} (pid {pid}) ended ({status})");
        }
    }

    /// When bgpd or ospfd has died. The next bgpd tells zebra that it has claimed its routes as soon as one neighbour is there, or says that it
    /// has none to claim (bgpd/bgp_fsm.c, bgp_establish), and the next ospfd when its timer for external routes runs out, which may be before
    /// it has calculated any (ospfd/ospf_ase.c, ospf_ase_calculate_timer): zebra would withdraw what has not been sent again yet. A new zebra
    /// finds the routes in the kernel and asks nobody before the time has passed. Other protocols' routes stay too; a change of theirs may
    /// take the 10 s after which a daemon looks for zebra again.
    fn renew_zebra(&mut self) {
        let Some(post) = self.posts.get_mut(&Daemon::Zebra) else { return };
        match post.process.as_ref().map(|zebra| zebra.kill()) {
            Some(Ok(())) => post.kill_at = Some(Instant::now() + FAREWELL),
            Some(Err(error)) => {
                warn!("zebra cannot be started anew: {error}; routes may go before they are claimed");
            }
            None => {}
        }
    }

    /// A new master has the protocols begin as after a boot (manual, "Configuring Port Behavior and Preserving Layer 2 and Layer 3 States"). What
    /// they had put into the kernel stays, marked by zebra, until they claim it again or the failover timer ends: flows live on meanwhile.
    fn start_anew(&mut self) {
        if self.anew == self.orders.anew {
            return;
        }
        self.anew = self.orders.anew;
        for (daemon, post) in &mut self.posts {
            let Some(process) = post.process.as_ref().filter(|_| post.kill_at.is_none()) else { continue };
            if *daemon == Daemon::Zebra || !self.orders.daemons.contains(daemon) {
                continue;
            }
            if needs_hold(*daemon)
                && !post.held
                && hold::tell(process, Capability::Keep(self.orders.hold_s)).is_err()
            {
                warn!(
                    "{daemon}: zebra is not told to keep its routes; they go until it has found them again"
                );
            }
            info!("{daemon} (pid {}) starts anew: there is a new master", process.pid());
            match process.kill() {
                Ok(()) => (post.anew, post.kill_at) = (true, Some(Instant::now() + FAREWELL)),
                Err(error) => warn!("{daemon} cannot be started anew: {error}"),
            }
        }
    }

    /// Protocols first: zebra takes back what they leave.
    fn stop_unwanted(&mut self) {
        let now = Instant::now();
        let protocols = self.posts.iter().any(|(d, post)| *d != Daemon::Zebra && post.process.is_some());
        for (daemon, post) in &mut self.posts {
            let Some(process) = post.process.clone() else { continue };
            if self.orders.daemons.contains(daemon) || (*daemon == Daemon::Zebra && protocols) {
                continue;
            }
            match post.kill_at {
                None => {
                    if *daemon != Daemon::Zebra {
                        let _ = hold::tell(&process, Capability::Withdraw);
                    }
                    info!("{daemon} (pid {}) is not wanted any more", process.pid());
                    if let Err(error) = launch::ask_to_end(&process) {
                        warn!("{daemon} cannot be told to end: {error}");
                    }
                    post.kill_at = Some(now + FAREWELL);
                }
                Some(at) if at <= now => {
                    warn!("{daemon} does not end: killed");
                    let _ = process.kill();
                    post.kill_at = Some(now + FAREWELL);
                }
                Some(_) => {}
            }
        }
    }

    /// Has zebra keep the routes of those who cannot say so themselves.
    fn hold(&mut self) {
        let zebra = self.place.vty(Daemon::Zebra);
        for (daemon, post) in &mut self.posts {
            let Some(process) = post.process.as_ref().filter(|_| !post.held && post.kill_at.is_none()) else {
                continue;
            };
            if !needs_hold(*daemon) {
                post.held = true;
                continue;
            }
            // zebra answers in less than a millisecond, and who waits for it here has nothing else to do before it does.
            let answer = Vty::connect(&zebra).and_then(|mut vty| vty.command(hold::QUESTION));
            if answer.is_ok_and(|answer| hold::is_told(&answer, *daemon)) {
                post.held = true;
                continue;
            }
            match hold::tell(process, Capability::Keep(self.orders.hold_s)) {
                // It is when zebra says so.
                Ok(_) => {}
                Err(error) if post.warned => tracing::debug!("{daemon}: {error}"),
                Err(error) => {
                    warn!("{daemon}: zebra is not told to keep its routes if it dies: {error}");
                    post.warned = true;
                }
            }
        }
    }

    fn report(&mut self) {
        let wanted = self.posts.iter().filter(|(daemon, _)| self.orders.daemons.contains(daemon));
        let running = |post: &Post| Running {
            pid: post.process.as_ref().map(|process| process.pid()),
            since_ns: post.since_ns,
            restarts: post.restarts,
            held: post.held && !post.returns,
            returns: post.returns,
        };
        let report = Report {
            supervisor: std::process::id(),
            anew: self.anew,
            daemons: wanted.map(|(daemon, post)| (*daemon, running(post))).collect(),
        };
        if report != self.told {
            let bytes = serde_json::to_vec(&report).unwrap_or_default();
            match place::replace(&self.place.report(), &bytes) {
                Ok(()) => self.told = report,
                Err(error) => warn!("{}: {error}", self.place.report().display()),
            }
        }
    }
}

/// Whether zebra must be told for it: bgpd tells by itself, and zebra is who is told.
fn needs_hold(daemon: Daemon) -> bool {
    matches!(daemon, Daemon::Ospfd | Daemon::Ripd)
}

/// What was replaced is looked at anyway.
fn drain(ready: std::io::Result<tokio::io::unix::AsyncFdReadyGuard<'_, std::os::fd::OwnedFd>>) {
    let Ok(mut ready) = ready else { return };
    let mut buffer = [0; 4096];
    while rustix::io::read(ready.get_inner(), &mut buffer).is_ok_and(|read| read > 0) {}
    ready.clear_ready();
}
