//! Starting a daemon, finding one that runs, telling one to end.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use super::super::place::Place;
use super::super::{Daemon, install};
use crate::process::Process;

/// Before ordinary work, and never before the MSMs: a table of routes takes seconds.
const NICE: i32 = -10;
/// Room for route messages of the kernel, in bytes (Debian's daemons file).
const NETLINK: &str = "90000000";
/// How often it is looked whether zebra listens.
const POLL: Duration = Duration::from_millis(2);

/// Starts `daemon` in this process' namespaces. It reads its configuration from its own file.
pub(super) fn start(daemon: Daemon, log: &Path, hold_s: u32) -> io::Result<Child> {
    let out = OpenOptions::new().append(true).create(true).open(log)?;
    let mut command = Command::new(install::program(daemon));
    // No TCP port: the Unix socket is for who may.
    command.args(["-P", "0", "--log", "stdout", "--log-level", "warnings"]);
    if daemon == Daemon::Zebra {
        // Routes that a zebra before this one left in the kernel stay for as long, or until they are claimed.
        command.args(["-K", &hold_s.to_string(), "-s", NETLINK]);
    }
    command.current_dir("/").stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
    // SAFETY: between fork and exec only plain system calls are made.
    unsafe { command.pre_exec(ordinary) };
    command.spawn()
}

/// Not real time, as its parent is.
fn ordinary() -> io::Result<()> {
    let parameter = libc::sched_param { sched_priority: 0 };
    // SAFETY: the calling process (0), and a parameter that lives over the call.
    if unsafe { libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const parameter) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let _ = rustix::process::setpriority_process(None, NICE);
    Ok(())
}

/// The daemon of this place that runs. One of its name in another mount namespace is another chassis'. It writes its pid some 10 ms after its
/// start: if nothing stands there, all processes are looked at.
pub(in super::super) fn running(place: &Place, daemon: Daemon) -> Option<Process> {
    let written = std::fs::read_to_string(place.pid(daemon)).ok().and_then(|text| text.trim().parse().ok());
    written.and_then(|pid| is_it(place, daemon, pid)).or_else(|| {
        let all = std::fs::read_dir("/proc").ok()?;
        let pids = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        pids.into_iter().find_map(|pid| is_it(place, daemon, pid))
    })
}

fn is_it(place: &Place, daemon: Daemon, pid: u32) -> Option<Process> {
    if std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim() != daemon.name() {
        return None;
    }
    let process = Process::open(pid).ok()?;
    let theirs = std::fs::metadata(format!("/proc/{pid}/root/run/frr")).ok()?;
    let ours = std::fs::metadata(place.run()).ok()?;
    ((theirs.dev(), theirs.ino()) == (ours.dev(), ours.ino())).then_some(process)
}

/// SIGTERM: it takes back what it announced.
pub(in super::super) fn ask_to_end(process: &Process) -> io::Result<()> {
    match rustix::process::pidfd_send_signal(process, Signal::TERM) {
        Err(rustix::io::Errno::SRCH) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Waits until zebra takes connections: who finds none tries again only after 10 s.
pub(super) async fn zebra_listens(place: &Place, within: Duration) -> bool {
    let path = place.zserv();
    let listens = async {
        while UnixStream::connect(&path).is_err() {
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(within, listens).await.is_ok()
}

/// Empties a log that has grown too long: daemons append to it.
pub(super) fn shorten(log: &Path, most: u64) {
    if std::fs::metadata(log).is_ok_and(|about| about.len() > most) {
        let _ = OpenOptions::new().write(true).open(log).and_then(|file| file.set_len(0));
    }
}
