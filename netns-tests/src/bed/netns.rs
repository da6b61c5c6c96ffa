//! One network namespace: made by name, entered on a thread of its own.
//!
//! Only the network changes: `ip netns exec` would mount another /sys and hide bpffs.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::{BedError, Result, ip};

/// Where iproute2 keeps names.
pub(super) const NETNS_DIR: &str = "/run/netns";

/// A named namespace.
#[derive(Debug)]
pub struct Netns {
    name: String,
    fd: OwnedFd,
}

impl Netns {
    pub(super) fn path(name: &str) -> PathBuf {
        Path::new(NETNS_DIR).join(name)
    }

    /// Makes it; `ip` fails if the name is taken.
    pub(super) fn create(name: &str) -> Result<Self> {
        ip::run(&["netns", "add", name])?;
        Self::open(name)
    }

    pub(super) fn open(name: &str) -> Result<Self> {
        let path = Self::path(name);
        let file =
            File::open(&path).map_err(BedError::io(format!("opening namespace {}", path.display())))?;
        Ok(Self { name: name.to_owned(), fd: file.into() })
    }

    /// Its name in /run/netns.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Inode: what /proc/PID/ns/net of its processes shows.
    pub(super) fn inode(&self) -> Result<u64> {
        let stat =
            rustix::fs::fstat(&self.fd).map_err(BedError::sys(format!("stat of namespace {}", self.name)))?;
        Ok(stat.st_ino)
    }

    /// Runs `work` inside, on a new thread: no other thread ever changes its namespace.
    ///
    /// # Errors
    /// `BedError::Io` if the kernel refuses setns; a panic of `work` goes on in the caller.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        let joined = std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    move_into_link_name_space(self.fd.as_fd(), Some(LinkNameSpaceType::Network))
                        .map_err(BedError::sys(format!("entering namespace {}", self.name)))?;
                    Ok(work())
                })
                .join()
        });
        joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// A thread that lives inside, and so do those that it starts.
    ///
    /// # Errors
    /// `BedError::Io` if the kernel refuses a descriptor or setns.
    pub fn spawn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<std::thread::JoinHandle<T>> {
        let fd = self.fd.try_clone().map_err(BedError::io("copying a descriptor"))?;
        let (entered, heard) = crossbeam::channel::bounded(1);
        let thread = std::thread::spawn(move || {
            let inside = move_into_link_name_space(fd.as_fd(), Some(LinkNameSpaceType::Network));
            let _ = entered.send(inside);
            work()
        });
        let inside = heard.recv().expect("the thread says how it went before anything else");
        inside.map_err(BedError::sys(format!("entering namespace {}", self.name)))?;
        Ok(thread)
    }

    /// A command that will run inside.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        self.place(&mut command);
        command
    }

    /// Makes a command run inside.
    pub(super) fn place(&self, command: &mut Command) {
        let fd = self.fd.as_raw_fd();
        let enter = move || -> io::Result<()> {
            // SAFETY: the descriptor is open in the parent for as long as `self` lives, and is copied by fork.
            let fd = unsafe { rustix::fd::BorrowedFd::borrow_raw(fd) };
            Ok(move_into_link_name_space(fd, Some(LinkNameSpaceType::Network))?)
        };
        // SAFETY: between fork and exec only setns is called, which is a plain system call.
        unsafe { command.pre_exec(enter) };
    }
}
