//! `show iproute|ipfdb|iparp|ipconfig`

use serde::{Deserialize, Serialize};

/// Routes by destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Routes {
    /// Rows.
    pub(crate) routes: Vec<Route>,
    /// How many.
    pub(crate) count: usize,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Route {
    /// `10.9.0.0/16`
    pub(crate) destination: String,
    /// `direct`, `static`, `ospf`, `bgp`, `rip`, `kernel`, ...
    pub(crate) origin: String,
    /// `unicast`, `blackhole`, `unreachable`, ...
    pub(crate) kind: String,
    /// Lower wins.
    pub(crate) metric: u32,
    /// By whom; empty for a blackhole.
    pub(crate) hops: Vec<Hop>,
    /// False: configured, and not in force.
    pub(crate) active: bool,
    /// Why it is not.
    #[serde(default)]
    pub(crate) fault: Option<String>,
}

/// One way of a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hop {
    /// null: the network is this switch's own.
    pub(crate) gateway: Option<String>,
    /// null: not a VLAN's.
    pub(crate) vlan: Option<String>,
    /// null: not known yet.
    pub(crate) netdev: Option<String>,
}

/// Hosts by address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hosts {
    /// Rows.
    pub(crate) hosts: Vec<Host>,
    /// How many.
    pub(crate) count: usize,
}

/// A host that packets are sent to without a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Host {
    /// Its address.
    pub(crate) address: String,
    /// Its station.
    pub(crate) mac: String,
    /// Its VLAN; null: none of the configuration.
    pub(crate) vlan: Option<String>,
    /// The VLAN's id.
    pub(crate) vid: u16,
    /// Where the station is; null: not known.
    pub(crate) port: Option<String>,
}

/// Neighbours by address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Neighbours {
    /// Rows.
    pub(crate) neighbours: Vec<Neighbour>,
    /// How many.
    pub(crate) count: usize,
    /// Placed by an operator.
    pub(crate) static_count: usize,
    /// Asked for, without an answer.
    pub(crate) pending_count: usize,
    /// Minutes for which one that nothing is sent to is remembered; 0: always.
    pub(crate) timeout_min: u16,
}

/// A neighbour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Neighbour {
    /// Its address.
    pub(crate) address: String,
    /// Its station; null: not known.
    pub(crate) mac: Option<String>,
    /// Its VLAN.
    pub(crate) vlan: Option<String>,
    /// The VLAN's id; 0: not switched.
    pub(crate) vid: u16,
    /// Where the station is; null: not known.
    pub(crate) port: Option<String>,
    /// Placed by an operator.
    #[serde(rename = "static")]
    pub(crate) fixed: bool,
    /// `reachable`, `stale`, `pending`, `failed`, `static`, `none`
    pub(crate) state: String,
    /// Kept up to date because packets are forwarded to it.
    pub(crate) managed: bool,
}

/// Interfaces by VLAN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IpConfig {
    /// Rows.
    pub(crate) interfaces: Vec<Interface>,
    /// How many.
    pub(crate) count: usize,
    /// Static routes that are configured.
    pub(crate) static_routes: usize,
    /// Static neighbours that are configured.
    pub(crate) static_neighbours: usize,
    /// As [`Neighbours::timeout_min`].
    pub(crate) arp_timeout_min: u16,
}

/// A VLAN with an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Interface {
    /// The VLAN.
    pub(crate) vlan: String,
    /// Its id; 0: not switched.
    pub(crate) vid: u16,
    /// Number of the interface; null: not switched.
    pub(crate) number: Option<u16>,
    /// As Linux and the routing suite see it.
    pub(crate) netdev: Option<String>,
    /// Its address on the wire.
    pub(crate) mac: Option<String>,
    /// `10.0.0.1/24`
    pub(crate) address: Option<String>,
    /// `2001:db8::1/64`
    pub(crate) addresses6: Vec<String>,
    /// IPv4 is forwarded.
    pub(crate) forwarding: bool,
    /// IPv6 is forwarded.
    pub(crate) forwarding6: bool,
    /// Longest IP packet.
    pub(crate) mtu: u16,
    /// It is there, and up.
    pub(crate) up: bool,
}
