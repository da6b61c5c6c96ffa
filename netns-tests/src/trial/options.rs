//! Options of `run`.

use std::path::PathBuf;

use super::cause::Choice;

/// Default prefix of namespaces: `msm-sw`, `msm-h1` ...
pub(super) const PREFIX: &str = "msm-";

/// Options of `run`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Which failovers
    #[arg(long, value_enum, default_value_t = Choice::Both)]
    pub scenario: Choice,
    /// Failovers of each scenario; of `all` also trials of each cause, 1 if nothing is said
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub trials: Option<u32>,
    /// With the methods of RFC 6201: throughput first, 15 s of traffic before each event, averages of 3 trials if nothing is said, its
    /// report; every cause, and RFC 2889's address caching across failovers
    #[arg(long)]
    pub rfc6201: bool,
    /// Only causes whose name contains this
    #[arg(long, value_name = "WORDS")]
    pub cause: Option<String>,
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
    /// Write everything as one HTML file with its pictures
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Draw from a report that was written as JSON, run nothing
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
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

impl Options {
    /// Failovers of each scenario.
    pub(super) fn series(&self) -> u32 {
        self.trials.unwrap_or(5)
    }

    /// Trials of each cause.
    pub(super) fn of_each_cause(&self) -> u32 {
        self.trials.unwrap_or(if self.rfc6201 { 3 } else { 1 })
    }
}
