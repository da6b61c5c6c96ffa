//! Everything that has to pass before a change is good: form, lints, builds, tests without and with root, fuzzing.

mod as_root;
mod fuzz;
pub(crate) mod leftovers;
mod summary;

use std::process::ExitCode;

use anyhow::{Result, ensure};

use self::summary::Phases;
use crate::tree::Tree;
use crate::{build, command, ebpf, setup, sim};

/// The packages with tests/ folders; those need root and are run apart; their unit tests are not.
const DATAPLANE: &str = "msm-dataplane";
const BLACK_BOX: &str = "netns-tests";
/// The one among them that needs none: the dataplane over the model of its tables. Its cases keep a CPU busy, and here they have all of them.
const WITHOUT_ROOT: &str = "model";
/// What is built for tests without optimisation. Always all of it, whatever is to be run: cargo chooses the features of what packages share
/// by which packages are asked for, and builds the same again for another choice. The eBPF crates are for another machine.
pub(crate) const HOST: [&str; 5] = ["--workspace", "--exclude", "msm-ebpf", "--exclude", "probe-ebpf"];
/// Chassis that are simulated.
const SEEDS: u32 = 10_000;
const SEEDS_LONG: u32 = 200_000;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run the long versions of the black-box tests too, simulate more and fuzz for longer
    #[arg(long)]
    long: bool,
    /// Run only the tests whose name contains this
    filter: Option<String>,
}

pub(crate) fn all(tree: &Tree, options: &Options) -> ExitCode {
    let filter = options.filter.as_deref();
    let mut phases = Phases::default();
    let before = leftovers::look();
    let ready = phases.run("setup", || setup::all(tree));
    phases.run("format", || {
        let mut cargo = command::cargo(tree);
        command::run(
            cargo.args(["fmt", "--all", "--check"]),
            "checking the format; mend: `cargo fmt --all`",
        )?;
        fuzz::format(tree)
    });
    phases.run("lints", || {
        let mut cargo = command::cargo(tree);
        cargo.args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
        command::run(&mut cargo, "checking the lints")?;
        fuzz::lints(tree)
    });
    if ready {
        phases.run("eBPF lints", || ebpf::lint(tree));
    } else {
        phases.skip("eBPF lints");
    }
    let built = if ready { phases.run("build", || build::all(tree, true)) } else { phases.skip("build") };
    phases.run("unit tests", || unit_tests(tree, filter));
    if filter.is_none_or(|filter| "simulation".contains(filter)) {
        let seeds = if options.long { SEEDS_LONG } else { SEEDS };
        phases.run("simulation", || sim::seeds(tree, seeds));
    }
    let fuzzes = filter.is_none_or(|filter| "fuzz".contains(filter));
    if built {
        if fuzzes {
            phases.run("fuzz", || fuzz::all(tree, options.long));
        }
        phases.run("dataplane", || as_root::dataplane(tree, options.long, filter));
        phases.run("black box", || as_root::black_box(tree, options.long, filter));
    } else {
        if fuzzes {
            phases.skip("fuzz");
        }
        phases.skip("dataplane");
        phases.skip("black box");
    }
    phases.run("left behind", || leftovers::check(&before?));
    phases.report()
}

/// All that needs no root, documentation tests included. The first failure does not hide the others.
fn unit_tests(tree: &Tree, filter: Option<&str>) -> Result<()> {
    // For cargo, one call must not mix --doc with other kinds, and --lib leaves the tests/ folders out.
    let mut failed = Vec::new();
    for selection in [
        // Of the binaries xtask alone has tests: the others only call their library, which would be built once more for them.
        &["--lib", "--bin", "xtask"][..],
        &["--exclude", BLACK_BOX, "--test", WITHOUT_ROOT],
        &["--exclude", BLACK_BOX, "--doc"],
    ] {
        let mut cargo = command::cargo(tree);
        cargo.args(["test", "--no-fail-fast"]).args(HOST).args(selection).args(filter);
        if let Err(error) = command::run(&mut cargo, "unit tests") {
            failed.push(format!("{error:#}"));
        }
    }
    ensure!(failed.is_empty(), failed.join("\n"));
    Ok(())
}
