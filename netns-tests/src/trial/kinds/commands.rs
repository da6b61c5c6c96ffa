//! What a user types for each kind.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Kind;
use super::streams::{PERMITTED, neighbours};
use crate::bed::mac_text;
use crate::probe::{ipv4_of, ipv6_of, station};

/// VLAN ids: h7 is in the one untagged, h8 in the other; h1 and h3 in the first tagged, h3 in the second too.
pub(super) const EAST: u16 = 20;
pub(super) const WEST: u16 = 30;
/// Hosts at the ports of the group.
pub(super) const GROUP: [&str; 2] = ["h5", "h6"];
/// Numbers of flows whose addresses the configuration names.
pub(super) const MOVING: u16 = 0x9000;
pub(super) const IPV4: u16 = 0xa000;
pub(super) const IPV6: u16 = 0xa100;
pub(super) const REROUTED: u16 = 0xa200;
/// Networks of h7, of h8, and of what is behind the route that changes.
const EAST_NETWORK: u8 = 7;
const WEST_NETWORK: u8 = 8;
pub(super) const ROUTES: u8 = 9;
/// Number of the switch in its networks.
const SWITCH: u16 = 0xff01;

/// Commands of a kind; they build on those of the kinds before it.
pub(super) fn of(kind: Kind) -> Vec<String> {
    match kind {
        Kind::Tagged => [vlan("east", EAST, "1:4", "1:1,2:1"), vlan("west", WEST, "2:4", "2:1")].concat(),
        Kind::Shared => vec!["enable sharing 1:3 grouping 1:3,2:3 algorithm address-based".to_owned()],
        Kind::AccessList => vec![
            format!("create access-list trial-permit udp destination any ip-port {PERMITTED} source any ip-port any permit ports 2:2 precedence 10"),
            "create access-list trial-deny udp destination any ip-port range 2000 2999 source any ip-port any deny ports 2:2 precedence 20".to_owned(),
        ],
        Kind::Moving => Vec::new(),
        Kind::RoutedIpv4 => {
            let mut lines = vec![
                format!("configure vlan east ipaddress {}/16", ipv4(SWITCH, EAST_NETWORK)),
                format!("configure vlan west ipaddress {}/16", ipv4(SWITCH, WEST_NETWORK)),
                "enable ipforwarding".to_owned(),
            ];
            let networks = [EAST_NETWORK, WEST_NETWORK];
            lines.extend(neighbours(kind).flat_map(|number| networks.map(|host| neighbour(ipv4(number, host), station(number, host)))));
            lines
        }
        Kind::RoutedIpv6 => {
            let mut lines = vec![
                format!("configure vlan east ipaddress {}/64", ipv6(SWITCH, EAST_NETWORK)),
                format!("configure vlan west ipaddress {}/64", ipv6(SWITCH, WEST_NETWORK)),
                "enable ipforwarding ipv6".to_owned(),
            ];
            let networks = [EAST_NETWORK, WEST_NETWORK];
            lines.extend(neighbours(kind).flat_map(|number| networks.map(|host| neighbour(ipv6(number, host), station(number, host)))));
            lines
        }
        Kind::Rerouted => vec![
            neighbour(ipv4(REROUTED, EAST_NETWORK), station(REROUTED, 7)),
            neighbour(gateways()[0], station(REROUTED, 8)),
            neighbour(gateways()[1], station(REROUTED, 3)),
            route("add", 0),
        ],
    }
}

/// Next hops of the route that changes.
fn gateways() -> [Ipv4Addr; 2] {
    [ipv4(REROUTED, WEST_NETWORK), ipv4(REROUTED + 1, WEST_NETWORK)]
}

/// Adds or deletes the route by a gateway.
pub(super) fn route(verb: &str, gateway: usize) -> String {
    format!("configure iproute {verb} {}/16 {}", ipv4(0, ROUTES), gateways()[gateway])
}

fn vlan(name: &str, tag: u16, untagged: &str, tagged: &str) -> Vec<String> {
    vec![
        format!("create vlan {name}"),
        format!("configure vlan {name} tag {tag}"),
        format!("configure vlan Default delete ports {untagged}"),
        format!("configure vlan {name} add ports {untagged}"),
        format!("configure vlan {name} add ports {tagged} tagged"),
    ]
}

fn neighbour(address: impl std::fmt::Display, mac: [u8; 6]) -> String {
    format!("configure iparp add {address} {}", mac_text(mac))
}

fn ipv4(number: u16, network: u8) -> Ipv4Addr {
    ipv4_of(number, network).into()
}

fn ipv6(number: u16, network: u8) -> Ipv6Addr {
    ipv6_of(number, network).into()
}
