//! The quiet run: the same traffic without an event must lose nothing, or a loss in a trial says nothing about failover.

use std::thread;

use anyhow::Result;

use super::Rig;
use super::traffic::{self, Started, Traffic};
use crate::report::schema::{Missing, Quiet};
use crate::report::void::OFFERED_AT_LEAST;

/// Rates to try, in percent of what was asked for.
const STEPS: [u32; 5] = [100, 75, 50, 25, 10];

/// What came of traffic that nothing happened to.
pub(super) struct Carried {
    asked_pps: f64,
    /// Rate offered by the slower direction between modules.
    pub(super) offered_pps: f64,
    /// Frames lost, duplicated, reordered and so on.
    pub(super) spoiled: u64,
    places: Vec<String>,
    missing: Vec<Missing>,
}

impl Carried {
    /// The rate is carried.
    pub(super) fn whole(&self) -> bool {
        self.spoiled == 0 && self.offered_pps >= OFFERED_AT_LEAST * self.asked_pps
    }
}

/// Traffic of the rig for its seconds, and nothing else.
pub(super) fn carry(rig: &Rig<'_>) -> Result<Carried> {
    let Started { probe, missing } = traffic::start(rig)?;
    let sampled = thread::scope(|scope| {
        let traffic = Traffic::watch(scope, &probe);
        traffic.until(f64::from(rig.secs));
        traffic.end()
    })?;
    let report = traffic::finish(probe, &sampled)?.report;
    Ok(Carried {
        asked_pps: f64::from(rig.rate),
        offered_pps: report.streams.iter().take(2).map(|s| s.offered_pps).fold(f64::INFINITY, f64::min),
        spoiled: report.streams.iter().map(traffic::spoiled).sum(),
        places: report.lost_where,
        missing,
    })
}

/// The highest rate of the steps that is carried; every higher one is a miss with where its frames went.
///
/// # Errors
/// What the probe says.
pub fn quiet(rig: &Rig<'_>) -> Result<Quiet> {
    let mut quiet = Quiet { asked_pps: u64::from(rig.rate), ..Quiet::default() };
    for percent in STEPS {
        let rate = u64::from(rig.rate) * u64::from(percent) / 100;
        let carried = carry(&Rig { rate: u32::try_from(rate)?, ..rig.clone() })?;
        quiet.carried_pps = rate;
        quiet.lost = carried.spoiled;
        let missing = carried.missing.iter();
        quiet.misses.extend(missing.map(|m| format!("{}: not in a quiet run: {}", m.kind, m.reason)));
        if carried.whole() {
            return Ok(quiet);
        }
        let places = if carried.places.is_empty() { "-".to_owned() } else { carried.places.join(", ") };
        quiet.misses.push(format!(
            "a quiet run does not carry {rate} frames/s and direction: offered {:.0}, lost, duplicated or reordered {}; where: {places}",
            carried.offered_pps, carried.spoiled
        ));
    }
    Ok(quiet)
}
