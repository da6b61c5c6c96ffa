//! The testbed program's own commands: made ready here, done there.

use std::ffi::{OsStr, OsString};
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::tree::Tree;
use crate::{build, privileged, setup};

/// Sets up, builds and starts `msm-bed name arguments`, the arguments untouched.
pub(crate) fn ready_and_enter(tree: &Tree, name: &str, arguments: &[OsString]) -> Result<ExitCode> {
    setup::all(tree)?;
    if name == "bench" && arguments.iter().any(|argument| argument == "--peers") {
        setup::for_peers()?;
    }
    build::all(tree, arguments.iter().any(|argument| argument == "--label-only"))?;
    enter(tree, name.as_ref(), arguments)
}

/// The same for what only talks to a testbed that runs: nothing is built under its feet.
pub(crate) fn enter_as_built(tree: &Tree, name: &str, arguments: &[OsString]) -> Result<ExitCode> {
    if tree.bed().join("msm-bed").exists() {
        return enter(tree, name.as_ref(), arguments);
    }
    ready_and_enter(tree, name, arguments)
}

/// Starts `msm-bed` as root.
pub(crate) fn enter(tree: &Tree, name: &OsStr, arguments: &[OsString]) -> Result<ExitCode> {
    let program = tree.bed().join("msm-bed");
    let doing = format!("starting msm-bed {}", name.display());
    let mut command = if privileged::is_root() {
        let mut command = Command::new(&program);
        command.env("MSM_TARGET_DIR", tree.target());
        command
    } else {
        // Not msm-bed itself: as root we stay until it has ended and give its files back.
        let mut command = privileged::ourselves_through_sudo(&doing)?;
        command.arg("bed");
        command
    };
    privileged::hand_over_to(command.arg(name).args(arguments), &doing)
}
