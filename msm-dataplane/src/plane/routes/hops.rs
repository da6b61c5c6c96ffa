//! Next hops and their groups: the entry of a route, and the indices that it names.
//!
//! Which routes get the last indices depends on who came first, and the tables do not show all that an owner knew: a route that longer ones
//! cover, or that has no block, uses indices that no entry names. So that the next owner finds the same without being told:
//! - A route takes all that it needs or nothing. What has no room leaves no trace.
//! - An index keeps what it stands for until another takes it, and an owner that starts first gives every route what the tables have for
//!   it ([`Hops::acquire_found`]), then room to the others, in the order of their prefixes.
//! - At the end of a change every route without room has been tried again, with all indices that nobody uses free. Others then only take, so
//!   what had no room has none at the end: the tables have nothing for it, and it finds none when it is tried again.
//!
//! An owner after that, of the same routes, gives all that have room what they have, and the others find none: it writes nothing. Where an
//! index is free for a route, the route has it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use msm_abi::{FdbKey, HOP_GROUP_MEMBERS, HopGroup, Neighbour, RouteKind, route, route_index};

use super::{Limits, found::Found, lookup, slots::Slots};
use crate::{
    Gateway, RouteFault, RouteTo, Routing, Station,
    tables::{hop_groups, hops::Hop},
};

/// What sends to the stack.
pub(super) const TO_STACK: u32 = route(RouteKind::None, 0);

/// Where a station is, as the tables have it.
pub(super) fn neighbour(station: Station) -> Neighbour {
    FdbKey::new(station.mac, station.vid).0
}

/// Next hops in their order, each once, as many as a group has; true if there were more.
fn members(gateways: &[Gateway]) -> (Vec<Gateway>, bool) {
    let canonical = |gateway: &Gateway| Gateway { ip: gateway.ip.to_canonical(), ..*gateway };
    let members: BTreeSet<Gateway> = gateways.iter().map(canonical).collect();
    let more = members.len() > HOP_GROUP_MEMBERS;
    (members.into_iter().take(HOP_GROUP_MEMBERS).collect(), more)
}

/// HOPS and HOP_GROUPS as they should be.
#[derive(Debug)]
pub(super) struct Hops {
    hops: Slots<Gateway>,
    groups: Slots<Vec<u32>>,
    /// Entries to write.
    pub(super) due: BTreeMap<u32, Hop>,
    /// Groups to write.
    pub(super) due_groups: BTreeMap<u32, HopGroup>,
}

impl Hops {
    /// What each index stands for, by what the tables say.
    pub(super) fn recover(found: &Found, limits: &Limits) -> Self {
        let (hops_in_force, groups_in_force) = found.indices_in_force();
        let hops = (0..limits.hops).filter_map(|i| found.hops[i as usize].map(|(gateway, _)| (i, gateway)));
        let groups = found.groups.iter().filter(|(index, _)| **index < limits.groups);
        let groups = groups.map(|(index, group)| (*index, hop_groups::members(group).to_vec()));
        Self {
            hops: Slots::recover(limits.hops, hops, &hops_in_force),
            groups: Slots::recover(limits.groups, groups, &groups_in_force),
            due: BTreeMap::new(),
            due_groups: BTreeMap::new(),
        }
    }

    /// The entry that a route has if its next hops have indices.
    pub(super) fn peek(&self, to: &RouteTo) -> Option<u32> {
        let gateways = match to {
            RouteTo::Hops(gateways) => gateways,
            RouteTo::Connected { vid } => return Some(route(RouteKind::Connected, u32::from(*vid))),
            RouteTo::Local => return Some(route(RouteKind::Local, 0)),
            RouteTo::Blackhole => return Some(route(RouteKind::Blackhole, 0)),
        };
        let (members, _) = members(gateways);
        match members.as_slice() {
            [] => Some(TO_STACK),
            [one] => self.hops.find(one).map(|index| route(RouteKind::Hop, index)),
            _ => {
                let hops: Option<Vec<u32>> = members.iter().map(|gateway| self.hops.find(gateway)).collect();
                self.groups.find(&hops?).map(|index| route(RouteKind::Group, index))
            }
        }
    }

    /// The entry of a route if the tables have all that it needs; the route uses it until [`Hops::release`].
    pub(super) fn acquire_found(&mut self, to: &RouteTo) -> Option<(u32, Option<RouteFault>)> {
        let entry = self.peek(to)?;
        let index = route_index(entry);
        match lookup::kind(entry) {
            Some(RouteKind::Hop) => {
                self.hops.hold(index);
            }
            Some(RouteKind::Group) if self.groups.hold(index) => {
                for hop in self.groups.key(index).expect("what was found has members") {
                    self.hops.hold(*hop);
                }
            }
            _ => {}
        }
        Some((entry, Self::cut(to)))
    }

