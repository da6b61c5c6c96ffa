//! Capture: the frames of one port, out of the ring that the programs fill.
//!
//! The owner alone maps the ring, and unmaps it when it lets go of the tree, whoever still holds the [`Capture`].

use std::{
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    sync::{Arc, Mutex, PoisonError},
};

use msm_abi::{CAPTURE_RING, CAPTURE_SNAP, CaptureDirection, CaptureHeader, Lport};

use crate::{
    CaptureError, TableError,
    bpf::{Map, Ring},
    plane::now_ns,
    store::{Kernel, Table},
    tables::capture,
};

/// Records taken from the ring at once: some 50 us of copying, which is what letting go of the tree may have to wait.
const AT_ONCE: usize = 128;

/// A frame as it came in or went out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedFrame {
    /// Kernel time, ns, CLOCK_MONOTONIC.
    pub time_ns: u64,
    /// Which way.
    pub direction: CaptureDirection,
    /// Its length, without FCS.
    pub len: u32,
    /// Its bytes, the first 2,024 at most.
    pub bytes: Vec<u8>,
}

/// The mapping, until the owner takes it away.
type Shared = Arc<Mutex<Option<Ring>>>;

/// The one consumer of the frames of a port.
#[derive(Debug)]
pub struct Capture {
    lport: Lport,
    ring: Shared,
    /// Reads only: for poll.
    poll: OwnedFd,
    lost: Map,
    lost_before: u64,
    since_ns: u64,
}

/// The owner's end of a capture.
#[derive(Debug)]
pub(crate) struct Capturing {
    pub(crate) lport: Lport,
    ring: Shared,
}

impl Drop for Capturing {
    fn drop(&mut self) {
        drop(self.ring.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Capturing {
    /// Maps the ring for `lport`. Nothing is recorded yet.
    pub(crate) fn begin(
        store: &Kernel,
        reader: &Kernel,
        lport: Lport,
    ) -> Result<(Self, Capture), CaptureError> {
        let ring = Ring::map(store.descriptor(Table::Capture), CAPTURE_RING as usize)
            .map_err(|source| CaptureError::Ring { what: "map", source })?;
        let poll = reader
            .descriptor(Table::Capture)
            .try_clone_to_owned()
            .map_err(|source| CaptureError::Ring { what: "watch", source })?;
        let lost = reader
            .reopen(Table::CaptureLost)
            .map_err(|source| CaptureError::Ring { what: "watch", source })?;
        let lost_before = capture::lost(&lost)?;
        let ring = Arc::new(Mutex::new(Some(ring)));
        let capture = Capture { lport, ring: Arc::clone(&ring), poll, lost, lost_before, since_ns: now_ns() };
        Ok((Self { lport, ring }, capture))
    }
}

impl Capture {
    /// The port.
    #[must_use]
    pub const fn lport(&self) -> Lport {
        self.lport
    }

    /// Calls `each` with the frames that there are, oldest first, 128 at most; how many records were taken. At 0 there is
    /// nothing, and the next one makes the descriptor readable. `None` when the owner has let go of the tree, or another capture
    /// has begun: nothing will come.
    pub fn read(&mut self, each: &mut dyn FnMut(CapturedFrame)) -> Option<usize> {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let (lport, since_ns) = (self.lport, self.since_ns);
        let taken = ring.as_mut()?.read(AT_ONCE, &mut |record| {
            let Some((header, bytes)) = capture::record(record) else { return };
            // What an earlier capture left.
            if header.lport == lport && header.time_ns >= since_ns {
                each(frame(&header, bytes));
            }
        });
        Some(taken)
    }

    /// Frames that found the ring full since the capture began. Nothing waits for a reader.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn lost(&self) -> Result<u64, TableError> {
        Ok(capture::lost(&self.lost)?.saturating_sub(self.lost_before))
    }
}

fn frame(header: &CaptureHeader, bytes: &[u8]) -> CapturedFrame {
    let direction = if header.direction == CaptureDirection::Received as u16 {
        CaptureDirection::Received
    } else {
        CaptureDirection::Sent
    };
    let captured = (header.captured as usize).min(CAPTURE_SNAP).min(bytes.len());
    CapturedFrame { time_ns: header.time_ns, direction, len: header.len, bytes: bytes[..captured].to_vec() }
}

impl AsFd for Capture {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.poll.as_fd()
    }
}

impl AsRawFd for Capture {
    fn as_raw_fd(&self) -> RawFd {
        self.poll.as_raw_fd()
    }
}
