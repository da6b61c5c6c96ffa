//! Files where the client runs: what a command reads goes with it, what it writes comes with its answer.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use msm_config::command::{Action, Location};
use msm_config::{Command, TEXT_MAX};

/// Mode of a file that is written: a configuration has hashes of passwords, a capture what people say.
const MODE: u32 = 0o600;

/// A local file of a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    /// It cannot be read or written.
    #[error("cannot {what} {path}: {error}; the command was given up")]
    Io {
        /// What was being done.
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Longer than a configuration can be.
    #[error("{0} is no configuration: it has more than {TEXT_MAX} bytes")]
    Long(PathBuf),
}

/// The file that a command reads here, whole; empty if it reads none.
pub(super) fn attachment(command: &Command) -> Result<Vec<u8>, FileError> {
    let Command::Act(Action::Download { from: Location::Local(path), .. }) = command else {
        return Ok(Vec::new());
    };
    let path = PathBuf::from(path);
    let failed = |error| FileError::Io { what: "read", path: path.clone(), error };
    // A pipe without a writer would be waited for without end.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(failed(io::Error::other("it is no file")));
    }
    let mut content = Vec::new();
    file.take(TEXT_MAX as u64 + 1).read_to_end(&mut content).map_err(failed)?;
    if content.len() > TEXT_MAX { Err(FileError::Long(path)) } else { Ok(content) }
}

/// The file that a command writes here. It is opened with its first byte: a command that is refused leaves what was there.
pub(super) struct Target {
    path: PathBuf,
    /// Written beside, and renamed when it is whole; else written in place, as somebody may be watching.
    whole: bool,
    file: Option<File>,
}

impl Target {
    /// The file that `command` writes, if it writes one.
    pub(super) fn of(command: &Command) -> Option<Self> {
        let (path, whole) = match command {
            Command::Act(Action::Upload(Location::Local(path))) => (path, true),
            Command::Act(Action::Capture { file, .. }) => (file, false),
            _ => return None,
        };
        Some(Self { path: path.into(), whole, file: None })
    }

    fn beside(&self) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        self.path.with_file_name(format!(".{name}.{}", std::process::id()))
    }

    fn failed(&self, what: &'static str) -> impl FnOnce(io::Error) -> FileError + use<> {
        let path = self.path.clone();
        move |error| FileError::Io { what, path, error }
    }

    /// Writes more of it.
    pub(super) fn write(&mut self, content: &[u8]) -> Result<(), FileError> {
        let (failed, failed_to_make) = (self.failed("write"), self.failed("make"));
        let beside = self.beside();
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let path = if self.whole { &beside } else { &self.path };
                none.insert(create(path, self.whole).map_err(failed_to_make)?)
            }
        };
        file.write_all(content).map_err(failed)
    }

    /// It begins again.
    pub(super) fn again(&mut self) {
        if self.file.take().is_some() && self.whole {
            let _ = std::fs::remove_file(self.beside());
        }
    }

    /// The command is done, or not.
    pub(super) fn end(mut self, done: bool) -> Result<(), FileError> {
        let Some(file) = self.file.take() else { return Ok(()) };
        if !self.whole {
            return Ok(());
        }
        let beside = self.beside();
        let kept = match done {
            true => file.sync_all().and_then(|()| std::fs::rename(&beside, &self.path)),
            false => Ok(()),
        };
        if !done || kept.is_err() {
            let _ = std::fs::remove_file(&beside);
        }
        kept.map_err(self.failed("write"))
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if self.whole && self.file.take().is_some() {
            let _ = std::fs::remove_file(self.beside());
        }
    }
}

fn create(path: &Path, own: bool) -> io::Result<File> {
    if own {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    OpenOptions::new().write(true).create(true).create_new(own).truncate(!own).mode(MODE).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn target(line: &str) -> Target {
        Target::of(&msm_config::parse(line).expect("a command")).expect("it writes a file")
    }

    #[test]
    fn an_upload_is_there_whole_or_not_at_all() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("x.cfg");
        std::fs::write(&path, "old").expect("written");
        let line = format!("upload configuration {}", path.display());
        for (done, expected) in [(false, "old"), (true, "new")] {
            let mut target = target(&line);
            target.write(b"void").expect("written");
            target.again();
            target.write(b"ne").expect("written");
            target.write(b"w").expect("written");
            assert_eq!(std::fs::read_to_string(&path).expect("there"), "old");
            target.end(done).expect("ends");
            assert_eq!(std::fs::read_to_string(&path).expect("there"), expected);
            assert_eq!(std::fs::read_dir(dir.path()).expect("there").count(), 1, "nothing beside");
        }
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        target(&line).end(false).expect("refused before its first byte");
        assert_eq!(std::fs::read_to_string(&path).expect("there"), "new");
    }

    #[test]
    fn a_capture_keeps_what_came() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("x.pcapng");
        let mut target = target(&format!("capture port 1:1 {}", path.display()));
        target.write(b"frames").expect("written");
        target.end(false).expect("ends");
        assert_eq!(std::fs::read_to_string(&path).expect("there"), "frames");
    }

    #[test]
    fn what_is_read_is_a_file_of_bounded_length() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("x.cfg");
        let read = |path: &Path| {
            let line = format!("download configuration {} incremental", path.display());
            attachment(&msm_config::parse(&line).expect("a command"))
        };
        assert!(matches!(read(&path), Err(FileError::Io { .. })), "absent");
        assert!(matches!(read(dir.path()), Err(FileError::Io { .. })), "a directory");
        std::fs::write(&path, "create vlan red\n").expect("written");
        assert_eq!(read(&path).expect("read"), b"create vlan red\n");
        std::fs::write(&path, vec![b'#'; TEXT_MAX + 1]).expect("written");
        assert!(matches!(read(&path), Err(FileError::Long(_))));
        assert!(attachment(&msm_config::parse("show switch").expect("a command")).expect("none").is_empty());
    }
}
