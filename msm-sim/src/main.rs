//! `msm-sim`: runs seeds, or one seed with its history. `cargo xtask sim` builds and starts it.

use std::process::ExitCode;

use clap::Parser;
use msm_sim::{Ask, Broken, run};

/// A whole chassis in virtual time: every seed is a history of commands, failures and failovers.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// How many seeds
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// First seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Only this seed
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Threads
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Break a law on purpose: the checkers have to see it
    #[arg(long = "break", value_name = "LAW", value_enum, default_value_t = Broken::Nothing)]
    broken: Broken,
}

fn main() -> ExitCode {
    let Arguments { seeds, from, seed, threads, broken } = Arguments::parse();
    let (from, seeds) = seed.map_or((from, seeds), |seed| (seed, 1));
    if run(&Ask { from, seeds, threads, broken }) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
