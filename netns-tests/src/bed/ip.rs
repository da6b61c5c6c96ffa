//! iproute2, run and checked.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use super::{BedError, Result};

/// `ip ARGS`.
pub(super) fn run(args: &[&str]) -> Result<()> {
    let line = format!("ip {}", args.join(" "));
    let output = Command::new("ip").args(args).stdin(Stdio::null()).output();
    check(&line, output)
}

/// `ip [-n NAMESPACE] -batch -` with one command a line: one process for all of them.
pub(super) fn batch(namespace: Option<&str>, lines: &[String]) -> Result<()> {
    let mut command = Command::new("ip");
    if let Some(namespace) = namespace {
        command.args(["-n", namespace]);
    }
    command.args(["-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let line = format!("ip -n {} -batch: {}", namespace.unwrap_or("-"), lines.join("; "));
    let output = command.spawn().and_then(|mut child| {
        let text = lines.join("\n") + "\n";
        child.stdin.take().expect("stdin is piped").write_all(text.as_bytes())?;
        child.wait_with_output()
    });
    check(&line, output)
}

fn check(line: &str, output: std::io::Result<Output>) -> Result<()> {
    let failed = |detail: String| BedError::Command { command: line.to_owned(), detail };
    let output =
        output.map_err(|e| failed(format!("{e}; is iproute2 installed? `cargo xtask setup` does it")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim())))
}
