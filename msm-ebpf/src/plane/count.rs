//! Counters: per CPU and port, so that counting shares no cache line.

use msm_abi::{LPORTS, PortCounters};

use super::access::own;
use super::maps::COUNTERS;

/// Index of the counters of frames that came in by no port.
pub(crate) const NO_PORT: u32 = LPORTS as u32;

/// Changes the counters of a port.
#[inline(always)]
pub(crate) fn of(index: u32, change: impl FnOnce(&mut PortCounters)) {
    // SAFETY: per CPU, and `change` takes no other counters.
    if let Some(counters) = unsafe { own(COUNTERS.get_ptr_mut(index)) } {
        change(counters);
    }
}

/// Counts a frame that came in.
#[inline(always)]
pub(crate) fn received(index: u32, bytes: u64) {
    of(index, |port| {
        port.rx_frames += 1;
        port.rx_bytes += bytes;
    });
}

/// Counts a frame dropped for a `msm_abi::DropReason` (as number).
#[inline(always)]
pub(crate) fn dropped(index: u32, reason: u32) {
    of(index, |port| {
        if let Some(count) = port.drops.get_mut(reason as usize) {
            *count += 1;
        }
    });
}
