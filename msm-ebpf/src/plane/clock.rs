//! Kernel time: CLOCK_MONOTONIC as of the last tick, the clock that user space reads as CLOCK_MONOTONIC_COARSE.
//!
//! The helper that reads it costs as much as the lookups of a frame (20 ns here), jiffies cost one load, and both advance
//! at the tick: so each CPU reads the clock once a jiffy. The answer is late by one tick at most.

use aya_ebpf::btf_maps::PerCpuArray;
use aya_ebpf::helpers::{bpf_jiffies64, bpf_ktime_get_coarse_ns};
use aya_ebpf::macros::btf_map;

use super::access::own;

/// What the clock said in a jiffy. All zero before the first reading, which no running kernel's jiffies are.
struct Reading {
    jiffies: u64,
    ns: u64,
}

/// A memory of the programs alone: not pinned, made anew with each version of them.
#[btf_map]
static CLOCK: PerCpuArray<Reading, 1> = PerCpuArray::new();

/// The time of a run.
#[derive(Clone, Copy)]
pub(crate) struct Now(u64);

impl Now {
    #[inline(always)]
    pub(crate) fn read() -> Self {
        // SAFETY: takes nothing, reads a counter; the verifier makes one load of it.
        let jiffies = unsafe { bpf_jiffies64() };
        // SAFETY: per CPU, and this is the only reference to it.
        match unsafe { own(CLOCK.get_ptr_mut(0)) } {
            Some(last) if last.jiffies == jiffies => Self(last.ns),
            Some(last) => {
                *last = Reading { jiffies, ns: coarse_ns() };
                Self(last.ns)
            }
            None => Self(coarse_ns()),
        }
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
