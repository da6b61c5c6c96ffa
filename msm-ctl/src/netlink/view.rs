//! The view: what the kernel says of links, routes and neighbours, kept so that front ends read it while its owner writes.
//!
//! One task writes links, another routes and neighbours; every reader takes a copy of the one record it asks for, so no
//! reader can hold a writer up for longer than a shard's lock.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::peers::Peer;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio::sync::{Notify, watch};

/// RTPROT_* of what the switch places in the kernel: none of rtnetlink.h, of iproute2's rt_protos or of FRR's.
pub(crate) const OURS: u8 = 77;
/// Netdevs kept. 16 slots of 96 ports, an SVI pair a VLAN (4,094) and room for what is not ours.
pub(crate) const MAX_LINKS: usize = 16_384;
/// Routes kept: twice the 130,560 that the largest chassis carries.
pub(crate) const MAX_ROUTES: usize = 262_144;
/// Neighbours kept: twice the IPFDB's size, and the kernel's own limit is lower unless `gc_thresh3` was raised.
pub(crate) const MAX_NEIGHBOURS: usize = 131_072;
/// Next hops kept of one route.
pub(crate) const MAX_NEXT_HOPS: usize = 32;

/// One netdev of the switch's namespace. Source: RTM_NEWLINK, and family `netdev` for the XDP features.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Netdev {
    /// Kernel index in this namespace.
    pub(crate) ifindex: u32,
    /// Name in this namespace.
    pub(crate) name: String,
    /// IFF_UP.
    pub(crate) admin_up: bool,
    /// IFLA_CARRIER: the wire is there. For a veth: both ends are up.
    pub(crate) carrier: bool,
    /// IFLA_CARRIER_CHANGES: ups and downs since the netdev was made.
    pub(crate) carrier_changes: u32,
    /// Bytes of L3 payload.
    pub(crate) mtu: u32,
    /// IFLA_ADDRESS; zero when it is not 6 bytes long.
    pub(crate) mac: [u8; 6],
    /// IFLA_INFO_KIND (`veth`, `bridge`, ...); empty for hardware and loopback.
    pub(crate) kind: String,
    /// IFLA_LINK: the peer's ifindex, in the peer's namespace.
    pub(crate) peer_ifindex: Option<u32>,
    /// IFLA_LINK_NETNSID: present when the peer is in another namespace; the kernel's number for it, or -1.
    pub(crate) peer_netnsid: Option<i32>,
    /// NETDEV_XDP_ACT_* bits (`linux/netdev.h`).
    pub(crate) xdp_features: u64,
}

/// What tells two routes apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RouteKey {
    /// Routing table; 254 is main.
    pub(crate) table: u32,
    /// Prefix; unspecified for a default route.
    pub(crate) prefix: IpAddr,
    /// Prefix length in bits.
    pub(crate) prefix_len: u8,
    /// Lower wins.
    pub(crate) priority: u32,
    /// Type of service.
    pub(crate) tos: u8,
}

/// Where a route goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NextHop {
    /// None: the destination is on the link.
    pub(crate) gateway: Option<IpAddr>,
    /// Outgoing netdev.
    pub(crate) ifindex: Option<u32>,
}

/// One route; of several with one key, the one the kernel uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    /// What tells it apart.
    pub(crate) key: RouteKey,
    /// RTPROT_*: who installed it.
    pub(crate) protocol: u8,
    /// RTN_*: 1 unicast, 2 local, 6 blackhole.
    pub(crate) kind: u8,
    /// At most [`MAX_NEXT_HOPS`]; empty for a blackhole.
    pub(crate) next_hops: Vec<NextHop>,
    /// The next-hop object that it refers to; what that is, `next_hops` says.
    pub(crate) object: Option<u32>,
}

/// One neighbour (ARP or ND).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Neighbour {
    /// On which netdev.
    pub(crate) ifindex: u32,
    /// Its address.
    pub(crate) address: IpAddr,
    /// None until it is resolved.
    pub(crate) mac: Option<[u8; 6]>,
    /// NUD_* bits, [`super::nud`].
    pub(crate) state: u16,
    /// RTPROT_*: who placed it; 0: nobody.
    pub(crate) protocol: u8,
    /// NTF_EXT_MANAGED: the kernel keeps it resolved.
    pub(crate) managed: bool,
}

/// Live copy of the kernel's tables. Cheap to clone: clones share one content.
#[derive(Debug, Clone, Default)]
pub(crate) struct View(Arc<Tables>);

