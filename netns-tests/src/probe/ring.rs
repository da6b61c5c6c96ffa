//! Transmit ring of an AF_PACKET socket (Documentation/networking/packet_mmap.rst): frames are written into memory shared
//! with the kernel and sent many at a system call, past the queueing discipline.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};

/// Room for one frame with its header.
const SLOT: usize = 2048;
/// Slots. veth gives a slot back when it queues the frame, which still lies in it: more slots than all rings on the frame's
/// way have entries (256 each), or a number would be overwritten before it is read.
const SLOTS: usize = 2048;
const BLOCK: usize = 64 * 1024;
/// `TPACKET2_HDRLEN - sizeof(struct sockaddr_ll)`: where a frame to send begins (net/packet/af_packet.c, tpacket_parse_header).
const DATA: usize = 32;
/// `tp_len` in struct tpacket2_hdr; `tp_status` is at 0.
const LEN: usize = 4;
/// Times that a full socket buffer is tried again before it is an error.
const RETRIES: u32 = 100_000;

/// linux/if_packet.h; libc has them as c_int with other names or not at all.
const STATUS_AVAILABLE: u32 = 0;
const STATUS_SEND_REQUEST: u32 = 1;

/// A socket bound to one netdev, and its ring.
#[derive(Debug)]
pub(super) struct TxRing {
    socket: OwnedFd,
    memory: *mut u8,
    /// Slot to write next.
    head: usize,
    /// First slot that was written and not sent.
    tail: usize,
}

// SAFETY: the memory is this ring's alone, and a shared mapping is valid on any thread.
unsafe impl Send for TxRing {}

impl TxRing {
    /// A ring on a netdev of the calling thread's namespace. The socket stays in that namespace, whoever uses it.
    pub(super) fn new(ifindex: u32) -> io::Result<Self> {
        // SAFETY: plain system call. Protocol 0: this socket receives nothing.
        let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new and nobody else's.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        let version: libc::c_int = libc::tpacket_versions::TPACKET_V2 as libc::c_int;
        set(&socket, libc::PACKET_VERSION, &version)?;
        set(&socket, libc::PACKET_QDISC_BYPASS, &1_i32)?;
        let request = libc::tpacket_req {
            tp_block_size: BLOCK as u32,
            tp_block_nr: (SLOTS * SLOT / BLOCK) as u32,
            tp_frame_size: SLOT as u32,
            tp_frame_nr: SLOTS as u32,
        };
        set(&socket, libc::PACKET_TX_RING, &request)?;
        bind(&socket, ifindex)?;
        let (protection, flags) =
            (rustix::mm::ProtFlags::READ | rustix::mm::ProtFlags::WRITE, rustix::mm::MapFlags::SHARED);
        // SAFETY: a new mapping of the ring, at an address of the kernel's choice.
        let memory =
            unsafe { rustix::mm::mmap(std::ptr::null_mut(), SLOTS * SLOT, protection, flags, &socket, 0) }?;
        Ok(Self { socket, memory: memory.cast(), head: 0, tail: 0 })
    }

