//! `msm-sim`: runs seeds, or one seed with its history. `cargo xtask sim` builds and starts it.

use std::process::ExitCode;

use clap::Parser;
use msm_sim::{Ask, Broken, run, tell};

/// A whole chassis in virtual time: every seed is a history of commands, failures and failovers
#[derive(Parser)]
#[command(name = "cargo xtask sim", version)]
struct Arguments {
    /// How many seeds
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// First seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Only this seed, with its history
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// The whole history of a seed that breaks a law, not only what it needs for that
    #[arg(long)]
    whole: bool,
    /// Threads
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Break a law on purpose: the checkers have to see it
    #[arg(long = "break", value_name = "LAW", value_enum, default_value_t = Broken::Nothing)]
    broken: Broken,
}

fn main() -> ExitCode {
    let Arguments { seeds, from, seed, whole, threads, broken } = Arguments::parse();
    let failed = match seed {
        Some(seed) => Some(seed),
        None => {
            let report = run(&Ask { from, seeds, threads, broken });
            println!("{}", report.text);
            if report.failed.is_none() && seeds >= 1_000 && !report.worth {
                println!("these runs exercise too little");
                return ExitCode::FAILURE;
            }
            report.failed.map(|(seed, _)| seed)
        }
    };
    let Some(seed) = failed else { return ExitCode::SUCCESS };
    let (history, violations) = tell(seed, broken, !whole);
    println!("{history}");
    for violation in &violations {
        println!("{violation}");
    }
    if violations.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("`cargo xtask sim --seed {seed}` shows it again, with --whole before it was reduced");
    ExitCode::FAILURE
}
