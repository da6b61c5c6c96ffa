//! Traps: the frames of a protocol, out of the ring that the programs fill.
//!
//! The owner alone maps the ring, and unmaps it when it lets go of the tree, whoever still holds the [`Traps`]. How far it was read is in the
//! map: the next owner goes on there.

use std::{
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    sync::{Arc, Mutex, PoisonError},
};

use msm_abi::{Lport, TRAP_RING};

use crate::{
    TableError,
    bpf::Ring,
    store::{Kernel, Table},
    tables::traps,
};

/// Records taken at once: what letting go of the tree may have to wait.
const AT_ONCE: usize = 64;

/// A frame that was taken off the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrappedFrame {
    /// Kernel time, ns, CLOCK_MONOTONIC.
    pub time_ns: u64,
    /// The port that it came in by.
    pub lport: Lport,
    /// Its VLAN.
    pub vid: u16,
    /// Its bytes, without FCS; the first 1,512 at most.
    pub bytes: Vec<u8>,
}

/// The mapping, until the owner takes it away.
type Shared = Arc<Mutex<Option<Ring>>>;

/// The one consumer of a class of traps.
#[derive(Debug)]
pub struct Traps {
    ring: Shared,
    /// Reads only: for poll.
    poll: OwnedFd,
}

/// The owner's end.
#[derive(Debug)]
pub(crate) struct Trapping(Shared);

impl Drop for Trapping {
    fn drop(&mut self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Trapping {
    /// Maps the ring of `table`.
    pub(crate) fn begin(store: &Kernel, reader: &Kernel, table: Table) -> Result<(Self, Traps), TableError> {
        let failed = |what| move |source| TableError::Kernel { what, table: table.name(), source };
        let ring = Ring::map(store.descriptor(table), TRAP_RING as usize).map_err(failed("map"))?;
        let poll = reader.descriptor(table).try_clone_to_owned().map_err(failed("watch"))?;
        let ring = Arc::new(Mutex::new(Some(ring)));
        Ok((Self(Arc::clone(&ring)), Traps { ring, poll }))
    }
}

impl Traps {
    /// Calls `each` with the frames that there are, oldest first, 64 at most; how many were taken. At 0 there is nothing, and the next one
    /// makes the descriptor readable. `None` when the owner has let go of the tree: nothing will come.
    pub fn read(&mut self, each: &mut dyn FnMut(TrappedFrame)) -> Option<usize> {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = ring.as_mut()?.read(AT_ONCE, &mut |record| {
            if let Some((header, bytes)) = traps::record(record) {
                let (time_ns, lport, vid) = (header.time_ns, header.lport, header.vid);
                each(TrappedFrame { time_ns, lport, vid, bytes: bytes.to_vec() });
            }
        });
        Some(taken)
    }
}

impl AsFd for Traps {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.poll.as_fd()
    }
}

impl AsRawFd for Traps {
    fn as_raw_fd(&self) -> RawFd {
        self.poll.as_raw_fd()
    }
}
