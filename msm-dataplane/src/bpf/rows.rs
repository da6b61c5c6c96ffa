//! The values of an array that may be mapped: entry by entry, where no system call reads or writes less than a row of them.
//!
//! A mapping lives as long as one call here: an owner that lets go of its descriptors has let go of the tables. Who may only read cannot map at all
//! (mm/mmap.c takes VM_SHARED from a mapping of what is not open for writing, and bpf_map_mmap refuses that with EINVAL).

use std::{
    io,
    ops::Range,
    os::fd::BorrowedFd,
    ptr::{copy_nonoverlapping, null_mut},
};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// Entries of `value` bytes, one after the other in rows whose bytes are a multiple of eight (kernel: array_map_alloc), so that nothing is between them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    fd: BorrowedFd<'a>,
    value: usize,
    entries: u32,
}

/// Mapped bytes of a map, of which the first that were asked for are `skip` behind the page's.
struct Mapping {
    start: *mut u8,
    len: usize,
    skip: usize,
}

impl Mapping {
    /// `bytes` of the map behind `fd`.
    fn new(fd: BorrowedFd<'_>, bytes: Range<usize>, protection: ProtFlags) -> io::Result<Self> {
        // SAFETY: no pointers.
        let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).map_err(io::Error::other)?;
        let skip = bytes.start % page;
        let len = (skip + bytes.len()).next_multiple_of(page);
        let offset = (bytes.start - skip) as u64;
        // SAFETY: a new mapping at an address of the kernel's choice. The kernel maps the array's own pages, whole and at once, and refuses what is
        // behind their last.
        let start = unsafe { mmap(null_mut(), len, protection, MapFlags::SHARED, fd, offset) }?;
        Ok(Self { start: start.cast(), len, skip })
    }

    /// The first byte that was asked for.
    fn first(&self) -> *mut u8 {
        self.start.wrapping_add(self.skip)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping of `new`, and nothing refers to it any more.
        let _ = unsafe { munmap(self.start.cast(), self.len) };
    }
}

impl<'a> Rows<'a> {
    /// The entries of an array; `entries` of `value` bytes are all of it.
    pub(crate) const fn new(fd: BorrowedFd<'a>, value: usize, entries: u32) -> Self {
        Self { fd, value, entries }
    }

    /// Calls `each` with the entries `from..from + count`.
    pub(crate) fn read(&self, from: u32, count: u32, each: &mut dyn FnMut(u32, &[u8])) -> io::Result<()> {
        let end = from.checked_add(count).filter(|end| *end <= self.entries);
        let end = end.ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))?;
        if count == 0 {
            return Ok(());
        }
        let bytes = from as usize * self.value..end as usize * self.value;
        let mapping = Mapping::new(self.fd, bytes, ProtFlags::READ)?;
        let mut value = vec![0; self.value];
        for (number, index) in (from..end).enumerate() {
            let entry = mapping.first().wrapping_add(number * self.value);
            // SAFETY: within the mapping, which is of all these entries. It is copied since others may write it meanwhile, as they may under a system call.
            unsafe { copy_nonoverlapping(entry, value.as_mut_ptr(), self.value) };
            each(index, &value);
        }
        Ok(())
    }

    /// Writes the entries of these indexes; their values are in `values`, one after the other.
    pub(crate) fn write(&self, indexes: &[u32], values: &[u8]) -> io::Result<()> {
        assert_eq!(values.len(), indexes.len() * self.value, "values of another map");
        let (Some(first), Some(last)) = (indexes.iter().min(), indexes.iter().max()) else { return Ok(()) };
        if *last >= self.entries {
            return Err(io::Error::from_raw_os_error(libc::E2BIG));
        }
        let bytes = *first as usize * self.value..(*last as usize + 1) * self.value;
        let mapping = Mapping::new(self.fd, bytes, ProtFlags::READ | ProtFlags::WRITE)?;
        // Whatever follows each other is copied at once.
        let mut values = values;
        for run in indexes.chunk_by(|one, next| one.checked_add(1) == Some(*next)) {
            let (these, others) = values.split_at(run.len() * self.value);
            let entry = mapping.first().wrapping_add((run[0] - first) as usize * self.value);
            // SAFETY: within the mapping, which goes from the first to the last of the indexes.
            unsafe { copy_nonoverlapping(these.as_ptr(), entry, these.len()) };
            values = others;
        }
        Ok(())
    }
}
