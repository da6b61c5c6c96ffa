//! The backplane process: powers both slots, starts a dead one again, adopts what it finds running.

use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use prost::Message;
use tokio::sync::mpsc;
use tokio_seqpacket::{UnixSeqpacket, UnixSeqpacketListener};
use tracing::{info, warn};

use msm_dataplane::{PinTree, TreeError};
use msm_proto::Slot;

use super::lock::{self, Lock, LockError};
use super::messages::{FromMsm, MESSAGE_MAX, from_msm::Body};
use super::power::Power;
use super::spawn;
use crate::config::chassis::Chassis;
use crate::mgmt::log;
use crate::preflight::{self, PreflightError};
use crate::process::{self, Process};
use msm_config::port::PortName;

/// Slots that hold an MSM.
const SLOTS: [Slot; 2] = [Slot::A, Slot::B];
/// Time for the first message of a connection: the sender has it ready when it connects.
const HELLO: Duration = Duration::from_secs(1);
/// Events not yet handled: one death and one connection a slot, and some requests.
const EVENTS: usize = 64;

/// The backplane could not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// A condition does not hold.
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    /// One is there already.
    #[error("chassis {name} is already running{}; use it, or end it: msm-ctl teardown --file {file}",
        pid.map_or_else(String::new, |pid| format!(" as pid {pid}")))]
    Running {
        /// Its name.
        name: String,
        /// Its pid.
        pid: Option<u32>,
        /// The chassis file.
        file: String,
    },
    /// Another chassis has the name.
    #[error(
        "chassis {name}: another chassis of this name forwards in {bpffs} (owner {owner}) and does not run in {run}; \
         give this one another `name`, or tear that one down with its own chassis file"
    )]
    NameTaken {
        /// The name.
        name: String,
        /// Where its pins are.
        bpffs: String,
        /// Who owns them.
        owner: String,
        /// This chassis' run directory.
        run: String,
    },
    /// The pins cannot be looked at.
    #[error("chassis: {0}")]
    Tree(#[from] TreeError),
    /// Something of the run directory.
    #[error(
        "chassis: cannot {what} {path}: {error}; check `run_dir` of the chassis file and the space left there"
    )]
    RunDir {
        /// What was being done.
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

enum Event {
    Died { slot: Slot, pid: u32 },
    Here { slot: Slot, process: Process, version: String },
    Reset { slot: Slot },
}

/// Runs the backplane of `chassis` until it is killed. `revive`: started by an MSM for a chassis that runs.
pub(crate) fn run(chassis: &Chassis, revive: bool) -> Result<(), StartError> {
    preflight::plane("chassis", &chassis.run_dir, &chassis.bpffs)?;
    let failed = |what, path: PathBuf| move |error| StartError::RunDir { what, path, error };
    if !revive {
        std::fs::create_dir_all(&chassis.run_dir).map_err(failed("create", chassis.run_dir.clone()))?;
    }
    let _lock = match Lock::take(&chassis.lock_file(), !revive) {
        Ok(lock) => lock,
        // Both MSMs, or an operator, started one: the other has it.
        Err(_) if revive => return Ok(()),
        Err(LockError::Held { pid, .. }) => {
            let file = chassis.file.display().to_string();
            return Err(StartError::Running { name: chassis.name.clone(), pid, file });
        }
        Err(LockError::Io { path, error }) => return Err(failed("lock", path)(error)),
    };
    if !revive {
        name_is_free(chassis)?;
    }
    log::start(&chassis.backplane_log(), !revive, None, None)
        .map_err(failed("write", chassis.backplane_log()))?;
    if revive {
        process::settle().iter().for_each(|text| info!("{text}"));
    }
    let pid_file = chassis.backplane_pid();
    std::fs::write(&pid_file, format!("{}\n", std::process::id())).map_err(failed("write", pid_file))?;
    warn_of_missing_netdevs(chassis);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed("start the event loop in", chassis.run_dir.clone()))?;
    runtime.block_on(async {
        let socket = chassis.backplane_socket();
        let _ = std::fs::remove_file(&socket);
        let listener = UnixSeqpacketListener::bind(&socket).map_err(failed("bind", socket))?;
        let mut backplane = Backplane::adopt(chassis.clone());
        backplane.serve(listener).await;
        Ok(())
    })
}

