//! Frames of a test's own, whole, at a host's netdev.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use netns_tests::bed::{HOST_DEV, Host};

/// A packet socket at `eth0` of a host: it sends what it is given, and takes nothing in.
pub(crate) struct Wire(OwnedFd);

impl Wire {
    pub(crate) fn of(host: &Host) -> Self {
        host.enter(|| open(HOST_DEV)).expect("inside the host").map(Self).expect("a packet socket")
    }

    pub(crate) fn send(&self, frame: &[u8]) {
        // SAFETY: the buffer lives over the call.
        let sent = unsafe { libc::send(self.0.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        assert_eq!(sent, frame.len() as isize, "{}", io::Error::last_os_error());
    }
}

fn open(device: &str) -> io::Result<OwnedFd> {
    let name = std::ffi::CString::new(device)?;
    // SAFETY: the name is a C string.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    // Protocol 0: nothing is received.
    // SAFETY: no memory is passed.
    let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: 0,
        sll_ifindex: index as i32,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let length = size_of_val(&address) as libc::socklen_t;
    // SAFETY: the address lives over the call and has the length that is said.
    let bound = unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), length) };
    if bound < 0 { Err(io::Error::last_os_error()) } else { Ok(fd) }
}

/// An Ethernet frame of `length` bytes without FCS: an experimental EtherType (IEEE 802 local 1), the number, a pattern.
pub(crate) fn frame(to: [u8; 6], from: [u8; 6], tag: Option<u16>, number: u32, length: usize) -> Vec<u8> {
    let mut bytes = [to, from].concat();
    if let Some(tag) = tag {
        bytes.extend([0x81, 0x00]);
        bytes.extend(tag.to_be_bytes());
    }
    bytes.extend([0x88, 0xb5]);
    bytes.extend(number.to_be_bytes());
    let mut value = number as u8;
    while bytes.len() < length {
        bytes.push(value);
        value = value.wrapping_add(37);
    }
    bytes
}
