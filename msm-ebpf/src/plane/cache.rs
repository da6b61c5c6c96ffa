//! The per-CPU cache in front of the FDB: a lookup costs two array reads instead of a hash.
//!
//! Why it never answers with what the owner removed: see [`FdbCacheEntry`]. A run reads the generation once, at its
//! beginning, before any lookup. A slot it fills carries that generation; whoever changes or removes an entry raises the
//! generation afterwards, so the slot filled from the old value is refused by every run that begins after the raise.

use msm_abi::{FDB_CACHE_ENTRIES, FdbCacheEntry, FdbEntry, FdbKey, fdb_gen};

use super::access::own;
use super::maps::{FDB_CACHE, FDB_GEN};

/// The FDB's generation as this run saw it first.
#[derive(Clone, Copy)]
pub(crate) struct Generation(u64);

impl Generation {
    /// Reads it. The caller looks the FDB up only after this: x86-64 keeps loads in order; elsewhere an atomic that
    /// returns the old value, which every JIT orders fully, does.
    #[inline(always)]
    #[expect(
        unexpected_cfgs,
        reason = "bpf_target_arch is what the build says of the JIT's target, as for aya-ebpf"
    )]
    pub(crate) fn read() -> Self {
        let part = |index: u32| {
            let Some(part) = FDB_GEN.get(index) else { return 0 };
            #[cfg(bpf_target_arch = "x86_64")]
            let seen = part.load();
            #[cfg(not(bpf_target_arch = "x86_64"))]
            let seen = part.fetch_add(0);
            seen
        };
        // A sum that was true before a raise is never true after it, and this one is made of parts read before any lookup.
        // Plus one, so that a slot of zeros is never valid.
        Self(part(fdb_gen::PLANE).wrapping_add(part(fdb_gen::OWNER)).wrapping_add(1))
    }

    /// Ends the validity of every slot on every CPU. Called after the FDB was written.
    #[inline(always)]
    pub(crate) fn raise() {
        if let Some(generation) = FDB_GEN.get(fdb_gen::PLANE) {
            generation.fetch_add(1);
        }
    }
}

#[inline(always)]
fn slot<'a>(key: FdbKey) -> Option<&'a mut FdbCacheEntry> {
    // Multiplicative hashing: stations often differ in their last octets only.
    let index = (key.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - FDB_CACHE_ENTRIES.ilog2())) as u32;
    // SAFETY: per CPU; each caller below is done with the slot before another is asked for.
    unsafe { own(FDB_CACHE.get_ptr_mut(index)) }
}

/// What is remembered of `key`. Its stamp may be older than the FDB's, never newer.
#[inline(always)]
pub(crate) fn find(key: FdbKey, generation: Generation) -> Option<FdbEntry> {
    let slot = slot(key)?;
    (slot.key == key.0 && slot.generation == generation.0).then_some(FdbEntry(slot.entry))
}

/// Remembers what the FDB said of `key` in a lookup made after `generation` was read.
#[inline(always)]
pub(crate) fn remember(key: FdbKey, entry: FdbEntry, generation: Generation) {
    if let Some(slot) = slot(key) {
        *slot = FdbCacheEntry { key: key.0, entry: entry.0, generation: generation.0 };
    }
}
