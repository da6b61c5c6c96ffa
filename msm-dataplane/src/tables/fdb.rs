//! FDB and FDB_GEN: which port a station was last seen on, and the generation that keeps caches of it honest.
//!
//! Written by the forwarding plane (learning) and by the owner (static entries, flush, ageing).

use msm_abi::{FdbEntry, FdbKey};

use super::{at, get as get_value, put, read as read_all, remove as remove_key, u64_at};
use crate::{
    TableError,
    store::{Store, Table},
};

/// Set from before the owner's first change to after its last. An owner that finds it took over from one that died between them,
/// and raises the generation for it.
const CHANGING: u64 = 1 << 63;

/// Reads one station.
///
/// # Errors
/// What the kernel says.
pub fn get(store: &impl Store, key: FdbKey) -> Result<Option<FdbEntry>, TableError> {
    let value: Option<[u8; 8]> = get_value(store, Table::Fdb, &key.0.to_ne_bytes())?;
    Ok(value.map(|v| FdbEntry(u64::from_ne_bytes(v))))
}

/// Writes one station. Goes between [`begin`] and [`end`].
///
/// # Errors
/// What the kernel says: E2BIG if the FDB is full.
pub fn set(store: &mut impl Store, key: FdbKey, entry: FdbEntry) -> Result<(), TableError> {
    put(store, Table::Fdb, &key.0.to_ne_bytes(), &entry.0.to_ne_bytes())
}

/// Removes one station. Goes between [`begin`] and [`end`].
///
/// # Errors
/// What the kernel says.
pub fn remove(store: &mut impl Store, key: FdbKey) -> Result<bool, TableError> {
    remove_key(store, Table::Fdb, &key.0.to_ne_bytes())
}

/// Calls `each` with every station, in batches; one that is learned or removed meanwhile may be missed, one may come twice.
///
/// # Errors
/// What the kernel says.
pub fn read(store: &impl Store, each: &mut dyn FnMut(FdbKey, FdbEntry)) -> Result<(), TableError> {
    read_all(store, Table::Fdb, &mut |key, value| each(FdbKey(u64_at(key, 0)), FdbEntry(u64_at(value, 0))))
}

/// The owner's part of the generation. The programs raise theirs in FDB_MOVES: the owner cannot add atomically.
///
/// # Errors
/// What the kernel says.
pub fn generation(store: &impl Store) -> Result<u64, TableError> {
    Ok(u64::from_ne_bytes(at(store, Table::FdbGen, 0)?))
}

/// True if an owner died between [`begin`] and [`end`].
///
/// # Errors
/// What the kernel says.
pub fn interrupted(store: &impl Store) -> Result<bool, TableError> {
    Ok(generation(store)? & CHANGING != 0)
}

fn raise(store: &mut impl Store, mark: u64) -> Result<(), TableError> {
    let next = (generation(store)?.wrapping_add(1) & !CHANGING) | mark;
    put(store, Table::FdbGen, &0u32.to_ne_bytes(), &next.to_ne_bytes())
}

/// Marks that stations are about to be removed or changed.
///
/// # Errors
/// What the kernel says.
pub fn begin(store: &mut impl Store) -> Result<(), TableError> {
    raise(store, CHANGING)
}

/// Ends what [`begin`] began: every lookup cached before is void.
///
/// # Errors
/// What the kernel says.
pub fn end(store: &mut impl Store) -> Result<(), TableError> {
    raise(store, 0)
}
