//! CAPTURE and CAPTURE_LOST: recorded frames, and how many found no room.

use msm_abi::{CaptureHeader, names};

use super::{part, u32_at, u64_at};
use crate::{TableError, bpf::Map};

const HEADER: usize = size_of::<CaptureHeader>();

/// A record's header, and the bytes behind it; `None` if it is shorter than a header.
#[must_use]
pub fn record(bytes: &[u8]) -> Option<(CaptureHeader, &[u8])> {
    let (header, frame) = bytes.split_at_checked(HEADER)?;
    let header = CaptureHeader {
        time_ns: u64_at(header, 0),
        len: u32_at(header, 8),
        captured: u32_at(header, 12),
        lport: u16::from_ne_bytes(part(header, 16)),
        direction: u16::from_ne_bytes(part(header, 18)),
        pad: u32_at(header, 20),
    };
    Some((header, frame))
}

/// Records that found the ring full, over all CPUs, since the tree was made.
pub(crate) fn lost(map: &Map) -> Result<u64, TableError> {
    let mut value = vec![0; map.stride()];
    map.lookup(&0u32.to_ne_bytes(), &mut value).map_err(|source| TableError::Kernel {
        what: "read",
        table: names::CAPTURE_LOST,
        source,
    })?;
    Ok(value.chunks_exact(8).map(|word| u64_at(word, 0)).sum())
}
