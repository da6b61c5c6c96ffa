//! IPFDB and IPFDB6: hosts in networks of ours. VLAN and MAC address, never a port: the FDB says that.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use msm_abi::Neighbour;

use super::{get as get_value, part, put, read as read_all, remove as remove_key, u64_at};
use crate::{
    TableError,
    store::{Store, Table},
};

/// IPv4 addresses are keys as numbers.
fn key(addr: IpAddr) -> (Table, Vec<u8>) {
    match addr {
        IpAddr::V4(a) => (Table::Ipfdb, a.to_bits().to_ne_bytes().to_vec()),
        IpAddr::V6(a) => (Table::Ipfdb6, a.octets().to_vec()),
    }
}

/// Where a host is.
///
/// # Errors
/// What the kernel says.
pub fn get(store: &impl Store, addr: IpAddr) -> Result<Option<Neighbour>, TableError> {
    let (table, key) = key(addr);
    Ok(get_value(store, table, &key)?.map(u64::from_ne_bytes))
}

/// Writes a host.
///
/// # Errors
/// What the kernel says: E2BIG if the table is full.
pub fn set(store: &mut impl Store, addr: IpAddr, neighbour: Neighbour) -> Result<(), TableError> {
    let (table, key) = key(addr);
    put(store, table, &key, &neighbour.to_ne_bytes())
}

/// Removes a host.
///
/// # Errors
/// What the kernel says.
pub fn remove(store: &mut impl Store, addr: IpAddr) -> Result<bool, TableError> {
    let (table, key) = key(addr);
    remove_key(store, table, &key)
}

/// Calls `each` with every host of both tables, in batches; one that comes or goes meanwhile may be missed, one may come twice.
///
/// # Errors
/// What the kernel says.
pub fn read(store: &impl Store, each: &mut dyn FnMut(IpAddr, Neighbour)) -> Result<(), TableError> {
    read_all(store, Table::Ipfdb, &mut |key, value| {
        each(Ipv4Addr::from_bits(u32::from_ne_bytes(part(key, 0))).into(), u64_at(value, 0));
    })?;
    read_all(store, Table::Ipfdb6, &mut |key, value| {
        each(Ipv6Addr::from(part::<16>(key, 0)).into(), u64_at(value, 0));
    })
}
