//! Running other programs so that a failure says what was being done, with which command, and how it ended.

use std::env;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::tree::Tree;

/// The cargo that runs us, in the repository's root and into its target folder.
pub(crate) fn cargo(tree: &Tree) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(tree.root()).env("CARGO_TARGET_DIR", tree.target());
    // Cargo describes xtask to us in these. A build script that watches one would build again at every call.
    for (name, _) in env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Runs to the end with our own standard streams.
pub(crate) fn run(command: &mut Command, doing: &str) -> Result<()> {
    let status = command.status().with_context(|| not_started(command, doing))?;
    if !status.success() {
        bail!("{doing}: `{}` ended with {status}; its own message is above", show(command));
    }
    Ok(())
}

/// Runs to the end with our own standard error and returns the standard output.
pub(crate) fn stdout(command: &mut Command, doing: &str) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| not_started(command, doing))?;
    if !output.status.success() {
        bail!("{doing}: `{}` ended with {}; its own message is above", show(command), output.status);
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("{doing}: `{}` printed what is not UTF-8", show(command)))
}

/// Runs to the end in silence; on failure its output is part of the error.
pub(crate) fn quiet(command: &mut Command, doing: &str) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| not_started(command, doing))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{doing}: `{}` ended with {}:\n{}{}", show(command), output.status, text, said.trim_end());
    }
    Ok(text)
}

pub(crate) fn not_started(command: &Command, doing: &str) -> String {
    format!("{doing}: `{}` could not be started", show(command))
}

/// The command as one would type it, without its environment.
pub(crate) fn show(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| {
            let word = word.to_string_lossy();
            if word.contains([' ', '"', '\'', '*']) { format!("'{word}'") } else { word.into_owned() }
        })
        .collect();
    words.join(" ")
}

/// Where a shell would find `program`. The administrator's folders count too: a user's PATH often lacks them.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(OsStr::new(program)))
        .find(|file| {
            file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
        })
}
