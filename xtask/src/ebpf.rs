//! The eBPF object files: compiled with the host's stable rustc, linked by bpf-linker.

use std::env;
use std::env::consts::ARCH;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command;
use crate::place::place;
use crate::rustc::Rustc;
use crate::setup::linker;
use crate::setup::rust_src::{self, RustSrc};
use crate::tree::Tree;

const TARGET: &str = "bpfel-unknown-none";

/// An eBPF crate; its one binary has the crate's name.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Object {
    /// The forwarding plane
    MsmEbpf,
    /// The probe's programs
    ProbeEbpf,
}

impl Object {
    pub(crate) const ALL: [Self; 2] = [Self::MsmEbpf, Self::ProbeEbpf];

    fn package(self) -> &'static str {
        match self {
            Self::MsmEbpf => "msm-ebpf",
            Self::ProbeEbpf => "probe-ebpf",
        }
    }

    pub(crate) fn path(self, tree: &Tree) -> PathBuf {
        match self {
            Self::MsmEbpf => tree.image().join("msm-ebpf.o"),
            Self::ProbeEbpf => tree.bed().join("probe-ebpf.o"),
        }
    }
}

/// Builds one object after the other: the first is in place even if the second does not compile.
pub(crate) fn build(tree: &Tree, objects: &[Object]) -> Result<()> {
    for &object in objects {
        compile(tree, object)?;
        let built = tree.ebpf_target().join(TARGET).join("release").join(object.package());
        place(&built, &object.path(tree))?;
    }
    Ok(())
}

fn compile(tree: &Tree, object: Object) -> Result<()> {
    let mut cargo = for_kernel(tree, "build", object)?;
    command::run(&mut cargo, &format!("building the eBPF object {}", object.package()))
}

/// Lints of what the host's clippy sees as a stub only.
pub(crate) fn lint(tree: &Tree) -> Result<()> {
    for object in Object::ALL {
        let mut cargo = for_kernel(tree, "clippy", object)?;
        cargo.args(["--", "-D", "warnings"]);
        command::run(&mut cargo, &format!("checking the lints of the eBPF object {}", object.package()))?;
    }
    Ok(())
}

/// `cargo <what>` of one object, for the kernel's machine.
fn for_kernel(tree: &Tree, what: &str, object: Object) -> Result<Command> {
    let mut cargo = command::cargo(tree);
    cargo
        .args([what, "--package", object.package(), "--bins", "--release", "--target", TARGET])
        .args(["-Z", "build-std=core", "--target-dir"])
        .arg(tree.ebpf_target())
        .env("CARGO_TERM_PROGRESS_WHEN", "never") // another cargo may be at work on the same terminal
        .env("RUSTC_BOOTSTRAP", "1") // -Z build-std and aya-ebpf's features, on the stable compiler
        // The host's profile is for processes: tasks that unwind, half the debug information.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3")
        .env("CARGO_PROFILE_RELEASE_LTO", "true")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
        .env("CARGO_PROFILE_RELEASE_PANIC", "abort")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "2") // bpf-linker makes the BTF of it
        .env("CARGO_ENCODED_RUSTFLAGS", rustflags(tree))
        .env("LD_LIBRARY_PATH", library_path(tree)?);
    match rust_src::find(tree)? {
        Some(RustSrc::InToolchain) => {}
        // cargo: standard_lib.rs, detect_sysroot_src_path. It has no other way to be told.
        Some(RustSrc::Library(library)) => {
            cargo.env("__CARGO_TESTS_ONLY_SRC_ROOT", library);
        }
        None => {
            bail!("building {}: the sources of core are missing; mend: `cargo xtask setup`", object.package())
        }
    }
    Ok(cargo)
}

/// bpf-linker opens the first libLLVM it meets on this path: it has to be the one that wrote the bitcode.
fn library_path(tree: &Tree) -> Result<OsString> {
    let mut folders = vec![Rustc::of(tree)?.shared_libraries()];
    if let Some(path) = env::var_os("LD_LIBRARY_PATH") {
        folders.extend(env::split_paths(&path).filter(|folder| !folder.as_os_str().is_empty()));
    }
    env::join_paths(folders).context("naming the folder of rustc's LLVM in LD_LIBRARY_PATH")
}

/// As aya-build gives them. The linker is named here and not in .cargo/config.toml, which knows no target folder.
fn rustflags(tree: &Tree) -> String {
    let arch = if ARCH.starts_with("riscv64") { "riscv64" } else { ARCH };
    [
        format!("--cfg=bpf_target_arch=\"{arch}\""), // the layout of pt_regs in aya-ebpf
        "-Cdebuginfo=2".to_owned(),
        "-Clink-arg=--btf".to_owned(),
        format!("-Clinker={}", linker::path(tree).display()),
    ]
    .join("\x1f")
}
