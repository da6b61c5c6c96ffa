//! Teardown: the only thing that ends forwarding. Ends the processes, then removes pins, attachments and the run directory.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

use msm_dataplane::{PinTree, TreeError};
use msm_proto::Slot;

use super::lock::{self, Lock, LockError};
use crate::config::chassis::Chassis;
use crate::preflight::{self, PreflightError};
use crate::process::Process;
use crate::switch::l3;

/// Longest time for the processes to be gone: each was killed; only the kernel's own work is waited for.
const DEADLINE: Duration = Duration::from_secs(10);
/// How often the chassis' lock is tried while an MSM is starting the backplane again.
const RETRY: Duration = Duration::from_millis(5);

/// Why a teardown did not finish. What it did before stays done; it can be run again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TeardownError {
    /// Not root, or the like.
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    /// A process does not end.
    #[error("teardown: {what} does not end within {} s; look at it with ps, then run the teardown again", DEADLINE.as_secs())]
    Stuck {
        /// Which.
        what: String,
    },
    /// Pins.
    #[error("teardown: {0}")]
    Tree(#[from] TreeError),
    /// VLANs' interfaces.
    #[error("teardown: the interfaces of VLANs are not removed: {0}")]
    Interfaces(String),
    /// Files.
    #[error("teardown: cannot remove {path}: {error}; remove it by hand")]
    Remove {
        /// What.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// Ends `chassis`. A chassis that does not run is torn down too: what is left of it goes.
pub(crate) fn teardown(chassis: &Chassis) -> Result<(), TeardownError> {
    preflight::root("teardown", &chassis.run_dir)?;
    let lock = if chassis.run_dir.exists() { Some(silence_backplane(chassis)?) } else { None };
    // With the lock in hand nothing starts an MSM again: both are killed before either is waited for.
    let msms: Vec<Process> =
        [Slot::A, Slot::B].into_iter().filter_map(|slot| lock::holder(&chassis.msm_lock(slot))).collect();
    for msm in &msms {
        kill(msm, "an MSM")?;
    }
    for msm in &msms {
        wait(msm, "an MSM")?;
    }
    crate::routing::end::end(chassis).map_err(|what| TeardownError::Stuck { what })?;
    match PinTree::new(&chassis.bpffs, &chassis.name).and_then(|tree| tree.teardown()) {
        Ok(()) | Err(TreeError::Absent(_)) => {}
        Err(error) => return Err(error.into()),
    }
    l3::remove(chassis.system_mac.0).map_err(TeardownError::Interfaces)?;
    if let Some(lock) = lock {
        let path = chassis.run_dir.clone();
        match lock.remove().and_then(|()| std::fs::remove_dir_all(&path)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(TeardownError::Remove { path, error });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Kills the backplane, and those that MSMs start again meanwhile, until this process has its lock.
fn silence_backplane(chassis: &Chassis) -> Result<Lock, TeardownError> {
    let path = chassis.lock_file();
    let deadline = Instant::now() + DEADLINE;
    loop {
        match Lock::take(&path, true) {
            Ok(lock) => return Ok(lock),
            Err(LockError::Io { path, error }) if Instant::now() > deadline => {
                return Err(TeardownError::Remove { path, error });
            }
            Err(_) if Instant::now() > deadline => {
                return Err(TeardownError::Stuck { what: "the backplane".to_owned() });
            }
            Err(_) => {}
        }
        if let Some(process) = lock::holder(&path) {
            kill(&process, "the backplane")?;
            wait(&process, "the backplane")?;
        }
        std::thread::sleep(RETRY);
    }
}

fn kill(process: &Process, what: &str) -> Result<(), TeardownError> {
    process
        .kill()
        .map_err(|error| TeardownError::Stuck { what: format!("{what} (pid {}, {error})", process.pid()) })
}

fn wait(process: &Process, what: &str) -> Result<(), TeardownError> {
    let deadline = Timespec { tv_sec: DEADLINE.as_secs().try_into().unwrap_or(10), tv_nsec: 0 };
    let mut fds = [PollFd::new(process, PollFlags::IN)];
    match rustix::event::poll(&mut fds, Some(&deadline)) {
        Ok(n) if n > 0 => Ok(()),
        _ => Err(TeardownError::Stuck { what: format!("{what} (pid {})", process.pid()) }),
    }
}
