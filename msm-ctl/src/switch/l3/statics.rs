//! Static routes and neighbours in the kernel. They bear a protocol number of their own, by which what is there is told from others'.

use std::collections::BTreeMap;
use std::net::IpAddr;

use msm_config::Config;

use super::names;
use crate::netlink::{self, Doing, Keep, NetlinkError, Placed, Route, View, nud};

/// Main table of rtnetlink.h.
const MAIN: u32 = 254;
/// RTN_BLACKHOLE of rtnetlink.h.
const BLACKHOLE: u8 = 6;

/// What identifies a route of ours: prefix, its length, priority.
type Key = (IpAddr, u8, u32);

/// What should be there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Statics {
    routes: BTreeMap<Key, Placed>,
    neighbours: BTreeMap<(u32, IpAddr), [u8; 6]>,
}

/// Why a gateway cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreachable {
    /// Other routes are not asked: what they lead to is no neighbour.
    #[error(
        "no VLAN's network has the gateway; give the VLAN an address there, or name the neighbour on the way to it"
    )]
    NoNetwork,
    /// It would send to itself.
    #[error("the gateway is this switch itself")]
    Own,
}

/// The netdev of the VLAN whose network has this neighbour.
///
/// # Errors
/// None has it: a gateway is a neighbour, as Linux wants it; routes to gateways behind gateways are for routing protocols, which look at
/// them anew with every change.
pub(crate) fn way(config: &Config, neighbour: IpAddr) -> Result<u32, Unreachable> {
    let own = config.vlans.iter().any(|(_, vlan)| match neighbour {
        IpAddr::V4(v4) => vlan.interface.is_some_and(|interface| interface.address == v4),
        IpAddr::V6(v6) => vlan.interfaces6.iter().any(|interface| interface.address == v6),
    });
    if own {
        return Err(Unreachable::Own);
    }
    let (_, vlan) = config.vlans.reaching(neighbour).ok_or(Unreachable::NoNetwork)?;
    vlan.svi.map(names::outer).ok_or(Unreachable::NoNetwork)
}

/// What of the configuration can be in force: gateways and neighbours in the network of a VLAN that is not the network's own route.
pub(super) fn wanted(config: &Config) -> Statics {
    let netdev = |address: IpAddr| way(config, address).ok();
    let mut statics = Statics::default();
    for (&(network, gateway), &metric) in &config.routing.routes {
        let hop = match gateway {
            None => None,
            Some(gateway) => match netdev(gateway) {
                Some(ifindex) => Some((gateway, ifindex)),
                None => continue,
            },
        };
        let (prefix, len) = (network.address(), network.len());
        // A blackhole is what is left when no way is: it loses to all.
        let priority = if hop.is_some() { u32::from(metric) } else { names::LAST_PRIORITY };
        let placed = statics.routes.entry((prefix, len, priority));
        placed.or_insert_with(|| Placed { prefix, len, priority, hops: Vec::new() }).hops.extend(hop);
    }
    let placed = config.routing.neighbours.iter();
    statics.neighbours =
        placed.filter_map(|(address, mac)| Some(((netdev(*address)?, *address), mac.0))).collect();
    statics
}

/// Makes the kernel have them. How many writes it took, and what could not be made.
pub(super) async fn make(view: &View, wanted: &Statics) -> (u64, Vec<String>) {
    let mut has: BTreeMap<Key, Route> = BTreeMap::new();
    view.routes(&mut |route| {
        if route.protocol == names::PROTOCOL && route.key.table == MAIN {
            has.insert((route.key.prefix, route.key.prefix_len, route.key.priority), route.clone());
        }
    });
    let mut placed = BTreeMap::new();
    view.neighbours(&mut |neighbour| {
        if neighbour.protocol == names::PROTOCOL && neighbour.state & nud::PERMANENT != 0 {
            placed.insert((neighbour.ifindex, neighbour.address), neighbour.mac);
        }
    });
    let mut routes = Vec::new();
    for (key, route) in &has {
        if !wanted.routes.contains_key(key) {
            let (prefix, len, priority) = *key;
            routes.push((Placed { prefix, len, priority, hops: hops(route) }, Doing::Remove));
        }
    }
    for (key, route) in &wanted.routes {
        match has.get(key) {
            Some(is) if same(is, route) => {}
            Some(_) => routes.push((route.clone(), Doing::Replace)),
            None => routes.push((route.clone(), Doing::Add)),
        }
    }
    let mut neighbours = Vec::new();
    for key in placed.keys().filter(|key| !wanted.neighbours.contains_key(key)) {
        neighbours.push((*key, Keep::Gone));
    }
    for (key, mac) in &wanted.neighbours {
        if placed.get(key) != Some(&Some(*mac)) {
            neighbours.push((*key, Keep::Placed { mac: *mac, protocol: names::PROTOCOL }));
        }
    }
    if routes.is_empty() && neighbours.is_empty() {
        return (0, Vec::new());
    }
    let writes = (routes.len() + neighbours.len()) as u64;
    (writes, write(routes, neighbours).await.unwrap_or_else(|error| vec![error.to_string()]))
}

