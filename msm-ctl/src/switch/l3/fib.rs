//! The FIB: what the kernel's routes and neighbours mean for the forwarding plane. Pure: told what there is, it says what changes.
//!
//! A neighbour is a host that frames are sent to if the longest prefix it is in is a network of ours on its VLAN: what a route leads
//! elsewhere, no neighbour entry leads back. What the plane cannot do itself (a way out by a netdev that is no VLAN's, an unreachable or
//! prohibited destination) goes to the stack, which does it, or answers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use msm_dataplane::{Gateway, Prefix, RouteTo, RoutesTouched, Routing, Station};

use crate::netlink::{Neighbour, Route, RouteKey, nud};

/// Tables of rtnetlink.h. Others are for rules, which the switch has none of.
const MAIN: u32 = 254;
const LOCAL: u32 = 255;
/// RTN_* of rtnetlink.h.
const UNICAST: u8 = 1;
const BLACKHOLE: u8 = 6;

/// The order in which the kernel asks: the local table first, then the lowest priority.
type Rank = (bool, u32);

/// See the file's first line.
#[derive(Debug, Default)]
pub(crate) struct Fib {
    /// VLAN of each interface, by the ifindex of its outer end.
    interfaces: BTreeMap<u32, u16>,
    routes: BTreeMap<Prefix, BTreeMap<Rank, Route>>,
    neighbours: BTreeMap<(IpAddr, u32), Neighbour>,
    /// How many routes lead by each gateway.
    gateways: BTreeMap<Gateway, usize>,
    routing: Routing,
}

/// The addresses of groups, or of a link: never forwarded to by a route.
fn unroutable(prefix: Prefix) -> bool {
    let link_local = matches!(prefix.addr(), IpAddr::V6(v6) if v6.is_unicast_link_local());
    prefix.len() >= 4 && (prefix.addr().is_multicast() || link_local)
}

/// What no router forwards (RFC 1812 section 5.3.7, RFC 4291 section 2.5): to the stack, which drops it and counts.
fn martians() -> impl Iterator<Item = Prefix> {
    let v4 = |octets: [u8; 4], len| Prefix::new(Ipv4Addr::from(octets).into(), len);
    let v6 =
        |first: u16, last: u16, len| Prefix::new(Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, last).into(), len);
    let all = [
        v4([0, 0, 0, 0], 8),
        v4([127, 0, 0, 0], 8),
        v4([255; 4], 32),
        v6(0, 0, 128),
        v6(0, 1, 128),
        v6(0xfe80, 0, 10),
    ];
    all.into_iter().flatten()
}

impl Fib {
    /// What the plane is to do.
    pub(crate) fn routing(&self) -> &Routing {
        &self.routing
    }

    /// The interfaces are these now, by ifindex.
    pub(crate) fn set_interfaces(&mut self, interfaces: BTreeMap<u32, u16>) -> RoutesTouched {
        let mut touched = RoutesTouched::default();
        if self.interfaces == interfaces {
            return touched;
        }
        self.interfaces = interfaces;
        let prefixes: BTreeSet<Prefix> = self.routes.keys().copied().chain(martians()).collect();
        for prefix in prefixes {
            self.decide(prefix, &mut touched);
        }
        let addresses: BTreeSet<IpAddr> = self.neighbours.keys().map(|(address, _)| *address).collect();
        let known = self.routing.hosts.keys().copied();
        let link_local = self.routing.link_local.keys().map(|gateway| gateway.ip);
        for address in addresses.into_iter().chain(known.chain(link_local).collect::<BTreeSet<_>>()) {
            self.place(address, &mut touched);
        }
        touched
    }

    /// A route is this now, or is no more.
    pub(crate) fn set_route(&mut self, key: &RouteKey, route: Option<Route>, touched: &mut RoutesTouched) {
        // A route for one type of service is none for all: the plane does not look at it.
        if ![MAIN, LOCAL].contains(&key.table) || key.tos != 0 {
            return;
        }
        let Some(prefix) = Prefix::new(key.prefix, key.prefix_len).filter(|prefix| !unroutable(*prefix))
        else {
            return;
        };
        let of_prefix = self.routes.entry(prefix).or_default();
        let rank = (key.table == MAIN, key.priority);
        match route {
            Some(route) => of_prefix.insert(rank, route),
            None => of_prefix.remove(&rank),
        };
        if of_prefix.is_empty() {
            self.routes.remove(&prefix);
        }
        self.decide(prefix, touched);
    }

    /// A neighbour is this now, or is no more.
    pub(crate) fn set_neighbour(
        &mut self,
        (ifindex, address): (u32, IpAddr),
        neighbour: Option<Neighbour>,
        touched: &mut RoutesTouched,
    ) {
        match neighbour {
            Some(neighbour) => self.neighbours.insert((address, ifindex), neighbour),
            None => self.neighbours.remove(&(address, ifindex)),
        };
        self.place(address, touched);
    }

    /// Whether frames are forwarded to a neighbour: a host that is sent to, or a gateway.
    pub(crate) fn uses(&self, ifindex: u32, address: IpAddr) -> bool {
        let Some(&vid) = self.interfaces.get(&ifindex) else { return false };
        self.gateways.contains_key(&Gateway { ip: address, vid })
            || self.routing.hosts.get(&address).is_some_and(|station| station.vid == vid)
    }

