//! Source learning (IEEE 802.1Q-2018 8.7). Writes only on change: a write per frame to one cache line would not scale.
//!
//! A present entry is changed by compare and exchange on its one word. The element may by then have been removed by the
//! owner and given to another station; then its word differs and nothing is written, unless that station was seen on
//! the same port in the same 16.8 ms, which a refresh does not harm and which a move mends at that station's next frame.

use aya_ebpf::bindings::BPF_NOEXIST;
use msm_abi::{DropReason, FdbEntry, FdbKey, Lport, PortCounters, PortEntry, learn_flags, port_flags};

use super::access::shared;
use super::cache::{self, Cache};
use super::control;
use super::count;
use super::global::config;
use super::maps::{FDB, LEARN, LEARNED};
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

/// Sees to it that the FDB knows `source`, of key `key`, at `port`. A frame is dropped only if the port may have no more stations: for
/// nothing else that goes wrong here.
#[inline(always)]
pub(crate) fn learn(
    source: Mac,
    key: FdbKey,
    port: &PortEntry,
    now: u32,
    cache: &mut Cache<'_>,
) -> Result<(), DropReason> {
    let lport = port.logical;
    if control::is_control(source) {
        return Ok(());
    }
    let settled = |seen: FdbEntry| {
        seen.flags() & FdbEntry::STATIC != 0
            || seen.lport() == lport && seen.age(now) <= config::fdb_refresh()
    };
    if cache.find(key).is_some_and(settled) {
        return Ok(());
    }
    let Some(word) = word(key) else {
        has_room(port)?;
        insert(port, key, FdbEntry::new(lport, 0, now));
        return Ok(());
    };
    let seen = FdbEntry(word.load());
    if settled(seen) {
        cache.remember(key, seen);
        return Ok(());
    }
    let moved = seen.lport() != lport;
    if moved {
        has_room(port)?;
    }
    let fresh = FdbEntry::new(lport, seen.flags(), now);
    if !word.replace(seen.0, fresh.0) {
        return Ok(()); // somebody else was first; the next frame sees what is left to do
    }
    // Also after a move, though the raise ends it: this frame's destination may be its source.
    cache.remember(key, fresh);
    if moved {
        cache::raise();
        stations(seen.lport(), u64::MAX);
        stations(lport, 1);
        count::of(u32::from(port.lport), |port: &mut PortCounters| port.learned += 1);
    }
    Ok(())
}

#[inline(always)]
fn insert(port: &PortEntry, key: FdbKey, entry: FdbEntry) {
    let at = u32::from(port.lport);
    match FDB.insert(key, Word::new(entry.0), u64::from(BPF_NOEXIST)) {
        Ok(()) => {
            stations(entry.lport(), 1);
            count::of(at, |port| port.learned += 1);
        }
        Err(E2BIG | ENOMEM) => count::of(at, |port| port.learn_full += 1),
        Err(_) => {} // another CPU learned it, or holds the bucket: the next frame does
    }
}

/// Whether the port may have one more station. Two CPUs that ask at once may both be told so.
#[inline(always)]
fn has_room(port: &PortEntry) -> Result<(), DropReason> {
    if port.flags & port_flags::LEARN_LIMITED == 0 {
        return Ok(());
    }
    let index = u32::from(port.logical);
    let (Some(limit), Some(learned)) = (LEARN.get(index), LEARNED.get(index)) else { return Ok(()) };
    let have = learned.load().wrapping_sub(limit.removed);
    if limit.flags & learn_flags::LOCKED != 0 || have >= u64::from(limit.limit) {
        return Err(DropReason::LearnLimited);
    }
    Ok(())
}

/// Adds to the stations of a port (`u64::MAX` takes one away).
#[inline(always)]
fn stations(lport: Lport, more: u64) {
    if let Some(learned) = LEARNED.get(u32::from(lport)) {
        learned.fetch_add(more);
    }
}

/// The FDB's word of `key`.
#[inline(always)]
pub(crate) fn word(key: FdbKey) -> Option<&'static Word> {
    // SAFETY: an atomic; what a reused element means is said above for writers, and for readers in lookup.rs.
    unsafe { shared(FDB.get_ptr(key)) }
}
