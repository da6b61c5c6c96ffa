//! FLOOD: the member set of each VLAN, shared by VLANs of the same members.

use std::collections::BTreeMap;

use msm_abi::Lport;

use super::{failed, read as read_all, remove as remove_key, tx::Hop, u32_at};
use crate::{
    TableError,
    store::{Store, Table},
};

/// Id of a member set.
pub type SetId = u32;

/// Who a flooded frame goes to.
pub type Members = BTreeMap<Lport, Hop>;

/// The set of every VLAN that has one.
///
/// # Errors
/// What the kernel says.
pub fn read(store: &impl Store) -> Result<BTreeMap<u16, SetId>, TableError> {
    let mut sets = BTreeMap::new();
    read_all(store, Table::Flood, &mut |key, value| {
        if let Ok(vid) = u16::try_from(u32_at(key, 0)) {
            sets.insert(vid, u32_at(value, 0));
        }
    })?;
    Ok(sets)
}

/// Gives VLANs their sets. All in one call: replacing an inner map waits for a grace period, a batch waits once.
///
/// # Errors
/// What the kernel says; some may be written.
pub fn assign(store: &mut impl Store, sets: &[(u16, SetId)]) -> Result<(), TableError> {
    let entry =
        |(vid, set): &(u16, SetId)| (u32::from(*vid).to_ne_bytes().to_vec(), set.to_ne_bytes().to_vec());
    let entries: Vec<_> = sets.iter().map(entry).collect();
    store.update_many(Table::Flood, &entries).map_err(failed("write", Table::Flood))
}

/// Takes a VLAN its set: its flooded frames are dropped.
///
/// # Errors
/// What the kernel says.
pub fn remove(store: &mut impl Store, vid: u16) -> Result<bool, TableError> {
    remove_key(store, Table::Flood, &u32::from(vid).to_ne_bytes())
}

/// Makes an empty set with room for `capacity` members.
///
/// # Errors
/// What the kernel says.
pub fn create(store: &mut impl Store, capacity: u32) -> Result<SetId, TableError> {
    store.create_set(capacity).map_err(failed("make a member set for", Table::Flood))
}

/// Capacity and members of a set; `None` if it is gone.
///
/// # Errors
/// What the kernel says.
pub fn members(store: &impl Store, set: SetId) -> Result<Option<(u32, Members)>, TableError> {
    let state = store.read_set(set).map_err(failed("read a member set of", Table::Flood))?;
    Ok(state.map(|s| {
        let hop = |(key, value): (u32, [u8; 8])| Some((Lport::try_from(key).ok()?, Hop::from_bytes(value)));
        (s.capacity, s.members.into_iter().filter_map(hop).collect())
    }))
}

/// Adds or replaces a member of a set.
///
/// # Errors
/// What the kernel says: EINVAL if there is no such netdev.
pub fn put(store: &mut impl Store, set: SetId, lport: Lport, hop: Hop) -> Result<(), TableError> {
    store
        .update_set(set, (lport.into(), hop.to_bytes()))
        .map_err(failed("write a member set of", Table::Flood))
}

/// Removes a member of a set.
///
/// # Errors
/// What the kernel says.
pub fn leave(store: &mut impl Store, set: SetId, lport: Lport) -> Result<bool, TableError> {
    store.delete_from_set(set, lport.into()).map_err(failed("remove from a member set of", Table::Flood))
}
