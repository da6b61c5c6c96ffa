//! `run`: a chassis in a testbed, traffic across it, and its master commanded away and killed.

mod authority;
mod baseline;
mod cause;
mod control;
mod cpu_time;
mod failover;
mod health;
mod iperf;
mod kinds;
mod observer;
mod options;
mod progress;
mod quiet;
mod series;
mod signals;
mod traffic;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

pub use self::baseline::baseline;
pub use self::cause::{Cause, Scenario};
pub use self::control::control;
pub use self::failover::failover;
pub use self::options::Options;
pub use self::progress::Progress;
pub use self::quiet::quiet;
pub use self::series::Series;

use self::iperf::Servers;
use self::kinds::Kind;
use crate::bed::{BedOptions, SwitchKind, Testbed};
use crate::report::schema::{Host, Report, SCHEMA};
use crate::report::{Verdict, svg, table};

/// A chassis from nothing to both MSMs ready; seconds, with margin for a loaded machine.
pub const READY: Duration = Duration::from_secs(30);

/// What every part of a run needs: a bed with iperf3 servers in its hosts.
#[derive(Clone)]
pub struct Rig<'a> {
    bed: &'a Testbed,
    /// Frames a second and direction between modules.
    pub rate: u32,
    secs: u32,
    /// Kinds of traffic beside plain switching.
    kinds: Vec<Kind>,
    _servers: Arc<Servers>,
}

impl<'a> Rig<'a> {
    /// For trials of `secs` seconds of traffic at `rate` frames a second and direction.
    ///
    /// # Errors
    /// iperf3 that does not start.
    pub fn new(bed: &'a Testbed, rate: u32, secs: u32) -> Result<Self> {
        Ok(Self { bed, rate, secs, kinds: Vec::new(), _servers: Arc::new(Servers::start(bed)?) })
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
    let steps = options.scenario.causes().len() as u64 * u64::from(options.trials);
    let progress = Progress::new(steps + 5);
    let bed_options = bed_options(options)?;
    progress.step("starting the chassis: A and B, 9 ports in 2 I/O modules");
    let bed = Testbed::start(bed_options)?;
    let outcome = measure(&bed, options, &progress);
    progress.end();
    if options.hold {
        println!("{}", how_to_go_on(&options.prefix));
        bed.keep();
    } else {
        drop(bed);
    }
    let report = outcome?;
    print!("\n{}", table::run(&report));
    write(
        options.json.as_deref(),
        &(serde_json::to_string_pretty(&report).context("writing the report")? + "\n"),
    )?;
    if let Some(path) = &options.svg {
        write(Some(path), &svg::draw(&report).map_err(anyhow::Error::msg)?)?;
    }
    Ok(if Verdict::of(&report).green() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn measure(bed: &Testbed, options: &Options, progress: &Progress) -> Result<Report> {
    bed.wait_ready(READY)?;
    let mut report =
        Report { schema: SCHEMA, host: Host::here(), asked: options.trials, ..Report::default() };
    progress.step("iperf3 between modules and inside one, nothing failing");
    report.baseline = baseline(bed)?;
    report.baseline.iter().for_each(|line| progress.line(&line.to_string()));
    progress.step("VLANs, load sharing, access lists, routes: each kind of traffic must be right");
    let mut rig = Rig::new(bed, options.rate, options.secs)?;
    (rig.kinds, report.missing) = kinds::configure(bed)?;
    bed.wait_ready(READY)?;
    report.missing.extend(health::check(&mut rig)?);
    report.missing.iter().for_each(|m| progress.line(&format!("MISS {}: {}", m.kind, m.reason)));
    progress.line(&format!(
        "measured: {}",
        rig.kinds.iter().copied().map(Kind::name).collect::<Vec<_>>().join(", ")
    ));
    progress.step("quiet run: the rate must be carried without loss");
    report.quiet = quiet(&rig)?;
    rig.rate = u32::try_from(report.quiet.carried_pps).context("a rate beyond 32 bits")?;
    report.quiet.misses.iter().for_each(|miss| progress.line(&format!("MISS {miss}")));
    progress.line(&format!("{} frames/s and direction: lost {}", rig.rate, report.quiet.lost));
    progress.step("control trial: one port down and up, which must lose frames");
    report.control = control(&rig)?;
    progress.line(&format!("{}: lost {}", report.control.what, report.control.lost));
    for scenario in options.scenario.causes() {
        let mut series = Series::new(&rig, *scenario, options.trials);
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
            progress.step(&format!("{} {number} of {}: {cause}", scenario.name(), options.trials));
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
