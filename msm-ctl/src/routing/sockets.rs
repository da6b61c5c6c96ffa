//! Sockets of another process: copies of them, taken with pidfd_getfd(2). What is done to a copy is done to the socket.

use std::io;
use std::os::fd::{AsFd, OwnedFd, RawFd};

use rustix::process::PidfdGetfdFlags;

use crate::process::Process;

/// Copies of those that `wanted` wants.
///
/// # Errors
/// The process is gone, or its descriptors may not be seen.
pub(super) fn copies(process: &Process, wanted: impl Fn(&OwnedFd) -> bool) -> io::Result<Vec<OwnedFd>> {
    let sockets = std::fs::read_dir(format!("/proc/{}/fd", process.pid()))?.filter_map(|entry| {
        let entry = entry.ok()?;
        let target = std::fs::read_link(entry.path()).ok()?;
        let number: RawFd = entry.file_name().to_str()?.parse().ok()?;
        target.to_str()?.starts_with("socket:").then_some(number)
    });
    let copy = |number| {
        rustix::process::pidfd_getfd(process.as_fd(), number, PidfdGetfdFlags::empty()).ok().filter(&wanted)
    };
    Ok(sockets.filter_map(copy).collect())
}
