//! The probe: numbered frames at a set rate, counted in the receiving host's own XDP program.

mod error;
mod frame;
mod object;
mod plan;
pub(crate) mod priority;
#[expect(clippy::module_inception, reason = "the file of the type, among the files of its parts")]
mod probe;
mod receiver;
mod report;
mod ring;
mod sender;
mod spec;
mod watch;

pub use error::{ProbeError, Result};
pub use frame::{ipv4_of, ipv6_of, station};
pub use object::object_path;
pub use priority::Observing;
pub use probe::Probe;
pub use report::{FlowReport, Gap, ProbeReport, Stall, StreamReport, StreamSample};
pub use spec::{Second, Shape, StreamSpec};
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