    /// Writes a frame of `len` bytes into the next slot; `flush` sends it.
    ///
    /// # Errors
    /// `WouldBlock` when the ring is full: flush first.
    pub(super) fn push(&mut self, len: usize, write: impl FnOnce(&mut [u8])) -> io::Result<()> {
        assert!(len <= SLOT - DATA, "a frame fits its slot");
        let next = (self.head + 1) % SLOTS;
        if next == self.tail || self.status(self.head).load(Ordering::Acquire) != STATUS_AVAILABLE {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        write(self.data(self.head, len));
        self.set_len(self.head, len as u32);
        self.status(self.head).store(STATUS_SEND_REQUEST, Ordering::Release);
        self.head = next;
        Ok(())
    }

    /// Sends what was written; gives the number of frames that the netdev refused (no carrier, peer's ring full, down).
    pub(super) fn flush(&mut self) -> io::Result<u64> {
        let mut refused = 0;
        let mut full = 0;
        while self.tail != self.head {
            if let Err(error) = self.kick() {
                match error.raw_os_error() {
                    // The netdev dropped a frame. The kernel keeps it for another try (tpacket_snd, out_status), but a
                    // frame that was due is offered once, whatever the link does (RFC 6201, 4).
                    Some(libc::ENOBUFS) => {
                        self.skip_sent();
                        self.abandon_first();
                        refused += 1;
                    }
                    Some(libc::EAGAIN | libc::EINTR) if full < RETRIES => full += 1,
                    // The netdev is down: the kernel takes none. It would look at the same slot again.
                    Some(libc::ENETDOWN | libc::ENXIO | libc::ENODEV) => {
                        self.skip_sent();
                        refused += self.withdraw();
                    }
                    _ => return Err(error),
                }
            }
            self.skip_sent();
        }
        Ok(refused)
    }

    fn kick(&self) -> io::Result<()> {
        // SAFETY: no buffer: the frames are in the ring.
        let sent = unsafe { libc::send(self.socket.as_raw_fd(), std::ptr::null(), 0, libc::MSG_DONTWAIT) };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Moves the tail over slots that the kernel has taken.
    fn skip_sent(&mut self) {
        while self.tail != self.head && self.status(self.tail).load(Ordering::Acquire) != STATUS_SEND_REQUEST
        {
            self.tail = (self.tail + 1) % SLOTS;
        }
    }

    /// Forgets the first frame that was not sent: those after it move up, for the kernel goes on at its slot.
    fn abandon_first(&mut self) {
        let mut slot = self.tail;
        while slot != self.head {
            let next = (slot + 1) % SLOTS;
            if next == self.head {
                self.status(slot).store(STATUS_AVAILABLE, Ordering::Release);
                self.head = slot;
                return;
            }
            self.copy(next, slot);
            slot = next;
        }
    }

    /// Takes back what was not sent, to be written over; gives how many.
    fn withdraw(&mut self) -> u64 {
        let mut slot = self.tail;
        let mut withdrawn = 0;
        while slot != self.head {
            self.status(slot).store(STATUS_AVAILABLE, Ordering::Release);
            slot = (slot + 1) % SLOTS;
            withdrawn += 1;
        }
        self.head = self.tail;
        withdrawn
    }

    fn status(&self, slot: usize) -> &AtomicU32 {
        let at = self.memory.wrapping_add(slot * SLOT).cast();
        // SAFETY: slots are 2,048 bytes of the mapping and aligned so; the kernel changes this word at any time, hence atomic.
        unsafe { AtomicU32::from_ptr(at) }
    }

    fn set_len(&mut self, slot: usize, len: u32) {
        let at = self.memory.wrapping_add(slot * SLOT + LEN).cast();
        // SAFETY: inside the slot, aligned; the kernel reads it only after the status says so.
        unsafe { std::ptr::write(at, len) };
    }

    /// Copies a frame and its length, not its status.
    fn copy(&mut self, from: usize, to: usize) {
        let source = self.memory.wrapping_add(from * SLOT + LEN);
        let target = self.memory.wrapping_add(to * SLOT + LEN);
        // SAFETY: both inside their own slots, which differ; the kernel does not look at a ring between calls.
        unsafe { std::ptr::copy_nonoverlapping(source, target, SLOT - LEN) };
    }

    fn data(&mut self, slot: usize, len: usize) -> &mut [u8] {
        let at = self.memory.wrapping_add(slot * SLOT + DATA);
        // SAFETY: inside the slot (asserted in `push`), and the kernel leaves an available slot alone.
        unsafe { std::slice::from_raw_parts_mut(at, len) }
    }
}

impl Drop for TxRing {
    fn drop(&mut self) {
        // SAFETY: the mapping of `new`, and nothing refers to it any more.
        let _ = unsafe { rustix::mm::munmap(self.memory.cast(), SLOTS * SLOT) };
    }
}

fn set<T>(socket: &OwnedFd, option: libc::c_int, value: &T) -> io::Result<()> {
    let length = size_of::<T>() as libc::socklen_t;
    // SAFETY: the value is a plain C structure of the length given.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            option,
            std::ptr::from_ref(value).cast(),
            length,
        )
    };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn bind(socket: &OwnedFd, ifindex: u32) -> io::Result<()> {
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: 0,
        sll_ifindex: ifindex as i32,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the address is a sockaddr_ll of the length given.
    let done = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
