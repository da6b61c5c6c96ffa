//! The route that changes: first in a steady moment, which shows what a change writes, then back with the event.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use super::commands;
use crate::bed::{BedError, Cli};

/// A change must be answered by then, also across a failover.
const ANSWERED: Duration = Duration::from_secs(3);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(1);

/// From one next hop to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::trial) enum Change {
    /// From the first to the second.
    There,
    /// And back.
    Back,
}

impl Change {
    /// The new next hop comes before the old one goes: there is a route at all times.
    fn commands(self) -> [String; 2] {
        let (new, old) = if self == Self::There { (1, 0) } else { (0, 1) };
        [commands::route("add", new), commands::route("delete", old)]
    }

    /// Makes it, and waits.
    pub(in crate::trial) fn make(self, cli: &mut Cli) -> Result<()> {
        let deadline = Instant::now() + ANSWERED;
        for command in self.commands() {
            let mut again = false;
            loop {
                match cli.run_within(&command, ANSWERED) {
                    Ok(_) => break,
                    // A command whose answer was lost with its master may have been done all the same: then it is refused.
                    Err(BedError::Refused { error, .. }) if again && done(&error) => break,
                    Err(BedError::Refused { .. }) if Instant::now() < deadline => again = true,
                    Err(error) => return Err(error.into()),
                }
                std::thread::sleep(PAUSE);
            }
        }
        Ok(())
    }
}

/// The switch says that it is so already.
fn done(error: &str) -> bool {
    error.contains("already") || error.contains("no such") || error.contains("there is no")
}

/// A change under way on a thread of its own.
pub(in crate::trial) struct Reroute {
    thread: JoinHandle<Result<()>>,
}

impl Reroute {
    /// Sends the commands now.
    pub(in crate::trial) fn start(change: Change, mut cli: Cli) -> Self {
        Self { thread: std::thread::spawn(move || change.make(&mut cli)) }
    }

    /// Waits for the answers.
    pub(in crate::trial) fn end(self) -> Result<()> {
        self.thread.join().map_err(|_| anyhow!("the thread that changes the route panicked"))?
    }
}
