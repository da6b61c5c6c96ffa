//! `sim`: the simulation of a whole chassis by seeds, built with every assertion and optimised all the same.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::command;
use crate::test::HOST;
use crate::tree::Tree;

/// Builds it and passes the arguments on.
pub(crate) fn run(tree: &Tree, arguments: &[OsString]) -> Result<ExitCode> {
    let mut program = built(tree)?;
    let doing = "starting the simulation";
    let status = program.args(arguments).status().with_context(|| command::not_started(&program, doing))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// As many seeds as are run with every test.
pub(crate) fn seeds(tree: &Tree, seeds: u32) -> Result<()> {
    let mut program = built(tree)?;
    command::run(program.args(["--seeds", &seeds.to_string()]), "simulating the chassis")
}

/// The program, of what the unit tests are built of.
fn built(tree: &Tree) -> Result<Command> {
    let mut cargo = command::cargo(tree);
    cargo.arg("build").args(HOST).args(["--bin", "msm-sim"]);
    command::run(&mut cargo, "building the simulation")?;
    let mut program = Command::new(tree.target().join("debug/msm-sim"));
    program.current_dir(tree.root());
    Ok(program)
}
