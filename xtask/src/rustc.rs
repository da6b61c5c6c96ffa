//! The compiler that builds the switch: its version, and where its own files are.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::command;
use crate::tree::Tree;

pub(crate) struct Rustc {
    /// As in `1.95.0`.
    pub(crate) version: String,
    /// The machine it runs on, as in `x86_64-unknown-linux-gnu`.
    pub(crate) host: String,
    sysroot: PathBuf,
}

impl Rustc {
    pub(crate) fn of(tree: &Tree) -> Result<Self> {
        let ask = |arguments: &[&str]| {
            command::stdout(
                Command::new("rustc").args(arguments).current_dir(tree.root()),
                "asking the compiler",
            )
        };
        let said = ask(&["-vV"])?;
        let word = |key: &str| said.lines().find_map(|line| line.strip_prefix(key)).map(str::to_owned);
        let (Some(version), Some(host)) = (word("release: "), word("host: ")) else {
            bail!("asking the compiler for its version: `rustc -vV` names no release or no host:\n{said}");
        };
        let sysroot = ask(&["--print", "sysroot"])?;
        Ok(Self { version, host, sysroot: Path::new(sysroot.trim()).to_path_buf() })
    }

    /// Where the sources of `core` are if the toolchain brings them.
    pub(crate) fn library(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib/src/rust/library")
    }

    /// Where its LLVM is, as a shared library.
    pub(crate) fn shared_libraries(&self) -> PathBuf {
        self.sysroot.join("lib")
    }
}
