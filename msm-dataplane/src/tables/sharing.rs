//! SHARING: which port of a load-sharing group a flow leaves by.

use msm_abi::{GROUP_BUCKETS, GROUPS, Lport, ShareEntry};

use super::{at, join, part, put, read as read_all, u32_at};
use crate::{
    TableError,
    store::{Store, Table},
};

const LEN: usize = size_of::<ShareEntry>();

fn decode(b: &[u8]) -> ShareEntry {
    let mut buckets: [Lport; GROUP_BUCKETS] = [0; GROUP_BUCKETS];
    for (number, bucket) in buckets.iter_mut().enumerate() {
        *bucket = u16::from_ne_bytes(part(b, 8 + 2 * number));
    }
    ShareEntry { algorithm: u32_at(b, 0), active: u32_at(b, 4), buckets }
}

/// Reads the entry of a group, below [`GROUPS`].
///
/// # Errors
/// What the kernel says.
pub fn get(store: &impl Store, group: u16) -> Result<ShareEntry, TableError> {
    Ok(decode(&at::<LEN>(store, Table::Sharing, group.into())?))
}

/// Writes the entry of a group.
///
/// # Errors
/// What the kernel says.
pub fn set(store: &mut impl Store, group: u16, entry: &ShareEntry) -> Result<(), TableError> {
    let buckets: Vec<u8> = entry.buckets.iter().flat_map(|lport| lport.to_ne_bytes()).collect();
    let value: [u8; LEN] = join(&[&entry.algorithm.to_ne_bytes(), &entry.active.to_ne_bytes(), &buckets]);
    put(store, Table::Sharing, &u32::from(group).to_ne_bytes(), &value)
}

/// Every entry, by index of its group.
///
/// # Errors
/// What the kernel says.
pub fn read(store: &impl Store) -> Result<Vec<ShareEntry>, TableError> {
    let mut entries = vec![ShareEntry::default(); GROUPS];
    read_all(store, Table::Sharing, &mut |key, value| {
        if let Some(entry) = entries.get_mut(u32_at(key, 0) as usize) {
            *entry = decode(value);
        }
    })?;
    Ok(entries)
}
