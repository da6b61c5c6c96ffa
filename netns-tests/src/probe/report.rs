//! What a probe found.

use probe_abi::{LATENCY_BUCKETS, latency_floor};
use serde::{Deserialize, Serialize};

use super::Result;
use super::plan::Stream;
use super::receiver::Receiver;

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

/// A sender was kept from its CPU: nothing of its streams was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stall {
    /// Last time that it had sent all that was due, [`super::now_ns`].
    pub begin_ns: u64,
    /// When it ran again.
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
    /// Times that it changed where it arrives.
    #[serde(default)]
    pub moves: u32,
    /// Holes seen in the numbers, and the time around them: from the arrival before to the arrival after, summed.
    pub holes: u64,
    /// See `holes`.
    pub hole_ns: u64,
    /// The longest of them.
    pub hole: Gap,
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
    /// Frames a second that were to be offered.
    #[serde(default)]
    pub asked_pps: u32,
    /// Frames a second that were offered: sent over the time of sending.
    pub offered_pps: f64,
    /// Frames given to the kernel.
    pub sent: u64,
    /// Different frames that arrived at the receiving host.
    pub received: u64,
    /// `sent - received`, after the drain; 0 of a stream that may not arrive.
    pub lost: u64,
    /// Frames that arrived of a stream that may not.
    #[serde(default)]
    pub leaked: u64,
    /// Sum over its flows.
    pub duplicated: u64,
    /// Sum over its flows.
    pub reordered: u64,
    /// Frames of this stream seen at any other host.
    pub flooded: u64,
    /// Frames at a right host that did not look as they must: tag, address or TTL. Not in `received`.
    #[serde(default)]
    pub altered: u64,
    /// Flows that changed where they arrive, and the most that one did.
    #[serde(default)]
    pub moved_flows: u64,
    /// See `moved_flows`.
    #[serde(default)]
    pub moves_of_a_flow: u32,
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
    /// 999 of 1,000.
    #[serde(default)]
    pub latency_p999_us: f64,
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
    /// Longest that a sender was late for its tick: what it makes of gaps and latencies is not the switch's.
    pub sender_late_max_us: f64,
    /// Time in which frames were due and not sent, because a sender was too far behind.
    pub sender_given_up_ms: f64,
    /// When a sender was kept from its CPU for longer than 5 ms.
    #[serde(default)]
    pub stalls: Vec<Stall>,
    /// The senders ran at real-time priority.
    pub realtime: bool,
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

    /// Nothing lost, duplicated, reordered, leaked or altered in any stream.
    #[must_use]
    pub fn clean(&self) -> bool {
        self.streams.iter().all(|s| s.lost + s.duplicated + s.reordered + s.leaked + s.altered == 0)
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

/// What a stream's report needs beside the receiver's maps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Totals {
    pub sent: u64,
    pub sending_ns: u64,
    pub phases: usize,
}

