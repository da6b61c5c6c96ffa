//! probe-ebpf.o: where it is, and how it is loaded.

use std::path::PathBuf;

use aya::{Ebpf, EbpfLoader};
use probe_abi::{WORDS, names};

use super::{ProbeError, Result};
use crate::bed::paths::find_built;

/// A value of probe-abi, as aya wants to be told.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Plain<T>(pub T);

macro_rules! plain {
    ($($value:ty),*) => { $(
        // SAFETY: repr(C) of integers only, without padding: probe-abi asserts its size.
        unsafe impl aya::Pod for Plain<$value> {}
    )* };
}
plain!(
    probe_abi::Flow,
    probe_abi::FlowState,
    probe_abi::StreamState,
    probe_abi::WatchKey,
    probe_abi::WatchCount
);

/// The probe's object file, beside the testbed's binary or in `target/bed`.
///
/// # Errors
/// `ProbeError::NoObject` with the usual place.
pub fn object_path() -> Result<PathBuf> {
    find_built(&["probe-ebpf.o", "bed/probe-ebpf.o"])
        .ok_or_else(|| ProbeError::NoObject(PathBuf::from("target/bed/probe-ebpf.o")))
}

/// Its maps and programs, with windows for so many flows.
pub(super) fn load(flows: u32) -> Result<Ebpf> {
    let path = object_path()?;
    EbpfLoader::new()
        .map_max_entries(names::SEEN, WORDS * flows.max(1))
        .load_file(&path)
        .map_err(|e| ProbeError::bpf(format!("loading {}", path.display()), chain(&e)))
}

/// An error with its causes: aya keeps what the kernel said in the last one.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}
