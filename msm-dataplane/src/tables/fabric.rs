//! FABRICS and FABRIC_BUCKETS: which fabric carries what crosses I/O modules, and whether it can.

use msm_abi::{FABRICS, FabricState};

use super::{at, join, put, read, u32_at};
use crate::{
    TableError,
    store::{Store, Table},
};

const LEN: usize = size_of::<FabricState>();

/// Number of buckets.
pub const BUCKETS: usize = match Table::FabricBuckets.spec().entries {
    Some(n) => n as usize,
    None => 0,
};

/// Reads every fabric, by MSM slot.
///
/// # Errors
/// What the kernel says.
pub fn states(store: &impl Store) -> Result<[FabricState; FABRICS], TableError> {
    let mut states = [FabricState::default(); FABRICS];
    for (slot, state) in (0..).zip(&mut states) {
        let b: [u8; LEN] = at(store, Table::Fabrics, slot)?;
        *state = FabricState { present: u32_at(&b, 0), programmed: u32_at(&b, 4) };
    }
    Ok(states)
}

/// Writes one fabric.
///
/// # Errors
/// What the kernel says.
pub fn set_state(store: &mut impl Store, slot: u32, state: FabricState) -> Result<(), TableError> {
    let value: [u8; LEN] = join(&[&state.present.to_ne_bytes(), &state.programmed.to_ne_bytes()]);
    put(store, Table::Fabrics, &slot.to_ne_bytes(), &value)
}

/// Reads the fabric of every bucket, in one go.
///
/// # Errors
/// What the kernel says.
pub fn buckets(store: &impl Store) -> Result<Vec<u32>, TableError> {
    let mut buckets = vec![0; BUCKETS];
    read(store, Table::FabricBuckets, &mut |key, value| {
        if let Some(bucket) = buckets.get_mut(u32_at(key, 0) as usize) {
            *bucket = u32_at(value, 0);
        }
    })?;
    Ok(buckets)
}

/// Writes the fabric of several buckets, in one go.
///
/// # Errors
/// What the kernel says; some may be written.
pub fn set_buckets(store: &mut impl Store, changes: &[(u32, u32)]) -> Result<(), TableError> {
    let bytes = |word: u32| word.to_ne_bytes().to_vec();
    let entries: Vec<_> = changes.iter().map(|(bucket, fabric)| (bytes(*bucket), bytes(*fabric))).collect();
    store.update_many(Table::FabricBuckets, &entries).map_err(super::failed("write", Table::FabricBuckets))
}