    /// The entry of a route, which uses what it names until [`Hops::release`]; takes indices for what the tables do not have, all or none.
    pub(super) fn acquire(&mut self, to: &RouteTo, routing: &Routing) -> (u32, Option<RouteFault>) {
        if let Some(found) = self.acquire_found(to) {
            return found;
        }
        if let Some(fault) = self.lacks(to) {
            return (TO_STACK, Some(fault));
        }
        let RouteTo::Hops(gateways) = to else { return (TO_STACK, None) };
        let (members, _) = members(gateways);
        // Those that have an index first, that no other member takes it.
        let (found, new): (Vec<Gateway>, Vec<Gateway>) =
            members.iter().partition(|gateway| self.hops.find(gateway).is_some());
        for gateway in found.into_iter().chain(new) {
            let acquired = self.hops.acquire(&gateway).expect("there is room for every member");
            if acquired.new {
                let to = routing.neighbour(gateway).map_or(0, neighbour);
                self.due.insert(acquired.index, (gateway, to));
            }
        }
        let index = |gateway| self.hops.find(gateway).expect("a member has an index");
        let hops: Vec<u32> = members.iter().map(index).collect();
        if let [hop] = hops.as_slice() {
            return (route(RouteKind::Hop, *hop), None);
        }
        let acquired = self.groups.acquire(&hops).expect("there is room for the group");
        if acquired.new {
            self.due_groups.insert(acquired.index, hop_groups::group(&hops));
        }
        (route(RouteKind::Group, acquired.index), Self::cut(to))
    }

    /// The fault of a route that has more next hops than a group.
    fn cut(to: &RouteTo) -> Option<RouteFault> {
        let RouteTo::Hops(gateways) = to else { return None };
        (gateways.len() > HOP_GROUP_MEMBERS && members(gateways).1).then_some(RouteFault::Members)
    }

    /// What there is no room for, of what a route needs that has it not yet.
    pub(super) fn lacks(&self, to: &RouteTo) -> Option<RouteFault> {
        let RouteTo::Hops(gateways) = to else { return None };
        let (members, _) = members(gateways);
        if members.iter().filter(|gateway| self.hops.takes(gateway)).count() > self.hops.free() {
            return Some(RouteFault::Hops);
        }
        let group = members.len() > 1 && self.groups.free() == 0 && self.peek(to).is_none();
        group.then_some(RouteFault::Groups)
    }

    /// A route no longer has this entry.
    pub(super) fn release(&mut self, entry: u32) {
        let index = route_index(entry);
        match lookup::kind(entry) {
            Some(RouteKind::Hop) => self.release_hops(&[index]),
            Some(RouteKind::Group) if self.groups.release(index) => {
                let hops = self.groups.key(index).expect("a group in use has members").clone();
                self.release_hops(&hops);
            }
            _ => {}
        }
    }

    fn release_hops(&mut self, hops: &[u32]) {
        for hop in hops {
            self.hops.release(*hop);
        }
    }

    /// Finds what must be written for neighbours that changed, of these addresses or of all.
    pub(super) fn resolve(&mut self, of: Option<&BTreeSet<IpAddr>>, found: &Found, routing: &Routing) {
        let all = self.hops.index();
        let mut stale = |(gateway, index): (&Gateway, &u32)| {
            let hop = (*gateway, routing.neighbour(*gateway).map_or(0, neighbour));
            if found.hops[*index as usize] == Some(hop) {
                self.due.remove(index);
            } else {
                self.due.insert(*index, hop);
            }
        };
        match of {
            None => all.iter().for_each(stale),
            Some(ips) => {
                for ip in ips.iter().map(IpAddr::to_canonical) {
                    all.range(Gateway { ip, vid: 0 }..=Gateway { ip, vid: u16::MAX }).for_each(&mut stale);
                }
            }
        }
    }

    /// True if an index that stood for something else is due.
    pub(super) fn reuses(&self, found: &Found) -> bool {
        let other = |(index, (gateway, _)): (&u32, &Hop)| {
            found.hops[*index as usize].is_some_and(|(before, _)| before != *gateway)
        };
        self.due.iter().any(other) || self.due_groups.keys().any(|index| found.groups.contains_key(index))
    }

    /// What changed is in force; true if a grace period must go by before all of it may be used again.
    pub(super) fn changed(&mut self) -> bool {
        self.hops.changed() | self.groups.changed()
    }

    /// A grace period is over.
    pub(super) fn settled(&mut self) {
        self.hops.settled();
        self.groups.settled();
    }

    /// Indices that may stand for something else now.
    pub(super) fn free(&self) -> usize {
        self.hops.free() + self.groups.free()
    }

    /// True if a grace period would free an index.
    pub(super) fn waits(&self) -> bool {
        self.hops.waits() || self.groups.waits()
    }
}
