//! DISPATCH: the program that every link's dispatcher calls.

use super::{get as get_value, put};
use crate::{
    TableError,
    store::{Store, Table},
};

/// The entry that dispatchers call.
const ACTIVE: [u8; 4] = 0u32.to_ne_bytes();

/// Id of the active ingress program; `None` if there is none (every frame is dropped and counted).
///
/// # Errors
/// What the kernel says.
pub fn get(store: &impl Store) -> Result<Option<u32>, TableError> {
    Ok(get_value(store, Table::Dispatch, &ACTIVE)?.map(u32::from_ne_bytes))
}

/// Makes a program the active one, on every port between two frames.
///
/// # Errors
/// What the kernel says.
pub fn set(store: &mut impl Store, program: u32) -> Result<(), TableError> {
    put(store, Table::Dispatch, &ACTIVE, &program.to_ne_bytes())
}
