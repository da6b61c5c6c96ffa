//! Files that are always whole: what is new is written beside what is old, and then takes its name.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::FlashError;

/// Largest file: a configuration of 4,000 VLANs and 10,000 lines needs less than a tenth.
pub(super) const FILE_MAX: u64 = 16 << 20;
/// Ends the name of a file that is being written.
const TEMPORARY: &str = ".tmp";

/// Steps of a write, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The new file is made.
    Create,
    /// Its content is written.
    Write,
    /// Its content is on the disk.
    Sync,
    /// It takes the name.
    Rename,
    /// The name is on the disk.
    SyncDirectory,
}

impl Step {
    fn words(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::Rename => "rename",
            Self::SyncDirectory => "sync the directory of",
        }
    }
}

/// One directory of such files. One process at a time writes in it (the slot's lock sees to that), by one thread.
#[derive(Debug)]
pub(super) struct Store {
    dir: PathBuf,
}

impl Store {
    /// The files of `dir`, which need not be there.
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Makes the directory, closed to others, and removes what a crash has left half written.
    pub(super) fn prepare(&self) -> Result<(), FlashError> {
        let failed = |what, path: &Path| {
            let path = path.to_owned();
            move |error| FlashError::NotWritten { what, path, error: Arc::new(error) }
        };
        make_dir(&self.dir).map_err(failed("create", &self.dir))?;
        // Accounts are in there.
        std::fs::set_permissions(&self.dir, Permissions::from_mode(0o700))
            .map_err(failed("close to others", &self.dir))?;
        for entry in std::fs::read_dir(&self.dir).map_err(failed("list", &self.dir))? {
            let entry = entry.map_err(failed("list", &self.dir))?;
            if entry.file_name().as_encoded_bytes().ends_with(TEMPORARY.as_bytes()) {
                std::fs::remove_file(entry.path()).map_err(failed("remove", &entry.path()))?;
            }
        }
        Ok(())
    }

    /// Where file `name` is.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Content of file `name`; none if it was never written.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, FlashError> {
        let path = self.path(name);
        let failed =
            |what| move |error| FlashError::NotRead { what, path: self.path(name), error: Arc::new(error) };
        let file = match OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(failed("open"))?,
        };
        let metadata = file.metadata().map_err(failed("look at"))?;
        if !metadata.is_file() {
            return Err(failed("read")(io::Error::other("it is not a regular file")));
        }
        if metadata.len() > FILE_MAX {
            return Err(FlashError::TooLong { path, bytes: metadata.len() });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
        file.take(FILE_MAX).read_to_end(&mut bytes).map_err(failed("read"))?;
        Ok(Some(bytes))
    }

    /// Gives file `name` this content. When it returns, the disk has it; after an error the old content is in force
    /// ([`FlashError::NotSynced`] excepted), as it is after a crash at any point.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), FlashError> {
        self.write_by(name, bytes, |_| Ok(()))
    }

    /// As [`Self::write`], and returns before the disk has it: after a crash of the machine the file may be torn, or what was before it.
    pub(super) fn jot(&self, name: &str, bytes: &[u8]) -> Result<(), FlashError> {
        self.write_through(name, bytes, false, |_| Ok(()))
    }

    /// Puts file `from`, which was jotted, on the disk, and gives it the name `to`.
    pub(super) fn settle(&self, from: &str, to: &str) -> Result<(), FlashError> {
        let (from, to) = (self.path(from), self.path(to));
        let failed = |step: Step| {
            let path = to.clone();
            move |error| FlashError::NotWritten { what: step.words(), path, error: Arc::new(error) }
        };
        File::open(&from).and_then(|file| file.sync_all()).map_err(failed(Step::Sync))?;
        std::fs::rename(&from, &to).map_err(failed(Step::Rename))?;
        File::open(&self.dir)
            .and_then(|dir| dir.sync_all())
            .map_err(|error| FlashError::NotSynced { path: to.clone(), error: Arc::new(error) })
    }

    /// As [`Self::write`]; `before` a step may fail it.
    pub(super) fn write_by(
        &self,
        name: &str,
        bytes: &[u8],
        before: impl FnMut(Step) -> io::Result<()>,
    ) -> Result<(), FlashError> {
        self.write_through(name, bytes, true, before)
    }

    fn write_through(
        &self,
        name: &str,
        bytes: &[u8],
        to_the_disk: bool,
        before: impl FnMut(Step) -> io::Result<()>,
    ) -> Result<(), FlashError> {
        let path = self.path(name);
        let size = bytes.len() as u64;
        if size > FILE_MAX {
            return Err(FlashError::TooLong { path, bytes: size });
        }
        let temporary = self.path(&format!("{name}{TEMPORARY}"));
        let Err((step, error)) = self.replace(&path, &temporary, bytes, to_the_disk, before) else {
            return Ok(());
        };
        let error = Arc::new(error);
        if step == Step::SyncDirectory {
            return Err(FlashError::NotSynced { path, error });
        }
        // It takes room that the next try needs. If it stays, the next start removes it.
        let _ = std::fs::remove_file(&temporary);
        Err(FlashError::NotWritten { what: step.words(), path, error })
    }

    fn replace(
        &self,
        path: &Path,
        temporary: &Path,
        bytes: &[u8],
        to_the_disk: bool,
        mut before: impl FnMut(Step) -> io::Result<()>,
    ) -> Result<(), (Step, io::Error)> {
        let mut step = |step, done: &mut dyn FnMut() -> io::Result<()>| {
            before(step).and_then(|()| done()).map_err(|error| (step, error))
        };
        let mut file = None;
        step(Step::Create, &mut || {
            file = Some(self.create(temporary)?);
            Ok(())
        })?;
        let mut file = file.expect("created by the step before");
        step(Step::Write, &mut || file.write_all(bytes))?;
        if to_the_disk {
            step(Step::Sync, &mut || file.sync_all())?;
        }
        step(Step::Rename, &mut || std::fs::rename(temporary, path))?;
        if !to_the_disk {
            return Ok(());
        }
        step(Step::SyncDirectory, &mut || File::open(&self.dir)?.sync_all())
    }

    fn create(&self, temporary: &Path) -> io::Result<File> {
        let open = || {
            // Left by a write that failed, or somebody's link: never written through.
            match std::fs::remove_file(temporary) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(temporary)
        };
        match open() {
            // Somebody has removed the whole directory: a save must not need a reboot.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_dir(&self.dir)?;
                open()
            }
            other => other,
        }
    }

    /// Removes file `name`, if it is there.
    pub(super) fn remove(&self, name: &str) -> Result<(), FlashError> {
        let path = self.path(name);
        let removed = match std::fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other,
        };
        let failed =
            |error| FlashError::NotWritten { what: "remove", path: path.clone(), error: Arc::new(error) };
        removed.map_err(failed)?;
        File::open(&self.dir)
            .and_then(|dir| dir.sync_all())
            .map_err(|error| FlashError::NotSynced { path, error: Arc::new(error) })
    }
}

/// Makes `dir` and what is missing above it, each of which is on the disk afterwards.
fn make_dir(dir: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = dir.ancestors().take_while(|path| !path.exists()).collect();
    for path in missing.into_iter().rev() {
        match DirBuilder::new().mode(0o700).create(path) {
            // The other MSM makes its own beside this one.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => other?,
        }
        if let Some(parent) = path.parent() {
            File::open(parent)?.sync_all()?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