/// Reads a stream's state, which nothing changes any more.
pub(super) fn stream_report(stream: &Stream, receiver: &Receiver, totals: Totals) -> Result<StreamReport> {
    let state = receiver.stream(stream.number)?;
    let gaps: Vec<_> = state.gaps[..totals.phases].iter().map(gap).collect();
    let seconds = totals.sending_ns.max(1) as f64 / 1e9;
    let mut flows = Vec::with_capacity(usize::from(stream.spec.flows));
    for flow in 0..stream.spec.flows {
        flows.push(flow_report(stream, receiver, flow, totals)?);
    }
    let sum = |field: fn(&FlowReport) -> u64| flows.iter().map(field).sum::<u64>();
    let offered_pps = totals.sent as f64 / seconds;
    let lost = sum(|flow| flow.lost);
    let altered = receiver.altered(stream.number)?;
    let flooded = receiver.flooded(stream.number)?;
    let arrived = sum(|flow| flow.received + flow.duplicated + flow.too_late) + altered + flooded;
    let leaked = if stream.spec.shape.denied { arrived } else { 0 };
    let reset_of =
        |lost: u64, sent: u64| if lost == 0 { 0.0 } else { lost as f64 / (sent as f64 / seconds) * 1e3 };
    let reset_ms_loss = flows.iter().map(|flow| reset_of(flow.lost, flow.sent)).fold(0.0, f64::max);
    let reset_ms_timestamp = flows.iter().map(FlowReport::outage_ns).max().unwrap_or(0) as f64 / 1e6;
    let event = gaps[1..].iter().max_by_key(|gap| gap.ns).unwrap_or(&gaps[0]);
    let latency = receiver.latency(stream.number)?;
    Ok(StreamReport {
        name: stream.spec.name.clone(),
        from: stream.spec.from.clone(),
        to: stream.spec.to.clone(),
        asked_pps: stream.spec.pps,
        offered_pps,
        sent: totals.sent,
        received: sum(|flow| flow.received),
        lost,
        leaked,
        duplicated: sum(|flow| flow.duplicated),
        reordered: sum(|flow| flow.reordered),
        flooded,
        altered,
        moved_flows: flows.iter().filter(|flow| flow.moves > 0).count() as u64,
        moves_of_a_flow: flows.iter().map(|flow| flow.moves).max().unwrap_or(0),
        reset_ms_loss: reset_ms_loss.max(reset_of(lost, totals.sent)),
        reset_ms_timestamp,
        max_gap_us: event.ns as f64 / 1e3,
        steady_max_gap_us: gaps[0].ns as f64 / 1e3,
        latency_p50_us: percentile(&latency, 0.50),
        latency_p99_us: percentile(&latency, 0.99),
        latency_p999_us: percentile(&latency, 0.999),
        latency_max_us: state.latency_max_ns as f64 / 1e3,
        gaps,
        flows,
    })
}

fn flow_report(stream: &Stream, receiver: &Receiver, flow: u16, totals: Totals) -> Result<FlowReport> {
    let state = receiver.flow(stream.first_flow + u32::from(flow))?;
    let sent = stream.sent_of_flow(totals.sent, flow);
    Ok(FlowReport {
        flow,
        sent,
        received: state.received,
        lost: if stream.spec.shape.denied { 0 } else { sent.saturating_sub(state.received) },
        duplicated: state.duplicated,
        reordered: state.reordered,
        too_late: state.too_late,
        moves: state.moves,
        holes: state.holes,
        hole_ns: state.hole_ns,
        hole: gap(&state.hole),
        gaps: state.gaps[..totals.phases].iter().map(gap).collect(),
    })
}

impl FlowReport {
    /// Time around what was lost; a hole that reordered frames filled later is none.
    fn outage_ns(&self) -> u64 {
        if self.lost == 0 { 0 } else { self.hole_ns }
    }
}

fn gap(state: &probe_abi::Gap) -> Gap {
    Gap { ns: state.ns, begin_ns: state.end_ns.saturating_sub(state.ns), end_ns: state.end_ns }
}

/// Upper bound of the bucket that holds this part of the frames, in microseconds; 0 without frames.
fn percentile(buckets: &[u64], part: f64) -> f64 {
    let total: u64 = buckets.iter().sum();
    let rank = (total as f64 * part).ceil() as u64;
    let mut below = 0;
    for (bucket, &count) in buckets.iter().enumerate() {
        below += count;
        if count > 0 && below >= rank {
            let next = (bucket as u32 + 1).min(LATENCY_BUCKETS - 1);
            return latency_floor(next) as f64 / 1e3;
        }
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_bucket_that_holds_the_rank() {
        let mut buckets = vec![0; LATENCY_BUCKETS as usize];
        assert_eq!(percentile(&buckets, 0.5), 0.0);
        buckets[probe_abi::latency_bucket(10_000) as usize] = 99;
        buckets[probe_abi::latency_bucket(900_000) as usize] = 1;
        assert!((10.0..10.7).contains(&percentile(&buckets, 0.5)));
        assert!((10.0..10.7).contains(&percentile(&buckets, 0.99)));
        assert!((900.0..960.0).contains(&percentile(&buckets, 1.0)));
    }
}
