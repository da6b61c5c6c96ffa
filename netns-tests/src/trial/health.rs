//! Kinds of traffic before anything happens to them: what is not right now would say nothing about a failover.

use std::thread;

use anyhow::Result;

use super::Rig;
use super::kinds;
use super::traffic::{self, Started, Traffic};
use crate::report::schema::Missing;

/// Frames a second between modules: next to nothing, for kinds are looked at.
const RATE: u32 = 1000;
/// Seconds of traffic.
const SECS: f64 = 0.5;

/// Takes kinds out of `rig` that are not right, and says why.
///
/// # Errors
/// What the probe says.
pub(super) fn check(rig: &mut Rig<'_>) -> Result<Vec<Missing>> {
    let look = Rig { rate: RATE, ..rig.clone() };
    let Started { probe, mut missing } = traffic::start(&look)?;
    let sampled = thread::scope(|scope| {
        let traffic = Traffic::watch(scope, &probe);
        traffic.until(SECS);
        traffic.end()
    })?;
    let report = traffic::finish(probe, &sampled)?.report;
    for stream in report.streams.iter().filter(|stream| traffic::spoiled(stream) + stream.flooded > 0) {
        let Some(kind) = kinds::of_stream(&stream.name) else { continue };
        let reason = format!(
            "before any event, of {} frames of `{}`: {} lost, {} duplicated, {} reordered, {} flooded, {} altered, {} leaked, {} flows moved; where: {}",
            stream.sent,
            stream.name,
            stream.lost,
            stream.duplicated,
            stream.reordered,
            stream.flooded,
            stream.altered,
            stream.leaked,
            stream.moved_flows,
            report.lost_where.join(", "),
        );
        missing.push(Missing { kind: kind.name().to_owned(), reason });
    }
    rig.kinds.retain(|kind| missing.iter().all(|missing| missing.kind != kind.name()));
    Ok(missing)
}
