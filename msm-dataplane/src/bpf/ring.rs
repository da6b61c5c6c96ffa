//! A BPF ring buffer from its consumer's side (kernel/bpf/ringbuf.c): one page with our position, one with the producers', then the
//! records, mapped twice in a row so that one that wraps is in one piece.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    sync::atomic::{AtomicU32, AtomicU64, Ordering, fence},
};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// BPF_RINGBUF_BUSY_BIT: a program is still writing it.
const BUSY: u32 = 1 << 31;
/// BPF_RINGBUF_DISCARD_BIT
const DISCARDED: u32 = 1 << 30;
/// BPF_RINGBUF_HDR_SZ
const HEADER: usize = 8;

/// The mapped ring. There may be one in a chassis: the consumer's position is the map's.
#[derive(Debug)]
pub(crate) struct Ring {
    consumer: *mut u8,
    producer: *mut u8,
    size: usize,
    page: usize,
}

// SAFETY: the mappings are this ring's, shared memory is valid on any thread, and reading needs `&mut`.
unsafe impl Send for Ring {}

impl Ring {
    /// Maps the ring of `size` bytes behind `fd`, which must be writable and may be closed afterwards.
    pub(crate) fn map(fd: BorrowedFd<'_>, size: usize) -> io::Result<Self> {
        // SAFETY: no pointers.
        let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).map_err(io::Error::other)?;
        let null = std::ptr::null_mut();
        // SAFETY: a new mapping at an address of the kernel's choice.
        let consumer =
            unsafe { mmap(null, page, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, fd.as_fd(), 0) }?;
        let length = page + 2 * size;
        // SAFETY: likewise.
        match unsafe { mmap(null, length, ProtFlags::READ, MapFlags::SHARED, fd, page as u64) } {
            Ok(producer) => Ok(Self { consumer: consumer.cast(), producer: producer.cast(), size, page }),
            Err(error) => {
                // SAFETY: mapped above, and nothing refers to it.
                let _ = unsafe { munmap(consumer, page) };
                Err(error.into())
            }
        }
    }

    fn position(&self, page: *mut u8) -> &AtomicU64 {
        // SAFETY: the first word of a mapped page, aligned; the kernel writes it at any time, hence atomic.
        unsafe { AtomicU64::from_ptr(page.cast()) }
    }

    /// Hands at most `limit` records to `each`, oldest first, and gives them back to the programs; how many there were. 0 means that
    /// the next record wakes who polls.
    pub(crate) fn read(&mut self, limit: usize, each: &mut dyn FnMut(&[u8])) -> usize {
        let mut at = self.position(self.consumer).load(Ordering::Relaxed);
        let mut count = 0;
        while count < limit && at < self.position(self.producer).load(Ordering::Acquire) {
            let start = self.producer.wrapping_add(self.page + (at as usize & (self.size - 1)));
            // SAFETY: a record's header, eight-byte aligned, below the producers' position; a program writes it at its commit.
            let header = unsafe { AtomicU32::from_ptr(start.cast()) }.load(Ordering::Acquire);
            if header & BUSY != 0 {
                break;
            }
            let len = (header & !DISCARDED) as usize;
            if header & DISCARDED == 0 {
                // SAFETY: committed, so that nobody writes it until our position is past it; the second mapping continues the first.
                each(unsafe { std::slice::from_raw_parts(start.wrapping_add(HEADER), len.min(self.size)) });
                count += 1;
            }
            at += (HEADER + len).next_multiple_of(8) as u64;
            self.position(self.consumer).store(at, Ordering::Release);
            // Before the producers' position is looked at again: a program that commits in between sees that we are there, and wakes.
            fence(Ordering::SeqCst);
        }
        count
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the mapping of `map`, and nothing refers to it any more.
        let _ = unsafe { munmap(self.consumer.cast(), self.page) };
        // SAFETY: likewise.
        let _ = unsafe { munmap(self.producer.cast(), self.page + 2 * self.size) };
    }
}
