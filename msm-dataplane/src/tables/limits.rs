//! LIMITS and CPU_LIMITS: rates of what a port may flood, and of what goes to the control plane.

use msm_abi::{CpuClass, LimitEntry, LimitKind, Lport, limit_index};

use super::{at, join, put, u64_at};
use crate::{
    TableError,
    store::{Store, Table},
};

const LEN: usize = size_of::<LimitEntry>();

/// What a port's rates can be about.
pub const KINDS: [LimitKind; 3] = [LimitKind::Broadcast, LimitKind::Multicast, LimitKind::Unknown];

fn read(store: &impl Store, table: Table, index: u32) -> Result<LimitEntry, TableError> {
    let b: [u8; LEN] = at(store, table, index)?;
    Ok(LimitEntry { interval: u64_at(&b, 0), tolerance: u64_at(&b, 8) })
}

fn write(store: &mut impl Store, table: Table, index: u32, limit: LimitEntry) -> Result<(), TableError> {
    let value: [u8; LEN] = join(&[&limit.interval.to_ne_bytes(), &limit.tolerance.to_ne_bytes()]);
    put(store, table, &index.to_ne_bytes(), &value)
}

/// A port's rate; all zero = none.
///
/// # Errors
/// What the kernel says.
pub fn get(store: &impl Store, lport: Lport, kind: LimitKind) -> Result<LimitEntry, TableError> {
    read(store, Table::Limits, limit_index(lport, kind))
}

/// Writes a port's rate.
///
/// # Errors
/// What the kernel says.
pub fn set(
    store: &mut impl Store,
    lport: Lport,
    kind: LimitKind,
    limit: LimitEntry,
) -> Result<(), TableError> {
    write(store, Table::Limits, limit_index(lport, kind), limit)
}

/// The rate of a class; all zero = none.
///
/// # Errors
/// What the kernel says.
pub fn get_cpu(store: &impl Store, class: CpuClass) -> Result<LimitEntry, TableError> {
    read(store, Table::CpuLimits, class as u32)
}

/// Writes the rate of a class.
///
/// # Errors
/// What the kernel says.
pub fn set_cpu(store: &mut impl Store, class: CpuClass, limit: LimitEntry) -> Result<(), TableError> {
    write(store, Table::CpuLimits, class as u32, limit)
}
