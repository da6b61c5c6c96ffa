//! The log in the run directory: for who looks when no MSM answers.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Bytes of a log file before it becomes `<file>.1`; a chassis keeps at most six such files.
const FILE_MAX: u64 = 512 * 1024;

/// A log file that never grows past [`FILE_MAX`].
pub(super) struct BoundedFile {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl BoundedFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, bytes })
    }

    /// The file stays the same inode, since standard error is open on it too: what is full is copied aside.
    pub(super) fn write(&mut self, line: &str) -> io::Result<()> {
        if self.bytes + line.len() as u64 > FILE_MAX {
            let mut old = self.path.clone().into_os_string();
            old.push(".1");
            std::fs::copy(&self.path, old)?;
            self.file.set_len(0)?;
            self.bytes = 0;
        }
        self.file.write_all(line.as_bytes())?;
        self.bytes += line.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_stays_bounded_and_the_last_part_is_kept() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("log");
        let mut file = BoundedFile::open(&path).expect("opens");
        let line = "x".repeat(1000);
        for _ in 0..1500 {
            file.write(&line).expect("writes");
        }
        assert!(std::fs::metadata(&path).expect("there").len() <= FILE_MAX);
        assert!(std::fs::metadata(dir.path().join("log.1")).expect("there").len() <= FILE_MAX);
    }
}
