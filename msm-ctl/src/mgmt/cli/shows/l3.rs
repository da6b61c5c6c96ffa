//! `show iproute|ipfdb|iparp|ipconfig`

use std::collections::BTreeMap;
use std::net::IpAddr;

use msm_config::Config;
use msm_config::command::RouteSelection;
use msm_config::mac::Mac;
use msm_config::name::Name;
use msm_config::network::Network;
use msm_config::port::PortName;
use msm_dataplane::Station;

use super::super::server::Desk;
use super::super::views::l3 as views;
use super::{NO_TABLES, no_vlan};
use crate::msm::board::Board;
use crate::netlink::{Neighbour, Route, nud};
use crate::switch::l3::{names, statics};

/// Main table of rtnetlink.h: what is routed by.
const MAIN: u32 = 254;
/// RTN_UNICAST and others of rtnetlink.h.
const KINDS: [(u8, &str); 5] =
    [(1, "unicast"), (6, "blackhole"), (7, "unreachable"), (8, "prohibit"), (9, "throw")];
/// RTPROT_* of rtnetlink.h.
const ORIGINS: [(u8, &str); 13] = [
    (2, "direct"),
    (3, "boot"),
    (4, "admin"),
    (9, "ra"),
    (11, "zebra"),
    (16, "dhcp"),
    (names::PROTOCOL, "static"),
    (186, "bgp"),
    (187, "isis"),
    (188, "ospf"),
    (189, "rip"),
    (190, "ripng"),
    (192, "eigrp"),
];

/// The VLAN of a netdev, if it is an interface's.
fn vlan_of(config: &Config, ifindex: Option<u32>) -> Option<(&Name, u16)> {
    let number = names::of_outer(ifindex?)?;
    config.vlans.of_interface(number).map(|(name, vlan)| (name, vlan.vid))
}

fn known(config: &Config, name: Option<&Name>) -> Result<(), String> {
    match name.filter(|name| config.vlans.get(name).is_none()) {
        Some(name) => Err(no_vlan(name)),
        None => Ok(()),
    }
}

/// `show iproute`
pub(super) fn routes(which: &RouteSelection, desk: &Desk, board: &Board) -> Result<views::Routes, String> {
    let config = &board.config.config;
    known(config, which.vlan.as_ref())?;
    let mut found: Vec<(IpAddr, u8, views::Route)> = Vec::new();
    let mut installed = Vec::new();
    desk.view.routes(&mut |route: &Route| {
        let key = route.key;
        let of_link = matches!(key.prefix, IpAddr::V6(v6) if v6.is_unicast_link_local());
        if key.table != MAIN || key.prefix.is_multicast() || of_link {
            return;
        }
        if route.protocol == names::PROTOCOL {
            let gateways = route.next_hops.iter().map(|hop| hop.gateway);
            let none = route.next_hops.is_empty().then_some(None);
            installed.extend(gateways.chain(none).map(|gateway| (key.prefix, key.prefix_len, gateway)));
        }
        found.push((key.prefix, key.prefix_len, row(route, config, desk)));
    });
    for (&(network, gateway), &metric) in &config.routing.routes {
        if !installed.contains(&(network.address(), network.len(), gateway)) {
            found.push((network.address(), network.len(), inactive(config, network, gateway, metric)));
        }
    }
    found.retain(|(prefix, len, route)| {
        let leads = |address| Network::new(*prefix, *len).is_ok_and(|network| network.contains(address));
        let into = |vlan: &Name| route.hops.iter().any(|hop| hop.vlan.as_deref() == Some(vlan.as_str()));
        which.address.is_none_or(leads) && which.vlan.as_ref().is_none_or(into)
    });
    found.sort_by_key(|(prefix, len, route)| (prefix.is_ipv6(), *prefix, *len, route.metric));
    let routes: Vec<_> = found.into_iter().map(|(_, _, route)| route).collect();
    Ok(views::Routes { count: routes.len(), routes })
}

