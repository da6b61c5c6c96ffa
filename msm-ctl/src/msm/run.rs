//! The MSM process: opens its doors, starts its tasks, and runs the actor to its end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use msm_dataplane::{PinTree, TreeError};
use msm_proto::{Identity, Slot};
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use super::actor::{Actor, EVENTS, Parts, Sources};
use super::{boot, link};
use crate::backplane::lock::{Lock, LockError};
use crate::backplane::watch;
use crate::config::chassis::Chassis;
use crate::diagnostics::{self, Examiner};
use crate::flash::{Flash, history};
use crate::mgmt::cli::server::{self, ANSWERS, Desk};
use crate::mgmt::log;
use crate::mgmt::settings;
use crate::netlink::{self, NetlinkError};
use crate::preflight::{self, PreflightError};
use crate::process;
use crate::remains;
use crate::routing::{self, ledger::Ledger};
use crate::switch::plane::Plane;
use crate::switch::sweeper::Sweeper;
use crate::switch::{l3, management};
use crate::task::Tasks;

/// Threads beside the actor's: link, clients and netlink are light, and the machine may have two cores.
const WORKERS: usize = 2;
/// Threads for reads of tables: a `show` and a check of the hardware at once.
const BLOCKING: usize = 4;
/// How long the end of the process waits for the flash. The other MSM may be waiting for this one to be dead.
const LAST_WRITES: Duration = Duration::from_millis(50);

/// Lets the flash have the last lines of the log, also when the actor panics.
struct Ending(Flash);

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.0.end(LAST_WRITES) {
            warn!(target: "msm.flash", "the disk takes more than {} ms: the last writes are lost", LAST_WRITES.as_millis());
        }
    }
}

