//! Doing it: each cause's trigger, from outside, and what has to be undone afterwards.

use std::io::Read;
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, pidfd_send_signal, prlimit};

use super::cause::{Cause, HANGING, Who};
use super::signals;
use crate::bed::{BedError, Cli, Ready, Slot, Testbed};
use crate::probe::{Observing, now_ns};

/// A command that does something to the chassis is done by then.
const DONE: Duration = Duration::from_secs(10);
/// Memory that a process may take before it is out of it: a few pieces of what `debug exhaust memory` takes at once.
const MORE_MEMORY: u64 = 64 << 20;
/// Between two looks at one.
const LOOK: Duration = Duration::from_millis(2);

/// The switch has no such cause, or refuses it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAvailable(String);

impl NotAvailable {
    /// In the switch's words, without the picture of the line that it does not understand.
    pub fn new(command: &str, said: &str) -> Self {
        let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
        Self(format!("`{command}`: {}", last.unwrap_or("refused without a reason")))
    }
}

/// Who answers what was asked for.
enum Answering {
    /// Nobody: the kernel did it.
    Nobody,
    /// The session that it was typed in.
    Session,
    /// A program of the chassis.
    Program(Child),
}

/// It was done.
pub(super) struct Struck {
    /// When, by the probe's clock.
    pub(super) at_ns: u64,
    answering: Answering,
    /// Stopped processes.
    stopped: Vec<OwnedFd>,
    /// A slot that is empty now.
    removed: Option<Slot>,
}

impl Who {
    pub(super) fn slot(self, ready: &Ready) -> Slot {
        match self {
            Self::Master => ready.master,
            Self::Slave => ready.slave,
        }
    }
}

/// The command that does it, if there is one.
fn command(cause: Cause, ready: &Ready) -> Option<String> {
    Some(match cause {
        Cause::Command => "run msm-failover".to_owned(),
        Cause::Panic(task) => format!("debug exception {}", task.name()),
        Cause::Memory => "debug exhaust memory".to_owned(),
        Cause::Hang => format!("debug hang {HANGING}"),
        Cause::Silence => "debug silence tsync".to_owned(),
        Cause::Diagnostic => "run diagnostics".to_owned(),
        Cause::HardReset(who) => format!("reboot slot msm-{} hard-reset", who.slot(ready)),
        Cause::Reboot => format!("reboot slot msm-{}", ready.slave),
        Cause::Signal(..) | Cause::Stop(_) | Cause::Freeze | Cause::Removal(_) | Cause::BothDie => {
            return None;
        }
    })
}

/// Makes it happen. `cli` is a session at the master, open already.
///
/// # Errors
/// A process that is not there, a program that does not start.
pub(super) fn strike(bed: &Testbed, cli: &mut Cli, cause: Cause, ready: &Ready) -> Result<Struck> {
    let mut struck =
        Struck { at_ns: now_ns(), answering: Answering::Nobody, stopped: Vec::new(), removed: None };
    if cause == Cause::Memory {
        limit_memory(bed.pid(ready.master)?)?;
    }
    if let Some(command) = command(cause, ready) {
        struck.at_ns = now_ns();
        cli.send(&command)?;
        struck.answering = Answering::Session;
        return Ok(struck);
    }
    match cause {
        Cause::Signal(who, signal) => {
            let slot = who.slot(ready);
            if signals::caught(bed.pid(slot)?, signal)? {
                bed.kill(slot, signal)?;
                signals::until_not_caught(bed.pid(slot)?, signal)?;
            }
            struck.at_ns = bed.kill(slot, signal)?.0;
        }
        Cause::Stop(_) | Cause::Freeze => {
            let who = if cause == Cause::Stop(Who::Slave) { Who::Slave } else { Who::Master };
            let (at_ns, pidfd) = bed.kill(who.slot(ready), Signal::STOP)?;
            (struck.at_ns, struck.stopped) = (at_ns, vec![pidfd]);
        }
        Cause::Removal(who) => {
            let slot = who.slot(ready);
            struck.answering = Answering::Program(bed.chassis_command(&["remove", slot.letter()])?);
            struck.removed = Some(slot);
        }
        Cause::BothDie => {
            let pids: Vec<Pid> = [ready.slave, ready.master]
                .into_iter()
                .map(|slot| bed.pid(slot))
                .collect::<Result<_, _>>()?;
            let _observing = Observing::begin();
            struck.at_ns = now_ns();
            for pid in pids {
                kill_process(pid, Signal::KILL).context("killing an MSM")?;
            }
        }
        _ => unreachable!("every other cause is a command"),
    }
    Ok(struck)
}

/// Lets a process have a little more memory than it has: what it wants beyond that it does not get.
fn limit_memory(pid: Pid) -> Result<()> {
    let path = format!("/proc/{}/status", pid.as_raw_pid());
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let size = text.lines().find_map(|line| line.strip_prefix("VmSize:")?.trim().strip_suffix(" kB"));
    let kib: u64 = size.and_then(|kib| kib.trim().parse().ok()).context("no VmSize in /proc/PID/status")?;
    let limit = (kib << 10) + MORE_MEMORY;
    let limit = Rlimit { current: Some(limit), maximum: Some(limit) };
    prlimit(Some(pid), Resource::As, limit).context("limiting the memory of the master")?;
    Ok(())
}

impl Struck {
    /// What the switch says against it, if it has said so by now.
    pub(super) fn refused(&mut self, cli: &mut Cli) -> Result<Option<String>> {
        match &mut self.answering {
            Answering::Nobody => Ok(None),
            Answering::Session => match cli.answer(Duration::ZERO) {
                Ok(answer) if answer.ok => Ok(None),
                Ok(answer) => Ok(Some(answer.error.unwrap_or_default())),
                // No answer yet, or nobody left who could.
                Err(BedError::Deadline { .. } | BedError::Cli(_)) => Ok(None),
                Err(error) => Err(error.into()),
            },
            Answering::Program(child) => ended(child),
        }
    }

    /// Undoes what would keep the chassis from being whole again.
    ///
    /// # Errors
    /// A module that cannot be put back.
    pub(super) fn heal(mut self, bed: &Testbed) -> Result<()> {
        for pidfd in &self.stopped {
            // Dead by now, as a rule.
            let _ = pidfd_send_signal(pidfd, Signal::CONT);
        }
        if let Answering::Program(child) = &mut self.answering {
            done(child)?;
        }
        if let Some(slot) = self.removed {
            done(&mut bed.chassis_command(&["insert", slot.letter()])?)?;
        }
        Ok(())
    }
}

/// What a program printed when it failed; `None` while it runs and if it was successful.
fn ended(child: &mut Child) -> Result<Option<String>> {
    let Some(status) = child.try_wait().context("waiting for msm-ctl chassis")? else { return Ok(None) };
    if status.success() {
        return Ok(None);
    }
    let mut text = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        stderr.read_to_string(&mut text).context("reading what msm-ctl chassis printed")?;
    }
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("nothing").trim();
    Ok(Some(format!("{status}: {first}")))
}

/// Waits for its end, which must be a good one.
fn done(child: &mut Child) -> Result<()> {
    let deadline = Instant::now() + DONE;
    loop {
        if let Some(why) = ended(child)? {
            return Err(NotAvailable::new("msm-ctl chassis", &why).into());
        }
        if child.try_wait().context("waiting for msm-ctl chassis")?.is_some() {
            return Ok(());
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            return Err(NotAvailable::new("msm-ctl chassis", &format!("no end within {DONE:?}")).into());
        }
        std::thread::sleep(LOOK);
    }
}
