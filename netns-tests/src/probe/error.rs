//! What can go wrong with a probe.

use std::path::PathBuf;

use crate::bed::BedError;

/// A probe that could not be built, started or read.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// Stream specifications that cannot be sent.
    #[error("stream `{stream}`: {reason}")]
    Spec {
        /// Its name.
        stream: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The probe's object file is missing.
    #[error("probe-ebpf.o is missing at {0}; build it with `cargo xtask build-ebpf`")]
    NoObject(PathBuf),
    /// Loading or attaching a program, or reading a map.
    #[error("{what}: {detail}")]
    Bpf {
        /// What was being done.
        what: String,
        /// What the kernel or the verifier said.
        detail: String,
    },
    /// A system call failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done to what.
        what: String,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// Learning frames were lost or flooded to the end: the switch does not learn the stations.
    #[error(
        "the switch did not learn the probe's stations: of {expected} frames {arrived} arrived, {flooded} copies went to other hosts; in streams {}",
        streams.join(", ")
    )]
    NotLearned {
        /// Frames of the last round.
        expected: u64,
        /// Arrived at the right host.
        arrived: u64,
        /// Seen elsewhere.
        flooded: u64,
        /// Streams whose frames are missing or astray, by name.
        streams: Vec<String>,
    },
    /// Called out of order.
    #[error("the probe {0}")]
    State(&'static str),
    /// The bed.
    #[error(transparent)]
    Bed(#[from] BedError),
}

impl ProbeError {
    pub(crate) fn bpf(what: impl Into<String>, error: impl std::fmt::Display) -> Self {
        Self::Bpf { what: what.into(), detail: error.to_string() }
    }

    pub(crate) fn io(what: impl Into<String>, source: impl Into<std::io::Error>) -> Self {
        Self::Io { what: what.into(), source: source.into() }
    }
}

/// Result of everything about a probe.
pub type Result<T, E = ProbeError> = std::result::Result<T, E>;
