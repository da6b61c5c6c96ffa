//! ROUTES6: IPv6 routes, longest prefix first.

use std::net::{IpAddr, Ipv6Addr};

use msm_abi::Route6Key;

use super::{get as get_value, join, part, put, read as read_all, remove as remove_key, u32_at};
use crate::{
    Prefix, TableError,
    store::{Store, Table},
};

const KEY: usize = size_of::<Route6Key>();

fn key(addr: Ipv6Addr, len: u8) -> [u8; KEY] {
    join(&[&u32::from(len).to_ne_bytes(), &addr.octets()])
}

/// The entry of the longest prefix that has `addr`.
///
/// # Errors
/// What the kernel says.
pub fn longest(store: &impl Store, addr: Ipv6Addr) -> Result<Option<u32>, TableError> {
    Ok(get_value(store, Table::Routes6, &key(addr, 128))?.map(u32::from_ne_bytes))
}

/// Writes the entry of an IPv6 prefix; other prefixes have no place here.
///
/// # Errors
/// What the kernel says: ENOSPC if the table is full.
pub fn set(store: &mut impl Store, prefix: Prefix, entry: u32) -> Result<(), TableError> {
    let IpAddr::V6(addr) = prefix.addr() else { return Ok(()) };
    put(store, Table::Routes6, &key(addr, prefix.len()), &entry.to_ne_bytes())
}

/// Removes a prefix.
///
/// # Errors
/// What the kernel says.
pub fn remove(store: &mut impl Store, prefix: Prefix) -> Result<bool, TableError> {
    let IpAddr::V6(addr) = prefix.addr() else { return Ok(false) };
    remove_key(store, Table::Routes6, &key(addr, prefix.len()))
}

/// Calls `each` with every prefix, in batches; one that comes or goes meanwhile may be missed, one may come twice.
///
/// # Errors
/// What the kernel says.
pub fn read(store: &impl Store, each: &mut dyn FnMut(Prefix, u32)) -> Result<(), TableError> {
    read_all(store, Table::Routes6, &mut |key, value| {
        let addr = Ipv6Addr::from(part::<16>(key, 4));
        let prefix = u8::try_from(u32_at(key, 0)).ok().and_then(|len| Prefix::new(addr.into(), len));
        if let Some(prefix) = prefix {
            each(prefix, u32_at(value, 0));
        }
    })
}
