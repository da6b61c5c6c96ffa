//! Locks of the run directory: one backplane a chassis, one process a slot.
//!
//! A lock is an exclusive `flock` on a file that holds the pid. The lock dies with its process, so "is it running" is
//! asked of the kernel, never of the file's content.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use crate::process::Process;

/// Longest time that a probe of [`holder`] has the lock, with room for a busy machine.
const PROBE: std::time::Duration = std::time::Duration::from_millis(2);
/// Probes that may follow each other: backplane, both MSMs and a teardown.
const PROBES: u32 = 4;

/// A lock that is held as long as this lives.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
}

/// Why a lock was not had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Somebody has it.
    #[error("{path} is held by {}", pid.map_or_else(|| "a process that is starting".to_owned(), |pid| format!("pid {pid}")))]
    Held {
        /// The lock file.
        path: PathBuf,
        /// Who, if it has said so.
        pid: Option<u32>,
    },
    /// It cannot be opened.
    #[error("{path}: {error}")]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl Lock {
    /// Takes the lock, or says who has it. Without `create` the file must be there: what comes late does not revive a
    /// chassis that was torn down meanwhile.
    pub(crate) fn take(path: &Path, create: bool) -> Result<Self, LockError> {
        let failed = |error| LockError::Io { path: path.to_owned(), error };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(create)
            .truncate(false)
            .mode(0o644)
            .open(path)
            .map_err(failed)?;
        match exclusive(&file) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(LockError::Held { path: path.to_owned(), pid: read_pid(&mut file) });
            }
            Err(error) => return Err(failed(error.into())),
        }
        // Between open and flock the file may have been unlinked: then this lock keeps nobody out.
        let same = std::fs::metadata(path).is_ok_and(|there| {
            file.metadata().is_ok_and(|ours| (there.dev(), there.ino()) == (ours.dev(), ours.ino()))
        });
        if !same {
            return Err(failed(io::ErrorKind::NotFound.into()));
        }
        file.set_len(0).map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Removes the file while the lock is held.
    pub(crate) fn remove(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)?;
        drop(self.file);
        Ok(())
    }
}

/// The process that holds the lock at `path`; `None` if nobody does.
///
/// The pid is read while the lock is held and the lock is asked again after the pidfd is open: a holder that died in
/// between and whose pid went to somebody else is not mistaken for it.
pub(crate) fn holder(path: &Path) -> Option<Process> {
    let mut file = File::open(path).ok()?;
    if !held(&file) {
        return None;
    }
    let process = Process::open(read_pid(&mut file)?).ok()?;
    held(&file).then_some(process)
}

/// Tries as often as [`holder`] could be in the way: it has the lock, shared, for as long as two system calls take.
fn exclusive(file: &File) -> rustix::io::Result<()> {
    for _ in 0..PROBES {
        match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(PROBE),
            done => return done,
        }
    }
    rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive)
}

fn held(file: &File) -> bool {
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => {
            let _ = rustix::fs::flock(file, FlockOperation::Unlock);
            false
        }
        Err(error) => error == rustix::io::Errno::WOULDBLOCK,
    }
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_told_who_has_it() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("chassis.lock");
        assert!(holder(&path).is_none());
        assert!(matches!(Lock::take(&path, false), Err(LockError::Io { .. })));
        let lock = Lock::take(&path, true).expect("free");
        let error = Lock::take(&path, true).expect_err("held");
        assert!(matches!(error, LockError::Held { pid: Some(pid), .. } if pid == std::process::id()));
        assert_eq!(holder(&path).expect("held").pid(), std::process::id());
        lock.remove().expect("removed");
        assert!(holder(&path).is_none());
        assert!(matches!(Lock::take(&path, false), Err(LockError::Io { .. })));
    }

    #[test]
    fn a_stale_pid_without_lock_is_nobody() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("msm-a.pid");
        std::fs::write(&path, "1\n").expect("written");
        assert!(holder(&path).is_none());
    }
}
