//! The owner's lock: an exclusive flock on the inode of a directory. It survives the directory's renaming and dies with its holder.

use std::{
    fs::File,
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstat, open, stat};

/// A directory that nobody else has locked.
#[derive(Debug)]
pub(crate) struct DirLock {
    file: File,
}

/// Why a directory could not be locked.
#[derive(Debug)]
pub(crate) enum LockError {
    /// There is no such directory (any more).
    Gone,
    /// Somebody holds the lock.
    Held,
    /// Anything else.
    Io(io::Error),
}

impl From<rustix::io::Errno> for LockError {
    fn from(errno: rustix::io::Errno) -> Self {
        match errno {
            rustix::io::Errno::NOENT => Self::Gone,
            rustix::io::Errno::WOULDBLOCK => Self::Held,
            other => Self::Io(other.into()),
        }
    }
}

impl DirLock {
    /// Locks the directory that has this path. Never waits.
    pub(crate) fn take(path: &Path) -> Result<Self, LockError> {
        let file = open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let lock = Self { file: file.into() };
        match flock(lock.file.as_fd(), FlockOperation::NonBlockingLockExclusive) {
            // Somebody is about to rename it, or just has: that is another answer than "it lives".
            Err(rustix::io::Errno::WOULDBLOCK) if !lock.is_at(path)? => Err(LockError::Gone),
            Err(errno) => Err(errno.into()),
            // The path may have become another directory between opening and locking.
            Ok(()) if lock.is_at(path)? => Ok(lock),
            Ok(()) => Err(LockError::Gone),
        }
    }

    /// True if `path` is this very directory.
    fn is_at(&self, path: &Path) -> Result<bool, LockError> {
        let here = fstat(self.file.as_fd())?;
        match stat(path) {
            Ok(there) => Ok((here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)),
            Err(rustix::io::Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// Renames a directory; an existing target is never replaced.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

/// Paths in a directory; none if it does not exist.
pub(crate) fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    match std::fs::read_dir(dir) {
        Ok(entries) => entries.map(|entry| entry.map(|e| e.path())).collect(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

impl Drop for DirLock {
    /// Unlocks, then closes. Closing alone would leave the lock to a child that another thread has forked and that has not
    /// yet reached its exec: it holds the same open file.
    fn drop(&mut self) {
        // It cannot fail on a descriptor that is open; if it did, closing is what is left.
        let _ = flock(self.file.as_fd(), FlockOperation::Unlock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_stays_through_a_rename_and_ends_with_its_holder() {
        let base = tempfile::tempdir().expect("a directory");
        let (from, to) = (base.path().join("a-1"), base.path().join("b-2"));
        std::fs::create_dir(&from).expect("made");
        let lock = DirLock::take(&from).expect("free");
        assert!(matches!(DirLock::take(&from), Err(LockError::Held)));
        rename(&from, &to).expect("renamed");
        assert!(matches!(DirLock::take(&from), Err(LockError::Gone)));
        assert!(matches!(DirLock::take(&to), Err(LockError::Held)));
        drop(lock);
        DirLock::take(&to).expect("free again");
    }

    #[test]
    fn a_forked_child_does_not_keep_a_released_lock() {
        let base = tempfile::tempdir().expect("a directory");
        let lock = DirLock::take(base.path()).expect("free");
        let inherited = lock.file.try_clone().expect("the same open file, as a child has it");
        drop(lock);
        DirLock::take(base.path()).expect("free again");
        drop(inherited);
    }

    #[test]
    fn a_rename_replaces_nothing() {
        let base = tempfile::tempdir().expect("a directory");
        let (from, to) = (base.path().join("a-1"), base.path().join("b-2"));
        std::fs::create_dir(&from).expect("made");
        std::fs::create_dir(&to).expect("made");
        assert_eq!(rename(&from, &to).expect_err("exists").kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(
            rename(&base.path().join("c-1"), &to).expect_err("absent").kind(),
            io::ErrorKind::NotFound
        );
    }
}
