//! The routes and neighbours task: alone in writing both into the view.
//!
//! A plain insert or delete is applied as it comes. Whatever else a notification can mean (one of several routes of a key, a hop
//! of a multipath route) or leaves out (IPv4 routes vanish untold when their link or address goes: net/ipv4/fib_trie.c,
//! fib_table_flush) marks the tables, and one dump settles it.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use netlink_packet_route::link::LinkFlags;
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourExtFlags, NeighbourMessage,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteNextHop, RouteVia,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::MulticastGroup::{Ipv4Ifaddr, Ipv4Route, Ipv6Route, Link, Neigh};
use rtnetlink::packet_core::NLM_F_REPLACE;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, warn};

use super::dump::{dump, requests};
use super::notifications::{Notification, Notifications};
use super::view::{MAX_NEXT_HOPS, Neighbour, NextHop, Route, RouteKey, View};
use super::{LinkEvent, NetlinkError, next_hops};

/// From one dump to the next: 262,144 routes take part of a second, and links that flap must not make it all there is.
const DUMP_PERIOD: Duration = Duration::from_millis(250);
/// Between two tries to open the socket again.
const REOPEN: Duration = Duration::from_secs(1);

/// The task's state.
pub(crate) struct L3 {
    view: View,
    told: Notifications<RouteNetlinkMessage>,
    objects: Notifications<next_hops::Message>,
    /// Keys that several routes have: when one of them goes, only a dump tells which is used then.
    shared: HashSet<RouteKey>,
    /// When to dump again; none when the view is right.
    due: Option<Instant>,
    last: Instant,
    /// How often a socket ran over.
    overruns: u64,
}

impl L3 {
    /// Subscribes and reads everything.
    pub(crate) async fn start(view: View) -> Result<Self, NetlinkError> {
        let mut l3 = Self {
            view,
            told: subscribe()?,
            objects: next_hops::subscribe()?,
            shared: HashSet::new(),
            due: None,
            last: Instant::now(),
            overruns: 0,
        };
        l3.read_all().await?;
        Ok(l3)
    }

    /// Runs until the reader of link events is gone.
    pub(super) async fn run(mut self, end: mpsc::Sender<LinkEvent>) {
        loop {
            let error = tokio::select! {
                () = end.closed() => return,
                result = self.follow() => result.err(),
            };
            if let Some(error) = error {
                warn!(%error, "netlink: routes and neighbours are not followed; opening the socket again");
            }
            tokio::select! {
                () = end.closed() => return,
                () = sleep(REOPEN) => {}
            }
            self.due = Some(Instant::now());
            self.view.doubt(true);
        }
    }

    async fn follow(&mut self) -> Result<(), NetlinkError> {
        loop {
            let due = self.due;
            tokio::select! {
                told = self.told.next() => match told {
                    Some(Notification::Message(message, flags)) => self.apply(message, flags),
                    Some(Notification::Overrun) => self.overrun("notifications were lost"),
                    None => return Err(NetlinkError::NoAnswer { what: "following routes".to_owned() }),
                },
                told = self.objects.next() => match told {
                    Some(Notification::Message(message, _)) => {
                        if message.gone().is_some_and(|object| self.view.refers(object)) {
                            self.doubt("a next hop went");
                        }
                    }
                    Some(Notification::Overrun) => self.overrun("notifications of next hops were lost"),
                    None => return Err(NetlinkError::NoAnswer { what: "following next hops".to_owned() }),
                },
                () = sleep_until(due.unwrap_or(self.last)), if due.is_some() => self.renew().await?,
            }
        }
    }

    fn overrun(&mut self, why: &str) {
        self.overruns += 1;
        self.doubt(why);
    }

    fn doubt(&mut self, why: &str) {
        if self.due.is_none() {
            debug!(why, self.overruns, "netlink: routes and neighbours are to be read again");
            self.due = Some(Instant::now().max(self.last + DUMP_PERIOD));
            self.view.doubt(true);
        }
    }

