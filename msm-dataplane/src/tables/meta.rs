//! META: what observers read about the owner.

use msm_abi::Meta;

use super::{at, join, put, u32_at, u64_at};
use crate::{
    TableError,
    store::{Store, Table},
};

const LEN: usize = size_of::<Meta>();

/// Reads it.
///
/// # Errors
/// What the kernel says.
pub fn get(store: &impl Store) -> Result<Meta, TableError> {
    let b: [u8; LEN] = at(store, Table::Meta, 0)?;
    Ok(Meta {
        abi_version: u32_at(&b, 0),
        owner_slot: b[4],
        ready_slot: b[5],
        pad: [b[6], b[7]],
        epoch: u64_at(&b, 8),
        generation: u64_at(&b, 16),
        committed_ns: u64_at(&b, 24),
        trying: u64_at(&b, 32),
        trying_id: u64_at(&b, 40),
    })
}

/// Writes it.
///
/// # Errors
/// What the kernel says.
pub fn set(store: &mut impl Store, meta: &Meta) -> Result<(), TableError> {
    let value: [u8; LEN] = join(&[
        &meta.abi_version.to_ne_bytes(),
        &[meta.owner_slot, meta.ready_slot],
        &meta.pad,
        &meta.epoch.to_ne_bytes(),
        &meta.generation.to_ne_bytes(),
        &meta.committed_ns.to_ne_bytes(),
        &meta.trying.to_ne_bytes(),
        &meta.trying_id.to_ne_bytes(),
    ]);
    put(store, Table::Meta, &0u32.to_ne_bytes(), &value)
}
