//! What can be wrong with a flash, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::store::FILE_MAX;
use msm_config::area::Area;

/// Why a file was not written or cannot be used. Cheap to clone: one write may have several who wait for it.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum FlashError {
    /// It could not be written. What was there before still is.
    #[error("flash: cannot {what} {path}: {error}; the old file is kept; {}", cure(error))]
    NotWritten {
        /// What was being done.
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// Why.
        error: Arc<io::Error>,
    },
    /// It is in place, but the medium did not confirm that.
    #[error(
        "flash: {path} is written, but may not outlast a power cut: {error}; save again, and look at the disk"
    )]
    NotSynced {
        /// The file.
        path: PathBuf,
        /// Why.
        error: Arc<io::Error>,
    },
    /// It could not be read.
    #[error("flash: cannot {what} {path}: {error}; look at the disk, then save again")]
    NotRead {
        /// What was being done.
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// Why.
        error: Arc<io::Error>,
    },
    /// It is larger than a file of a flash may be.
    #[error("flash: {path} would have or has {bytes} bytes; at most {FILE_MAX} fit")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// It is there and is not what was written.
    #[error(
        "flash: {path} is not used: {fault}; save again, or load a copy of it with download configuration"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// Selected, and never saved.
    #[error("flash: the selected area, {0}, has no configuration; save {0}, or select the other one")]
    Absent(Area),
    /// Too much was asked before the disk had done what was asked earlier.
    #[error("flash: {0} writes wait for the disk already; try again when they are done")]
    Busy(usize),
    /// The process is at its end.
    #[error("flash: this MSM is ending and writes no more; try again on the master")]
    Ended,
}

/// What is wrong with the content of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// It does not begin as one.
    #[error("it is not a {0} file")]
    Foreign(&'static str),
    /// Its end is missing.
    #[error("it is torn: it does not end in a checksum line")]
    Torn,
    /// Bytes are missing, or there are more than were written.
    #[error("it is torn: {has} bytes before the checksum line, which says {says}")]
    Length {
        /// Bytes there are.
        has: u64,
        /// Bytes there were.
        says: u64,
    },
    /// It is not what was written.
    #[error("it was changed: its checksum is {is:08x}, not that of its last line")]
    Changed {
        /// Checksum of what is there.
        is: u32,
    },
    /// Text that is none.
    #[error("it is not text: byte {at} is not UTF-8")]
    NotUtf8 {
        /// From 0.
        at: usize,
    },
    /// Written by another version.
    #[error("it has format {0}, which this version does not know")]
    Format(String),
    /// Whole, and without meaning.
    #[error("{0}")]
    Meaning(String),
}

/// What to do about an error of writing.
fn cure(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full: make room on it and try again"
        }
        io::ErrorKind::FileTooLarge => {
            "the system's limit of a file's size is below what is to be saved: raise it"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "it is mounted read-only: mount it writable, or set another flash_dir"
        }
        io::ErrorKind::PermissionDenied => {
            "the directory must be writable for root: look at flash_dir of the chassis file"
        }
        _ => "look at the disk and at flash_dir of the chassis file, then try again",
    }
}
