//! Maximum rate, 64-byte known unicast between I/O modules: this switch beside the bare redirect and the Linux bridge, paired.
//!
//! Generator, switch and receiver run in one softirq of one CPU; every contender is sent the same frames by the same program and its
//! frames are counted in the kernel, at the receiving host. Contenders take turns within a round, and only rates of the same round are
//! compared: the machine's speed drifts more between rounds than the contenders differ.

pub mod closed_loop;
mod contender;
pub mod load;
mod rounds;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

pub use contender::{Contender, Kind, Measured};

use self::load::Load;
use self::rounds::Rounds;
use crate::report::schema::{BenchReport, BenchRow, SCHEMA};
use crate::report::table;

/// Options of `bench`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Write the ratios as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Rounds that count; one more is made first and thrown away
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// Milliseconds a contender sends in a round
    #[arg(long, default_value_t = 800, value_parser = clap::value_parser!(u32).range(50..=10_000))]
    pub millis: u32,
    /// First part of the names of the namespaces
    #[arg(long, default_value = "bench-")]
    pub prefix: String,
}

/// Stations, and the least ratio to the bare redirect and to the bridge that is asked for.
const SETS: [(u32, Option<f64>, Option<f64>); 3] =
    [(16, Some(0.80), Some(2.3)), (1024, Some(0.60), None), (60_000, None, None)];

fn thousands(number: u32) -> String {
    if number < 1000 { number.to_string() } else { format!("{},{:03}", number / 1000, number % 1000) }
}

fn rows(rounds: &Rounds, stations: u32, bare: Option<f64>, bridge: Option<f64>) -> Vec<BenchRow> {
    let name = format!("{} stations", thousands(stations));
    vec![
        rounds.row(&name, Kind::Bare, "bare", bare),
        rounds.row(&name, rounds.cheaper_bridge(), "bridge", bridge),
    ]
}

/// Measures and prints; a missed bar is shown and makes the exit code 1.
///
/// # Errors
/// What could not be measured, and why.
pub fn run(options: &Options) -> Result<ExitCode> {
    let mut load = Load::new()?;
    // The last CPU: the first one has the interrupts.
    let cpu = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) - 1;
    let mut contenders = Vec::new();
    for kind in Kind::ALL {
        contenders.push(Contender::make(kind, &options.prefix, &mut load)?);
    }
    let mut report = BenchReport { schema: SCHEMA, rows: Vec::new() };
    for (stations, bare, bridge) in SETS {
        let rounds = rounds::run(&contenders, &mut load, stations, options, cpu)?;
        println!("{} stations, {} rounds of {} ms:", thousands(stations), options.rounds, options.millis);
        print!("{}", rounds.table());
        report.rows.extend(rows(&rounds, stations, bare, bridge));
    }
    println!(
        "\nratios: median, smallest and largest of rounds; frames counted at the receiver; net: without generator and one veth hop"
    );
    print!("{}", table::bench(&report));
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(&report).context("writing the report")?;
        std::fs::write(path, text + "\n").with_context(|| format!("writing {}", path.display()))?;
    }
    let missed = report.rows.iter().filter(|row| row.missed()).count();
    if missed > 0 && std::io::stderr().is_terminal() {
        eprintln!("{missed} bars missed");
    }
    Ok(if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
