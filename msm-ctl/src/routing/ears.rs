//! What an ospfd hears: everything, or everything but link state updates.
//!
//! A restarted ospfd that is told nothing of the link states meets its neighbours, learns who the designated routers are and describes its
//! (empty) database, but is not Full with anybody: it does not end its graceful restart. A filter on its raw socket does that, put there
//! through a copy of the socket.

use std::io;
use std::mem::size_of_val;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::net::sockopt::{socket_protocol, socket_type};
use rustix::net::{Protocol, RawProtocol, SocketType};

use super::lsa::LINK_STATE_UPDATE;
use super::sockets::copies;
use crate::process::Process;

/// IANA's number of OSPF.
pub(super) const OSPF: u32 = 89;

/// A classic filter sees the packet from its IP header on: `x = length of that; a = type of the OSPF packet behind it`.
const ALL_BUT_UPDATES: [libc::sock_filter; 5] = [
    instruction(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 0, 0, 0),
    instruction(libc::BPF_LD | libc::BPF_B | libc::BPF_IND, 0, 0, 1),
    instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, LINK_STATE_UPDATE as u32),
    instruction(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
    instruction(libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX),
];

#[allow(clippy::cast_possible_truncation, reason = "the kernel's codes have 16 bits (linux/bpf_common.h)")]
const fn instruction(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt, jf, k }
}

/// Keeps link state updates from `process`. False: it has no socket for OSPF yet.
pub(super) fn deafen(process: &Process) -> io::Result<bool> {
    let sockets = ospf(process)?;
    for socket in &sockets {
        let mut code = ALL_BUT_UPDATES;
        let program = libc::sock_fprog { len: 5, filter: code.as_mut_ptr() };
        set(socket, libc::SO_ATTACH_FILTER, &program)?;
    }
    Ok(!sockets.is_empty())
}

/// Lets it hear everything.
pub(super) fn hear(process: &Process) -> io::Result<()> {
    for socket in ospf(process)? {
        match set(&socket, libc::SO_DETACH_FILTER, &0i32) {
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
            other => other?,
        }
    }
    Ok(())
}

fn ospf(process: &Process) -> io::Result<Vec<OwnedFd>> {
    let protocol = RawProtocol::new(OSPF).map(Protocol::from_raw);
    copies(process, |fd| {
        socket_type(fd).is_ok_and(|kind| kind == SocketType::RAW)
            && socket_protocol(fd).is_ok_and(|spoken| spoken == protocol)
    })
}

fn set<T>(socket: &OwnedFd, option: libc::c_int, value: &T) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of_val(value)).unwrap_or(0);
    // SAFETY: the pointer is to `length` bytes that live over the call, and so does what they point to; the kernel copies both.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            option,
            std::ptr::from_ref(value).cast(),
            length,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrV4};

    use super::*;

    /// Needs root.
    #[test]
    fn a_deaf_process_hears_all_but_updates() {
        let protocol = RawProtocol::new(OSPF).map(Protocol::from_raw);
        let open = || rustix::net::socket(AddressFamily::INET, SocketType::RAW, protocol).expect("a socket");
        let (ear, mouth) = (open(), open());
        let this = Process::open(std::process::id()).expect("this process");
        let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        let say = |kind: u8| {
            let mut packet = [0; 24];
            packet[..2].copy_from_slice(&[2, kind]);
            rustix::net::sendto(&mouth, &packet, SendFlags::empty(), &to).expect("sent");
        };
        let heard = || {
            let mut buffer = [0u8; 128];
            rustix::net::recv(&ear, &mut buffer, RecvFlags::DONTWAIT).ok().map(|_| buffer[21])
        };
        assert!(deafen(&this).expect("deaf"));
        [4, 1].into_iter().for_each(say);
        assert_eq!((heard(), heard()), (Some(1), None));
        hear(&this).expect("not deaf");
        hear(&this).expect("twice is nothing");
        say(4);
        assert_eq!(heard(), Some(4));
    }
}
