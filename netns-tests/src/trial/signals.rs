//! Signals that a process catches: Rust's runtime catches SIGSEGV and SIGBUS to name a stack overflow. Its handler puts the default action
//! back and returns, so that a real fault strikes again and kills; one that was sent by kill(2) does not come again by itself.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal};

/// A handler of two system calls has run by then.
const HANDLED: Duration = Duration::from_secs(1);

/// True if the process has a handler for `signal`: SigCgt of /proc/PID/status, bit n - 1 for signal n.
pub(super) fn caught(pid: Pid, signal: Signal) -> Result<bool> {
    let path = format!("/proc/{}/status", pid.as_raw_nonzero());
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let mask = text
        .lines()
        .find_map(|line| line.strip_prefix("SigCgt:"))
        .context("no SigCgt in /proc/PID/status")?;
    let mask = u64::from_str_radix(mask.trim(), 16).context("reading SigCgt")?;
    Ok(mask >> (signal.as_raw() - 1) & 1 == 1)
}

/// Waits until the handler is gone: the next such signal kills.
pub(super) fn until_not_caught(pid: Pid, signal: Signal) -> Result<()> {
    let deadline = Instant::now() + HANDLED;
    while caught(pid, signal)? {
        if Instant::now() > deadline {
            bail!("process {} catches signal {} and lives on", pid.as_raw_nonzero(), signal.as_raw());
        }
        std::thread::sleep(Duration::from_micros(100));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_catches_sigsegv_and_not_sigkill() {
        let me = rustix::process::getpid();
        assert!(caught(me, Signal::SEGV).expect("a status"));
        assert!(!caught(me, Signal::KILL).expect("a status"));
    }
}