/// Pins with a living owner that is none of this run directory's MSMs are another chassis'.
fn name_is_free(chassis: &Chassis) -> Result<(), StartError> {
    let ours = SLOTS.iter().any(|slot| lock::holder(&chassis.msm_lock(*slot)).is_some());
    let owner = if ours { None } else { PinTree::new(&chassis.bpffs, &chassis.name)?.living_owner()? };
    match owner {
        None => Ok(()),
        Some(owner) => Err(StartError::NameTaken {
            name: chassis.name.clone(),
            bpffs: chassis.bpffs.display().to_string(),
            owner: owner.to_string(),
            run: chassis.run_dir.display().to_string(),
        }),
    }
}

fn warn_of_missing_netdevs(chassis: &Chassis) {
    let Ok(socket) =
        rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None)
    else {
        return;
    };
    for (lport, netdev) in &chassis.ports {
        if rustix::net::netdevice::name_to_index(&socket, netdev).is_err() {
            warn!(
                "port {}: no netdev {netdev} in this network namespace; the port is absent until it appears",
                PortName::of(*lport)
            );
        }
    }
}

/// One MSM slot.
struct Bay {
    slot: Slot,
    /// Pid of the process in it, and since when this backplane knows it.
    process: Option<(u32, Instant)>,
    /// It said who it is.
    introduced: bool,
    /// Its handle, if this backplane started it.
    child: Option<Child>,
    power: Power,
    /// When it is to be started.
    start: Option<Instant>,
}

struct Backplane {
    chassis: Chassis,
    bays: [Bay; 2],
    sender: mpsc::Sender<Event>,
    events: mpsc::Receiver<Event>,
}

impl Backplane {
    /// What runs stays; what does not is due for a start.
    fn adopt(chassis: Chassis) -> Self {
        let (sender, events) = mpsc::channel(EVENTS);
        let now = Instant::now();
        let bays = SLOTS.map(|slot| Bay {
            slot,
            process: None,
            introduced: false,
            child: None,
            power: Power::default(),
            start: Some(now),
        });
        let mut backplane = Self { chassis, bays, sender, events };
        for slot in SLOTS {
            if let Some(process) = lock::holder(&backplane.chassis.msm_lock(slot)) {
                info!("MSM {slot} runs as pid {}: adopted", process.pid());
                backplane.watch(slot, process);
            }
        }
        backplane
    }

