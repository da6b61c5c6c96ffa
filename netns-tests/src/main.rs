//! `msm-bed`: runs trials and benchmarks in a testbed, talks to a bed that runs, takes one down.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Parser;
use netns_tests::bed::{BedOptions, Testbed};
use netns_tests::{bench, trial};

/// The switch in a testbed of network namespaces.
#[derive(Parser)]
#[command(name = "msm-bed", version, about)]
enum Arguments {
    /// Start a testbed, fail the master over under traffic, report
    Run(trial::Options),
    /// Measure the forwarding rate beside the Linux bridge and a bare redirect
    Bench(bench::Options),
    /// Talk to the switch of a running testbed
    Cli(Cli),
    /// Take a testbed down, whoever left it
    Down(Bed),
}

/// Which bed.
#[derive(clap::Args)]
struct Bed {
    /// First part of the names of its namespaces
    #[arg(long, default_value_t = BedOptions::default().prefix)]
    prefix: String,
}

#[derive(clap::Args)]
struct Cli {
    #[command(flatten)]
    bed: Bed,
    /// For `msm-ctl cli`: `-c "show switch"`, `--slot b`, ...
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

fn main() -> ExitCode {
    let done = match Arguments::parse() {
        Arguments::Run(options) => trial::run(&options),
        Arguments::Bench(options) => bench::run(&options),
        Arguments::Cli(options) => cli(&options),
        Arguments::Down(bed) => down(&bed),
    };
    done.unwrap_or_else(|error| {
        eprintln!("msm-bed: {error:#}");
        ExitCode::FAILURE
    })
}

/// Becomes the client.
fn cli(options: &Cli) -> Result<ExitCode> {
    let bed = Testbed::existing(&options.bed.prefix)?;
    let program = bed.msm_ctl()?;
    let mut command = Command::new(&program);
    command.arg("cli").arg("--run-dir").arg(bed.run_dir()).args(&options.arguments);
    Err(command.exec()).with_context(|| format!("starting {}", program.display()))
}

fn down(bed: &Bed) -> Result<ExitCode> {
    Testbed::down(&bed.prefix)?;
    Ok(ExitCode::SUCCESS)
}
