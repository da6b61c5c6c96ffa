//! Rates, latencies and throughput of this switch beside its peers, paired: who is compared takes turns within a round.
//!
//! Generator, switch and receiver run in one softirq of one CPU; every contender is sent the same frames by the same program and its
//! frames are counted in the kernel, at the receiving host. Only rates of the same round are compared: the machine's speed drifts more between
//! rounds than the contenders differ.

pub mod closed_loop;
mod contender;
pub mod load;
mod page;
mod profile;
pub mod rounds;
pub mod scenario;
pub mod stage;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

pub use contender::{Contender, Measured, Order, Traffic};
use scenario::Scenario;

use self::stage::Stage;
use crate::report::schema::{BenchReport, Machine, SCHEMA, Unavailable};
use crate::report::table;

/// Options of `bench`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Only these scenarios: names of --list, with commas or again and again
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Show the scenarios
    #[arg(long)]
    pub list: bool,
    /// Also beside Open vSwitch and DPDK's testpmd, which are installed for it
    #[arg(long)]
    pub peers: bool,
    /// Also print where a frame's time goes, function by function (with perf)
    #[arg(long)]
    pub profile: bool,
    /// Write what was found as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write what was found as a page (docs/performance.md)
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// Rounds that count; one more is made first and thrown away
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// Milliseconds a contender sends in a round
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u32).range(50..=10_000))]
    pub millis: u32,
    /// First part of the names of the namespaces
    #[arg(long, default_value = "bench-")]
    pub prefix: String,
}

/// What `--only` and `--peers` ask for.
fn chosen(options: &Options) -> Result<Vec<&'static Scenario>> {
    if let Some(unknown) = options.only.iter().find(|name| scenario::ALL.iter().all(|s| s.name != **name)) {
        bail!("bench: there is no scenario `{unknown}`; `bench --list` shows them");
    }
    let asked = |scenario: &Scenario| {
        let named = options.only.iter().any(|name| name == scenario.name);
        let ordinary = options.only.is_empty() && !scenario.asked_for;
        named || ordinary || (scenario.asked_for && options.peers)
    };
    Ok(scenario::ALL.iter().filter(|scenario| asked(scenario)).collect())
}

/// Measures and prints; a missed bar, or a scenario that could not be measured, is shown and makes the exit code 1.
///
/// # Errors
/// What is wrong with the options, or cannot be written.
pub fn run(options: &Options) -> Result<ExitCode> {
    if options.list {
        scenario::ALL.iter().for_each(|scenario| println!("{:10} {}", scenario.name, scenario.about));
        return Ok(ExitCode::SUCCESS);
    }
    // The last CPU: the first one has the interrupts.
    let cpu = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) - 1;
    let mut report = BenchReport { schema: SCHEMA, machine: Machine::here(), ..BenchReport::default() };
    for scenario in chosen(options)? {
        println!("== {}: {}", scenario.name, scenario.about);
        let done = Stage::new(options, cpu, &mut report, scenario.name)
            .and_then(|mut stage| (scenario.run)(&mut stage));
        if let Err(error) = done {
            println!("not available: {error:#}");
            let reason = format!("{error:#}");
            report.unavailable.push(Unavailable { scenario: scenario.name.to_owned(), reason });
        }
    }
    println!(
        "\nratios: median, smallest and largest of rounds; frames counted at the receiver; net: without generator and one veth hop"
    );
    print!("{}", table::bench(&report));
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(&report).context("writing the report")?;
        std::fs::write(path, text + "\n").with_context(|| format!("writing {}", path.display()))?;
    }
    if let Some(path) = &options.write {
        std::fs::write(path, page::page(&report, options))
            .with_context(|| format!("writing {}", path.display()))?;
    }
    let missed = report.missed() + report.unavailable.len();
    if missed > 0 && std::io::stderr().is_terminal() {
        eprintln!("{missed} bars missed or not measured");
    }
    Ok(if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
