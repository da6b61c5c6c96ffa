//! Reports: what a run found, as JSON, as a table and as a picture drawn from the JSON.

pub mod cause_table;
pub mod causes;
pub mod html;
pub mod judge;
pub mod pictures;
pub mod rfc;
pub mod schema;
pub mod stats;
pub mod svg;
pub mod table;
pub mod verdict;
pub mod void;

pub use schema::{
    Authority, Baseline, BenchReport, BenchRow, Control, ControlPlane, Host, Iperf3, LatencyRow, Machine,
    Mark, Missing, Percentiles, Quiet, Report, Senders, Stream, Timeline, Trial,
};
pub use verdict::{Fault, Verdict};
pub use void::{Tally, TooManyVoid};