fn row(route: &Route, config: &Config, desk: &Desk) -> views::Route {
    let word = |words: &[(u8, &str)], number: u8| {
        let known = words.iter().find(|(known, _)| *known == number);
        known.map_or_else(|| number.to_string(), |(_, word)| (*word).to_owned())
    };
    let hop = |hop: &crate::netlink::NextHop| views::Hop {
        gateway: hop.gateway.map(|gateway| gateway.to_string()),
        vlan: vlan_of(config, hop.ifindex).map(|(name, _)| name.to_string()),
        netdev: hop.ifindex.and_then(|ifindex| desk.view.by_index(ifindex)).map(|device| device.name),
    };
    let unicast = route.kind == 1;
    views::Route {
        destination: format!("{}/{}", route.key.prefix, route.key.prefix_len),
        origin: word(&ORIGINS, route.protocol),
        kind: word(&KINDS, route.kind),
        metric: route.key.priority,
        // IPv6 gives a blackhole the loopback.
        hops: route.next_hops.iter().filter(|_| unicast).map(hop).collect(),
        active: true,
        fault: None,
    }
}

fn inactive(config: &Config, network: Network, gateway: Option<IpAddr>, metric: u16) -> views::Route {
    let fault = match gateway.map(|gateway| statics::way(config, gateway)) {
        Some(Err(why)) => why.to_string(),
        Some(Ok(_)) => "the interface of the gateway's VLAN is down".to_owned(),
        None => "it is not made yet".to_owned(),
    };
    let hop = |gateway: IpAddr| views::Hop { gateway: Some(gateway.to_string()), vlan: None, netdev: None };
    views::Route {
        destination: network.to_string(),
        origin: "static".to_owned(),
        kind: if gateway.is_some() { "unicast" } else { "blackhole" }.to_owned(),
        metric: u32::from(metric),
        hops: gateway.map(hop).into_iter().collect(),
        active: false,
        fault: Some(fault),
    }
}

/// Where stations are, by VLAN id and address.
fn stations(board: &Board) -> Result<BTreeMap<(u16, [u8; 6]), String>, String> {
    let mut found = BTreeMap::new();
    if let Some(observer) = &board.observer {
        let mut each = |key: msm_abi::FdbKey, entry: msm_abi::FdbEntry| {
            if entry.lport() != msm_abi::NO_LPORT {
                found.insert((key.vid(), key.mac()), PortName::of(entry.lport()).to_string());
            }
        };
        observer.fdb(&mut each).map_err(|e| e.to_string())?;
    }
    Ok(found)
}

fn meant(which: &RouteSelection, address: IpAddr, vlan: Option<&Name>) -> bool {
    which.address.is_none_or(|only| only == address)
        && which.vlan.as_ref().is_none_or(|only| Some(only) == vlan)
}

/// Neighbours of VLANs, by address.
fn neighbours_of(
    which: &RouteSelection,
    desk: &Desk,
    config: &Config,
) -> Vec<(Neighbour, Option<(Name, u16)>)> {
    let mut found = Vec::new();
    let mgmt =
        desk.chassis.mgmt.as_ref().and_then(|netdev| desk.view.get(netdev)).map(|device| device.ifindex);
    desk.view.neighbours(&mut |neighbour: &Neighbour| {
        // NUD_NOARP: groups and the like, which nobody asked for.
        if neighbour.state & nud::NOARP != 0 || neighbour.address.is_multicast() {
            return;
        }
        let vlan = vlan_of(config, Some(neighbour.ifindex)).map(|(name, vid)| (name.clone(), vid));
        let management = || (Some(neighbour.ifindex) == mgmt).then(management).flatten();
        let vlan = vlan.or_else(management);
        if vlan.is_some() && meant(which, neighbour.address, vlan.as_ref().map(|(name, _)| name)) {
            found.push((neighbour.clone(), vlan));
        }
    });
    found.sort_by_key(|(neighbour, _)| (neighbour.address.is_ipv6(), neighbour.address));
    found
}

fn management() -> Option<(Name, u16)> {
    msm_config::model::MGMT_VLAN.parse().ok().map(|name| (name, 0))
}

