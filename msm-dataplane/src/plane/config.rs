//! The small tables: plane configuration, rates, learning limits, fabrics, control addresses and the active program.

use std::collections::BTreeSet;

use msm_abi::{CpuClass, FABRIC_BUCKETS, FABRIC_BUCKETS_PER_SLOT, FabricState, PlaneConfig};

use super::learning;
use crate::{
    Desired, TableError,
    store::Store,
    tables::{control, dispatch, fabric, limits, plane_config},
};

/// `capture` is the port whose frames are recorded, as PLANE_CONFIG has it.
pub(super) fn apply(store: &mut impl Store, desired: &Desired, capture: u32) -> Result<(), TableError> {
    let have = plane_config::get(store)?;
    let config = PlaneConfig {
        capture,
        mirror: desired.mirror.map_or(0, |lport| u32::from(lport) + 1),
        router_mac: plane_config::router_mac(desired.router_mac),
        // Which half of the access lists and of the routes holds is theirs to say.
        acl: have.acl,
        routes: have.routes,
        ..plane_config::for_age(desired.fdb_age)
    };
    if have != config {
        plane_config::set(store, config)?;
    }
    rates(store, desired)?;
    learning::apply(store, desired)?;
    fabrics(store, desired)?;
    control_addresses(store, desired)?;
    let ingress = store.programs().ingress;
    if dispatch::get(store)? != Some(ingress) {
        dispatch::set(store, ingress)?;
    }
    Ok(())
}

/// A port without any has no flag in PORTS: what is left here of it means nothing.
fn rates(store: &mut impl Store, desired: &Desired) -> Result<(), TableError> {
    let ports: BTreeSet<_> = desired.limits.keys().map(|(lport, _)| *lport).collect();
    for lport in ports {
        for kind in limits::KINDS {
            let want = desired.limits.get(&(lport, kind)).copied().unwrap_or_default();
            if limits::get(store, lport, kind)? != want {
                limits::set(store, lport, kind, want)?;
            }
        }
    }
    for (class, _) in CpuClass::ALL {
        let want = desired.cpu.get(&class).copied().unwrap_or_default();
        if limits::get_cpu(store, class)? != want {
            limits::set_cpu(store, class, want)?;
        }
    }
    Ok(())
}

/// A fabric carries frames before a bucket names it, and after none does. Buckets change I/O module by I/O module.
fn fabrics(store: &mut impl Store, desired: &Desired) -> Result<(), TableError> {
    let mut have = fabric::states(store)?;
    let mut come = have;
    for (state, want) in come.iter_mut().zip(&desired.fabrics) {
        if works(want) {
            *state = *want;
        }
    }
    if have != come {
        fabric::set_states(store, &come)?;
        have = come;
    }
    let mut want = [0; FABRIC_BUCKETS];
    want.iter_mut().zip(&desired.buckets).for_each(|(bucket, fabric)| *bucket = *fabric);
    let mut buckets = fabric::buckets(store)?;
    for first in (0..FABRIC_BUCKETS).step_by(FABRIC_BUCKETS_PER_SLOT as usize) {
        let module = first..first + FABRIC_BUCKETS_PER_SLOT as usize;
        if buckets[module.clone()] != want[module.clone()] {
            buckets[module.clone()].copy_from_slice(&want[module]);
            fabric::set_buckets(store, &buckets)?;
        }
    }
    if have != desired.fabrics {
        fabric::set_states(store, &desired.fabrics)?;
    }
    Ok(())
}

const fn works(fabric: &FabricState) -> bool {
    fabric.present != 0 && fabric.programmed != 0
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
