//! Source learning (IEEE 802.1Q-2018 8.7). Writes only on change: a write per frame to one cache line would not scale.
//!
//! A present entry is changed by compare and exchange on its one word. The element may by then have been removed by the
//! owner and given to another station; then its word differs and nothing is written, unless that station was seen on
//! the same port in the same 16.8 ms, which a refresh does not harm and which a move mends at that station's next frame.

use aya_ebpf::bindings::BPF_NOEXIST;
use msm_abi::{DropReason, FdbEntry, FdbKey, Lport, PlaneConfig, PortCounters};

use super::access::shared;
use super::cache::{self, Generation};
use super::control;
use super::count;
use super::maps::FDB;
use super::parse::Mac;
use super::word::Word;

/// Results of a kernel insertion that mean "no room" (kernel/bpf/hashtab.c: alloc_htab_elem).
const E2BIG: i32 = -7;
const ENOMEM: i32 = -12;

/// A group address or none at all cannot have sent anything.
#[inline(always)]
pub(crate) fn check_source(source: Mac) -> Result<(), DropReason> {
    if source.is_group() || source.is_zero() { Err(DropReason::BadSource) } else { Ok(()) }
}

/// Sees to it that the FDB knows `source`, of key `key`, at `lport`. A frame is never dropped for what goes wrong here.
#[inline(always)]
pub(crate) fn learn(
    source: Mac,
    key: FdbKey,
    lport: Lport,
    now: u32,
    config: PlaneConfig,
    generation: Generation,
) {
    if control::is_control(source) {
        return;
    }
    let settled = |seen: FdbEntry| {
        seen.flags() & FdbEntry::STATIC != 0 || seen.lport() == lport && seen.age(now) <= config.fdb_refresh
    };
    if cache::find(key, generation).is_some_and(settled) {
        return;
    }
    let Some(word) = word(key) else {
        insert(key, FdbEntry::new(lport, 0, now));
        return;
    };
    let seen = FdbEntry(word.load());
    if settled(seen) {
        cache::remember(key, seen, generation);
        return;
    }
    let fresh = FdbEntry::new(lport, seen.flags(), now);
    if !word.replace(seen.0, fresh.0) {
        return; // somebody else was first; the next frame sees what is left to do
    }
    // Also after a move, though the raise ends it: this frame's destination may be its source.
    cache::remember(key, fresh, generation);
    if seen.lport() != lport {
        Generation::raise();
        count::of(u32::from(lport), |port: &mut PortCounters| port.learned += 1);
    }
}

#[inline(always)]
fn insert(key: FdbKey, entry: FdbEntry) {
    match FDB.insert(key, Word::new(entry.0), u64::from(BPF_NOEXIST)) {
        Ok(()) => count::of(u32::from(entry.lport()), |port| port.learned += 1),
        Err(E2BIG | ENOMEM) => count::of(u32::from(entry.lport()), |port| port.learn_full += 1),
        Err(_) => {} // another CPU learned it, or holds the bucket: the next frame does
    }
}

/// The FDB's word of `key`.
#[inline(always)]
pub(crate) fn word(key: FdbKey) -> Option<&'static Word> {
    // SAFETY: an atomic; what a reused element means is said above for writers, and for readers in lookup.rs.
    unsafe { shared(FDB.get_ptr(key)) }
}