    fn apply(&mut self, message: RouteNetlinkMessage, flags: u16) {
        match message {
            RouteNetlinkMessage::NewRoute(message) => {
                let Some(route) = read_route(&message) else { return };
                let replaces =
                    flags & NLM_F_REPLACE != 0 && message.header.address_family == AddressFamily::Inet;
                match self.view.put_route(&route) {
                    Ok(Some(before)) if before != route && !replaces => {
                        self.shared.insert(route.key);
                        self.doubt("two routes of one key");
                    }
                    Ok(_) => {}
                    Err(full) => debug!("netlink: {full}"),
                }
            }
            RouteNetlinkMessage::DelRoute(message) => {
                let Some(route) = read_route(&message) else { return };
                let other = self.view.remove_route(&route.key).is_some_and(|before| before != route);
                if other || self.shared.contains(&route.key) {
                    self.doubt("one of several routes of a key went");
                }
            }
            RouteNetlinkMessage::NewNeighbour(message) => {
                if let Some(neighbour) = read_neighbour(&message)
                    && let Err(full) = self.view.put_neighbour(&neighbour)
                {
                    debug!("netlink: {full}");
                }
            }
            RouteNetlinkMessage::DelNeighbour(message) => {
                if let Some(neighbour) = read_neighbour(&message) {
                    self.view.remove_neighbour(neighbour.ifindex, neighbour.address);
                }
            }
            RouteNetlinkMessage::NewLink(message) if !message.header.flags.contains(LinkFlags::Up) => {
                self.doubt("a link is down");
            }
            RouteNetlinkMessage::DelLink(_) => self.doubt("a link went"),
            RouteNetlinkMessage::DelAddress(_) => self.doubt("an address went"),
            _ => {}
        }
    }

    /// Subscribes anew, since an overrun socket is not to be trusted (see the links task), and reads everything.
    async fn renew(&mut self) -> Result<(), NetlinkError> {
        self.told = subscribe()?;
        self.objects = next_hops::subscribe()?;
        self.read_all().await
    }

    async fn read_all(&mut self) -> Result<(), NetlinkError> {
        let handle = requests()?;
        let (view, shared) = (&self.view, &mut self.shared);
        let mut routes = HashSet::new();
        let request = RouteNetlinkMessage::GetRoute(RouteMessage::default());
        dump(&handle, "routes", request, |message| match message {
            Some(RouteNetlinkMessage::NewRoute(message)) => {
                let Some(route) = read_route(&message) else { return };
                // The kernel lists the one it uses first.
                if !routes.insert(route.key) {
                    shared.insert(route.key);
                } else if let Err(full) = view.put_route(&route) {
                    debug!("netlink: {full}");
                }
            }
            Some(_) => {}
            None => {
                routes.clear();
                shared.clear();
            }
        })
        .await?;
        view.retain_routes(|key| routes.contains(key));

        let mut neighbours = HashSet::new();
        let request = RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default());
        dump(&handle, "neighbours", request, |message| match message {
            Some(RouteNetlinkMessage::NewNeighbour(message)) => {
                if let Some(neighbour) = read_neighbour(&message) {
                    neighbours.insert((neighbour.ifindex, neighbour.address));
                    if let Err(full) = view.put_neighbour(&neighbour) {
                        debug!("netlink: {full}");
                    }
                }
            }
            Some(_) => {}
            None => neighbours.clear(),
        })
        .await?;
        view.retain_neighbours(|key| neighbours.contains(key));
        self.due = None;
        self.last = Instant::now();
        self.view.doubt(false);
        Ok(())
    }
}

fn subscribe() -> Result<Notifications<RouteNetlinkMessage>, NetlinkError> {
    let groups = [Neigh, Ipv4Route, Ipv6Route, Link, Ipv4Ifaddr];
    let (connection, _, messages) = rtnetlink::new_multicast_connection(&groups)
        .map_err(|source| NetlinkError::Socket { what: "route notifications", source })?;
    Ok(Notifications::new(connection, messages))
}

/// Reads a route; `None` for other families and for copies the kernel made of a route (RTM_F_CLONED).
fn read_route(message: &RouteMessage) -> Option<Route> {
    let header = &message.header;
    let unspecified: IpAddr = match header.address_family {
        AddressFamily::Inet => Ipv4Addr::UNSPECIFIED.into(),
        AddressFamily::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
        _ => return None,
    };
    if header.flags.contains(RouteFlags::Cloned) {
        return None;
    }
    let mut key = RouteKey {
        table: header.table.into(),
        prefix: unspecified,
        prefix_len: header.destination_prefix_length,
        priority: 0,
        tos: header.tos,
    };
    let mut next_hops = Vec::new();
    let mut object = None;
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(address) => key.prefix = route_address(address)?,
            RouteAttribute::Priority(priority) => key.priority = *priority,
            RouteAttribute::Table(table) => key.table = *table,
            RouteAttribute::NhId(id) => object = Some(*id),
            RouteAttribute::MultiPath(hops) => {
                let hop = |hop: &RouteNextHop| next_hop(&hop.attributes, Some(hop.interface_index));
                next_hops = hops.iter().take(MAX_NEXT_HOPS).map(hop).collect();
            }
            _ => {}
        }
    }
    let single = next_hop(&message.attributes, None);
    if next_hops.is_empty() && single.ifindex.is_some() {
        next_hops.push(single);
    }
    Some(Route { key, protocol: header.protocol.into(), kind: header.kind.into(), next_hops, object })
}

