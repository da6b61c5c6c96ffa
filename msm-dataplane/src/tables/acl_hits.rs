//! ACL_HITS: frames that each rule decided, summed over CPUs.

use std::collections::{BTreeMap, BTreeSet};

use super::{put, read as read_all, u32_at, u64_at};
use crate::{
    TableError,
    store::{Store, Table},
};

fn sum(values: &[u8]) -> u64 {
    values.chunks_exact(8).fold(0, |sum, cpu| sum.wrapping_add(u64_at(cpu, 0)))
}

/// Counters that counted anything.
///
/// # Errors
/// What the kernel says.
pub fn read(store: &impl Store) -> Result<BTreeMap<u16, u64>, TableError> {
    let mut hits = BTreeMap::new();
    read_all(store, Table::AclHits, &mut |key, values| {
        if let (count @ 1.., Ok(counter)) = (sum(values), u16::try_from(u32_at(key, 0))) {
            hits.insert(counter, count);
        }
    })?;
    Ok(hits)
}

/// Sets these counters to 0; those that are 0 are not written.
///
/// # Errors
/// What the kernel says.
pub fn clear(store: &mut impl Store, counters: &BTreeSet<u16>) -> Result<(), TableError> {
    if counters.is_empty() {
        return Ok(());
    }
    let mut zeros = Vec::new();
    read_all(store, Table::AclHits, &mut |key, values| {
        let counter = u16::try_from(u32_at(key, 0));
        if counter.is_ok_and(|counter| counters.contains(&counter)) && values.iter().any(|byte| *byte != 0) {
            zeros.push((u32_at(key, 0), vec![0; values.len()]));
        }
    })?;
    zeros
        .into_iter()
        .try_for_each(|(counter, zero)| put(store, Table::AclHits, &counter.to_ne_bytes(), &zero))
}
