//! The backplane process: its start, and what has to hold for it.

use std::path::PathBuf;

use tracing::{info, warn};

use msm_dataplane::{FabricPower, PinTree, TreeError};

use super::adapter::{Adapter, SLOTS};
use super::lock::{self, Lock, LockError};
use super::socket;
use crate::config::chassis::Chassis;
use crate::mgmt::log;
use crate::preflight::{self, PreflightError};
use crate::process;
use msm_config::port::PortName;

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
    let path = chassis.backplane_socket();
    let listener = socket::listener(&path).map_err(failed("bind", path))?;
    let power = FabricPower::new(&chassis.bpffs, &chassis.name)?;
    // What a kick or an answer waits for here is taken for its sender's silence.
    if let Err(error) = process::go_first() {
        info!("no real-time priority: {error}");
    }
    Adapter::adopt(chassis.clone(), power, listener).serve();
    Ok(())
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
