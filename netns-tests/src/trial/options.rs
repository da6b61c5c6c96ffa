//! Options of `run`.

use std::path::PathBuf;

use super::cause::Choice;

/// Default prefix of namespaces: `msm-sw`, `msm-h1` ...
pub(super) const PREFIX: &str = "msm-";

/// Options of `run`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Which failovers
    #[arg(long, value_enum, default_value_t = Choice::All)]
    pub scenario: Choice,
    /// Failovers of each scenario
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub trials: u32,
    /// Frames a second in each direction between modules
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1_000..=2_000_000))]
    pub rate: u32,
    /// Seconds of traffic in a trial
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub secs: u32,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write a picture of throughput, gaps and failovers
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Leave the bed up at the end
    #[arg(long)]
    pub hold: bool,
    /// First part of the names of the namespaces
    #[arg(long, default_value = PREFIX)]
    pub prefix: String,
    /// Run the test-only image whose takeover moves the label alone: its trials must turn red
    #[arg(long)]
    pub label_only: bool,
}
