//! Processes as pidfds: a pid can be given to another process, a pidfd cannot.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::io::unix::AsyncFd;

/// Files an MSM may hold: a pinned link and a few maps for each of 1,024 ports, clients and sockets.
const NOFILE: u64 = 16_384;
/// Before ordinary work, and before real-time work that asks for no more than the least: a takeover that waits for a compiler, or for a
/// traffic generator, is a slow one. The kernel's fair server keeps a share for the others whatever happens here.
const REALTIME: i32 = 2;
/// Of threads while they do work that takes long and may wait. Not ordinary either: a process is dead when its last thread is, and one that
/// waited for its turn to die would hold up the failover.
const PATIENT: i32 = 1;
/// Of who watches that others get their turn: the backplane, and an MSM's thread that kicks its watchdog. They do next to nothing.
const FIRST: i32 = 3;
/// Where there is no real-time budget to be had.
const NICE: i32 = -10;
/// Nearly never killed for memory: an MSM that dies of another process' appetite is a failover for nothing.
const OOM_SCORE: &str = "-900";

/// A process, by pidfd.
#[derive(Debug)]
pub(crate) struct Process {
    pid: u32,
    fd: OwnedFd,
}

impl Process {
    /// The process that has `pid` now.
    pub(crate) fn open(pid: u32) -> io::Result<Self> {
        let raw = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self { pid, fd: rustix::process::pidfd_open(raw, PidfdFlags::empty())? })
    }

    /// The process at the other end of a Unix socket: who called `connect` or `listen`.
    pub(crate) fn peer(socket: &impl AsFd) -> io::Result<Self> {
        let credentials = rustix::net::sockopt::socket_peercred(socket)?;
        let pid = u32::try_from(credentials.pid.as_raw_nonzero().get())
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        match peer_pidfd(socket) {
            Ok(fd) => Ok(Self { pid, fd }),
            // Before Linux 6.5 there is no SO_PEERPIDFD; the pid is then the only name.
            Err(error) if error.raw_os_error() == Some(libc::ENOPROTOOPT) => Self::open(pid),
            Err(error) => Err(error),
        }
    }

    /// Its pid when this was opened.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Returns when it has ended.
    pub(crate) async fn dead(&self) -> io::Result<()> {
        let interest = tokio::io::Interest::READABLE;
        // SAFETY: an OwnedFd is open, and stays the same one, for as long as the AsyncFd has it.
        let fd = unsafe { AsyncFd::register_with_interest(self.fd.try_clone()?, interest) }?;
        fd.readable().await?.retain_ready();
        Ok(())
    }

    /// Ends it at once.
    pub(crate) fn kill(&self) -> io::Result<()> {
        match rustix::process::pidfd_send_signal(&self.fd, Signal::KILL) {
            Err(rustix::io::Errno::SRCH) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// SO_PEERPIDFD (Linux 6.5).
fn peer_pidfd(socket: &impl AsFd) -> io::Result<OwnedFd> {
    let mut fd: libc::c_int = -1;
    let mut length = libc::socklen_t::try_from(size_of::<libc::c_int>()).unwrap_or(4);
    // SAFETY: both pointers are to live locals and `length` is the size of the first.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERPIDFD,
            (&raw mut fd).cast(),
            &raw mut length,
        )
    };
    if result != 0 || fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The user at the other end of a Unix socket.
pub(crate) fn peer_uid(socket: &impl AsFd) -> io::Result<(u32, u32)> {
    let credentials = rustix::net::sockopt::socket_peercred(socket)?;
    Ok((credentials.uid.as_raw(), credentials.gid.as_raw()))
}

/// Kernel time: ns of CLOCK_MONOTONIC, the clock of META, of FDB stamps and of every report.
pub(crate) fn monotonic_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// The calling thread is behind this process' others as long as this lives: for work that takes long and may wait. Not for a thread
/// that waits for such work: it would wait to die as well, behind whoever else asks for no more than the least (a traffic generator: a millisecond).
#[must_use = "it ends where it is dropped"]
pub(crate) struct Patience {
    /// Policy and priority that the thread had.
    before: (i32, i32),
    /// Priorities are the thread's: it ends where it began.
    _here: std::marker::PhantomData<*const ()>,
}

impl Patience {
    /// See the type.
    pub(crate) fn begin() -> Self {
        let before = scheduled();
        let _ = schedule(libc::SCHED_RR, PATIENT);
        Self { before, _here: std::marker::PhantomData }
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        let (policy, priority) = self.before;
        let _ = schedule(policy, priority);
    }
}

/// Does `work` behind this process' other threads.
pub(crate) fn patiently<T>(work: impl FnOnce() -> T) -> T {
    let _patience = Patience::begin();
    work()
}

/// The calling thread goes before all others of the chassis; threads and processes that it starts are ordinary ones.
///
/// # Errors
/// There is no real-time budget to be had.
pub(crate) fn go_first() -> io::Result<()> {
    schedule(libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, FIRST)
}

/// Policy and priority of the calling thread.
fn scheduled() -> (i32, i32) {
    let mut parameter = libc::sched_param { sched_priority: 0 };
    // SAFETY: the calling thread (0), and a parameter that lives over the call.
    unsafe { libc::sched_getparam(0, &raw mut parameter) };
    // SAFETY: the calling thread (0); nothing is written.
    (unsafe { libc::sched_getscheduler(0) }, parameter.sched_priority)
}

fn schedule(policy: i32, priority: i32) -> io::Result<()> {
    let parameter = libc::sched_param { sched_priority: priority };
    // SAFETY: the calling thread (0), and a parameter that lives over the call.
    match unsafe { libc::sched_setscheduler(0, policy, &raw const parameter) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Settings of a long-lived process, made before it starts threads: they inherit the priority. What fails is returned as text for the log: none of them is worth a refusal.
pub(crate) fn settle() -> Vec<String> {
    let mut failed = Vec::new();
    // Sockets and logs are for root; what is for others says so.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    // A session of its own: the terminal's signals are not for the chassis. Fails for a group leader, who has one.
    let _ = rustix::process::setsid();
    if let Err(e) = schedule(libc::SCHED_RR, REALTIME) {
        failed.push(format!("no real-time priority: {e}"));
        if let Err(e) = rustix::process::setpriority_process(None, NICE) {
            failed.push(format!("nice stays: {e}"));
        }
    }
    if let Err(e) = std::fs::write("/proc/self/oom_score_adj", OOM_SCORE) {
        failed.push(format!("oom_score_adj stays: {e}"));
    }
    // A core dump would delay the pidfd, and so the failover, by the time it takes to write. After this the files of
    // /proc/self are nobody's to write.
    if let Err(e) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable) {
        failed.push(format!("core dumps stay on: {e}"));
    }
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let wanted = rustix::process::Rlimit {
        current: Some(NOFILE.min(limit.maximum.unwrap_or(NOFILE))),
        maximum: limit.maximum,
    };
    if limit.current.is_some_and(|now| now < NOFILE)
        && let Err(e) = rustix::process::setrlimit(rustix::process::Resource::Nofile, wanted)
    {
        failed.push(format!("RLIMIT_NOFILE stays {:?}: {e}", limit.current));
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_killed_child_is_dead_before_it_is_reaped() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep starts");
        let process = Process::open(child.id()).expect("pidfd");
        process.kill().expect("SIGKILL");
        tokio::time::timeout(std::time::Duration::from_secs(5), process.dead())
            .await
            .expect("within the deadline")
            .expect("pidfd is pollable");
        child.wait().expect("reaped");
    }

    #[test]
    fn the_peer_of_a_socket_pair_is_this_process() {
        let (a, _b) = std::os::unix::net::UnixStream::pair().expect("pair");
        let peer = Process::peer(&a).expect("peer pidfd");
        assert_eq!(peer.pid(), std::process::id());
    }
}
