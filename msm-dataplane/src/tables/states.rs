//! TABLES: what of a set of tables is in force, for who does not want to read all of it.

use msm_abi::TableState;

use super::{at, part, put, u64_at};
use crate::{
    TableError,
    store::{Store, Table},
};

const LEN: usize = size_of::<TableState>();

/// Reads the state of a set (see [`msm_abi::tables`]).
///
/// # Errors
/// What the kernel says.
pub fn get(store: &impl Store, set: u32) -> Result<TableState, TableError> {
    let b: [u8; LEN] = at(store, Table::Tables, set)?;
    Ok(TableState {
        digest: u64_at(&b, 0),
        generation: u64_at(&b, 8),
        used: std::array::from_fn(|i| u32::from_ne_bytes(part(&b, 16 + 4 * i))),
    })
}

/// Writes the state of a set.
///
/// # Errors
/// What the kernel says.
pub fn set(store: &mut impl Store, set: u32, state: &TableState) -> Result<(), TableError> {
    let mut value = Vec::with_capacity(LEN);
    value.extend(state.digest.to_ne_bytes());
    value.extend(state.generation.to_ne_bytes());
    value.extend(state.used.iter().flat_map(|word| word.to_ne_bytes()));
    put(store, Table::Tables, &set.to_ne_bytes(), &value)
}
