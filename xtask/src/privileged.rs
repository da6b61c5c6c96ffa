//! Who we are: root, root by somebody's sudo, or a user who has to ask sudo.
//!
//! The tree belongs to the user. Building is done as whoever started us; what root leaves in target/ on a user's
//! behalf is given back to that user.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, lchown};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::atomic::{AtomicI32, Ordering};

use anyhow::{Context, Result, bail};

use crate::command;
use crate::tree::Tree;

pub(crate) fn is_root() -> bool {
    // SAFETY: geteuid has no preconditions and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// The user and group on whose behalf sudo made us root.
fn sudo_caller() -> Option<(u32, u32)> {
    let number = |name: &str| env::var(name).ok()?.parse().ok();
    let caller = (number("SUDO_UID")?, number("SUDO_GID")?);
    (is_root() && caller.0 != 0).then_some(caller)
}

/// `program` as root. `variables` and what steers tests and logs reach it also through sudo, which drops the rest.
pub(crate) fn as_root(program: &Path, variables: &[(&str, &Path)], doing: &str) -> Result<Command> {
    if is_root() {
        let mut command = Command::new(program);
        command.envs(variables.iter().copied());
        return Ok(command);
    }
    let mut command = sudo(doing)?;
    command.arg("env");
    for (name, value) in variables {
        command.arg(format!("{name}={}", value.display()));
    }
    for (name, value) in env::vars() {
        if name.starts_with("MSM_") || name.starts_with("RUST_") || name == "PROPTEST_CASES" {
            command.arg(format!("{name}={value}"));
        }
    }
    command.arg(program);
    Ok(command)
}

/// This program again, as root.
pub(crate) fn ourselves_through_sudo(doing: &str) -> Result<Command> {
    let mut command = sudo(doing)?;
    command.arg(env::current_exe().context("finding our own program file, to start it through sudo")?);
    Ok(command)
}

fn sudo(doing: &str) -> Result<Command> {
    match command::which("sudo") {
        Some(sudo) => Ok(Command::new(sudo)),
        None => {
            bail!("not root, and there is no sudo to become it; run the same command as root for: {doing}")
        }
    }
}

/// Becomes `command`; only under sudo we stay, to give its files back when it has ended.
pub(crate) fn hand_over_to(command: &mut Command, doing: &str) -> Result<ExitCode> {
    if sudo_caller().is_none() {
        let error = command.exec();
        return Err(error).with_context(|| command::not_started(command, doing));
    }
    stay_for_signals();
    let mut child = command.spawn().with_context(|| command::not_started(command, doing))?;
    CHILD.store(child.id().cast_signed(), Ordering::SeqCst);
    let status = child.wait().with_context(|| format!("{doing}: waiting for its end"))?;
    CHILD.store(0, Ordering::SeqCst);
    Ok(exit_code(status))
}

/// As a shell reports it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

static CHILD: AtomicI32 = AtomicI32::new(0);

/// The child decides what a signal means. A terminal sends its own to the child too; the others are passed on.
fn stay_for_signals() {
    extern "C" fn leave_to_child(_: libc::c_int) {}
    extern "C" fn pass_on(signal: libc::c_int) {
        let child = CHILD.load(Ordering::SeqCst);
        if child > 0 {
            // SAFETY: kill is async-signal-safe; the child is not waited for yet, so its id is not another's.
            unsafe { libc::kill(child, signal) };
        }
    }
    let handlers: [(libc::c_int, extern "C" fn(libc::c_int)); 4] = [
        (libc::SIGINT, leave_to_child),
        (libc::SIGQUIT, leave_to_child),
        (libc::SIGTERM, pass_on),
        (libc::SIGHUP, pass_on),
    ];
    for (signal, handler) in handlers {
        // SAFETY: both handlers do nothing that is not async-signal-safe; exec sets them back in the child.
        unsafe { libc::signal(signal, handler as *const () as libc::sighandler_t) };
    }
}

/// Gives root's files under target/ to the user who called sudo; nothing to do for anybody else.
pub(crate) fn give_back(tree: &Tree) -> Result<()> {
    let Some((user, group)) = sudo_caller() else { return Ok(()) };
    let target = tree.target();
    give(&target, user, group)
        .with_context(|| format!("giving the files of root in {} back to user {user}", target.display()))
}

fn give(path: &Path, user: u32, group: u32) -> io::Result<()> {
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        // Something else works here too; what is gone needs no owner.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if meta.uid() == 0 {
        match lchown(path, Some(user), Some(group)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    if meta.is_dir() {
        for entry in fs::read_dir(path)? {
            give(&entry?.path(), user, group)?;
        }
    }
    Ok(())
}
