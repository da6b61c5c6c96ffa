//! Processes of a bed, found by the namespace they run in.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::fs::Timespec;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::{BedError, Result};

/// Inode of a process's network namespace; `None` when it is gone.
pub(super) fn netns_of(pid: Pid) -> Option<u64> {
    let stat = rustix::fs::stat(format!("/proc/{}/ns/net", pid.as_raw_pid())).ok()?;
    Some(stat.st_ino)
}

/// Waits until a process is dead: its pidfd is readable.
///
/// # Errors
/// `BedError::Deadline` if it lives on.
pub fn wait_dead(pidfd: &OwnedFd, within: Duration) -> Result<()> {
    let until = Instant::now() + within;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        match poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&timeout)) {
            Ok(0) => {
                let what = "death of a process".to_owned();
                return Err(BedError::Deadline { what, within, last: "it lives".to_owned() });
            }
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(BedError::sys("polling a pidfd")(e)),
        }
    }
}

/// Kills every process in the namespaces, until none is left: MSMs and backplane start each other again.
pub(super) fn kill_all(namespaces: &BTreeSet<u64>, within: Duration) -> Result<()> {
    let until = Instant::now() + within;
    loop {
        let victims = inside(namespaces)?;
        if victims.is_empty() {
            return Ok(());
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let last = format!("{victims:?} live");
            return Err(BedError::Deadline { what: "end of the bed's processes".to_owned(), within, last });
        }
        let pidfds: Vec<_> =
            victims.iter().filter_map(|&pid| pidfd_open(pid, PidfdFlags::empty()).ok()).collect();
        for pidfd in &pidfds {
            let _ = pidfd_send_signal(pidfd, Signal::KILL);
        }
        for pidfd in &pidfds {
            wait_dead(pidfd, left)?;
        }
    }
}

fn inside(namespaces: &BTreeSet<u64>) -> Result<Vec<Pid>> {
    let own = rustix::process::getpid();
    let entries = std::fs::read_dir("/proc").map_err(BedError::io("reading /proc"))?;
    let pids =
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok().and_then(Pid::from_raw));
    Ok(pids
        .filter(|&pid| pid != own && netns_of(pid).is_some_and(|inode| namespaces.contains(&inode)))
        .filter(|&pid| !is_zombie(pid))
        .collect())
}

/// Dead and waiting for its parent. Its namespace link is gone in most kernels, its /proc entry is not.
fn is_zombie(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
}
