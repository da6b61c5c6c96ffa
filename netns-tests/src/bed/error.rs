//! What can go wrong with a testbed: what was being done to what, and the remedy.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// A testbed that could not be made, asked or taken down.
#[derive(Debug, thiserror::Error)]
pub enum BedError {
    /// Network namespaces need CAP_SYS_ADMIN.
    #[error("a testbed makes network namespaces and needs root; run it under sudo")]
    NotRoot,
    /// Options that cannot be built.
    #[error("testbed options: {0}")]
    Options(String),
    /// A bed of this prefix is there.
    #[error(
        "{what} exists already: a bed with prefix `{prefix}` is running or was left behind; \
             take it down with `cargo xtask down --prefix {prefix}`, or choose another --prefix"
    )]
    NameTaken {
        /// The thing that has the name.
        what: String,
        /// The bed's prefix.
        prefix: String,
    },
    /// No bed of this prefix.
    #[error(
        "there is no bed with prefix `{prefix}` ({missing} is missing); start one with `cargo xtask run --hold --prefix {prefix}`"
    )]
    NoBed {
        /// The bed's prefix.
        prefix: String,
        /// What was looked for.
        missing: String,
    },
    /// bpffs is where pins live.
    #[error("{path} is no bpffs; mend: `mount -t bpf bpf {path}` (`cargo xtask setup` does it)")]
    NoBpffs {
        /// Where it should be.
        path: PathBuf,
    },
    /// A built file is missing.
    #[error("{what} is missing at {path}; build it with `cargo xtask build`")]
    NotBuilt {
        /// Which file.
        what: &'static str,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A tool of the system is missing or failed.
    #[error("`{command}` failed: {detail}")]
    Command {
        /// The command line.
        command: String,
        /// Its standard error, or why it did not start.
        detail: String,
    },
    /// A system call or file operation failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done to what.
        what: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// No host of this name.
    #[error("the bed has no host `{0}`")]
    NoHost(String),
    /// The bed has no product in it.
    #[error("{what}: this bed's switch is {switch:?}, not the product")]
    NotTheProduct {
        /// What was asked.
        what: &'static str,
        /// What it has instead.
        switch: super::SwitchKind,
    },
    /// A condition did not come true in its time.
    #[error("{what} did not happen within {within:?}; last seen: {last}")]
    Deadline {
        /// The condition.
        what: String,
        /// The time it had.
        within: Duration,
        /// The state it was last seen in.
        last: String,
    },
    /// The CLI client ended or answered something that is no answer.
    #[error("CLI client: {0}")]
    Cli(String),
    /// The product answered a command with an error.
    #[error("`{command}`: {error}")]
    Refused {
        /// The command.
        command: String,
        /// What the switch said.
        error: String,
    },
}

impl BedError {
    /// An I/O error with what was being done.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// The same for rustix's errors.
    pub(crate) fn sys(what: impl Into<String>) -> impl FnOnce(rustix::io::Errno) -> Self {
        let what = what.into();
        move |errno| Self::Io { what, source: errno.into() }
    }
}

/// Result of everything about a bed.
pub type Result<T, E = BedError> = std::result::Result<T, E>;
