//! HOP_GROUPS: next hops of equal cost, by index. A group that is in use is never changed: another one is.

use msm_abi::{HOP_GROUP_MEMBERS, HopGroup};

use super::{at, put, read as read_all, u32_at};
use crate::{
    TableError,
    store::{Store, Table},
};

const LEN: usize = size_of::<HopGroup>();

fn decode(b: &[u8]) -> HopGroup {
    HopGroup { count: u32_at(b, 0), hops: std::array::from_fn(|i| u32_at(b, 4 + 4 * i)) }
}

/// The group of these hops.
///
/// # Panics
/// Without a hop, or with more than [`HOP_GROUP_MEMBERS`].
#[must_use]
pub fn group(hops: &[u32]) -> HopGroup {
    assert!((1..=HOP_GROUP_MEMBERS).contains(&hops.len()), "{} hops", hops.len());
    HopGroup { count: hops.len() as u32, hops: std::array::from_fn(|i| hops[i % hops.len()]) }
}

/// Its members, without the repeated ones.
#[must_use]
pub fn members(group: &HopGroup) -> &[u32] {
    &group.hops[..(group.count as usize).min(HOP_GROUP_MEMBERS)]
}

/// The group at an index; its count is 0 if there is none.
///
/// # Errors
/// What the kernel says.
pub fn get(store: &impl Store, index: u32) -> Result<HopGroup, TableError> {
    Ok(decode(&at::<LEN>(store, Table::HopGroups, index)?))
}

/// Calls `each` with every group. Reads the whole table, 70 KB.
///
/// # Errors
/// What the kernel says.
pub fn read(store: &impl Store, each: &mut dyn FnMut(u32, HopGroup)) -> Result<(), TableError> {
    read_all(store, Table::HopGroups, &mut |key, value| {
        let group = decode(value);
        if group.count != 0 {
            each(u32_at(key, 0), group);
        }
    })
}

/// Writes a group.
///
/// # Errors
/// What the kernel says.
pub fn set(store: &mut impl Store, index: u32, group: &HopGroup) -> Result<(), TableError> {
    let words = std::iter::once(&group.count).chain(&group.hops);
    let value: Vec<u8> = words.flat_map(|word| word.to_ne_bytes()).collect();
    debug_assert_eq!(value.len(), LEN, "the layout changed without this file");
    put(store, Table::HopGroups, &index.to_ne_bytes(), &value)
}
