//! Starting a process that is nobody's: it has its own log as output and outlives whoever started it.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use msm_proto::Slot;

use crate::config::chassis::Chassis;

/// A process could not be started.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot start {what} from {binary}: {error}; the chassis file's `image` names the directory of msm-ctl"
)]
pub(crate) struct SpawnError {
    what: String,
    binary: PathBuf,
    error: io::Error,
}

/// Starts the MSM of `slot`.
pub(crate) fn msm(chassis: &Chassis, slot: Slot) -> Result<Child, SpawnError> {
    let name = slot.to_string();
    start(chassis, &chassis.msm_log(slot), &[OsStr::new("msm"), OsStr::new("--slot"), OsStr::new(&name)])
        .map_err(|error| SpawnError { what: format!("MSM {slot}"), binary: chassis.binary(), error })
}

/// Starts the backplane of a chassis that runs without one.
pub(crate) fn backplane(chassis: &Chassis) -> Result<Child, SpawnError> {
    start(chassis, &chassis.backplane_log(), &[OsStr::new("chassis"), OsStr::new("--revive")])
        .map_err(|error| SpawnError { what: "the backplane".to_owned(), binary: chassis.binary(), error })
}

/// Starts the supervisor of the routing daemons.
pub(crate) fn routing(chassis: &Chassis) -> Result<Child, SpawnError> {
    start(chassis, &chassis.routing_log(), &[OsStr::new("routing")]).map_err(|error| SpawnError {
        what: "the supervisor of the routing daemons".to_owned(),
        binary: chassis.binary(),
        error,
    })
}

fn start(chassis: &Chassis, log: &Path, arguments: &[&OsStr]) -> io::Result<Child> {
    let out: File = OpenOptions::new().append(true).create(true).open(log)?;
    Command::new(chassis.binary())
        .args(arguments)
        .arg("--file")
        .arg(&chassis.file)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .spawn()
}
