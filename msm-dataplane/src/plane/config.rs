//! The small tables: plane configuration, fabrics, control addresses and the active program.

use msm_abi::PlaneConfig;

use crate::{
    Desired, TableError,
    store::Store,
    tables::{control, dispatch, fabric, plane_config},
};

/// `capture` is the port whose frames are recorded, as PLANE_CONFIG has it.
pub(super) fn apply(store: &mut impl Store, desired: &Desired, capture: u32) -> Result<(), TableError> {
    let found = plane_config::get(store)?;
    // Which halves are in force is not desired, it is so.
    let config = PlaneConfig {
        capture,
        acl: found.acl,
        routes: found.routes,
        ..plane_config::for_age(desired.fdb_age)
    };
    if found != config {
        plane_config::set(store, config)?;
    }
    fabrics(store, desired)?;
    control_addresses(store, desired)?;
    let ingress = store.programs().ingress;
    if dispatch::get(store)? != Some(ingress) {
        dispatch::set(store, ingress)?;
    }
    Ok(())
}

fn fabrics(store: &mut impl Store, desired: &Desired) -> Result<(), TableError> {
    let found = fabric::states(store)?;
    for (slot, (want, have)) in (0..).zip(desired.fabrics.iter().zip(found)) {
        if *want != have {
            fabric::set_state(store, slot, *want)?;
        }
    }
    let want = desired.buckets.iter().map(|f| u32::from(*f)).chain(std::iter::repeat(0));
    let changed: Vec<(u32, u32)> = (0..)
        .zip(want.zip(fabric::buckets(store)?))
        .filter(|(_, (want, have))| want != have)
        .map(|(bucket, (want, _))| (bucket, want))
        .collect();
    if !changed.is_empty() {
        fabric::set_buckets(store, &changed)?;
    }
    Ok(())
}

fn control_addresses(store: &mut impl Store, desired: &Desired) -> Result<(), TableError> {
    let found = control::read(store)?;
    // Stale ones first: a full table could not take the new ones. An address that stays is never absent.
    for (key, _) in found.iter().filter(|(key, _)| !desired.control.contains_key(key)) {
        control::remove(store, key)?;
    }
    for (key, value) in &desired.control {
        if !found.contains(&(*key, *value)) {
            control::set(store, key, *value)?;
        }
    }
    Ok(())
}
