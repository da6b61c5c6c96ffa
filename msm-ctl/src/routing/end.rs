//! The end of the routing daemons, at a teardown: supervisor first, so that nobody starts them again.

use std::io;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};

use super::Daemon;
use super::supervisor::{ask_to_end, running};
use crate::backplane::lock;
use crate::config::chassis::Chassis;
use crate::process::Process;

/// A daemon has as long to take its routes out of the kernel.
const FAREWELL: Duration = Duration::from_secs(2);
/// Then it is killed, and only the kernel's own work is waited for.
const DEAD: Duration = Duration::from_secs(5);

/// Ends them all, zebra last.
///
/// # Errors
/// Who does not end.
pub(crate) fn end(chassis: &Chassis) -> Result<(), String> {
    if let Some(supervisor) = lock::holder(&chassis.routing_lock()) {
        kill(&supervisor, "the supervisor of the routing daemons")?;
    }
    let place = chassis.routing();
    for daemon in Daemon::ALL.into_iter().rev() {
        let Some(process) = running(&place, daemon) else { continue };
        if ask_to_end(&process).is_err() || !ended(&process, FAREWELL) {
            kill(&process, daemon.name())?;
        }
    }
    Ok(())
}

fn kill(process: &Process, what: &str) -> Result<(), String> {
    let stuck = |why: String| format!("{what} (pid {}{why})", process.pid());
    process.kill().map_err(|error: io::Error| stuck(format!(", {error}")))?;
    if ended(process, DEAD) { Ok(()) } else { Err(stuck(String::new())) }
}

fn ended(process: &Process, within: Duration) -> bool {
    let timeout = Timespec {
        tv_sec: i64::try_from(within.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(within.subsec_nanos()),
    };
    rustix::event::poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&timeout)).is_ok_and(|n| n > 0)
}
