//! FDB: which port a station was last seen on. Plain HASH, preallocated, never LRU: an evicted station is a flood.

use crate::port::Lport;

/// Key: `MAC << 16 | VLAN id`, the MAC as a big-endian 48-bit number.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FdbKey(pub u64);

impl FdbKey {
    /// Key of `mac` in VLAN `vid`.
    #[inline(always)]
    pub const fn new(mac: [u8; 6], vid: u16) -> Self {
        let m = u64::from_be_bytes([0, 0, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]]);
        Self(m << 16 | vid as u64)
    }
    /// The station's address.
    pub const fn mac(self) -> [u8; 6] {
        let b = (self.0 >> 16).to_be_bytes();
        [b[2], b[3], b[4], b[5], b[6], b[7]]
    }
    /// The VLAN id.
    #[inline(always)]
    pub const fn vid(self) -> u16 {
        self.0 as u16
    }
}

/// Value: one 64-bit word `stamp << 32 | flags << 16 | lport`, so that a move or a refresh is one store and no reader
/// can see half of it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FdbEntry(pub u64);

impl FdbEntry {
    /// Does not age and is not moved by learning.
    pub const STATIC: u16 = 1;
    /// Frames to this station are dropped. Implies [`FdbEntry::STATIC`].
    pub const BLACKHOLE: u16 = 2;

    /// An entry seen at `stamp` (see [`stamp()`]).
    #[inline(always)]
    pub const fn new(lport: Lport, flags: u16, stamp: u32) -> Self {
        Self((stamp as u64) << 32 | (flags as u64) << 16 | lport as u64)
    }
    /// Where the station is.
    #[inline(always)]
    pub const fn lport(self) -> Lport {
        self.0 as u16
    }
    /// [`FdbEntry::STATIC`], [`FdbEntry::BLACKHOLE`].
    #[inline(always)]
    pub const fn flags(self) -> u16 {
        (self.0 >> 16) as u16
    }
    /// When it was last seen, in units of [`stamp()`].
    #[inline(always)]
    pub const fn stamp(self) -> u32 {
        (self.0 >> 32) as u32
    }
    /// Stamps since it was last seen. A stamp up to half the range *after* `now` has age 0: another CPU, whose clock was
    /// read later, may have just written it.
    #[inline(always)]
    pub const fn age(self, now: u32) -> u32 {
        let since = now.wrapping_sub(self.stamp());
        if since <= u32::MAX / 2 { since } else { 0 }
    }
    /// True if it ages and was last seen more than `age` stamps before `now`; `age` 0 = never.
    #[inline(always)]
    pub const fn expired(self, now: u32, age: u32) -> bool {
        age != 0 && self.flags() & Self::STATIC == 0 && self.age(now) > age
    }
}
const _: () = assert!(size_of::<FdbKey>() == 8 && size_of::<FdbEntry>() == 8);

/// A stamp is kernel time (ns, CLOCK_MONOTONIC, coarse) shifted right by this: 16.8 ms units, wraps after 2.2 years.
pub const STAMP_SHIFT: u32 = 24;

/// Stamp of a kernel time in ns.
#[inline(always)]
pub const fn stamp(ns: u64) -> u32 {
    (ns >> STAMP_SHIFT) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_station_seen_after_the_clock_was_read_is_young() {
        let seen = |stamp| FdbEntry::new(1, 0, stamp);
        assert!(!seen(101).expired(100, 10), "another CPU's clock was one stamp ahead");
        assert!(!seen(90).expired(100, 10));
        assert!(seen(89).expired(100, 10));
        assert!(seen(u32::MAX).expired(10, 10), "across the wrap");
        assert!(!seen(89).expired(100, 0));
        assert!(!FdbEntry::new(1, FdbEntry::STATIC, 89).expired(100, 10));
    }
}
