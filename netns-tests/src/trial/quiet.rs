//! The quiet run: the same traffic without an event must lose nothing, or a loss in a trial says nothing about failover.

use std::thread;

use anyhow::Result;

use super::Rig;
use super::traffic::{self, Started, Traffic};
use crate::report::schema::Quiet;
use crate::report::void::OFFERED_AT_LEAST;

/// Rates to try, in percent of what was asked for.
const STEPS: [u32; 5] = [100, 75, 50, 25, 10];

/// The highest rate of the steps that is carried; every higher one is a miss with where its frames went.
///
/// # Errors
/// What the probe says.
pub fn quiet(rig: &Rig<'_>) -> Result<Quiet> {
    let mut quiet = Quiet { asked_pps: u64::from(rig.rate), ..Quiet::default() };
    for percent in STEPS {
        let rate = u64::from(rig.rate) * u64::from(percent) / 100;
        let step = Rig { rate: u32::try_from(rate)?, ..rig.clone() };
        let Started { probe, missing } = traffic::start(&step)?;
        let sampled = thread::scope(|scope| {
            let traffic = Traffic::watch(scope, &probe);
            traffic.until(f64::from(rig.secs));
            traffic.end()
        })?;
        let report = traffic::finish(probe, &sampled)?.report;
        let spoiled = report.streams.iter().map(traffic::spoiled).sum::<u64>();
        let slowest = report.streams.iter().take(2).map(|s| s.offered_pps).fold(f64::INFINITY, f64::min);
        quiet.carried_pps = rate;
        quiet.lost = spoiled;
        quiet.misses.extend(missing.iter().map(|m| format!("{}: not in a quiet run: {}", m.kind, m.reason)));
        if spoiled == 0 && slowest >= OFFERED_AT_LEAST * rate as f64 {
            return Ok(quiet);
        }
        let places = if report.lost_where.is_empty() { "-".to_owned() } else { report.lost_where.join(", ") };
        quiet.misses.push(format!(
            "a quiet run does not carry {rate} frames/s and direction: offered {slowest:.0}, lost, duplicated or reordered {spoiled}; where: {places}"
        ));
    }
    Ok(quiet)
}
