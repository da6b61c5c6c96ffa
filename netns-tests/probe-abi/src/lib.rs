//! What the probe's programs and its user space share: the numbered frame, the receiver's maps, the system call counter's.
//!
//! Everything here is `repr(C)`, without implicit padding, and asserted to its size.
#![no_std]
#![forbid(unsafe_code)]

mod frame;
mod load;
mod receive;
mod watch;

pub use frame::{FRAME_MIN, Kind, PAYLOAD_OFFSET, PAYLOAD_OFFSET_IPV6, Payload, TAG_LEN};
pub use load::{
    GenIpState, GenState, LOAD_ETHERTYPE, LOAD_FRAME_LEN, LOAD_IP_ID, LOAD_NUMBER_OFFSET, LOAD_TTL,
    SinkNumbered, TO_ROUTES, load_names, route, route_host, side, station,
};
pub use receive::{
    Flow, FlowState, Gap, HOMES, HOST_IFINDEX_LIMIT, Home, LATENCY_BUCKETS, LATENCY_STEPS, MAX_FLOWS,
    MAX_STREAMS, PHASES, StreamState, WINDOW, WORDS, Word, latency_bucket, latency_floor,
};
pub use watch::{WatchCount, WatchKey, WatchKind};

/// Names of the maps.
pub mod names {
    /// Array by host netdev ifindex: host number, 0 for none.
    pub const HOSTS: &str = "HOSTS";
    /// Array by global flow number: [`crate::Flow`].
    pub const FLOWS: &str = "FLOWS";
    /// Array by global flow number: [`crate::FlowState`].
    pub const FLOW_STATE: &str = "FLOW_STATE";
    /// Array by flow number * [`crate::WORDS`] + word: [`crate::Word`].
    pub const SEEN: &str = "SEEN";
    /// Array by stream: [`crate::StreamState`].
    pub const STREAM_STATE: &str = "STREAM_STATE";
    /// Array by stream * [`crate::LATENCY_BUCKETS`] + bucket: frames.
    pub const LATENCY: &str = "LATENCY";
    /// Per-CPU array by stream: frames seen at a host that is not the stream's.
    pub const FLOODED: &str = "FLOODED";
    /// Per-CPU array by stream: frames at a right host that did not look as they must: tag, address or TTL.
    pub const ALTERED: &str = "ALTERED";
    /// Per-CPU array by stream: `[learning frames at their host, elsewhere]`.
    pub const LEARN: &str = "LEARN";
    /// Array of one: the phase that gaps belong to.
    pub const PHASE: &str = "PHASE";
    /// Hash by process: watched.
    pub const WATCHED: &str = "WATCHED";
    /// Hash by [`crate::WatchKey`]: calls.
    pub const WATCH_COUNTS: &str = "WATCH_COUNTS";
    /// The receiver.
    pub const PROG_RX: &str = "rx";
    /// The system call counter.
    pub const PROG_SYS_ENTER: &str = "watch_sys_enter";
    /// Raw tracepoint program on sys_exit: which protocol a new netlink socket has.
    pub const PROG_SYS_EXIT: &str = "watch_sys_exit";
    /// The exec watcher.
    pub const PROG_EXEC: &str = "watch_exec";
}