    /// Gateways that routes lead by, with the ifindex of their interface.
    pub(crate) fn gateways(&self) -> impl Iterator<Item = (u32, IpAddr)> + '_ {
        self.gateways.keys().filter_map(|gateway| Some((self.ifindex(gateway.vid)?, gateway.ip)))
    }

    /// Netdevs that have a neighbour of this address.
    pub(crate) fn netdevs_of(&self, address: IpAddr) -> impl Iterator<Item = u32> + '_ {
        self.neighbours.range((address, 0)..=(address, u32::MAX)).map(|((_, ifindex), _)| *ifindex)
    }

    /// VLAN of an interface.
    pub(crate) fn vlan(&self, ifindex: u32) -> Option<u16> {
        self.interfaces.get(&ifindex).copied()
    }

    fn ifindex(&self, vid: u16) -> Option<u32> {
        self.interfaces.iter().find(|(_, known)| **known == vid).map(|(ifindex, _)| *ifindex)
    }

    /// Decides where a prefix leads, and what that means for the neighbours in it.
    fn decide(&mut self, prefix: Prefix, touched: &mut RoutesTouched) {
        let first = self.routes.get(&prefix).and_then(|routes| routes.values().next());
        let martian = || {
            (!self.interfaces.is_empty() && martians().any(|known| known == prefix)).then_some(RouteTo::Local)
        };
        let is = first.map(|route| self.leads(route)).or_else(martian);
        let was = self.routing.routes.get(&prefix).cloned();
        if is == was {
            return;
        }
        self.count(was.as_ref(), false);
        self.count(is.as_ref(), true);
        match is {
            Some(to) => self.routing.routes.insert(prefix, to),
            None => self.routing.routes.remove(&prefix),
        };
        touched.routes.insert(prefix);
        let inside: Vec<IpAddr> = self
            .neighbours
            .range((prefix.addr(), 0)..)
            .map(|((address, _), _)| *address)
            .take_while(|address| prefix.contains(*address))
            .collect();
        for address in inside {
            self.place(address, touched);
        }
    }

    fn count(&mut self, to: Option<&RouteTo>, more: bool) {
        let Some(RouteTo::Hops(gateways)) = to else { return };
        for gateway in gateways {
            let uses = self.gateways.entry(*gateway).or_default();
            *uses = if more { *uses + 1 } else { uses.saturating_sub(1) };
            if *uses == 0 {
                self.gateways.remove(gateway);
            }
        }
    }

    /// Where a route leads.
    fn leads(&self, route: &Route) -> RouteTo {
        match route.kind {
            BLACKHOLE => return RouteTo::Blackhole,
            UNICAST if route.key.table == MAIN => {}
            // Addresses of ours, broadcasts, and what the stack has an answer to.
            _ => return RouteTo::Local,
        }
        let ways: Option<Vec<(Option<IpAddr>, u16)>> = route
            .next_hops
            .iter()
            .map(|hop| Some((hop.gateway, *self.interfaces.get(&hop.ifindex?)?)))
            .collect();
        match ways.as_deref() {
            Some([(None, vid)]) => RouteTo::Connected { vid: *vid },
            Some(ways) if !ways.is_empty() && ways.iter().all(|(gateway, _)| gateway.is_some()) => {
                let gateway = |(ip, vid): &(Option<IpAddr>, u16)| Some(Gateway { ip: (*ip)?, vid: *vid });
                let gateways: BTreeSet<Gateway> = ways.iter().filter_map(gateway).collect();
                RouteTo::Hops(gateways.into_iter().collect())
            }
            _ => RouteTo::Local,
        }
    }

    /// Decides whether frames are sent to the neighbours of an address.
    fn place(&mut self, address: IpAddr, touched: &mut RoutesTouched) {
        let usable = |neighbour: &Neighbour| {
            neighbour.mac.filter(|mac| neighbour.state & nud::VALID != 0 && *mac != [0; 6])
        };
        if matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
            let on_links = self.neighbours.range((address, 0)..=(address, u32::MAX));
            let is: BTreeMap<Gateway, [u8; 6]> = on_links
                .filter_map(|((_, ifindex), neighbour)| {
                    let vid = *self.interfaces.get(ifindex)?;
                    Some((Gateway { ip: address, vid }, usable(neighbour)?))
                })
                .collect();
            let all = Gateway { ip: address, vid: 0 }..=Gateway { ip: address, vid: u16::MAX };
            let was: BTreeMap<_, _> =
                self.routing.link_local.range(all).map(|(gateway, mac)| (*gateway, *mac)).collect();
            if is != was {
                for gateway in was.keys() {
                    self.routing.link_local.remove(gateway);
                }
                self.routing.link_local.extend(is);
                touched.hosts.insert(address);
            }
            return;
        }
        let is = match self.longest(address) {
            Some(RouteTo::Connected { vid }) => self
                .ifindex(*vid)
                .and_then(|ifindex| self.neighbours.get(&(address, ifindex)))
                .and_then(usable)
                .map(|mac| Station { mac, vid: *vid }),
            _ => None,
        };
        let was = self.routing.hosts.get(&address).copied();
        if is != was {
            match is {
                Some(station) => self.routing.hosts.insert(address, station),
                None => self.routing.hosts.remove(&address),
            };
            touched.hosts.insert(address);
        }
    }

    /// Where the longest prefix that `address` is in leads.
    fn longest(&self, address: IpAddr) -> Option<&RouteTo> {
        let most = if address.is_ipv4() { 32 } else { 128 };
        (0..=most).rev().find_map(|len| self.routing.routes.get(&Prefix::new(address, len)?))
    }
}

#[cfg(test)]
#[path = "fib_tests.rs"]
mod tests;