    async fn serve(&mut self, mut listener: UnixSeqpacketListener) {
        info!(
            "backplane of {} ({}): forwarding goes on without this process; to end the chassis: msm-ctl teardown --file {}",
            self.chassis.name,
            self.chassis.kind,
            self.chassis.file.display()
        );
        loop {
            self.start_due();
            let due = self.bays.iter().filter_map(|bay| bay.start).min();
            tokio::select! {
                event = self.events.recv() => {
                    let Some(event) = event else { return };
                    self.handle(event);
                }
                accepted = listener.accept() => match accepted {
                    Ok(socket) => self.greet(socket),
                    Err(error) => {
                        warn!("chassis.sock: cannot accept: {error}");
                        // Out of descriptors: the next accept would fail as fast.
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                () = sleep_until(due) => {}
            }
        }
    }

    fn start_due(&mut self) {
        let now = Instant::now();
        for at in 0..self.bays.len() {
            if self.bays[at].start.is_none_or(|start| start > now) {
                continue;
            }
            let slot = self.bays[at].slot;
            match spawn::msm(&self.chassis, slot).map(|child| (Process::open(child.id()), child)) {
                Ok((Ok(process), child)) => {
                    info!("MSM {slot} started as pid {}", child.id());
                    self.bays[at].child = Some(child);
                    self.watch(slot, process);
                }
                Ok((Err(error), _)) => self.retry(slot, &error.to_string()),
                Err(error) => self.retry(slot, &error.to_string()),
            }
        }
    }

    fn retry(&mut self, slot: Slot, why: &str) {
        let bay = self.bay(slot);
        let wait = bay.power.died(Duration::ZERO, false);
        bay.start = Some(Instant::now() + wait);
        warn!("{why}; next try in {} ms", wait.as_millis());
    }

    fn bay(&mut self, slot: Slot) -> &mut Bay {
        match slot {
            Slot::A => &mut self.bays[0],
            Slot::B => &mut self.bays[1],
        }
    }

    fn watch(&mut self, slot: Slot, process: Process) {
        let pid = process.pid();
        let bay = self.bay(slot);
        bay.process = Some((pid, Instant::now()));
        bay.introduced = false;
        bay.start = None;
        let sender = self.sender.clone();
        tokio::spawn(async move {
            if let Err(error) = process.dead().await {
                warn!("MSM {slot}: pidfd of {pid} cannot be watched: {error}");
            }
            let _ = sender.send(Event::Died { slot, pid }).await;
        });
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Died { slot, pid } => self.died(slot, pid),
            Event::Here { slot, process, version } => {
                info!("MSM {slot} is here: pid {}, version {version}", process.pid());
                if self.bay(slot).process.is_none_or(|(pid, _)| pid != process.pid()) {
                    self.watch(slot, process);
                }
                self.bay(slot).introduced = true;
            }
            Event::Reset { slot } => {
                if let Some((pid, _)) = self.bay(slot).process
                    && let Some(process) = lock::holder(&self.chassis.msm_lock(slot))
                    && process.pid() == pid
                {
                    warn!("MSM {slot}: reset");
                    if let Err(error) = process.kill() {
                        warn!("MSM {slot}: cannot be reset: {error}");
                    }
                }
            }
        }
    }

    fn died(&mut self, slot: Slot, pid: u32) {
        let bay = self.bay(slot);
        let status = match bay.child.take_if(|child| child.id() == pid) {
            // The pidfd is readable: this does not wait.
            Some(mut child) => child.wait().map_or_else(|e| e.to_string(), |status| status.to_string()),
            None => "no child of this backplane".to_owned(),
        };
        let Some((_, since)) = bay.process.take_if(|(known, _)| *known == pid) else { return };
        let wait = bay.power.died(since.elapsed(), bay.introduced);
        bay.start = Some(Instant::now() + wait);
        warn!("MSM {slot} (pid {pid}) ended ({status}); it is started again in {} ms", wait.as_millis());
    }

    fn greet(&self, socket: UnixSeqpacket) {
        let sender = self.sender.clone();
        tokio::spawn(async move {
            if let Err(why) = converse(&socket, &sender).await {
                warn!("chassis.sock: connection dropped: {why}");
            }
        });
    }
}

/// Reads one MSM's messages until it goes. The error is what it did wrong.
async fn converse(socket: &UnixSeqpacket, sender: &mpsc::Sender<Event>) -> Result<(), String> {
    let (uid, _) = process::peer_uid(&socket.as_async_fd()).map_err(|e| e.to_string())?;
    if uid != 0 {
        return Err(format!("its peer has uid {uid}; only root's MSMs are in this chassis"));
    }
    let mut buffer = [0; MESSAGE_MAX];
    let mut first = true;
    loop {
        let received = socket.recv(&mut buffer);
        let info = if first {
            tokio::time::timeout(HELLO, received).await.map_err(|_| "no first message".to_owned())?
        } else {
            received.await
        }
        .map_err(|e| e.to_string())?;
        if info.bytes_read() == 0 {
            return Ok(());
        }
        if info.truncated() {
            return Err(format!("a message of more than {MESSAGE_MAX} bytes"));
        }
        let message = FromMsm::decode(&buffer[..info.bytes_read()]).map_err(|e| e.to_string())?;
        let event = match message.body {
            Some(Body::Hello(hello)) if first => Event::Here {
                slot: slot(&hello.slot)?,
                process: Process::peer(&socket.as_async_fd()).map_err(|e| e.to_string())?,
                version: hello.version.chars().filter(|c| c.is_ascii_graphic()).collect(),
            },
            Some(Body::Reset(reset)) if !first => Event::Reset { slot: slot(&reset.slot)? },
            _ => return Err("a message out of order".to_owned()),
        };
        first = false;
        if sender.send(event).await.is_err() {
            return Ok(());
        }
    }
}

fn slot(text: &str) -> Result<Slot, String> {
    SLOTS
        .into_iter()
        .find(|slot| slot.to_string() == text)
        .ok_or_else(|| format!("\"{}\" is no MSM slot", text.escape_default()))
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
