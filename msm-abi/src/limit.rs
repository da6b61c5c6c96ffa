//! Rates: of what a port may flood, of what may go to the control plane; and how many stations a port may have.
//!
//! A rate is a generic cell rate algorithm (ITU-T I.371): one word a limit, the theoretical time of arrival of the next frame.

use crate::port::PORTS;

/// Units of a nanosecond in [`LimitEntry`].
pub const LIMIT_UNITS: u64 = 16;

/// LIMITS (array by [`limit_index`]) and CPU_LIMITS (by [`CpuClass`]): what is allowed. The programs' words are in LIMIT_STATE and CPU_STATE.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitEntry {
    /// Time a frame, in [`LIMIT_UNITS`]; 0 = no limit, `u64::MAX` = nothing passes.
    pub interval: u64,
    /// Time that frames may come early, in [`LIMIT_UNITS`]: (burst - 1) times `interval`.
    pub tolerance: u64,
}
const _: () = assert!(size_of::<LimitEntry>() == 16);

impl LimitEntry {
    /// `rate` frames a second with bursts of `burst`; rate 0 = nothing passes.
    #[must_use]
    pub const fn of(rate: u32, burst: u32) -> Self {
        if rate == 0 {
            return Self { interval: u64::MAX, tolerance: 0 };
        }
        let interval = 1_000_000_000 * LIMIT_UNITS / rate as u64;
        Self { interval, tolerance: interval * burst.saturating_sub(1) as u64 }
    }

    /// A frame comes at `now` (ns), with `word` in the state: the state after it if it may pass, else `None`.
    #[inline(always)]
    #[must_use]
    pub const fn admit(self, word: u64, now_ns: u64) -> Option<u64> {
        if self.interval == 0 {
            return Some(word);
        }
        if self.interval == u64::MAX {
            return None;
        }
        let now = now_ns * LIMIT_UNITS;
        // A word from far ahead is no time that this limit can have made: its rate was lower before.
        let due = if word > now && word - now <= self.tolerance + self.interval { word } else { now };
        if due - now > self.tolerance { None } else { Some(due + self.interval) }
    }
}

/// What a port's rate is about.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LimitKind {
    /// Frames to the broadcast address.
    Broadcast = 0,
    /// Frames to other group addresses.
    Multicast = 1,
    /// Frames to a station that is not in the FDB.
    Unknown = 2,
}
/// Room for kinds.
pub const LIMIT_KINDS: usize = 4;

/// Index in LIMITS and LIMIT_STATE.
#[inline(always)]
pub const fn limit_index(lport: u16, kind: LimitKind) -> u32 {
    (lport as u32 % PORTS as u32) * LIMIT_KINDS as u32 + kind as u32
}

/// What goes to the control plane, by what it costs there.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CpuClass {
    /// LACP frames.
    Lacp = 0,
    /// Spanning tree frames.
    Stp = 1,
    /// EAPS frames.
    Eaps = 2,
    /// ESRP frames.
    Esrp = 3,
    /// ARP, and IPv6 neighbour discovery.
    Arp = 4,
    /// Routing protocols: OSPF, RIP, BGP, to the switch or to their groups.
    Routing = 5,
    /// Everything else to an address of the switch.
    Local = 6,
    /// Frames for a route without a resolved neighbour, or without a route.
    Resolve = 7,
    /// What only the stack can answer or do: expired TTL, too long, options.
    Exception = 8,
    /// Other flooded frames of a VLAN that has an interface.
    Flood = 9,
    /// Routed frames of a neighbour that leave by the VLAN they came in by: the stack forwards them, and tells their sender of the shorter
    /// way (RFC 1812 5.2.7.2, RFC 4861 8.2). One over the rate is forwarded as others are.
    Redirect = 10,
}

impl CpuClass {
    /// Number of classes.
    pub const COUNT: usize = 11;
    /// Every class with its name as shown to operators.
    pub const ALL: [(Self, &'static str); Self::COUNT] = [
        (Self::Lacp, "lacp"),
        (Self::Stp, "stp"),
        (Self::Eaps, "eaps"),
        (Self::Esrp, "esrp"),
        (Self::Arp, "arp"),
        (Self::Routing, "routing"),
        (Self::Local, "local"),
        (Self::Resolve, "resolve"),
        (Self::Exception, "exception"),
        (Self::Flood, "flood"),
        (Self::Redirect, "redirect"),
    ];
}
/// Room for classes in CPU_LIMITS, CPU_STATE and CPU_COUNTERS.
pub const CPU_CLASSES: usize = 16;
const _: () = assert!(CpuClass::COUNT <= CPU_CLASSES);

/// CPU_COUNTERS: per-CPU array by [`CpuClass`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuCounters {
    /// Frames that went to the control plane.
    pub passed: u64,
    /// Frames over the rate; all of them dropped, but those of [`CpuClass::Redirect`].
    pub limited: u64,
    /// Frames within the rate for which the ring had no room.
    pub full: u64,
}
const _: () = assert!(size_of::<CpuCounters>() == 24);

/// Bits of [`LearnEntry::flags`].
pub mod learn_flags {
    /// No new stations, whatever `limit` says.
    pub const LOCKED: u32 = 1;
}

/// LEARN: array by logical port below [`PORTS`]; the port's own are LEARNED (one word, which the programs add to and subtract from). The stations
/// of a port are `LEARNED - removed`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LearnEntry {
    /// Stations it may have.
    pub limit: u32,
    /// [`learn_flags`].
    pub flags: u32,
    /// Stations of this port that the owner removed, ever (wrapping).
    pub removed: u64,
}
const _: () = assert!(size_of::<LearnEntry>() == 16);

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of `count` at `step` ns that pass.
    fn passing(limit: LimitEntry, word: &mut u64, start: u64, step: u64, count: u64) -> u64 {
        let mut passed = 0;
        for number in 0..count {
            if let Some(next) = limit.admit(*word, start + number * step) {
                *word = next;
                passed += 1;
            }
        }
        passed
    }

    #[test]
    fn a_rate_is_held_and_a_burst_is_let_through() {
        let limit = LimitEntry::of(1000, 10);
        let mut word = 0;
        assert_eq!(passing(limit, &mut word, 5_000_000_000, 0, 100), 10, "a burst");
        let second = passing(limit, &mut word, 5_000_000_000, 10_000, 100_000);
        assert!((999..=1001).contains(&second), "{second}");
        assert_eq!(passing(LimitEntry::of(0, 1), &mut 0, 1, 1, 10), 0);
        assert_eq!(passing(LimitEntry::default(), &mut 0, 1, 0, 10), 10);
    }

    #[test]
    fn a_word_from_a_slower_rate_does_not_hold_a_faster_one_back() {
        let mut word = 0;
        passing(LimitEntry::of(1, 10), &mut word, 1_000_000_000, 0, 100);
        assert_eq!(passing(LimitEntry::of(1000, 10), &mut word, 1_000_000_000, 0, 100), 10);
    }
}
