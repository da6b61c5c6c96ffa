//! What the programs do with an address: the same looks into the same tables, in the same order.

use std::net::IpAddr;

use msm_abi::{
    FdbKey, HOP_GROUP_MEMBERS, HOP_GROUPS, HOPS, Neighbour, ROUTE_BLOCK, RouteKind, route_index, route_kind,
    routes_active,
};

use crate::{
    Station, TableError,
    store::Store,
    tables::{hop_groups, hops, ipfdb, plane_config, routes, routes6},
};

/// Where a frame to an address goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// To this station.
    To(Station),
    /// To the stack: there is no route, or nobody knows the neighbour.
    Resolve,
    /// To the stack: it is for ourselves.
    Local,
    /// Nowhere.
    Blackhole,
}

/// A neighbour's word as a station; `None` if it is not known.
pub(crate) fn station(neighbour: Neighbour) -> Option<Station> {
    let key = FdbKey(neighbour);
    (neighbour != 0).then(|| Station { mac: key.mac(), vid: key.vid() })
}

/// Where a frame to `addr` goes. `choose` picks one of so many next hops.
///
/// # Errors
/// What the kernel says.
pub fn lookup(
    store: &impl Store,
    addr: IpAddr,
    choose: impl FnOnce(u32) -> u32,
) -> Result<Answer, TableError> {
    if let Some(neighbour) = ipfdb::get(store, addr)? {
        return Ok(station(neighbour).map_or(Answer::Resolve, Answer::To));
    }
    follow(store, entry(store, addr)?, choose)
}

/// The route entry of an address; 0 if there is none.
///
/// # Errors
/// What the kernel says.
pub fn entry(store: &impl Store, addr: IpAddr) -> Result<u32, TableError> {
    let [a, b, c, d] = match addr {
        IpAddr::V4(addr) => addr.octets(),
        IpAddr::V6(addr) => return Ok(routes6::longest(store, addr)?.unwrap_or(0)),
    };
    let half = plane_config::get(store)?.routes & routes_active::HALF;
    let mut found = routes::get(store, half, a.into())?[usize::from(b)];
    for octet in [c, d] {
        if found & ROUTE_BLOCK == 0 {
            break;
        }
        found = routes::get(store, half, found & !ROUTE_BLOCK)?[usize::from(octet)];
    }
    Ok(found)
}

/// Where a route entry leads.
///
/// # Errors
/// What the kernel says.
pub fn follow(store: &impl Store, entry: u32, choose: impl FnOnce(u32) -> u32) -> Result<Answer, TableError> {
    let index = route_index(entry);
    let hop = match kind(entry) {
        Some(RouteKind::Hop) => index,
        Some(RouteKind::Group) if index < HOP_GROUPS => {
            let group = hop_groups::get(store, index)?;
            if group.count == 0 {
                return Ok(Answer::Resolve);
            }
            group.hops[choose(group.count) as usize % HOP_GROUP_MEMBERS]
        }
        Some(RouteKind::Local) => return Ok(Answer::Local),
        Some(RouteKind::Blackhole) => return Ok(Answer::Blackhole),
        _ => return Ok(Answer::Resolve),
    };
    let hop = if hop < HOPS { hops::get(store, hop)? } else { None };
    Ok(hop.and_then(|(_, neighbour)| station(neighbour)).map_or(Answer::Resolve, Answer::To))
}

/// The kind of an entry that is no block.
pub(crate) fn kind(entry: u32) -> Option<RouteKind> {
    use RouteKind::{Blackhole, Connected, Group, Hop, Local, None as Nothing};
    [Nothing, Hop, Group, Connected, Local, Blackhole]
        .into_iter()
        .find(|kind| *kind as u32 == route_kind(entry))
        .filter(|_| entry & ROUTE_BLOCK == 0)
}
