//! The receiver's maps. A flow's and a stream's state has one writer: veth polls a netdev on one CPU at a time, and frames of one sender
//! at two netdevs are polled where they were sent.

/// Flows of a probe. 16 KiB of window each.
pub const MAX_FLOWS: u32 = 4096;
/// Streams of a probe.
pub const MAX_STREAMS: u32 = 32;
/// Phases that gaps can belong to.
pub const PHASES: usize = 8;
/// Host netdevs have ifindexes below this.
pub const HOST_IFINDEX_LIMIT: u32 = 1024;

/// Numbers a flow looks back: a frame older than this is `too_late`.
pub const WINDOW: u64 = 65_536;
/// Words of 32 numbers that make a window.
pub const WORDS: u32 = (WINDOW / 32) as u32;

/// A word of the window: which of 32 numbers have been seen, and in which turn of the ring.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// Bit n: number `32 * word + n` of the turn was seen.
    pub bits: u32,
    /// Turn of the ring (number / [`WINDOW`]) plus 1; 0 is never used.
    pub turn: u32,
}
const _: () = assert!(size_of::<Word>() == 8);

/// A host where frames of a flow may arrive, and how they must look there.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Home {
    /// Destination address.
    pub mac: [u8; 6],
    /// VLAN id of the tag; 0 for none.
    pub tag: u16,
    /// Host number; 0 for no such home.
    pub host: u8,
    /// TTL or hop limit.
    pub ttl: u8,
}
const _: () = assert!(size_of::<Home>() == 10);

/// Homes of a flow: two where its frames have a choice (a load-sharing group, a station that moves, a route that changes).
pub const HOMES: usize = 2;

/// What the receiver must know of a flow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Its stream.
    pub stream: u32,
    /// Host number of its source.
    pub from: u8,
    /// Host number of where its source can be reached as well: the other end of a group; 0 for none.
    pub from_too: u8,
    /// Explicit padding.
    pub pad: [u8; 2],
    /// Where it arrives.
    pub homes: [Home; HOMES],
}
const _: () = assert!(size_of::<Flow>() == 28);

/// Time without an arrival.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gap {
    /// Its length.
    pub ns: u64,
    /// Arrival that ended it (kernel time); it began `ns` earlier.
    pub end_ns: u64,
}

/// A flow as its receiver saw it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowState {
    /// Different frames.
    pub received: u64,
    /// Highest number plus 1; 0 before the first frame.
    pub next: u64,
    /// Frames seen before.
    pub duplicated: u64,
    /// Frames with a number below `next`, seen for the first time.
    pub reordered: u64,
    /// Frames older than the window.
    pub too_late: u64,
    /// Times that a number above `next` came.
    pub holes: u64,
    /// Time around them: the arrival before to the arrival after.
    pub hole_ns: u64,
    /// Last arrival; 0 before the first.
    pub last_ns: u64,
    /// Home of the last arrival, from 1; 0 before the first.
    pub home: u32,
    /// Times that a frame arrived at another home than the one before it.
    pub moves: u32,
    /// The longest of the holes, whichever phase it ended in.
    pub hole: Gap,
    /// Longest gap by phase.
    pub gaps: [Gap; PHASES],
}
const _: () = assert!(size_of::<FlowState>() == 88 + 16 * PHASES);

/// A stream as its receiver saw it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamState {
    /// Frames, duplicates included.
    pub arrived: u64,
    /// Last arrival; 0 before the first.
    pub last_ns: u64,
    /// Longest latency.
    pub latency_max_ns: u64,
    /// Longest gap by phase.
    pub gaps: [Gap; PHASES],
}
const _: () = assert!(size_of::<StreamState>() == 24 + 16 * PHASES);

/// Steps in each doubling of latency: a bucket is at most 1/16 wide.
pub const LATENCY_STEPS: u32 = 16;
/// Buckets of a stream's latency, 0 ns to 4.29 s.
pub const LATENCY_BUCKETS: u32 = 512;

/// Bucket of a latency.
#[inline(always)]
#[must_use]
pub const fn latency_bucket(ns: u32) -> u32 {
    if ns < LATENCY_STEPS {
        return ns;
    }
    let doubling = 27 - ns.leading_zeros(); // 16..31 is doubling 0
    (doubling + 1) * LATENCY_STEPS + ((ns >> doubling) - LATENCY_STEPS)
}
const _: () = assert!(latency_bucket(u32::MAX) < LATENCY_BUCKETS);

/// Shortest latency of a bucket.
#[must_use]
pub const fn latency_floor(bucket: u32) -> u64 {
    if bucket < LATENCY_STEPS {
        return bucket as u64;
    }
    let doubling = bucket / LATENCY_STEPS - 1;
    ((LATENCY_STEPS + bucket % LATENCY_STEPS) as u64) << doubling
}
const _: () = assert!(latency_floor(latency_bucket(1_000_000)) <= 1_000_000);
const _: () = assert!(latency_floor(latency_bucket(16)) == 16 && latency_floor(latency_bucket(31)) == 31);
const _: () = assert!(latency_floor(latency_bucket(1_000_000) + 1) > 1_000_000);
