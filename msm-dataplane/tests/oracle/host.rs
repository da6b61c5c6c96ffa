//! A host at the far end of a veth: sends frames, and sees those that arrive as they were on the wire.

use std::{
    ffi::CString,
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    time::Duration,
};

/// How long a frame may take.
pub(crate) const ARRIVE: Duration = Duration::from_secs(20);
/// Longest frame.
const LONGEST: usize = 2048;
/// Frames that may wait in a host: many more than are sent at a time.
const ROOM: libc::c_int = 8 << 20;
/// linux/if_packet.h.
const PACKET_AUXDATA: libc::c_int = 8;
const PACKET_IGNORE_OUTGOING: libc::c_int = 23;
const VLAN_VALID: u32 = 1 << 4;

pub(crate) struct Host(OwnedFd);

impl Host {
    /// At a netdev of this thread's network namespace.
    pub(crate) fn new(netdev: &str) -> Self {
        let all = libc::ETH_P_ALL as u16;
        // SAFETY: plain numbers. Protocol 0: nothing is received before it is bound.
        let fd = unsafe {
            libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0)
        };
        assert!(fd >= 0, "a packet socket: {} (are you root?)", io::Error::last_os_error());
        // SAFETY: the kernel has just made this descriptor for us.
        let host = Self(unsafe { OwnedFd::from_raw_fd(fd) });
        host.set(libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, ROOM);
        host.set(libc::SOL_PACKET, PACKET_AUXDATA, 1);
        host.set(libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
        let name = CString::new(netdev).expect("a plain name");
        // SAFETY: the name ends with a zero.
        let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
        // SAFETY: all zeroes is a valid address.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = all.to_be();
        address.sll_ifindex = index as i32;
        // SAFETY: an initialised address of that size.
        let bound =
            unsafe { libc::bind(fd, (&raw const address).cast(), size_of::<libc::sockaddr_ll>() as u32) };
        assert_eq!(bound, 0, "binding to {netdev}: {}", io::Error::last_os_error());
        host
    }

    fn set(&self, level: libc::c_int, option: libc::c_int, value: libc::c_int) {
        // SAFETY: the option is a number of four bytes.
        let set =
            unsafe { libc::setsockopt(self.0.as_raw_fd(), level, option, (&raw const value).cast(), 4) };
        assert_eq!(set, 0, "option {option}: {}", io::Error::last_os_error());
    }

    pub(crate) fn send(&self, frame: &[u8]) {
        // SAFETY: the frame's bytes, and as many.
        let sent = unsafe { libc::send(self.0.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        assert_eq!(sent, frame.len() as isize, "sending {frame:02x?}: {}", io::Error::last_os_error());
    }

    /// The next frame, if one is there.
    fn take(&self) -> Option<Vec<u8>> {
        let mut frame = vec![0u8; LONGEST];
        let mut control = [0u64; 16];
        let mut part = libc::iovec { iov_base: frame.as_mut_ptr().cast(), iov_len: frame.len() };
        // SAFETY: all zeroes is a valid message header.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        (message.msg_iov, message.msg_iovlen) = (&raw mut part, 1);
        (message.msg_control, message.msg_controllen) =
            (control.as_mut_ptr().cast(), size_of_val(&control) as _);
        // SAFETY: the header names live buffers with their sizes.
        let len = unsafe { libc::recvmsg(self.0.as_raw_fd(), &raw mut message, 0) };
        if len < 0 {
            let why = io::Error::last_os_error();
            assert_eq!(why.kind(), io::ErrorKind::WouldBlock, "receiving: {why}");
            return None;
        }
        assert_eq!(message.msg_flags & libc::MSG_TRUNC, 0, "a frame longer than any that is sent");
        frame.truncate(len as usize);
        // SAFETY: the kernel filled the buffers that the header names.
        let first = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
        assert!(!first.is_null(), "no tag is told");
        // SAFETY: it lies in `control`.
        let data = unsafe { libc::CMSG_DATA(first) };
        // SAFETY: the only data that was asked for, and `control` has room for more than it is.
        let tag = unsafe { std::ptr::read_unaligned(data.cast::<libc::tpacket_auxdata>()) };
        if tag.tp_status & VLAN_VALID != 0 {
            // The kernel takes the outer tag off before it shows a frame.
            let (tpid, tci) = (tag.tp_vlan_tpid.to_be_bytes(), tag.tp_vlan_tci.to_be_bytes());
            frame.splice(12..12, [tpid[0], tpid[1], tci[0], tci[1]]);
        }
        Some(frame)
    }

    /// Whether nothing more has arrived.
    pub(crate) fn is_silent(&self) -> bool {
        self.take().is_none()
    }

    /// Gives `see` all frames that arrive, until it has seen what it waits for.
    pub(crate) fn watch(&self, what: &str, mut see: impl FnMut(Vec<u8>) -> bool) {
        loop {
            while let Some(frame) = self.take() {
                if see(frame) {
                    return;
                }
            }
            let mut poll = libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: one live pollfd.
            let ready = unsafe { libc::poll(&raw mut poll, 1, ARRIVE.as_millis() as libc::c_int) };
            assert_eq!(ready, 1, "{what} did not arrive");
        }
    }
}

/// This thread on the CPU that it is on: frames go through a veth on the CPU that sends them, so their order stays.
pub(crate) fn stay_on_this_cpu() {
    // SAFETY: all zeroes is an empty set.
    let mut cpus: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: it only says a number.
    let cpu = unsafe { libc::sched_getcpu() };
    // SAFETY: the set has a place for every CPU.
    unsafe { libc::CPU_SET(cpu as usize, &mut cpus) };
    // SAFETY: a live set of that size; 0 is this thread.
    let pinned = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const cpus) };
    assert_eq!(pinned, 0, "sched_setaffinity: {}", io::Error::last_os_error());
}

/// Sets a sysctl of this thread's network namespace, by its path under /proc/sys/net; one that this kernel does not have is passed over.
pub(crate) fn sysctl(path: &str, value: &str) {
    if let Err(why) = std::fs::write(format!("/proc/sys/net/{path}"), value) {
        assert_eq!(why.kind(), io::ErrorKind::NotFound, "{path} = {value}: {why}");
    }
}
