//! `run`: a chassis in a testbed, traffic across it, and its master commanded away and killed.

mod authority;
mod baseline;
mod caching;
mod cause;
mod control;
mod cpu_time;
mod event;
mod expect;
mod failover;
mod health;
mod iperf;
mod kinds;
mod matrix;
mod observer;
mod options;
mod progress;
mod quiet;
mod resources;
mod rfc6201;
mod series;
mod setup;
mod signals;
mod strike;
mod traffic;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

pub use self::baseline::baseline;
pub use self::caching::caching;
pub use self::cause::{Cause, Scenario, Task, Who};
pub use self::control::control;
pub use self::event::{Case, event};
pub use self::expect::expected;
pub use self::failover::failover;
pub use self::matrix::{Matrix, Plan, cases};
pub use self::options::Options;
pub use self::progress::Progress;
pub use self::quiet::quiet;
pub use self::resources::{Resources, Trend};
pub use self::series::Series;
pub use self::setup::{LinkAction, Recovery, Setup, SlaveConfig};
pub use self::strike::NotAvailable;

use self::cause::Choice;
use self::iperf::Servers;
use self::kinds::Kind;
use crate::bed::{BedOptions, SwitchKind, Testbed};
use crate::report::schema::{Host, Report, SCHEMA};
use crate::report::{Verdict, html, svg, table};

/// A chassis from nothing to both MSMs ready; seconds, with margin for a loaded machine.
pub const READY: Duration = Duration::from_secs(30);

/// Frames a second and direction in trials of causes, unless RFC 6201's method is asked for: enough for every flow to show a gap of a few
/// milliseconds.
const CAUSE_PPS: u32 = 50_000;
/// Control trials at most: the first that loses is enough.
const CONTROLS: usize = 3;
/// Traffic before each cause.
const STEADY_SECS: f64 = 0.5;

/// What every part of a run needs: a bed with iperf3 servers in its hosts.
#[derive(Clone)]
pub struct Rig<'a> {
    bed: &'a Testbed,
    /// Frames a second and direction between modules.
    pub rate: u32,
    secs: u32,
    /// Kinds of traffic beside plain switching.
    kinds: Vec<Kind>,
    _servers: Option<Arc<Servers>>,
}

impl<'a> Rig<'a> {
    /// For trials of `secs` seconds of traffic at `rate` frames a second and direction.
    ///
    /// # Errors
    /// iperf3 that does not start.
    pub fn new(bed: &'a Testbed, rate: u32, secs: u32) -> Result<Self> {
        let servers = Some(Arc::new(Servers::start(bed)?));
        Ok(Self { bed, rate, secs, kinds: Vec::new(), _servers: servers })
    }

    /// Without iperf3, for numbered frames alone.
    pub fn bare(bed: &'a Testbed, rate: u32) -> Self {
        Self { bed, rate, secs: 1, kinds: Vec::new(), _servers: None }
    }
}

/// The image whose takeover moves the label alone: beside the ordinary one.
fn label_only_image() -> Result<PathBuf> {
    let beside = std::env::current_exe().context("finding this program")?;
    let found = beside
        .ancestors()
        .skip(1)
        .map(|dir| dir.join("image-label-only"))
        .find(|path| path.join("msm-ctl").exists());
    found.context("the label-only image is not built; mend: `cargo xtask build --label-only`")
}

fn bed_options(options: &Options) -> Result<BedOptions> {
    let image = if options.label_only { Some(label_only_image()?) } else { None };
    let (prefix, hosts) = (options.prefix.clone(), kinds::hosts());
    Ok(BedOptions { prefix, image, hosts, switch: SwitchKind::Msm, ..BedOptions::default() })
}

