//! Destination lookup: where a frame is to go.
//!
//! If the owner removes a station in the middle of a lookup, this one frame may be sent to the station that got its
//! element; a cached answer of that kind dies with the owner's raise of the generation, like every older one.

use msm_abi::{DropReason, FdbEntry, FdbKey, Lport};

use super::cache::Cache;
use super::global::config;
use super::learn;

/// Where to.
pub(crate) enum Destination {
    /// One port.
    Port(Lport),
    /// Every other member of the VLAN.
    Members,
}

/// Looks up a station that is no group address.
#[inline(always)]
pub(crate) fn station(
    key: FdbKey,
    from: Lport,
    now: u32,
    cache: &mut Cache<'_>,
) -> Result<Destination, DropReason> {
    let to = neighbour(key, now, cache)?;
    match to {
        Destination::Port(port) if port == from => Err(DropReason::Hairpin),
        to => Ok(to),
    }
}

/// Looks up the station that a routed frame goes to: it may be where the frame came from.
#[inline(always)]
pub(crate) fn neighbour(key: FdbKey, now: u32, cache: &mut Cache<'_>) -> Result<Destination, DropReason> {
    let present = |entry: &FdbEntry| !entry.expired(now, config::fdb_age());
    let Some(entry) = cache.find(key).filter(present).or_else(|| {
        let entry = FdbEntry(learn::word(key)?.load());
        cache.remember(key, entry);
        Some(entry).filter(present)
    }) else {
        return Ok(Destination::Members);
    };
    if entry.flags() & FdbEntry::BLACKHOLE != 0 {
        return Err(DropReason::Blackhole);
    }
    Ok(Destination::Port(entry.lport()))
}
