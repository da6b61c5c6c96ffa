//! Has zebra keep a daemon's routes when the daemon dies.
//!
//! zebra withdraws a client's routes at once when its connection ends, unless the client has said that it restarts gracefully; then they
//! stay, marked, until the client is back and has claimed them or a time has passed (zebra/zebra_gr.c). bgpd says so by itself, ospfd and
//! ripd never do before an outage that nobody planned. So it is said for them, over their own connection: the descriptor is taken out of the
//! daemon with pidfd_getfd(2) while it is idle, one message is written in one piece, and the copy is closed again.

use std::io;
use std::os::fd::OwnedFd;

use rustix::net::{SendFlags, SocketAddrUnix};

use super::Daemon;
use super::sockets::copies;
use super::zapi::{self, Capability};
use crate::process::Process;

/// What zebra is asked for what it was told.
pub(super) const QUESTION: &str = "show zebra client";

/// Whether zebra keeps the routes of `daemon`, by its answer. It forgets what it is told by one who has not yet said who he is.
pub(super) fn is_told(answer: &str, daemon: Daemon) -> bool {
    let name = daemon.name().trim_end_matches('d');
    let is_it = |client: &&str| client.split_whitespace().next() == Some(name);
    answer.split("Client: ").filter(is_it).any(|client| client.contains("Graceful Restart("))
}

/// Tells zebra over each connection of `process`. False: it has none yet.
pub(super) fn tell(process: &Process, capability: Capability) -> io::Result<bool> {
    let Some(command) = zapi::command() else {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "this release of FRR was not tried; routes of a daemon that dies are withdrawn",
        ));
    };
    // In one piece: it lies whole behind what the daemon has sent before.
    let message = zapi::message(command, capability);
    let connections = connections(process)?;
    for connection in &connections {
        let sent = rustix::net::send(connection, &message, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?;
        if sent != message.len() {
            return Err(io::Error::other("a message in two pieces"));
        }
    }
    Ok(!connections.is_empty())
}

/// Copies of its connections to zebra.
fn connections(process: &Process) -> io::Result<Vec<OwnedFd>> {
    copies(process, |fd| {
        let peer = rustix::net::getpeername(fd).ok().flatten();
        let path = peer.and_then(|peer| SocketAddrUnix::try_from(peer).ok());
        path.is_some_and(|path| path.path_bytes().is_some_and(zapi::is_zserv))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zebra_is_told_for_the_client_that_it_names() {
        let told = |said: &str| is_told(said, Daemon::Ospfd);
        let client = "Client: static\nErrors: 0\n\nClient: ospf\nErrors: 0\n\n";
        assert!(!told(client));
        let held = "Stale Client Information\nVRF : default\nCapabilities : Graceful Restart(60 seconds)\n";
        assert!(told(&format!("{client}{held}")) && !told(&format!("Client: ospf6\n{held}{client}")));
    }
}
