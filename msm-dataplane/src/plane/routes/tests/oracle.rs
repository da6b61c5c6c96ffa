//! Where an address goes, by looking at every route.

use std::{cmp::Reverse, collections::BTreeSet, net::IpAddr};

use msm_abi::HOP_GROUP_MEMBERS;

use crate::{Gateway, Prefix, RouteTo, Routing, plane::routes::lookup::Answer};

/// What a flow makes of so many next hops.
pub(super) fn choose(count: u32) -> u32 {
    5 % count
}

pub(super) fn answer(routing: &Routing, addr: IpAddr) -> Answer {
    if let Some(station) = routing.hosts.get(&addr) {
        return Answer::To(*station);
    }
    let all = routing.routes.iter().filter(|(prefix, _)| prefix.contains(addr));
    match all.max_by_key(|(prefix, _)| prefix.len()).map(|(_, to)| to) {
        None | Some(RouteTo::Connected { .. }) => Answer::Resolve,
        Some(RouteTo::Local) => Answer::Local,
        Some(RouteTo::Blackhole) => Answer::Blackhole,
        Some(RouteTo::Hops(gateways)) => {
            let members: BTreeSet<&Gateway> = gateways.iter().collect();
            let members: Vec<&Gateway> = members.into_iter().take(HOP_GROUP_MEMBERS).collect();
            let Some(last) = members.len().checked_sub(1) else { return Answer::Resolve };
            let gateway = *members[choose(last as u32 + 1) as usize];
            routing.neighbour(gateway).map_or(Answer::Resolve, Answer::To)
        }
    }
}

/// Addresses at which something can change: both ends of each prefix and their neighbours, and hosts.
pub(super) fn edges(routings: &[&Routing]) -> BTreeSet<IpAddr> {
    let mut edges = BTreeSet::new();
    for routing in routings {
        edges.extend(routing.hosts.keys());
        let mut prefixes: Vec<&Prefix> = routing.routes.keys().collect();
        prefixes.sort_by_key(|prefix| Reverse(prefix.len()));
        for prefix in prefixes {
            match prefix.addr() {
                IpAddr::V4(first) => {
                    let first = first.to_bits();
                    let last = first | u32::MAX.checked_shr(prefix.len().into()).unwrap_or(0);
                    for addr in [first.wrapping_sub(1), first, last, last.wrapping_add(1)] {
                        edges.insert(IpAddr::V4(addr.into()));
                    }
                }
                IpAddr::V6(first) => {
                    let first = first.to_bits();
                    let last = first | u128::MAX.checked_shr(prefix.len().into()).unwrap_or(0);
                    for addr in [first.wrapping_sub(1), first, last, last.wrapping_add(1)] {
                        edges.insert(IpAddr::V6(addr.into()));
                    }
                }
            }
        }
    }
    edges
}
