//! What a probe sends: streams of numbered frames between hosts.

use serde::{Deserialize, Serialize};

/// One stream: `flows` flows, round robin, from one host to one other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamSpec {
    /// Name in reports.
    pub name: String,
    /// Sending host, `h1`.
    pub from: String,
    /// Receiving host, `h3`.
    pub to: String,
    /// Flows, each between two stations of its own; 1 to [`probe_abi::MAX_FLOWS`] over all streams.
    pub flows: u16,
    /// Frames a second, over all its flows.
    pub pps: u32,
    /// Frame length as RFC 2544 counts it, with FCS: 64 to 1518.
    pub frame_len: u16,
}

impl StreamSpec {
    /// A stream of minimum-length frames.
    #[must_use]
    pub fn new(name: &str, from: &str, to: &str, flows: u16, pps: u32) -> Self {
        Self { name: name.to_owned(), from: from.to_owned(), to: to.to_owned(), flows, pps, frame_len: 64 }
    }
}