fn next_hop(attributes: &[RouteAttribute], ifindex: Option<u32>) -> NextHop {
    let mut hop = NextHop { gateway: None, ifindex };
    for attribute in attributes {
        match attribute {
            RouteAttribute::Gateway(address) => hop.gateway = route_address(address),
            RouteAttribute::Via(RouteVia::Inet(address)) => hop.gateway = Some((*address).into()),
            RouteAttribute::Via(RouteVia::Inet6(address)) => hop.gateway = Some((*address).into()),
            RouteAttribute::Oif(oif) => hop.ifindex = Some(*oif),
            _ => {}
        }
    }
    hop
}

fn route_address(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}

/// Reads a neighbour; `None` for bridge FDB entries, which come in the same group.
fn read_neighbour(message: &NeighbourMessage) -> Option<Neighbour> {
    let address = message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(address)) => Some(IpAddr::from(*address)),
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)) => Some(IpAddr::from(*address)),
        _ => None,
    })?;
    let mac = message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::LinkLayerAddress(mac) => mac.as_slice().try_into().ok(),
        _ => None,
    });
    let protocol = message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Protocol(protocol) => Some(u8::from(*protocol)),
        _ => None,
    });
    let managed = message.attributes.iter().any(|attribute| {
        matches!(attribute, NeighbourAttribute::ExtFlags(flags) if flags.contains(NeighbourExtFlags::Managed))
    });
    Some(Neighbour {
        ifindex: message.header.ifindex,
        address,
        mac,
        state: u16::from(message.header.state),
        protocol: protocol.unwrap_or(0),
        managed,
    })
}

#[cfg(test)]
impl L3 {
    /// Gives the socket of notifications the least room that there is: it soon runs over.
    pub(crate) fn squeeze(&mut self) {
        self.told.socket().set_rx_buf_sz(1u32).expect("a socket of ours");
    }

    /// Follows until `enough`; how often a socket ran over.
    pub(crate) async fn until(&mut self, enough: impl Fn() -> bool) -> u64 {
        let changes = async {
            while !enough() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            result = self.follow() => panic!("following ended: {result:?}"),
            () = changes => {}
        }
        self.overruns
    }
}

#[cfg(test)]
mod tests {
    use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};

    use super::*;

    fn captured(bytes: &[u8]) -> RouteNetlinkMessage {
        match NetlinkMessage::<RouteNetlinkMessage>::deserialize(bytes).unwrap().payload {
            NetlinkPayload::InnerMessage(message) => message,
            other => panic!("{other:?}"),
        }
    }

    fn route(bytes: &[u8]) -> Route {
        match captured(bytes) {
            RouteNetlinkMessage::NewRoute(message) => read_route(&message).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// `ip route add 10.99.0.0/24 metric 7 nexthop via 10.9.0.5 nexthop via 10.9.0.6`
    #[test]
    fn a_route_with_two_next_hops() {
        let route = route(include_bytes!("captures/route-multipath.bin"));
        let prefix = IpAddr::from([10, 99, 0, 0]);
        assert_eq!(route.key, RouteKey { table: 254, prefix, prefix_len: 24, priority: 7, tos: 0 });
        let gateways: Vec<_> = route.next_hops.iter().map(|hop| hop.gateway.unwrap()).collect();
        assert_eq!(gateways, [IpAddr::from([10, 9, 0, 5]), IpAddr::from([10, 9, 0, 6])]);
        assert!(route.next_hops.iter().all(|hop| hop.ifindex == Some(1001)));
    }

    /// `ip -6 route add default via fe80::2 dev nl-p1`
    #[test]
    fn a_default_route_has_the_unspecified_prefix() {
        let route = route(include_bytes!("captures/route-default6.bin"));
        assert_eq!((route.key.prefix, route.key.prefix_len), (Ipv6Addr::UNSPECIFIED.into(), 0));
        let gateway = Some("fe80::2".parse().unwrap());
        assert_eq!(route.next_hops, [NextHop { gateway, ifindex: Some(1001) }]);
    }

    /// `ip neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev nl-p1`
    #[test]
    fn a_permanent_neighbour() {
        let RouteNetlinkMessage::NewNeighbour(message) = captured(include_bytes!("captures/neighbour.bin"))
        else {
            panic!("no neighbour");
        };
        let address = IpAddr::from([10, 9, 0, 2]);
        let mac = Some([2, 0, 0, 0, 0, 2]);
        let expected = Neighbour { ifindex: 1001, address, mac, state: 0x80, protocol: 0, managed: false };
        assert_eq!(read_neighbour(&message), Some(expected));
    }
}
