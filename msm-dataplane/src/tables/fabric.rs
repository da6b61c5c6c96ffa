//! FABRICS and FABRIC_BUCKETS: which fabric carries what crosses I/O modules, and whether it can.

use msm_abi::{FABRIC_BUCKETS, FABRICS, FabricState};

use super::{at, join, put, u32_at};
use crate::{
    TableError,
    store::{Store, Table},
};

const LEN: usize = size_of::<FabricState>();
/// Octets of FABRICS' one value.
pub(crate) const VALUE: usize = FABRICS * LEN;

/// The fabric of every bucket.
pub type Buckets = [u8; FABRIC_BUCKETS];

/// Reads every fabric, by MSM slot.
///
/// # Errors
/// What the kernel says.
pub fn states(store: &impl Store) -> Result<[FabricState; FABRICS], TableError> {
    Ok(decode(&at(store, Table::Fabrics, 0)?))
}

/// Writes every fabric.
///
/// # Errors
/// What the kernel says.
pub fn set_states(store: &mut impl Store, states: &[FabricState; FABRICS]) -> Result<(), TableError> {
    put(store, Table::Fabrics, &0u32.to_ne_bytes(), &encode(states))
}

pub(crate) fn decode(value: &[u8; VALUE]) -> [FabricState; FABRICS] {
    let state =
        |slot| FabricState { present: u32_at(value, slot * LEN), programmed: u32_at(value, slot * LEN + 4) };
    std::array::from_fn(state)
}

pub(crate) fn encode(states: &[FabricState; FABRICS]) -> [u8; VALUE] {
    let words = states.iter().flat_map(|state| [state.present, state.programmed]);
    let value: Vec<u8> = words.flat_map(u32::to_ne_bytes).collect();
    join(&[&value])
}

/// Reads the fabric of every bucket.
///
/// # Errors
/// What the kernel says.
pub fn buckets(store: &impl Store) -> Result<Buckets, TableError> {
    at(store, Table::FabricBuckets, 0)
}

/// Writes the fabric of every bucket.
///
/// # Errors
/// What the kernel says.
pub fn set_buckets(store: &mut impl Store, buckets: &Buckets) -> Result<(), TableError> {
    put(store, Table::FabricBuckets, &0u32.to_ne_bytes(), buckets)
}
