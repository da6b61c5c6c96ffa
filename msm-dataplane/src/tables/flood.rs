//! FLOOD: the member sets. A VLAN names its set by its index here; VLANs of the same members share one.

use std::collections::BTreeMap;

use msm_abi::Lport;

use super::{failed, get as get_value, read as read_all, tx::Hop, u32_at};
use crate::{
    TableError,
    store::{Store, Table},
};

/// Id of a member set.
pub type SetId = u32;

/// Who a flooded frame goes to.
pub type Members = BTreeMap<Lport, Hop>;

/// Which set is at which index, where there is one. Reads the whole table.
///
/// # Errors
/// What the kernel says.
pub fn read(store: &impl Store) -> Result<BTreeMap<u16, SetId>, TableError> {
    let mut sets = BTreeMap::new();
    read_all(store, Table::Flood, &mut |key, value| {
        sets.extend(u16::try_from(u32_at(key, 0)).map(|index| (index, u32_at(value, 0))));
    })?;
    Ok(sets)
}

/// The set at an index.
///
/// # Errors
/// What the kernel says.
pub fn get(store: &impl Store, index: u16) -> Result<Option<SetId>, TableError> {
    let value: Option<[u8; 4]> = get_value(store, Table::Flood, &u32::from(index).to_ne_bytes())?;
    Ok(value.map(u32::from_ne_bytes))
}

/// Puts sets at indexes. Returns after a grace period (one for all): no program still uses what was there before.
///
/// # Errors
/// What the kernel says; some may be written.
pub fn assign(store: &mut impl Store, sets: &[(u16, SetId)]) -> Result<(), TableError> {
    let entry =
        |(index, set): &(u16, SetId)| (u32::from(*index).to_ne_bytes().to_vec(), set.to_ne_bytes().to_vec());
    let entries: Vec<_> = sets.iter().map(entry).collect();
    store.update_many(Table::Flood, &entries).map_err(failed("write", Table::Flood))
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
