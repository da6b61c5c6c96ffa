//! HOPS: next hops by index. A neighbour that comes, goes or moves is one write here, whatever routes lead by it.

use std::net::{IpAddr, Ipv6Addr};

use msm_abi::{HopEntry, Neighbour};

use super::{at, join, part, put, read as read_all, u32_at, u64_at};
use crate::{
    Gateway, TableError,
    store::{Store, Table},
};

const LEN: usize = size_of::<HopEntry>();

/// What an index stands for, and where that is (0 = not known).
pub type Hop = (Gateway, Neighbour);

fn decode(b: &[u8]) -> Option<Hop> {
    let vid = u16::from_ne_bytes(part(b, 24));
    let ip = IpAddr::V6(Ipv6Addr::from(part::<16>(b, 8))).to_canonical();
    (vid != 0).then(|| (Gateway { ip, vid }, u64_at(b, 0)))
}

/// The hop at an index; `None` if there is none.
///
/// # Errors
/// What the kernel says.
pub fn get(store: &impl Store, index: u32) -> Result<Option<Hop>, TableError> {
    Ok(decode(&at::<LEN>(store, Table::Hops, index)?))
}

/// Calls `each` with every hop. Reads the whole table, 128 KB.
///
/// # Errors
/// What the kernel says.
pub fn read(store: &impl Store, each: &mut dyn FnMut(u32, Hop)) -> Result<(), TableError> {
    read_all(store, Table::Hops, &mut |key, value| {
        if let Some(hop) = decode(value) {
            each(u32_at(key, 0), hop);
        }
    })
}

/// Writes a hop.
///
/// # Errors
/// What the kernel says.
pub fn set(store: &mut impl Store, index: u32, (gateway, neighbour): Hop) -> Result<(), TableError> {
    let ip = match gateway.ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let value: [u8; LEN] =
        join(&[&neighbour.to_ne_bytes(), &ip.octets(), &gateway.vid.to_ne_bytes(), &[0; 6]]);
    put(store, Table::Hops, &index.to_ne_bytes(), &value)
}