/// The MSM could not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// A condition does not hold.
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    /// The slot is taken.
    #[error("msm: slot {slot} of chassis {name}: {error}; one MSM is in a slot at a time")]
    Taken {
        /// The slot.
        slot: Slot,
        /// The chassis.
        name: String,
        /// Who has it.
        error: LockError,
    },
    /// Something of the run directory.
    #[error("msm: cannot {what} {path}: {error}; is the chassis started? msm-ctl chassis --file FILE")]
    RunDir {
        /// What was being done.
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The pin tree's place.
    #[error("msm: {0}")]
    Tree(#[from] TreeError),
    /// The kernel's netdevs.
    #[error("msm: {0}")]
    Netlink(#[from] NetlinkError),
}

/// Runs the MSM of `slot` until it ends itself.
pub(crate) fn run(chassis: Chassis, slot: Slot) -> Result<(), StartError> {
    let started = SystemTime::now();
    preflight::plane("msm", &chassis.run_dir, &chassis.bpffs)?;
    // Before there is a lock to share, and at ordinary priority.
    let attended = remains::attend();
    let failed = |what, path: PathBuf| move |error| StartError::RunDir { what, path, error };
    let lock = chassis.msm_lock(slot);
    let _lock = match Lock::take(&lock, true) {
        Ok(lock) => lock,
        Err(LockError::Io { path, error }) => return Err(failed("lock", path)(error)),
        Err(error) => return Err(StartError::Taken { slot, name: chassis.name, error }),
    };
    // Threads inherit the priority: this comes before the first.
    let unsettled = process::settle();
    let flash_dir = chassis.flash(slot);
    let (flash, faults) = Flash::open(&flash_dir).map_err(failed("start a thread for", flash_dir))?;
    let ending = Ending(flash.clone());
    let log = log::start(&chassis.msm_log(slot), false, Some(flash.clone()), Some(slot))
        .map_err(failed("write", chassis.msm_log(slot)))?;
    unsettled.iter().for_each(|text| info!("{text}"));
    if let Err(error) = attended {
        info!("nobody shares the memory ({error}): this process' death takes as long as unmapping it");
    }
    faults.iter().for_each(|fault| error!(target: "msm.flash", "{fault}"));
    let own = boot::configuration(&flash, &chassis.facts());
    let tree = PinTree::new(&chassis.bpffs, &chassis.name)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(BLOCKING)
        .enable_all()
        .build()
        .map_err(failed("start threads for", chassis.run_dir.clone()))?;
    info!("MSM {slot} of {} starts, pid {}", chassis.name, std::process::id());
    runtime.block_on(async {
        let (tasks, exceptions) =
            Tasks::new().map_err(failed("make a descriptor for", chassis.run_dir.clone()))?;
        let chassis = Arc::new(chassis);
        let (view, netlink) = netlink::spawn().await?;
        let (link_sender, link) = mpsc::channel(EVENTS);
        let (job_sender, jobs) = mpsc::channel(EVENTS);
        let (words_sender, words) = mpsc::channel(EVENTS);
        let (peers_sender, peers) = mpsc::channel(1);
        let (arp, asks) = mpsc::channel(l3::arp::ASKS);
        // As few as may be: what changes while they wait is told once.
        let (told, heard) = mpsc::channel(1);
        let (sweeper, found) =
            Sweeper::start(&tasks).map_err(failed("start a thread for", chassis.run_dir.clone()))?;
        let backplane = watch::start(&tasks, Arc::clone(&chassis), slot, words_sender)
            .map_err(failed("start a thread for", chassis.run_dir.clone()))?;
        let parts = Parts {
            identity: Identity {
                slot,
                instance: link::random(),
                pid: std::process::id(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                image: "primary".to_owned(),
            },
            plane: Plane::new(Arc::clone(&chassis), slot, tree, view.clone()),
            chassis: Arc::clone(&chassis),
            view: view.clone(),
            tasks: tasks.clone(),
            sweeper,
            link: link_sender.clone(),
            backplane,
            arp,
            own: Arc::clone(&own),
            flash: flash.clone(),
            history: history::recall(&flash.nvram()),
        };
        let (actor, board) = Actor::new(parts);
        let (shown, hosts) = (board.clone(), view.clone());
        let netdevs = move || {
            let config = shown.borrow().config.config.clone();
            let facts = config.facts();
            let name = |lport: &msm_abi::Lport| config.ports.netdev(facts, *lport).map(str::to_owned);
            facts.ports.iter().filter_map(name).collect()
        };
        tasks
            .thread("peers", false, move || netlink::watch_peers(&hosts, netdevs, &peers_sender))
            .map_err(failed("start a thread for", chassis.run_dir.clone()))?;
        tasks.spawn("syslog", false, log.send_syslog());
        tasks.spawn("settings", false, settings::follow(board.clone(), log.clone()));
        if let Some(netdev) = chassis.mgmt.clone() {
            tasks.spawn("mgmt", false, management::follow(netdev, board.clone(), view.clone()));
        }
        let routing = l3::task::follow(Arc::clone(&chassis), board.clone(), view.clone());
        tasks.spawn("l3", false, routing);
        let ledger = Ledger::default();
        tasks.spawn(
            "routing",
            false,
            routing::follow::follow(Arc::clone(&chassis), board.clone(), ledger.clone()),
        );
        // One under way: what comes meanwhile is sent together.
        let (updates, routes) = mpsc::channel(1);
        let arp = l3::feed::Arp { asks, words: told };
        tasks.spawn("l3-feed", false, l3::feed::follow(board.clone(), view.clone(), updates, arp));
        tasks.spawn("history", false, history::remember(board.clone(), flash.clone()));
        let socket = chassis.cli_socket(slot);
        let listener = server::bind(&socket).map_err(failed("bind", socket))?;
        let answers = Arc::new(tokio::sync::Semaphore::new(ANSWERS));
        let examiner = Examiner::new(board.clone(), job_sender.clone(), flash.clone());
        tasks.spawn("diagnostics", false, diagnostics::repeat(examiner.clone(), board.clone()));
        let desk = Desk {
            examiner,
            chassis: Arc::clone(&chassis),
            board,
            view,
            log: log.clone(),
            flash: flash.clone(),
            routing: ledger,
            started,
            jobs: job_sender,
            sessions: Default::default(),
            baseline: Default::default(),
            hits_baseline: Default::default(),
            answers: Arc::clone(&answers),
        };
        tasks.spawn("cli", false, server::serve(listener, desk, tasks.clone()));
        let meeting =
            link::meet(&chassis, slot, link_sender).map_err(failed("bind", chassis.tsync_socket(Slot::A)))?;
        tasks.spawn("tsync-meet", true, meeting);
        actor.run(Sources { exceptions, link, jobs, netlink, words, found, peers, routes, heard }).await;
        // Whoever has been answered shall read it.
        server::answered(&answers).await;
        Ok::<(), StartError>(())
    })?;
    drop(ending);
    // Threads that wait for nothing any more must not hold up the slot's next start.
    std::process::exit(0);
}