/// Runs everything and prints it.
///
/// # Errors
/// What could not be built, started or measured. A red trial is no error but exit code 1.
pub fn run(options: &Options) -> Result<ExitCode> {
    let report = match &options.from {
        Some(path) => read(path)?,
        None => made(options)?,
    };
    print!("\n{}", table::run(&report));
    write(
        options.json.as_deref(),
        &(serde_json::to_string_pretty(&report).context("writing the report")? + "\n"),
    )?;
    if let Some(path) = &options.svg {
        write(Some(path), &svg::draw(&report).map_err(anyhow::Error::msg)?)?;
    }
    if let Some(path) = &options.html {
        write(Some(path), &html::page(&report).map_err(anyhow::Error::msg)?)?;
    }
    Ok(if Verdict::of(&report).green() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A report as it was written.
fn read(path: &Path) -> Result<Report> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no report of `run --json`", path.display()))
}

/// A report, made now.
fn made(options: &Options) -> Result<Report> {
    let cases: Vec<Case> = if options.scenario == Choice::All || options.rfc6201 || options.cause.is_some() {
        let words = options.cause.as_deref().unwrap_or_default();
        cases().into_iter().filter(|case| case.cause.name().contains(words)).collect()
    } else {
        Vec::new()
    };
    ensure!(
        !cases.is_empty() || options.cause.is_none(),
        "no cause has these words in its name; names: {}",
        Cause::ALL.map(Cause::name).join(", ")
    );
    // Who asks for a method or a cause asks for no series.
    let series = if options.rfc6201 || options.cause.is_some() { &[] } else { options.scenario.causes() };
    let steps = series.len() as u64 * u64::from(options.series()) + cases.len() as u64;
    let progress = Progress::new(steps + 5);
    let bed_options = bed_options(options)?;
    progress.step("starting the chassis: A and B, 9 ports in 2 I/O modules");
    let bed = Testbed::start(bed_options)?;
    let outcome = measure(&bed, options, series, &progress);
    let more = !cases.is_empty() || options.rfc6201;
    if options.hold && !more {
        progress.end();
        println!("{}", how_to_go_on(&options.prefix));
        bed.keep();
    } else {
        drop(bed);
    }
    let mut report = outcome?;
    if more {
        of_causes(options, &cases, &mut report, &progress)?;
    }
    progress.end();
    Ok(report)
}

/// Rows of causes, and what the RFCs ask for, beds of their own.
fn of_causes(options: &Options, cases: &[Case], report: &mut Report, progress: &Progress) -> Result<()> {
    let bed = || BedOptions { prefix: options.prefix.clone(), ..BedOptions::default() };
    let (mut rate, mut search) = (options.rate.min(CAUSE_PPS), Vec::new());
    if options.rfc6201 {
        progress.step("RFC 6201: throughput");
        (rate, search) = rfc6201::throughput(bed(), options.rate)?;
        search.iter().for_each(|line| progress.line(line));
    }
    let trials = options.of_each_cause();
    let plan = Plan {
        prefix: options.prefix.clone(),
        rate,
        trials,
        steady_secs: if options.rfc6201 { rfc6201::STEADY_SECS } else { STEADY_SECS },
    };
    let mut matrix = Matrix::new(plan, progress);
    for case in cases {
        progress.step(&format!(
            "{} ({}, recovery {})",
            case.cause.name(),
            case.setup.name(),
            case.setup.recovery
        ));
        report.causes.push(matrix.row(*case)?);
    }
    drop(matrix);
    if options.rfc6201 {
        report.rfc6201 = Some(rfc6201::report(rate, search, trials, &report.causes));
    }
    if options.rfc6201 || options.cause.is_none() {
        progress.step("RFC 2889: address caching across failovers");
        let bed = Testbed::start(bed())?;
        for cause in [Scenario::Operator.cause(1), Scenario::Crash.cause(1)] {
            let found = caching(&Rig::bare(&bed, rate), cause)?;
            progress.line(&format!("{cause}: {} addresses, {} flooded", found.addresses, found.flooded));
            report.caching.push(found);
        }
    }
    Ok(())
}

fn measure(bed: &Testbed, options: &Options, scenarios: &[Scenario], progress: &Progress) -> Result<Report> {
    bed.wait_ready(READY)?;
    let mut report = Report { schema: SCHEMA, host: Host::here(), ..Report::default() };
    if !scenarios.is_empty() {
        progress.step("iperf3 between modules and inside one, nothing failing");
        report.baseline = baseline(bed)?;
        report.baseline.iter().for_each(|line| progress.line(&line.to_string()));
        report.asked = options.series();
    }
    let mut rig = Rig::new(bed, options.rate, options.secs)?;
    if !scenarios.is_empty() {
        progress.step("VLANs, load sharing, access lists, routes: each kind of traffic must be right");
        (rig.kinds, report.missing) = kinds::configure(bed)?;
        bed.wait_ready(READY)?;
        report.missing.extend(health::check(&mut rig)?);
        report.missing.iter().for_each(|m| progress.line(&format!("MISS {}: {}", m.kind, m.reason)));
        progress.line(&format!(
            "measured: {}",
            rig.kinds.iter().copied().map(Kind::name).collect::<Vec<_>>().join(", ")
        ));
    }
    progress.step("quiet run: the rate must be carried without loss");
    report.quiet = quiet(&rig)?;
    rig.rate = u32::try_from(report.quiet.carried_pps).context("a rate beyond 32 bits")?;
    report.quiet.misses.iter().for_each(|miss| progress.line(&format!("MISS {miss}")));
    progress.line(&format!("{} frames/s and direction: lost {}", rig.rate, report.quiet.lost));
    progress.step("control trial: one port down and up, which must lose frames");
    for _ in 0..CONTROLS {
        report.control = control(&rig)?;
        progress.line(&format!("{}: lost {}", report.control.what, report.control.lost));
        // Senders that were kept from their CPUs all the while sent nothing that could be lost.
        if report.control.lost > 0 {
            break;
        }
    }
    for scenario in scenarios {
        let mut series = Series::new(&rig, *scenario, options.series());
        loop {
            match series.more() {
                Ok(true) => {}
                Ok(false) => break,
                Err(too_many) => {
                    progress.line(&format!("{}: {too_many}", scenario.name()));
                    break;
                }
            }
            let (number, cause) = (series.tally().whole() + 1, series.cause());
            progress.step(&format!("{} {number} of {}: {cause}", scenario.name(), options.series()));
            let trial = series.make()?;
            progress.line(&progress::summary(&trial));
            let stuck = trial.control_plane.ready_ms.is_none();
            report.trials.push(trial);
            if stuck {
                progress.line("no MSM became ready slave: the trials that are left cannot be made");
                return Ok(report);
            }
        }
    }
    Ok(report)
}

fn write(path: Option<&Path>, text: &str) -> Result<()> {
    path.map_or(Ok(()), |path| {
        std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
    })
}

fn how_to_go_on(prefix: &str) -> String {
    let option = if prefix == options::PREFIX { String::new() } else { format!(" --prefix {prefix}") };
    format!(
        "the bed stays up:\n  cargo xtask cli{option}     talks to the switch\n  cargo xtask down{option}    takes it down"
    )
}