#[derive(Debug, Default)]
struct Tables {
    links: DashMap<u32, Netdev>,
    names: DashMap<String, u32>,
    routes: DashMap<RouteKey, Route>,
    neighbours: DashMap<(u32, IpAddr), Neighbour>,
    peers: DashMap<u32, Peer>,
    /// How many routes refer to each next-hop object.
    objects: DashMap<u32, usize>,
    refused: AtomicU64,
    /// Rises with every change of a link's name, kind, address, MTU or state.
    links_changed: watch::Sender<u64>,
    /// Rises with every change of a route or neighbour that the switch has placed.
    own_changed: watch::Sender<u64>,
    /// What of routes and neighbours has changed since it was last asked for.
    changed: Mutex<Changed>,
    /// Routes and neighbours are to be read again: what is not here may be there.
    doubtful: AtomicBool,
    wake: Notify,
}

/// Routes and neighbours that are not as they were. There are at most as many as the view has room for, and those that went.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Changed {
    /// Routes that came, went or changed.
    pub(crate) routes: HashSet<RouteKey>,
    /// Neighbours likewise, by netdev and address.
    pub(crate) neighbours: HashSet<(u32, IpAddr)>,
}

impl Changed {
    /// True if nothing changed.
    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.routes.is_empty() && self.neighbours.is_empty()
    }
}

impl View {
    /// The netdev of this name.
    pub(crate) fn get(&self, name: &str) -> Option<Netdev> {
        let ifindex = *self.0.names.get(name)?;
        self.by_index(ifindex).filter(|dev| dev.name == name)
    }

    /// The netdev of this index.
    pub(crate) fn by_index(&self, ifindex: u32) -> Option<Netdev> {
        self.0.links.get(&ifindex).map(|dev| dev.clone())
    }

    /// Wakes whoever waits for links to change.
    pub(crate) fn links_changed(&self) -> watch::Receiver<u64> {
        self.0.links_changed.subscribe()
    }

    /// What the other ends of veths are like now; whether that is something else than before.
    pub(super) fn put_peers(&self, peers: std::collections::BTreeMap<u32, Peer>) -> bool {
        let mut changed = false;
        self.0.peers.retain(|ifindex, _| {
            let stays = peers.contains_key(ifindex);
            changed |= !stays;
            stays
        });
        for (ifindex, peer) in peers {
            changed |= self.0.peers.insert(ifindex, peer.clone()) != Some(peer);
        }
        changed
    }

    /// What the other end of a veth was like when it was last asked.
    pub(crate) fn peer(&self, ifindex: u32) -> Option<Peer> {
        self.0.peers.get(&ifindex).map(|peer| peer.clone())
    }

    /// Wakes whoever waits for what the switch has placed to change.
    pub(crate) fn own_changed(&self) -> watch::Receiver<u64> {
        self.0.own_changed.subscribe()
    }

    fn own(&self, protocol: u8) {
        if protocol == OURS {
            self.0.own_changed.send_modify(|times| *times += 1);
        }
    }

    /// Every netdev, in no order.
    pub(crate) fn links(&self) -> Vec<Netdev> {
        self.0.links.iter().map(|dev| dev.clone()).collect()
    }

    /// Writes a netdev and returns what was there.
    pub(super) fn put_link(&self, dev: Netdev) -> Result<Option<Netdev>, Full> {
        let before = self.by_index(dev.ifindex);
        if before.is_none() && self.0.links.len() >= MAX_LINKS {
            return Err(self.full("links", MAX_LINKS));
        }
        if let Some(before) = before.as_ref().filter(|before| before.name != dev.name) {
            self.0.names.remove_if(&before.name, |_, ifindex| *ifindex == dev.ifindex);
        }
        let same = before.as_ref() == Some(&dev);
        self.0.names.insert(dev.name.clone(), dev.ifindex);
        self.0.links.insert(dev.ifindex, dev);
        if !same {
            self.0.links_changed.send_modify(|times| *times += 1);
        }
        Ok(before)
    }

    /// Removes a netdev and returns it.
    pub(super) fn remove_link(&self, ifindex: u32) -> Option<Netdev> {
        let (_, dev) = self.0.links.remove(&ifindex)?;
        self.0.names.remove_if(&dev.name, |_, owner| *owner == ifindex);
        self.0.links_changed.send_modify(|times| *times += 1);
        Some(dev)
    }

    /// Writes a route and returns what was there.
    pub(super) fn put_route(&self, route: &Route) -> Result<Option<Route>, Full> {
        let key = route.key;
        let before = put(&self.0.routes, key, route.clone(), MAX_ROUTES);
        let before = before.map_err(|_| self.full("routes", MAX_ROUTES))?;
        if before.as_ref() != Some(route) {
            self.refer(route.object, before.as_ref().and_then(|before| before.object));
            self.own(before.as_ref().map_or(0, |before| before.protocol));
            self.own(route.protocol);
            self.mark(|changed| changed.routes.insert(key));
        }
        Ok(before)
    }

