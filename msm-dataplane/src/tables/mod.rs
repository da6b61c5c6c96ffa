//! Typed tables over a [`Store`]: one file a table, the only place that knows its key and value.
//!
//! Values are laid out by hand from the fields' bytes, in the order of the `repr(C)` type in `msm_abi`; a test of each table
//! compares the length with the type's size.

pub mod acl;
pub mod acl_hits;
pub mod capture;
pub mod control;
pub mod counters;
pub mod cpu_counters;
pub mod dispatch;
pub mod egress;
pub mod fabric;
pub mod fdb;
pub mod flood;
pub mod gates;
pub mod hop_groups;
pub mod hops;
pub mod ipfdb;
pub mod learn;
pub mod limits;
pub mod meta;
pub mod plane_config;
pub mod ports;
pub mod routes;
pub mod routes6;
pub mod sharing;
pub mod states;
pub mod traps;
pub mod tx;
pub mod vlans;

use std::io;

use crate::{
    TableError,
    store::{Store, Table},
};

/// Names what was being done to which table.
fn failed(what: &'static str, table: Table) -> impl FnOnce(io::Error) -> TableError {
    move |source| TableError::Kernel { what, table: table.name(), source }
}

/// The value of `key`, `N` bytes.
fn get<const N: usize>(store: &impl Store, table: Table, key: &[u8]) -> Result<Option<[u8; N]>, TableError> {
    let mut value = [0; N];
    let found = store.lookup(table, key, &mut value).map_err(failed("read", table))?;
    Ok(found.then_some(value))
}

/// The value at `index` of an array, which always is there.
fn at<const N: usize>(store: &impl Store, table: Table, index: u32) -> Result<[u8; N], TableError> {
    get(store, table, &index.to_ne_bytes())?
        .ok_or_else(|| failed("read", table)(io::Error::from_raw_os_error(libc::ENOENT)))
}

fn put(store: &mut impl Store, table: Table, key: &[u8], value: &[u8]) -> Result<(), TableError> {
    store.update(table, key, value).map_err(failed("write", table))
}

fn remove(store: &mut impl Store, table: Table, key: &[u8]) -> Result<bool, TableError> {
    store.delete(table, key).map_err(failed("remove an entry of", table))
}

fn read(store: &impl Store, table: Table, each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), TableError> {
    store.read(table, each).map_err(failed("list", table))
}

/// `N` bytes of `bytes` from `offset`.
///
/// # Panics
/// If there are fewer: a store hands out whole keys and values only.
fn part<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    *bytes[offset..].first_chunk().expect("whole keys and values")
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_ne_bytes(part(bytes, offset))
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from_ne_bytes(part(bytes, offset))
}

/// Joins the fields of a value of `N` bytes.
///
/// # Panics
/// If the fields do not make `N` bytes: the layout changed without this file.
fn join<const N: usize>(fields: &[&[u8]]) -> [u8; N] {
    fields.concat().try_into().expect("the fields make up the whole value")
}