async fn write(
    routes: Vec<(Placed, Doing)>,
    neighbours: Vec<((u32, IpAddr), Keep)>,
) -> Result<Vec<String>, NetlinkError> {
    let handle = netlink::handle()?;
    let mut faults = Vec::new();
    for (route, doing) in routes {
        if let Err(error) = netlink::place(&handle, &route, names::PROTOCOL, doing).await {
            faults.push(error.to_string());
        }
    }
    for ((ifindex, address), keep) in neighbours {
        if let Err(error) = netlink::keep(&handle, ifindex, address, keep).await {
            faults.push(error.to_string());
        }
    }
    Ok(faults)
}

/// Gateways of a route as it is, in order.
fn hops(route: &Route) -> Vec<(IpAddr, u32)> {
    let hop = |hop: &crate::netlink::NextHop| Some((hop.gateway?, hop.ifindex?));
    let mut hops: Vec<_> = route.next_hops.iter().filter_map(hop).collect();
    hops.sort_unstable();
    hops
}

fn same(is: &Route, wanted: &Placed) -> bool {
    let mut ways = wanted.hops.clone();
    ways.sort_unstable();
    (is.kind == BLACKHOLE) == ways.is_empty() && hops(is) == ways
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use msm_config::Facts;
    use msm_config::model::script;

    use super::*;

    fn statics(lines: &str) -> Statics {
        let ports = [0, 1].into();
        let options = msm_proto::Options::default();
        let facts = Arc::new(Facts { ports, sys_name: "t".into(), options, netdevs: Default::default() });
        let changes = script(lines).expect("commands");
        wanted(&Config::factory(&facts).with(&changes).expect("lawful"))
    }

    #[test]
    fn what_is_not_in_force_says_why() {
        let ports = [0, 1].into();
        let options = msm_proto::Options::default();
        let facts = Arc::new(Facts { ports, sys_name: "t".into(), options, netdevs: Default::default() });
        let lines =
            "configure vlan Default ipaddress 10.1.0.1/24\nconfigure iproute add 10.8.0.0/16 10.1.0.9\n";
        let config = Config::factory(&facts).with(&script(lines).expect("commands")).expect("lawful");
        let way = |text: &str| way(&config, text.parse().expect("an address"));
        assert_eq!(way("10.1.0.9"), Ok(names::outer(0)));
        assert_eq!(way("10.1.0.1"), Err(Unreachable::Own));
        assert_eq!(way("10.8.0.1"), Err(Unreachable::NoNetwork), "a route leads to it, a network does not");
        assert_eq!(way("2001:db8::1"), Err(Unreachable::NoNetwork));
    }

    #[test]
    fn a_route_is_in_force_while_its_gateway_is_a_neighbour() {
        let lines = "create vlan red\nconfigure vlan Default ipaddress 10.1.0.1/24\nconfigure vlan red ipaddress 10.2.0.1/24\n\
            configure iproute add 10.9.0.0/16 10.1.0.9\nconfigure iproute add 10.9.0.0/16 10.2.0.9\n\
            configure iproute add 10.9.0.0/16 10.3.0.9\nconfigure iproute add 10.9.0.0/16 10.1.0.1\n\
            configure iproute add 10.9.0.0/16 10.2.0.8 5\nconfigure iproute add blackhole 10.9.0.0/16\n\
            configure iparp add 10.1.0.9 02:00:00:00:00:09\nconfigure iparp add 10.3.0.9 02:00:00:00:00:09\n";
        let statics = statics(lines);
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let hops: Vec<_> =
            statics.routes.values().map(|route| (route.priority, route.hops.clone())).collect();
        let shared = vec![(ip("10.1.0.9"), names::outer(0)), (ip("10.2.0.9"), names::outer(1))];
        let expected =
            [(1, shared), (5, vec![(ip("10.2.0.8"), names::outer(1))]), (names::LAST_PRIORITY, vec![])];
        assert_eq!(hops, expected);
        assert_eq!(
            statics.neighbours.keys().copied().collect::<Vec<_>>(),
            [(names::outer(0), ip("10.1.0.9"))]
        );
    }
}
