//! CONTROL: what happens to frames to control addresses.

use msm_abi::{ControlKey, ControlValue};

use super::{get as get_value, join, part, put, read as read_all, remove as remove_key, u32_at};
use crate::{
    TableError,
    store::{Store, Table},
};

const KEY: usize = size_of::<ControlKey>();
const LEN: usize = size_of::<ControlValue>();

fn key_bytes(key: &ControlKey) -> [u8; KEY] {
    join(&[&key.mac, &key.vid.to_ne_bytes(), &key.protocol.to_ne_bytes(), &key.pad])
}

fn decode(b: &[u8]) -> ControlValue {
    ControlValue { action: u32_at(b, 0), class: u32_at(b, 4) }
}

/// Reads one address.
///
/// # Errors
/// What the kernel says.
pub fn get(store: &impl Store, key: &ControlKey) -> Result<Option<ControlValue>, TableError> {
    Ok(get_value::<LEN>(store, Table::Control, &key_bytes(key))?.map(|b| decode(&b)))
}

/// Writes one address.
///
/// # Errors
/// What the kernel says.
pub fn set(store: &mut impl Store, key: &ControlKey, value: ControlValue) -> Result<(), TableError> {
    let value: [u8; LEN] = join(&[&value.action.to_ne_bytes(), &value.class.to_ne_bytes()]);
    put(store, Table::Control, &key_bytes(key), &value)
}

/// Removes one address.
///
/// # Errors
/// What the kernel says.
pub fn remove(store: &mut impl Store, key: &ControlKey) -> Result<bool, TableError> {
    remove_key(store, Table::Control, &key_bytes(key))
}

/// Every address (at most 1,024).
///
/// # Errors
/// What the kernel says.
pub fn read(store: &impl Store) -> Result<Vec<(ControlKey, ControlValue)>, TableError> {
    let mut found = Vec::new();
    read_all(store, Table::Control, &mut |k, v| {
        let key = ControlKey {
            mac: part(k, 0),
            vid: u16::from_ne_bytes(part(k, 6)),
            protocol: u16::from_ne_bytes(part(k, 8)),
            pad: part(k, 10),
        };
        found.push((key, decode(v)));
    })?;
    Ok(found)
}