    /// Removes a route and returns it.
    pub(super) fn remove_route(&self, key: &RouteKey) -> Option<Route> {
        let (_, route) = self.0.routes.remove(key)?;
        self.refer(None, route.object);
        self.own(route.protocol);
        self.mark(|changed| changed.routes.insert(*key));
        Some(route)
    }

    /// Keeps the routes for which `keep` says so.
    pub(super) fn retain_routes(&self, mut keep: impl FnMut(&RouteKey) -> bool) {
        let mut gone = Vec::new();
        self.0.routes.retain(|key, route| {
            let stays = keep(key);
            if !stays {
                self.refer(None, route.object);
                self.own(route.protocol);
                gone.push(*key);
            }
            stays
        });
        if !gone.is_empty() {
            self.mark(|changed| changed.routes.extend(gone));
        }
    }

    /// Writes a neighbour and returns what was there.
    pub(super) fn put_neighbour(&self, neighbour: &Neighbour) -> Result<Option<Neighbour>, Full> {
        let key = (neighbour.ifindex, neighbour.address);
        let before = put(&self.0.neighbours, key, neighbour.clone(), MAX_NEIGHBOURS);
        let before = before.map_err(|_| self.full("neighbours", MAX_NEIGHBOURS))?;
        if before.as_ref() != Some(neighbour) {
            self.own(neighbour.protocol);
            self.mark(|changed| changed.neighbours.insert(key));
        }
        Ok(before)
    }

    /// Removes a neighbour.
    pub(super) fn remove_neighbour(&self, ifindex: u32, address: IpAddr) {
        if let Some((_, neighbour)) = self.0.neighbours.remove(&(ifindex, address)) {
            self.own(neighbour.protocol);
            self.mark(|changed| changed.neighbours.insert((ifindex, address)));
        }
    }

    /// Keeps the neighbours for which `keep` says so.
    pub(super) fn retain_neighbours(&self, mut keep: impl FnMut(&(u32, IpAddr)) -> bool) {
        let mut gone = Vec::new();
        self.0.neighbours.retain(|key, neighbour| {
            let stays = keep(key);
            if !stays {
                self.own(neighbour.protocol);
                gone.push(*key);
            }
            stays
        });
        if !gone.is_empty() {
            self.mark(|changed| changed.neighbours.extend(gone));
        }
    }

    /// A route refers to `now` instead of `before`.
    fn refer(&self, now: Option<u32>, before: Option<u32>) {
        if now == before {
            return;
        }
        if let Some(now) = now {
            *self.0.objects.entry(now).or_default() += 1;
        }
        if let Some(before) = before {
            if let Some(mut uses) = self.0.objects.get_mut(&before) {
                *uses -= 1;
            }
            self.0.objects.remove_if(&before, |_, uses| *uses == 0);
        }
    }

