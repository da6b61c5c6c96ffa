//! Has zebra keep a daemon's routes when the daemon dies.
//!
//! zebra withdraws a client's routes at once when its connection ends, unless the client has said that it restarts gracefully; then they
//! stay, marked, until the client is back and has claimed them or a time has passed (zebra/zebra_gr.c). bgpd says so by itself, ospfd and
//! ripd never do before an outage that nobody planned. So it is said for them, over their own connection: the descriptor is taken out of the
//! daemon with pidfd_getfd(2) while it is idle, one message is written in one piece, and the copy is closed again.

use std::io;
use std::os::fd::{AsFd, OwnedFd, RawFd};

use rustix::net::{SendFlags, SocketAddrUnix};
use rustix::process::PidfdGetfdFlags;

use super::zapi::{self, Capability};
use crate::process::Process;

/// Tells zebra over the connection of `process`. False: it has none yet.
pub(super) fn tell(process: &Process, capability: Capability) -> io::Result<bool> {
    let Some(command) = zapi::command() else {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "this release of FRR was not tried; routes of a daemon that dies are withdrawn",
        ));
    };
    let Some(connection) = connection(process)? else { return Ok(false) };
    let message = zapi::message(command, capability);
    // A message in one piece: a datagram's worth in a socket buffer that has nothing in it.
    let sent = rustix::net::send(&connection, &message, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?;
    if sent == message.len() { Ok(true) } else { Err(io::Error::other("a message in two pieces")) }
}

/// A copy of its first connection to zebra. Each client has one that carries its routes, and it is the first that it opens.
fn connection(process: &Process) -> io::Result<Option<OwnedFd>> {
    let mut numbers: Vec<RawFd> = std::fs::read_dir(format!("/proc/{}/fd", process.pid()))?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let target = std::fs::read_link(entry.path()).ok()?;
            target.to_str()?.starts_with("socket:").then(|| entry.file_name().to_str()?.parse().ok())?
        })
        .collect();
    numbers.sort_unstable();
    for number in numbers {
        let Ok(fd) = rustix::process::pidfd_getfd(process.as_fd(), number, PidfdGetfdFlags::empty()) else {
            continue;
        };
        let peer = rustix::net::getpeername(&fd).ok().flatten();
        let path = peer.and_then(|peer| SocketAddrUnix::try_from(peer).ok());
        if path.is_some_and(|unix| unix.path_bytes().is_some_and(zapi::is_zserv)) {
            return Ok(Some(fd));
        }
    }
    Ok(None)
}