/// `show iparp`
pub(super) fn neighbours(
    which: &RouteSelection,
    desk: &Desk,
    board: &Board,
) -> Result<views::Neighbours, String> {
    let config = &board.config.config;
    known(config, which.vlan.as_ref())?;
    let ports = stations(board)?;
    let neighbours: Vec<_> = neighbours_of(which, desk, config)
        .into_iter()
        .map(|(neighbour, vlan)| {
            let vid = vlan.as_ref().map_or(0, |(_, vid)| *vid);
            views::Neighbour {
                address: neighbour.address.to_string(),
                mac: neighbour.mac.map(|mac| Mac(mac).to_string()),
                port: neighbour.mac.and_then(|mac| ports.get(&(vid, mac)).cloned()),
                vlan: vlan.map(|(name, _)| name.to_string()),
                vid,
                fixed: neighbour.state & nud::PERMANENT != 0,
                state: nud::word(neighbour.state).to_owned(),
                managed: neighbour.managed,
            }
        })
        .collect();
    let with = |state: &str| neighbours.iter().filter(|neighbour| neighbour.state == state).count();
    Ok(views::Neighbours {
        count: neighbours.len(),
        static_count: with("static"),
        pending_count: with("pending"),
        timeout_min: config.routing.timeout_min,
        neighbours,
    })
}

/// `show ipfdb`
pub(super) fn hosts(which: &RouteSelection, board: &Board) -> Result<views::Hosts, String> {
    let config = &board.config.config;
    known(config, which.vlan.as_ref())?;
    let observer = board.observer.as_ref().ok_or(NO_TABLES)?;
    let ports = stations(board)?;
    let mut found = BTreeMap::new();
    let mut each = |address: IpAddr, station: Station| {
        found.insert((address.is_ipv6(), address), station);
    };
    observer.ipfdb(&mut each).map_err(|e| e.to_string())?;
    let mut hosts = Vec::new();
    for ((_, address), Station { mac, vid }) in found {
        let name = config.vlans.name_of(vid);
        if meant(which, address, name) {
            hosts.push(views::Host {
                address: address.to_string(),
                mac: Mac(mac).to_string(),
                vlan: name.map(ToString::to_string),
                vid,
                port: ports.get(&(vid, mac)).cloned(),
            });
        }
    }
    Ok(views::Hosts { count: hosts.len(), hosts })
}

/// `show ipconfig`
pub(super) fn ip_config(only: Option<&Name>, desk: &Desk, board: &Board) -> Result<views::IpConfig, String> {
    let config = &board.config.config;
    known(config, only)?;
    let wanted = |name: &Name, has: bool| only.map_or(has, |only| only == name);
    let vlans = config.vlans.iter().filter(|(name, vlan)| wanted(name, vlan.has_address()));
    let interfaces: Vec<_> = vlans
        .map(|(name, vlan)| {
            let netdev = match vlan.svi {
                Some(number) => desk.view.by_index(names::outer(number)),
                None if vlan.vid == 0 => desk.chassis.mgmt.as_ref().and_then(|netdev| desk.view.get(netdev)),
                None => None,
            };
            let address = vlan.interface.map(|i| format!("{}/{}", i.address, i.prefix));
            views::Interface {
                vlan: name.to_string(),
                vid: vlan.vid,
                number: vlan.svi,
                mac: netdev.as_ref().map(|device| Mac(device.mac).to_string()),
                up: netdev.as_ref().is_some_and(|device| device.admin_up && device.carrier),
                netdev: netdev.map(|device| device.name),
                address,
                addresses6: vlan.interfaces6.iter().map(ToString::to_string).collect(),
                forwarding: vlan.forwarding,
                forwarding6: vlan.forwarding6,
                mtu: vlan.mtu(),
            }
        })
        .collect();
    Ok(views::IpConfig {
        count: interfaces.len(),
        interfaces,
        static_routes: config.routing.routes.len(),
        static_neighbours: config.routing.neighbours.len(),
        arp_timeout_min: config.routing.timeout_min,
    })
}
