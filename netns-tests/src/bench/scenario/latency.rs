//! Latency of numbered frames that carry the time they were sent, at a rate that nobody has trouble with, beside the Linux bridge.

use std::time::Duration;

use anyhow::{Context, Result};

use super::four;
use crate::bed::{SwitchKind, Testbed};
use crate::bench::stage::Stage;
use crate::probe::{Probe, StreamReport, StreamSpec};
use crate::report::schema::{LatencyRow, Percentiles};
use crate::report::stats::median;

/// Frames a second.
const PPS: u32 = 20_000;
/// Flows they belong to.
const FLOWS: u16 = 16;
/// A round for one of them.
const ROUND: Duration = Duration::from_secs(1);
const ROUNDS: u32 = 5;

fn once(bed: &Testbed) -> Result<StreamReport> {
    let mut probe = Probe::new(bed, vec![StreamSpec::new("one way", "h1", "h3", FLOWS, PPS)])?;
    probe.start()?;
    std::thread::sleep(ROUND);
    let report = probe.stop()?;
    report.streams.into_iter().next().context("a probe's report has its stream")
}

fn percentiles(rounds: &[StreamReport]) -> Percentiles {
    let middle =
        |of: fn(&StreamReport) -> f64| median(&rounds.iter().map(of).collect::<Vec<_>>()).unwrap_or_default();
    Percentiles {
        p50_us: middle(|r| r.latency_p50_us),
        p99_us: middle(|r| r.latency_p99_us),
        p999_us: middle(|r| r.latency_p999_us),
        max_us: rounds.iter().map(|r| r.latency_max_us).fold(0.0, f64::max),
        lost: rounds.iter().map(|r| r.lost).sum(),
    }
}

/// This switch and the bridge in turn.
pub(super) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let here = stage.plain_bed("here", SwitchKind::Msm, &four())?;
    let bridge = stage.plain_bed("brtc", SwitchKind::Bridge, &four())?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS.min(stage.options.rounds) {
        ours.push(once(&here)?);
        theirs.push(once(&bridge)?);
    }
    stage.report.latency.push(LatencyRow {
        scenario: "latency".into(),
        name: format!("64 bytes, {PPS} frames a second"),
        here: percentiles(&ours),
        peer: "bridge".into(),
        at_peer: percentiles(&theirs),
        rounds: ours.len(),
    });
    Ok(())
}
