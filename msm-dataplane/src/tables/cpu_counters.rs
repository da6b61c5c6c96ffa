//! CPU_COUNTERS: frames for the control plane, by class, summed over CPUs.

use std::collections::BTreeMap;

use msm_abi::{CpuClass, CpuCounters};

use super::{read as read_all, u32_at, u64_at};
use crate::{
    TableError,
    store::{Store, Table},
};

const LEN: usize = size_of::<CpuCounters>();

/// Counters of every class.
///
/// # Errors
/// What the kernel says.
pub fn read(store: &impl Store) -> Result<BTreeMap<CpuClass, CpuCounters>, TableError> {
    let mut classes: BTreeMap<CpuClass, CpuCounters> =
        CpuClass::ALL.into_iter().map(|(class, _)| (class, CpuCounters::default())).collect();
    read_all(store, Table::CpuCounters, &mut |key, values| {
        let index = u32_at(key, 0);
        let Some(sum) = classes.iter_mut().find(|(class, _)| **class as u32 == index).map(|(_, sum)| sum)
        else {
            return;
        };
        for cpu in values.chunks_exact(LEN) {
            sum.passed = sum.passed.wrapping_add(u64_at(cpu, 0));
            sum.limited = sum.limited.wrapping_add(u64_at(cpu, 8));
            sum.full = sum.full.wrapping_add(u64_at(cpu, 16));
        }
    })?;
    Ok(classes)
}
