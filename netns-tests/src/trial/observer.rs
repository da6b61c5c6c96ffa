//! The observer: sees the pin directory get its new name, which is the commit of every failover.

use std::mem::MaybeUninit;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::fs::inotify;

use crate::bed::Slot;
use crate::probe::now_ns;

/// Room for one batch of events: names are short.
const BUFFER: usize = 4096;

/// A rename as it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Commit {
    /// When it was seen: a little after it happened.
    pub(super) seen_ns: u64,
    /// New owner.
    pub(super) slot: Slot,
    /// New epoch.
    pub(super) epoch: u64,
}

/// Watches the chassis' directory of pins.
pub(super) struct Observer {
    inotify: OwnedFd,
}

fn parse(name: &str) -> Option<(Slot, u64)> {
    let (slot, epoch) = name.split_once('-')?;
    Some((Slot::parse(slot)?, epoch.parse().ok()?))
}

impl Observer {
    /// From now on no rename is missed: the kernel queues them.
    pub(super) fn start(directory: &Path) -> Result<Self> {
        let flags = inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC;
        let inotify = inotify::init(flags).context("making an inotify instance")?;
        let watched = inotify::add_watch(&inotify, directory, inotify::WatchFlags::MOVED_TO);
        watched.with_context(|| format!("watching {}", directory.display()))?;
        Ok(Self { inotify })
    }

    /// The next commit.
    pub(super) fn commit(&self, within: Duration) -> Result<Commit> {
        match self.commit_if_any(within)? {
            Some(commit) => Ok(commit),
            None => bail!("no commit was seen within {within:?}: nobody renamed the pin directory"),
        }
    }

    /// The next commit, if there is one in this time.
    pub(super) fn commit_if_any(&self, within: Duration) -> Result<Option<Commit>> {
        let deadline = Instant::now() + within;
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let timeout = Timespec::try_from(left).context("a time left beyond a timespec")?;
            let mut ready = [PollFd::new(&self.inotify, PollFlags::IN)];
            match poll(&mut ready, Some(&timeout)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(errno).context("waiting for a rename"),
            }
            let seen_ns = now_ns();
            let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
            while let Ok(event) = reader.next() {
                let name = event.file_name().and_then(|name| name.to_str().ok()).and_then(parse);
                if let Some((slot, epoch)) = name {
                    return Ok(Some(Commit { seen_ns, slot, epoch }));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_owner_names_are_commits() {
        assert_eq!(parse("b-12"), Some((Slot::B, 12)));
        assert_eq!(parse("tmp-77"), None);
        assert_eq!(parse("b-"), None);
    }
}
