//! What a CPU remembers between frames: what time it is, and what the FDB said of stations. All of it behind one lookup.
//!
//! A memory of the programs alone: not pinned, made anew with each version of them.

use aya_ebpf::btf_maps::PerCpuArray;
use aya_ebpf::macros::btf_map;

use super::access::own;

/// Stations remembered. As many as leave the kernel's largest per-CPU value (32 KiB) room for the rest.
pub(crate) const STATIONS: usize = 2040;

/// All zero at first.
pub(crate) struct Memory {
    /// Time of the last reading of the clock, in jiffies; what it said.
    pub(crate) jiffies: u64,
    pub(crate) ns: u64,
    /// The FDB's generation that `epoch` stands for.
    pub(crate) generation: u64,
    pub(crate) epoch: u64,
    pub(crate) stations: [Station; STATIONS],
}
const _: () = assert!(size_of::<Memory>() <= 32 << 10);

/// A lookup in the FDB that is remembered (cache.rs).
#[derive(Clone, Copy)]
pub(crate) struct Station {
    pub(crate) key: u64,
    pub(crate) word: u64,
}

#[btf_map]
static MEMORY: PerCpuArray<Memory, 1> = PerCpuArray::new();

/// This CPU's, of which there is one reference a run: who has it hands it on.
#[inline(always)]
pub(crate) fn here<'a>() -> Option<&'a mut Memory> {
    // SAFETY: per CPU; runs do not interrupt each other on a CPU, and a program asks at one place on each of its paths.
    unsafe { own(MEMORY.get_ptr_mut(0)) }
}