    /// After the view was written: who reads what is marked reads what was written, or something newer.
    fn mark<T>(&self, with: impl FnOnce(&mut Changed) -> T) {
        with(&mut self.0.changed.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.wake.notify_one();
    }

    /// What of routes and neighbours has changed since this was last called. Of one reader.
    pub(crate) fn take_changed(&self) -> Changed {
        std::mem::take(&mut *self.0.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until something may have changed. Cancel safe; of one reader.
    pub(crate) async fn changed(&self) {
        self.0.wake.notified().await;
    }

    /// Routes and neighbours are to be read again, or have been.
    pub(super) fn doubt(&self, doubtful: bool) {
        if self.0.doubtful.swap(doubtful, Ordering::AcqRel) && !doubtful {
            self.0.wake.notify_one();
        }
    }

    /// Whether the kernel has no route and no neighbour that is not here. [`Self::changed`] wakes when that comes to be true.
    pub(crate) fn is_whole(&self) -> bool {
        !self.0.doubtful.load(Ordering::Acquire)
    }

    fn full(&self, table: &'static str, limit: usize) -> Full {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
        Full { table, limit }
    }
}

impl View {
    /// Calls `each` for every route, in no order. `each` must not call back into the view.
    pub(crate) fn routes(&self, each: &mut dyn FnMut(&Route)) {
        self.0.routes.iter().for_each(|route| each(&route));
    }

    /// The route of this key.
    pub(crate) fn route(&self, key: &RouteKey) -> Option<Route> {
        self.0.routes.get(key).map(|route| route.clone())
    }

    /// Calls `each` for every neighbour, in no order. `each` must not call back into the view.
    pub(crate) fn neighbours(&self, each: &mut dyn FnMut(&Neighbour)) {
        self.0.neighbours.iter().for_each(|neighbour| each(&neighbour));
    }

    /// Whether a route refers to that next-hop object.
    pub(super) fn refers(&self, object: u32) -> bool {
        self.0.objects.contains_key(&object)
    }

    /// The neighbour of this address on this netdev.
    pub(crate) fn neighbour(&self, ifindex: u32, address: IpAddr) -> Option<Neighbour> {
        self.0.neighbours.get(&(ifindex, address)).map(|neighbour| neighbour.clone())
    }

    /// [`Self::doubt`], for who is no follower of the kernel's.
    #[cfg(test)]
    pub(crate) fn in_doubt(&self, doubtful: bool) {
        self.doubt(doubtful);
    }

    /// A neighbour comes or changes, or goes.
    #[cfg(test)]
    pub(crate) fn hear_of(&self, neighbour: &Neighbour, there: bool) {
        if there {
            self.put_neighbour(neighbour).expect("room");
        } else {
            self.remove_neighbour(neighbour.ifindex, neighbour.address);
        }
    }

    /// Records refused because a table was at its limit, since start. Not 0: the view is incomplete.
    #[cfg(test)]
    pub(crate) fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }
}

/// A table of the view is at its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the netlink view holds {limit} {table}, its limit; the next one is not kept")]
pub(crate) struct Full {
    table: &'static str,
    limit: usize,
}

/// Inserts unless a new key would pass the limit. The one writer of a table makes the length exact.
fn put<K: Eq + std::hash::Hash, V>(
    map: &DashMap<K, V>,
    key: K,
    value: V,
    limit: usize,
) -> Result<Option<V>, V> {
    let room = map.len() < limit;
    match map.entry(key) {
        Entry::Occupied(mut slot) => Ok(Some(slot.insert(value))),
        Entry::Vacant(slot) if room => {
            slot.insert(value);
            Ok(None)
        }
        Entry::Vacant(_) => Err(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dev(ifindex: u32, name: &str) -> Netdev {
        Netdev { ifindex, name: name.to_owned(), ..Netdev::default() }
    }

    #[test]
    fn names_follow_a_swap() {
        let view = View::default();
        for (ifindex, name) in [(1, "a"), (2, "b"), (1, "c"), (2, "a"), (1, "b")] {
            view.put_link(dev(ifindex, name)).unwrap();
        }
        assert_eq!(view.get("a").unwrap().ifindex, 2);
        assert_eq!(view.get("b").unwrap().ifindex, 1);
        assert_eq!(view.get("c"), None);
        assert_eq!(view.remove_link(1).unwrap().name, "b");
        assert_eq!(view.get("b"), None);
        assert_eq!(view.links().len(), 1);
    }

    #[test]
    fn a_name_taken_over_survives_its_old_owners_removal() {
        let view = View::default();
        view.put_link(dev(1, "a")).unwrap();
        view.put_link(dev(2, "a")).unwrap();
        view.remove_link(1);
        assert_eq!(view.get("a").unwrap().ifindex, 2);
    }

    #[test]
    fn what_changed_is_told_once_and_what_did_not_never() {
        let view = View::default();
        let address: IpAddr = "10.0.0.1".parse().unwrap();
        let neighbour = Neighbour { ifindex: 1, address, mac: None, state: 2, protocol: 0, managed: false };
        view.put_neighbour(&neighbour).unwrap();
        assert_eq!(view.take_changed().neighbours, [(1, address)].into());
        view.put_neighbour(&neighbour).unwrap();
        view.retain_neighbours(|_| true);
        assert!(view.take_changed().is_empty());
        view.retain_neighbours(|_| false);
        assert_eq!(view.take_changed().neighbours, [(1, address)].into());
    }

    #[test]
    fn a_full_table_refuses_what_is_new_and_takes_what_it_has() {
        let view = View::default();
        for ifindex in 0..MAX_LINKS as u32 {
            view.put_link(dev(ifindex, &ifindex.to_string())).unwrap();
        }
        assert!(view.put_link(dev(MAX_LINKS as u32, "over")).is_err());
        assert_eq!(view.get("over"), None);
        assert_eq!(view.refused(), 1);
        view.put_link(dev(5, "renamed")).unwrap();
        assert_eq!(view.get("renamed").unwrap().ifindex, 5);
    }
}
