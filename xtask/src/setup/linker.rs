//! bpf-linker: turns the bitcode rustc makes of the eBPF crates into one object file with BTF.
//!
//! Built here, not taken from the machine: it must read the bitcode of exactly our rustc, and with its default
//! features it uses that rustc's own LLVM.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command;
use crate::tree::Tree;

const VERSION: &str = "0.10.3";

pub(crate) fn path(tree: &Tree) -> PathBuf {
    tree.tools().join("bin/bpf-linker")
}

pub(super) fn is_there(tree: &Tree) -> bool {
    let said = Command::new(path(tree)).arg("--version").output();
    said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).split_whitespace().last() == Some(VERSION))
}

pub(super) fn build(tree: &Tree) -> Result<()> {
    eprintln!("setup: building bpf-linker {VERSION} (it links the eBPF programs), about two minutes, once");
    let scratch = tree.tools().join("build");
    let mut install = command::cargo(tree);
    install
        .args(["install", "bpf-linker", "--version", VERSION, "--locked", "--force", "--quiet", "--root"])
        .arg(tree.tools())
        .arg("--target-dir")
        .arg(&scratch)
        // The caller's flags are meant for the switch.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET");
    command::run(&mut install, "setup: building bpf-linker")?;
    fs::remove_dir_all(&scratch)
        .with_context(|| format!("setup: removing {}, which is no longer needed", scratch.display()))
}
