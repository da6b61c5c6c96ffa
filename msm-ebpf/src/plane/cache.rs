//! What this CPU remembers of the FDB: a lookup costs a load instead of a hash.
//!
//! Why it never answers with what the owner removed: FDB_GEN and FDB_MOVES are raised after every change of an entry (but for its
//! stamp) and every removal; their sum is the generation. A run reads it once, at its beginning, before any lookup. What it
//! remembers carries the epoch that stands for that generation on this CPU, and is refused in every other epoch: by every run that
//! begins after the raise. Absence is not remembered, so an insertion needs no raise. A remembered stamp may be older than the
//! FDB's, never newer: a station that looks expired is looked up again, one that does not is not expired.

use msm_abi::{FdbEntry, FdbKey};

use super::global::{FDB_GEN, FDB_MOVES};
use super::memory::{self, Memory, STATIONS, Station};
use super::word::Word;

/// An epoch stands in an entry's bits that no flag uses.
const EPOCH_SHIFT: u32 = 18;
const EPOCHS: u64 = 1 << 14;
const EPOCH_MASK: u64 = (EPOCHS - 1) << EPOCH_SHIFT;
const _: () = assert!(
    ((FdbEntry::STATIC | FdbEntry::BLACKHOLE) as u64) << 16 & EPOCH_MASK == 0 && EPOCH_MASK >> 32 == 0
);

/// What a run may look up: this CPU's memory, in the epoch of the generation that it saw first.
pub(crate) struct Cache<'a> {
    memory: &'a mut Memory,
    epoch: u64,
}

impl<'a> Cache<'a> {
    /// Reads the generation. The caller looks the FDB up only after this: x86-64 keeps loads in order; elsewhere an atomic that
    /// returns the old value, which every JIT orders fully, does.
    #[inline(always)]
    pub(crate) fn new(memory: &'a mut Memory) -> Self {
        // A sum that was true before a raise is never true after it, and this one is made of parts read before any lookup.
        // Plus one, so that a memory of zeros is of no generation.
        let generation = seen(&FDB_MOVES).wrapping_add(seen(&FDB_GEN)).wrapping_add(1);
        if memory.generation != generation {
            memory.generation = generation;
            memory.epoch += 1;
            if memory.epoch >= EPOCHS {
                forget_all();
                memory.epoch = 1;
            }
        }
        let epoch = memory.epoch << EPOCH_SHIFT;
        Self { memory, epoch }
    }

    /// What is remembered of `key`. Its stamp may be older than the FDB's, never newer.
    #[inline(always)]
    pub(crate) fn find(&self, key: FdbKey) -> Option<FdbEntry> {
        let station = self.memory.stations.get(index(key))?;
        (station.key == key.0 && station.word & EPOCH_MASK == self.epoch)
            .then_some(FdbEntry(station.word & !EPOCH_MASK))
    }

    /// Remembers what the FDB said of `key` in a lookup of this run.
    #[inline(always)]
    pub(crate) fn remember(&mut self, key: FdbKey, entry: FdbEntry) {
        if let Some(station) = self.memory.stations.get_mut(index(key)) {
            *station = Station { key: key.0, word: entry.0 | self.epoch };
        }
    }
}

/// Ends the epoch on every CPU. Called after the FDB was written.
#[inline(always)]
pub(crate) fn raise() {
    FDB_MOVES.fetch_add(1);
}

#[inline(always)]
#[expect(
    unexpected_cfgs,
    reason = "bpf_target_arch is what the build says of the JIT's target, as for aya-ebpf"
)]
fn seen(part: &Word) -> u64 {
    #[cfg(bpf_target_arch = "x86_64")]
    let seen = part.load();
    #[cfg(not(bpf_target_arch = "x86_64"))]
    let seen = part.fetch_add(0);
    seen
}

#[inline(always)]
fn index(key: FdbKey) -> usize {
    // Multiplicative hashing: stations often differ in their last octets only.
    let hash = key.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    ((hash * STATIONS as u64) >> 32) as usize
}

/// Once in 16,383 generations: the epochs begin again. A subprogram, since the verifier walks through all stations.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn forget_all() -> u64 {
    if let Some(memory) = memory::here() {
        for station in &mut memory.stations {
            // SAFETY: a valid reference. Volatile, since LLVM would call a memset that clears octet by octet.
            unsafe { (&raw mut station.word).write_volatile(0) };
        }
    }
    0
}
