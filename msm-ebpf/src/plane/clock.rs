//! Kernel time: CLOCK_MONOTONIC as of the last tick, the clock that user space reads as CLOCK_MONOTONIC_COARSE.

use aya_ebpf::helpers::bpf_ktime_get_coarse_ns;

/// The time of a run, read once.
#[derive(Clone, Copy)]
pub(crate) struct Now(u64);

impl Now {
    #[inline(always)]
    pub(crate) fn read() -> Self {
        // SAFETY: takes nothing, reads the clock.
        Self(unsafe { bpf_ktime_get_coarse_ns() })
    }
    #[inline(always)]
    pub(crate) fn ns(self) -> u64 {
        self.0
    }
    /// See [`msm_abi::stamp`].
    #[inline(always)]
    pub(crate) fn stamp(self) -> u32 {
        msm_abi::stamp(self.0)
    }
}
