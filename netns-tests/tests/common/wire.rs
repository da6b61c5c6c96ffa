//! Frames of a test's own, whole, at a host's netdev.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use netns_tests::bed::{HOST_DEV, Host};

/// IEEE 802 local experimental 1.
const ETHERTYPE: u16 = 0x88b5;

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

/// A packet socket at `eth0` of a host that takes in frames as [`frame`] makes them, with their tags.
pub(crate) struct Tap(OwnedFd);

/// Room for what comes while nobody reads: a redirected frame takes a page.
const ROOM: libc::c_int = 64 << 20;
/// Nothing has come for so long: all has.
const QUIET: i32 = 300;

impl Tap {
    pub(crate) fn of(host: &Host) -> Self {
        Self::for_kind(host, ETHERTYPE)
    }

    /// One that takes in frames of another EtherType.
    pub(crate) fn for_kind(host: &Host, ethertype: u16) -> Self {
        let open = || open_for(HOST_DEV, ethertype);
        let tap = host.enter(open).expect("inside the host").map(Self).expect("a packet socket");
        let room = ROOM;
        let length = size_of_val(&room) as libc::socklen_t;
        let (level, option) = (libc::SOL_SOCKET, libc::SO_RCVBUFFORCE);
        // SAFETY: an integer that lives over the call, of the length that is said.
        let set =
            unsafe { libc::setsockopt(tap.0.as_raw_fd(), level, option, (&raw const room).cast(), length) };
        assert_eq!(set, 0, "{}", io::Error::last_os_error());
        tap
    }

    /// What has come, once nothing more comes.
    pub(crate) fn take(&self) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        loop {
            let mut poll = libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: one live pollfd.
            if unsafe { libc::poll(&raw mut poll, 1, QUIET) } <= 0 {
                return frames;
            }
            let mut buffer = vec![0u8; 65_536];
            // SAFETY: the buffer lives over the call and is as long as is said.
            let got = unsafe { libc::recv(self.0.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
            assert!(got >= 0, "{}", io::Error::last_os_error());
            buffer.truncate(got as usize);
            frames.push(buffer);
        }
    }
}

/// A frame of [`frame`]'s as it was on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seen {
    pub(crate) number: u32,
    /// Its tag, with the priority.
    pub(crate) tci: Option<u16>,
    /// This end sent it.
    pub(crate) sent: bool,
}

/// A packet socket that takes in whatever a netdev receives and sends: where [`Tap`] sees no tags, for the kernel takes them out of frames
/// (net/core/dev.c, __netif_receive_skb_core).
pub(crate) struct Spy(OwnedFd);

impl Spy {
    /// At a netdev of the calling thread's namespace.
    pub(crate) fn of(device: &str) -> Self {
        let socket = open_for(device, libc::ETH_P_ALL as u16).expect("a packet socket");
        let on: libc::c_int = 1;
        let length = size_of_val(&on) as libc::socklen_t;
        let (level, option) = (libc::SOL_PACKET, libc::PACKET_AUXDATA);
        // SAFETY: an integer that lives over the call, of the length that is said.
        let set =
            unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const on).cast(), length) };
        assert_eq!(set, 0, "{}", io::Error::last_os_error());
        Self(socket)
    }

    /// What has passed so far, and nothing of it again.
    pub(crate) fn take(&self) -> Vec<Seen> {
        let mut seen = Vec::new();
        while let Some(frame) = self.next() {
            seen.extend(frame);
        }
        seen
    }

    /// The next frame, if it is one of ours; `None` if there is none.
    fn next(&self) -> Option<Option<Seen>> {
        let mut bytes = [0u8; 128];
        let mut control = [0u64; 16];
        // SAFETY: all zero is a lawful value of both.
        let (mut from, mut header): (libc::sockaddr_ll, libc::msghdr) = unsafe { std::mem::zeroed() };
        let mut room = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
        header.msg_name = (&raw mut from).cast();
        header.msg_namelen = size_of_val(&from) as libc::socklen_t;
        (header.msg_iov, header.msg_iovlen) = (&raw mut room, 1);
        (header.msg_control, header.msg_controllen) = (control.as_mut_ptr().cast(), size_of_val(&control));
        // SAFETY: every pointer of the header is to a live buffer of the length beside it.
        let count = unsafe { libc::recvmsg(self.0.as_raw_fd(), &raw mut header, libc::MSG_DONTWAIT) };
        if count < 0 {
            return None;
        }
        let sent = from.sll_pkttype == libc::PACKET_OUTGOING;
        Some(ours(&bytes[..(count as usize).min(bytes.len())], taken_out(&header), sent))
    }
}

/// The tag that the kernel put beside the frame.
fn taken_out(header: &libc::msghdr) -> Option<u16> {
    // SAFETY: the kernel has filled the control buffer, which lives on.
    let first = unsafe { libc::CMSG_FIRSTHDR(header) };
    // SAFETY: the kernel has written a whole header there, if anything.
    let message = unsafe { first.as_ref() }?;
    if (message.cmsg_level, message.cmsg_type) != (libc::SOL_PACKET, libc::PACKET_AUXDATA) {
        return None;
    }
    // SAFETY: it is a live header.
    let data = unsafe { libc::CMSG_DATA(first) }.cast::<libc::tpacket_auxdata>();
    // SAFETY: a message of this type holds this structure.
    let auxiliary = unsafe { data.read_unaligned() };
    (auxiliary.tp_status & libc::TP_STATUS_VLAN_VALID != 0).then_some(auxiliary.tp_vlan_tci)
}

/// A frame of [`frame`]'s, with its tag inside or beside it.
fn ours(bytes: &[u8], beside: Option<u16>, sent: bool) -> Option<Seen> {
    let inside = bytes.get(12..14) == Some(&[0x81, 0x00]);
    let at = if inside { 16 } else { 12 };
    let tag = || Some(u16::from_be_bytes(bytes.get(14..16)?.try_into().ok()?));
    let tci = if inside { tag() } else { beside };
    let number = u32::from_be_bytes(bytes.get(at + 2..at + 6)?.try_into().ok()?);
    (bytes.get(at..at + 2)? == ETHERTYPE.to_be_bytes()).then_some(Seen { number, tci, sent })
}

/// The number of a frame that [`frame`] made, without a tag.
pub(crate) fn number(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(14..18)?.try_into().ok()?))
}

fn open(device: &str) -> io::Result<OwnedFd> {
    // Protocol 0: nothing is received.
    open_for(device, 0)
}

fn open_for(device: &str, protocol: u16) -> io::Result<OwnedFd> {
    let name = std::ffi::CString::new(device)?;
    // SAFETY: the name is a C string.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    // SAFETY: no memory is passed.
    let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: protocol.to_be(),
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
