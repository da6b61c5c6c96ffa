//! Kernel time: CLOCK_MONOTONIC as of the last tick, the clock that user space reads as CLOCK_MONOTONIC_COARSE.
//!
//! The helper that reads it costs as much as the lookups of a frame (20 ns here), jiffies cost one load, and both advance
//! at the tick: so each CPU reads the clock once a jiffy. The answer is late by one tick at most.

use aya_ebpf::helpers::{bpf_jiffies64, bpf_ktime_get_coarse_ns};

use super::memory::Memory;

/// The time of a run.
#[derive(Clone, Copy)]
pub(crate) struct Now(u64);

impl Now {
    /// By what this CPU remembers. (All zero before the first reading, which no running kernel's jiffies are.)
    #[inline(always)]
    pub(crate) fn by(memory: &mut Memory) -> Self {
        // SAFETY: takes nothing, reads a counter; the verifier makes one load of it.
        let jiffies = unsafe { bpf_jiffies64() };
        if memory.jiffies != jiffies {
            (memory.jiffies, memory.ns) = (jiffies, coarse_ns());
        }
        Self(memory.ns)
    }
    /// By the clock: for who asks seldom.
    #[inline(always)]
    pub(crate) fn read() -> Self {
        Self(coarse_ns())
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

#[inline(always)]
fn coarse_ns() -> u64 {
    // SAFETY: takes nothing, reads the clock.
    unsafe { bpf_ktime_get_coarse_ns() }
}
