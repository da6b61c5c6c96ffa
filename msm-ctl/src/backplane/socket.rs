//! SEQPACKET sockets that never wait: who uses them polls.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, connect,
    listen, recv, send, socket_with,
};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 16;

fn socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?)
}

/// Waits for connections at `path`. What is there is stale: the caller holds the lock.
pub(super) fn listener(path: &Path) -> io::Result<OwnedFd> {
    let _ = std::fs::remove_file(path);
    let socket = socket()?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    listen(&socket, BACKLOG)?;
    Ok(socket)
}

/// The next connection that waits, if any.
pub(super) fn accepted(listener: &OwnedFd) -> io::Result<Option<OwnedFd>> {
    match accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
        Ok(socket) => Ok(Some(socket)),
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::CONNABORTED | rustix::io::Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Connects to who listens at `path`; fails at once if too many wait there.
pub(super) fn connected(path: &Path) -> io::Result<OwnedFd> {
    let socket = socket()?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

/// Sends one message, whole. A peer that reads nothing for so long that its queue is full is an error.
pub(super) fn sent(socket: &impl AsFd, message: &[u8]) -> io::Result<()> {
    send(socket, message, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?;
    Ok(())
}

/// What a read found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A message of this length. It is longer than the buffer if that did not hold it.
    Message(usize),
    /// Nothing now.
    Nothing,
    /// The other end is closed.
    End,
}

/// Reads one message.
pub(super) fn heard(socket: &impl AsFd, buffer: &mut [u8]) -> io::Result<Heard> {
    match recv(socket, buffer, RecvFlags::DONTWAIT | RecvFlags::TRUNC) {
        Ok((_, 0)) => Ok(Heard::End),
        Ok((_, length)) => Ok(Heard::Message(length)),
        // It ended without having read all of ours. The kernel says so once, before it gives what it said (af_unix.c, unix_release_sock).
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR | rustix::io::Errno::CONNRESET) => {
            Ok(Heard::Nothing)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_whole_or_told_to_be_too_long() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("s");
        assert!(connected(&path).is_err());
        let listener = listener(&path).expect("bound");
        assert!(accepted(&listener).expect("listening").is_none());
        let here = connected(&path).expect("connected");
        let there = accepted(&listener).expect("listening").expect("a connection");
        let mut buffer = [0; 4];
        assert_eq!(heard(&there, &mut buffer).expect("open"), Heard::Nothing);
        sent(&here, b"one").expect("sent");
        sent(&here, b"three").expect("sent");
        assert_eq!(heard(&there, &mut buffer).expect("open"), Heard::Message(3));
        assert_eq!(heard(&there, &mut buffer).expect("open"), Heard::Message(5));
        drop(here);
        assert_eq!(heard(&there, &mut buffer).expect("open"), Heard::End);
    }

    #[test]
    fn who_never_reads_is_an_error_and_not_a_wait() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("s");
        let listener = listener(&path).expect("bound");
        let here = connected(&path).expect("connected");
        let _there = accepted(&listener).expect("listening").expect("a connection");
        assert!((0..100_000).any(|_| sent(&here, &[0; 512]).is_err()));
    }
}
