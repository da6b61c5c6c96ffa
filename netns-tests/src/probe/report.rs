//! What a probe found.

use serde::{Deserialize, Serialize};

/// Time without a frame, between two arrivals of one flow or stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Its length.
    pub ns: u64,
    /// Arrival before it, [`super::now_ns`].
    pub begin_ns: u64,
    /// Arrival that ended it.
    pub end_ns: u64,
}

/// One flow of a stream.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FlowReport {
    /// Number within its stream.
    pub flow: u16,
    /// Frames given to the kernel.
    pub sent: u64,
    /// Different frames that arrived at the receiving host.
    pub received: u64,
    /// `sent - received`.
    pub lost: u64,
    /// Arrivals of a frame that had arrived before.
    pub duplicated: u64,
    /// Arrivals with a lower number than an earlier arrival (RFC 4737, 3.3).
    pub reordered: u64,
    /// Arrivals more than [`probe_abi::WINDOW`] numbers late, which cannot be told from duplicates: not in `received`.
    pub too_late: u64,
    /// Holes seen in the numbers, and the time around them: from the arrival before to the arrival after, summed.
    pub holes: u64,
    /// See `holes`.
    pub hole_ns: u64,
    /// Longest gap by phase.
    pub gaps: Vec<Gap>,
}

/// One stream.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StreamReport {
    /// Its name.
    pub name: String,
    /// Sending host.
    pub from: String,
    /// Receiving host.
    pub to: String,
    /// Frames a second that were offered: sent over the time of sending.
    pub offered_pps: f64,
    /// Frames given to the kernel.
    pub sent: u64,
    /// Different frames that arrived at the receiving host.
    pub received: u64,
    /// `sent - received`, after the drain.
    pub lost: u64,
    /// Sum over its flows.
    pub duplicated: u64,
    /// Sum over its flows.
    pub reordered: u64,
    /// Frames of this stream seen at any other host.
    pub flooded: u64,
    /// RFC 6201, 4: frames lost over the offered rate; the largest of the stream and its flows. 0 when nothing was lost.
    pub reset_ms_loss: f64,
    /// RFC 6201, 4: last arrival before the loss to the first after it, the largest of its flows. 0 when nothing was lost.
    pub reset_ms_timestamp: f64,
    /// Longest gap of the stream in phases after 0, in microseconds; of phase 0 when there was no other.
    pub max_gap_us: f64,
    /// Longest gap of the stream in phase 0.
    pub steady_max_gap_us: f64,
    /// Half of the frames took less than this.
    pub latency_p50_us: f64,
    /// 99 of 100.
    pub latency_p99_us: f64,
    /// The slowest.
    pub latency_max_us: f64,
    /// Longest gap of the stream by phase.
    pub gaps: Vec<Gap>,
    /// Each flow.
    pub flows: Vec<FlowReport>,
}

/// Everything.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ProbeReport {
    /// In the order of the specifications.
    pub streams: Vec<StreamReport>,
    /// When the counted frames began, [`super::now_ns`].
    pub started_ns: u64,
    /// When sending ended.
    pub stopped_ns: u64,
    /// Where frames went that did not arrive: counters of the veth rings and of the switch that moved. A line each.
    pub lost_where: Vec<String>,
}

impl ProbeReport {
    /// Stream of that name.
    #[must_use]
    pub fn stream(&self, name: &str) -> Option<&StreamReport> {
        self.streams.iter().find(|stream| stream.name == name)
    }

    /// Frames lost in all streams.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.streams.iter().map(|stream| stream.lost).sum()
    }

    /// Nothing lost, duplicated or reordered in any stream.
    #[must_use]
    pub fn clean(&self) -> bool {
        self.streams.iter().all(|s| s.lost == 0 && s.duplicated == 0 && s.reordered == 0)
    }
}

/// A stream in flight: cumulative, for a series over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamSample {
    /// When it was read, [`super::now_ns`].
    pub at_ns: u64,
    /// Frames given to the kernel so far.
    pub sent: u64,
    /// Frames that have arrived, duplicates included.
    pub arrived: u64,
    /// Last arrival; 0 before the first.
    pub last_ns: u64,
}
