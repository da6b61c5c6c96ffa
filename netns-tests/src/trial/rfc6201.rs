//! RFC 6201's method: the throughput first, then every reset at that rate after 15 seconds of traffic.

use anyhow::Result;

use super::quiet::carry;
use super::{READY, Rig};
use crate::bed::{BedOptions, Testbed};
use crate::report::causes::CauseRow;
use crate::report::rfc::{Reset, ResetReport};

/// RFC 6201, 4: traffic before the event.
pub(super) const STEADY_SECS: f64 = 15.0;
/// Length of frames with FCS: the shortest of Ethernet.
const FRAME_OCTETS: u64 = 64;
/// Both directions between modules are offered at the rate.
const DIRECTIONS: u64 = 2;
/// Seconds of one step of the search.
const STEP_SECS: u32 = 2;
/// Steps of the search between what is carried and what is not.
const STEPS: u32 = 5;
/// Highest rate a direction that is tried.
const MOST: u32 = 2_000_000;
/// What is taken off a rate that a step carries and a longer run does not.
const LESS: f64 = 0.9;

/// The highest rate a direction that is carried without loss, by halving between one that is and one that is not.
///
/// # Errors
/// What the probe says.
pub(super) fn throughput(options: BedOptions, first: u32) -> Result<(u32, Vec<String>)> {
    let bed = Testbed::start(options)?;
    bed.wait_ready(READY)?;
    let mut lines = Vec::new();
    let mut carries = |rate: u32, secs: u32| -> Result<bool> {
        let carried = carry(&Rig { secs, ..Rig::bare(&bed, rate) })?;
        let words = if carried.whole() { "carried" } else { "not carried" };
        lines.push(format!(
            "{rate} frames/s and direction for {secs} s: {words} (offered {:.0}, lost {})",
            carried.offered_pps, carried.spoiled
        ));
        Ok(carried.whole())
    };
    let (mut good, mut bad) = (0, first);
    while bad <= MOST && carries(bad, STEP_SECS)? {
        (good, bad) = (bad, bad.saturating_mul(2));
    }
    for _ in 0..STEPS {
        let middle = good + (bad - good) / 2;
        if carries(middle, STEP_SECS)? { good = middle } else { bad = middle }
    }
    // As long as a trial lasts.
    while good > 1000 && !carries(good, STEADY_SECS as u32)? {
        good = (f64::from(good) * LESS) as u32;
    }
    Ok((good.max(1000), lines))
}

/// The report of rows that were made by that method.
pub(super) fn report(rate: u32, search: Vec<String>, trials: u32, rows: &[CauseRow]) -> ResetReport {
    let fps = u64::from(rate) * DIRECTIONS;
    let factor = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    ResetReport {
        throughput_fps: fps,
        throughput_bps: fps * FRAME_OCTETS * 8,
        search,
        steady_secs: STEADY_SECS,
        trials,
        frame_octets: FRAME_OCTETS,
        protocol: "IPv4, UDP".into(),
        media: "veth pairs (virtual Ethernet)".into(),
        speed: "no nominal speed: as fast as a CPU forwards".into(),
        encapsulation: "Ethernet, untagged".into(),
        factors: vec![
            factor("redundancy", "1+1 route processors (MSM A and B), fabric shared among both"),
            factor("configurations", "factory (default behaviour) and hitless (least loss)"),
            factor("forwarding state", "learned stations; no protocol, nothing from outside"),
            factor("ports", "4, in 2 I/O modules"),
            factor("flows", "64 a direction between modules, 1 inside each module"),
            factor("table entries", "2 stations a flow"),
            factor("protocol instances", "none"),
            factor("location", "local: triggered on the machine that the switch runs on"),
            factor("scheduled", "resets by command are, others are not"),
            factor(
                "trial of the search",
                "2 s a step, 15 s for the rate that is used (RFC 2544 asks for 60 s)",
            ),
        ],
        resets: rows.iter().filter_map(Reset::of).collect(),
    }
}
