//! VLANs: the VLANS entry, and the member set that a flooded frame goes to.
//!
//! VLANs of the same members share one set. A set changes in place when all its VLANs change alike, members coming before members
//! going; otherwise a fresh one is filled and given to the VLANs after. Either way no frame meets a set without a member that
//! stays. A VLANS entry exists only while FLOOD has one for it, so that FLOOD says which may be stale.

use std::collections::{BTreeMap, BTreeSet};

use msm_abi::{Lport, PORTS, VlanEntry};

use crate::{
    Changes, Desired, DesiredVlan, PortFault, TableError,
    store::Store,
    tables::{
        flood::{self, Members, SetId},
        tx::Hop,
        vlans,
    },
};

/// Room of a small set: an inner map has a hash bucket an entry, and every flooded frame walks all buckets.
const SET_MIN: usize = 16;

/// A set that FLOOD names.
struct Set {
    capacity: usize,
    members: Members,
    users: BTreeSet<u16>,
}

pub(super) fn apply(
    store: &mut impl Store,
    desired: &Desired,
    serving: &BTreeMap<Lport, u32>,
    changes: &mut Changes,
) -> Result<(), TableError> {
    let have = flood::read(store)?;
    floods(store, desired, serving, &have, changes)?;
    for (vid, vlan) in &desired.vlans {
        let entry = vlans::entry(vlan);
        if vlans::get(store, *vid)? != entry {
            vlans::set(store, *vid, &entry)?;
        }
    }
    for vid in have.into_keys().filter(|vid| !desired.vlans.contains_key(vid)) {
        if vlans::get(store, vid)? != VlanEntry::default() {
            vlans::set(store, vid, &VlanEntry::default())?;
        }
        flood::remove(store, vid)?;
    }
    Ok(())
}

fn members(vlan: &DesiredVlan, serving: &BTreeMap<Lport, u32>, program: u32) -> Members {
    let hop = |lport: &Lport| serving.get(lport).map(|&ifindex| (*lport, Hop { ifindex, program }));
    vlan.untagged.union(&vlan.tagged).filter_map(hop).collect()
}

fn floods(
    store: &mut impl Store,
    desired: &Desired,
    serving: &BTreeMap<Lport, u32>,
    have: &BTreeMap<u16, SetId>,
    changes: &mut Changes,
) -> Result<(), TableError> {
    let program = store.programs().egress;
    let mut groups: BTreeMap<Members, BTreeSet<u16>> = BTreeMap::new();
    for (vid, vlan) in &desired.vlans {
        groups.entry(members(vlan, serving, program)).or_default().insert(*vid);
    }
    let mut sets = current(store, have)?;

    // First the groups whose set exists as it should be; only then may another group change a set that is left.
    let mut chosen: BTreeMap<&Members, SetId> = BTreeMap::new();
    for members in groups.keys() {
        if let Some((id, _)) = sets.iter().find(|(_, set)| set.members == *members) {
            chosen.insert(members, *id);
        }
    }
    sets.retain(|id, _| !chosen.values().any(|c| c == id));
    let mut assigned = Vec::new();
    for (members, vids) in &groups {
        let set = match chosen.get(members) {
            Some(id) => *id,
            None => make(store, members, vids, &mut sets, changes)?,
        };
        assigned.extend(vids.iter().filter(|vid| have.get(vid) != Some(&set)).map(|vid| (*vid, set)));
    }
    if assigned.is_empty() { Ok(()) } else { flood::assign(store, &assigned) }
}

fn current(store: &impl Store, have: &BTreeMap<u16, SetId>) -> Result<BTreeMap<SetId, Set>, TableError> {
    let mut sets: BTreeMap<SetId, Set> = BTreeMap::new();
    for (vid, id) in have {
        if let Some(set) = sets.get_mut(id) {
            set.users.insert(*vid);
        } else if let Some((capacity, members)) = flood::members(store, *id)? {
            sets.insert(*id, Set { capacity: capacity as usize, members, users: [*vid].into() });
        }
    }
    Ok(sets)
}

/// A set of these members: one that only these VLANs use, changed in place, or a fresh one.
fn make(
    store: &mut impl Store,
    members: &Members,
    vids: &BTreeSet<u16>,
    sets: &mut BTreeMap<SetId, Set>,
    changes: &mut Changes,
) -> Result<SetId, TableError> {
    let in_place = |set: &Set| {
        // The kernel replaces a member by taking it out and putting it in: one that stays would miss a frame between. (A member
        // whose netdev changed has just been attached.)
        let replaced = |(lport, hop): (&Lport, &Hop)| {
            members.get(lport).is_some_and(|want| want.ifindex == hop.ifindex && want != hop)
        };
        let coming = members.keys().filter(|lport| !set.members.contains_key(lport)).count();
        set.users.is_subset(vids)
            && set.members.len() + coming <= set.capacity
            && !set.members.iter().any(replaced)
    };
    let found = sets.iter().find(|(_, set)| in_place(set)).map(|(id, _)| *id);
    if let Some((id, set)) = found.and_then(|id| sets.remove_entry(&id)) {
        for (lport, hop) in members.iter().filter(|(lport, hop)| set.members.get(lport) != Some(hop)) {
            join(store, id, *lport, *hop, changes)?;
        }
        for lport in set.members.keys().filter(|lport| !members.contains_key(lport)) {
            flood::leave(store, id, *lport)?;
        }
        return Ok(id);
    }
    let capacity = (2 * members.len()).next_power_of_two().clamp(SET_MIN, PORTS);
    let id = flood::create(store, capacity as u32)?;
    for (lport, hop) in members {
        join(store, id, *lport, *hop, changes)?;
    }
    Ok(id)
}

/// Adds a member. One whose netdev went this moment is a fault of its port; any other failure stops before the set is used.
fn join(
    store: &mut impl Store,
    set: SetId,
    lport: Lport,
    hop: Hop,
    changes: &mut Changes,
) -> Result<(), TableError> {
    match flood::put(store, set, lport, hop) {
        Err(TableError::Kernel { source, .. }) if source.raw_os_error() == Some(libc::EINVAL) => {
            let fault = PortFault::DeviceMissing { ifindex: hop.ifindex };
            changes.port_faults.entry(lport).or_insert(fault);
            Ok(())
        }
        other => other,
    }
}
