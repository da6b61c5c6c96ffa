//! What the chassis' processes see in place of the machine's files: mounts in a namespace of their own, gone with them.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use serde::{Deserialize, Serialize};

use super::{BedError, Result};

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mount {
    /// The file or directory `from` is seen at `at`.
    Bind {
        /// What is seen.
        from: PathBuf,
        /// Where; it exists.
        at: PathBuf,
    },
    /// An empty file system of so many bytes as the flash of both MSMs.
    SmallFlash {
        /// Its size.
        bytes: u64,
    },
}

/// Makes a command run with these mounts.
pub(super) fn place(mounts: &[Mount], flash: &Path, command: &mut Command) -> Result<()> {
    if mounts.is_empty() {
        return Ok(());
    }
    let path = |path: &Path| CString::new(path.as_os_str().as_bytes()).expect("a path without NUL");
    let mut steps = Vec::new();
    for entry in mounts {
        steps.push(match entry {
            Mount::Bind { from, at } => (Some(path(from)), path(at), CString::default()),
            Mount::SmallFlash { bytes } => {
                std::fs::create_dir_all(flash)
                    .map_err(BedError::io(format!("making {}", flash.display())))?;
                let size = CString::new(format!("size={bytes}")).expect("digits");
                (None, path(flash), size)
            }
        });
    }
    let enter = move || -> std::io::Result<()> {
        // SAFETY: the child of a fork has one thread and shares no file descriptor table.
        unsafe { unshare_unsafe(UnshareFlags::NEWNS)? };
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
        for (from, at, size) in &steps {
            match from {
                Some(from) => mount_bind(from.as_c_str(), at.as_c_str())?,
                None => mount(c"tmpfs", at.as_c_str(), c"tmpfs", MountFlags::empty(), size.as_c_str())?,
            }
        }
        Ok(())
    };
    // SAFETY: between fork and exec only system calls are made, on memory that was filled before.
    unsafe { command.pre_exec(enter) };
    Ok(())
}
