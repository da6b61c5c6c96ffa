//! iperf3 with nothing failing: what users would measure first.

use std::fmt;

use anyhow::Result;

use super::iperf::{Client, Job, Servers};
use crate::bed::Testbed;
use crate::report::schema::Baseline;

/// Seconds of each run: a look, not a benchmark.
const SECS: u32 = 1;
/// Mbit/s of the UDP runs.
const UDP_MBIT: u32 = 100;

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, mbit_per_s, tcp_retransmits, udp_lost } = self;
        write!(f, "iperf3 {name}: {mbit_per_s:.0} Mbit/s, ")?;
        if name.starts_with("udp") {
            write!(f, "{udp_lost} lost")
        } else {
            write!(f, "{tcp_retransmits} sent again")
        }
    }
}

/// TCP and UDP between modules and inside one, one after the other.
///
/// # Errors
/// What iperf3 says.
pub fn baseline(bed: &Testbed) -> Result<Vec<Baseline>> {
    let _servers = Servers::start(bed)?;
    let between = ("h1", "h3");
    let inside = ("h1", "h2");
    let jobs = [(false, between), (true, between), (false, inside), (true, inside)];
    jobs.into_iter()
        .map(|(udp, (from, to))| {
            let mbit = if udp { UDP_MBIT } else { 0 };
            Client::start(bed, &Job { udp, from, to, mbit, secs: SECS })?.baseline()
        })
        .collect()
}
