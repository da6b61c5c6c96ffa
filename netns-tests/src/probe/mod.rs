//! The probe: numbered frames at a set rate, counted in the receiving host's own XDP program.

mod error;
mod report;
mod spec;
mod watch;

use crate::bed::Testbed;

pub use error::{ProbeError, Result};
pub use report::{FlowReport, Gap, ProbeReport, StreamReport, StreamSample};
pub use spec::StreamSpec;
pub use watch::{NetlinkWrites, SyscallWatch};

/// CLOCK_MONOTONIC in nanoseconds: the clock of every time here, and of `bpf_ktime_get_ns`.
#[must_use]
pub fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// The two stations of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stations {
    /// Source, at the sending host.
    pub from: [u8; 6],
    /// Destination, at the receiving host.
    pub to: [u8; 6],
}

/// A probe over a bed. Dropping it detaches its programs.
#[derive(Debug)]
pub struct Probe {}

#[allow(unused_variables)]
impl Probe {
    /// Loads and attaches the receivers, makes the transmit rings.
    pub fn new(bed: &Testbed, streams: Vec<StreamSpec>) -> Result<Self> {
        Err(ProbeError::State("is not built"))
    }
    /// Stations of each flow of a stream, `stations("authority")?[0].to`.
    pub fn stations(&self, stream: &str) -> Result<Vec<Stations>> {
        Err(ProbeError::State("is not built"))
    }
    /// Teaches the switch every station, then starts the counted frames. Phase 0.
    pub fn start(&mut self) -> Result<()> {
        Err(ProbeError::State("is not built"))
    }
    /// Gaps from now on belong to this phase (below [`probe_abi::PHASES`]): 0 steady, 1 the event.
    pub fn phase(&mut self, phase: u32) -> Result<()> {
        Err(ProbeError::State("is not built"))
    }
    /// Each stream so far. A few map reads: fit for a series.
    pub fn sample(&self) -> Result<Vec<StreamSample>> {
        Err(ProbeError::State("is not built"))
    }
    /// Ends sending, waits until the counters are quiet, reads everything.
    pub fn stop(self) -> Result<ProbeReport> {
        Err(ProbeError::State("is not built"))
    }
}
