//! Routing: static routes and neighbours (`configure iproute|iparp|ip-mtu`, `enable|disable ipforwarding`).

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Config, Refusal, render::Text};
use crate::mac::Mac;
use crate::name::Name;
use crate::network::Network;

/// Static routes: they are typed, and travel in one snapshot.
const ROUTES_MAX: usize = 4096;
/// Static neighbours likewise.
const NEIGHBOURS_MAX: usize = 4096;
/// Gateways of a network: as many as a group of next hops has.
const GATEWAYS_MAX: usize = 16;
/// The manual's.
const TIMEOUT_DEFAULT_MIN: u16 = 20;
/// The manual's.
pub const METRIC_DEFAULT: u16 = 1;

/// Static routes and neighbours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routing {
    /// Metric of each, by network and gateway; no gateway: what is sent there is dropped.
    pub routes: BTreeMap<(Network, Option<IpAddr>), u16>,
    /// Neighbours that an operator has placed.
    pub neighbours: BTreeMap<IpAddr, Mac>,
    /// Minutes for which a neighbour that nobody uses is remembered; 0: always.
    pub timeout_min: u16,
}

impl Default for Routing {
    fn default() -> Self {
        Self { routes: BTreeMap::new(), neighbours: BTreeMap::new(), timeout_min: TIMEOUT_DEFAULT_MIN }
    }
}

/// A change of them, or of a VLAN's routing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoutingChange {
    /// `enable|disable ipforwarding`
    Forwarding {
        /// On or off.
        on: bool,
        /// IPv6, not IPv4.
        ipv6: bool,
        /// `None`: all that have an address.
        vlan: Option<Name>,
    },
    /// `configure ip-mtu`
    Mtu(Name, u16),
    /// `configure iproute add`
    Add {
        /// Where it leads.
        network: Network,
        /// By whom; `None`: nowhere.
        gateway: Option<IpAddr>,
        /// Lower wins.
        metric: u16,
    },
    /// `configure iproute delete`
    Delete {
        /// Where it leads.
        network: Network,
        /// By whom.
        gateway: Option<IpAddr>,
    },
    /// `configure iparp add`
    Place(IpAddr, Mac),
    /// `configure iparp delete`
    Forget(IpAddr),
    /// `configure iparp timeout`
    Timeout(u16),
}

/// Why no neighbour has the address, if none can.
fn unlikely(address: IpAddr) -> Option<&'static str> {
    match address {
        _ if address.is_unspecified() => Some("it is no address"),
        _ if address.is_loopback() => Some("it is a loopback address"),
        _ if address.is_multicast() => Some("it is a group's address"),
        IpAddr::V4(v4) if v4.octets()[0] == 0 || v4.octets()[0] >= 240 => Some("it is no host's address"),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Some("a link's address does not say which VLAN"),
        _ => None,
    }
}

impl Routing {
    fn add(&mut self, network: Network, gateway: Option<IpAddr>, metric: u16) -> Result<(), Refusal> {
        if let Some(gateway) = gateway {
            let family = network.address().is_ipv4() != gateway.is_ipv4();
            let why = if family { Some("it is of the other family") } else { unlikely(gateway) };
            if let Some(why) = why {
                return Err(Refusal::Gateway { gateway, network, why });
            }
        }
        self.routes.insert((network, gateway), metric);
        let of_network = self.routes.keys().filter(|(other, _)| *other == network).count();
        if of_network > GATEWAYS_MAX {
            return Err(Refusal::TooMany { what: "gateways of a network", most: GATEWAYS_MAX });
        }
        if self.routes.len() > ROUTES_MAX {
            return Err(Refusal::TooMany { what: "static routes", most: ROUTES_MAX });
        }
        Ok(())
    }

    fn place(&mut self, address: IpAddr, mac: Mac) -> Result<(), Refusal> {
        if let Some(why) = unlikely(address) {
            return Err(Refusal::BadNeighbour(address, why));
        }
        self.neighbours.insert(address, mac);
        if self.neighbours.len() > NEIGHBOURS_MAX {
            return Err(Refusal::TooMany { what: "static neighbours", most: NEIGHBOURS_MAX });
        }
        Ok(())
    }
}

pub(super) fn apply(config: &mut Config, change: &RoutingChange) -> Result<(), Refusal> {
    match change {
        RoutingChange::Forwarding { on, ipv6, vlan } => {
            return Arc::make_mut(&mut config.vlans).forward(vlan.as_ref(), *ipv6, *on);
        }
        RoutingChange::Mtu(vlan, mtu) => return Arc::make_mut(&mut config.vlans).limit(vlan, *mtu),
        _ => {}
    }
    let routing = Arc::make_mut(&mut config.routing);
    match change {
        RoutingChange::Add { network, gateway, metric } => routing.add(*network, *gateway, *metric),
        RoutingChange::Delete { network, gateway } => {
            routing.routes.remove(&(*network, *gateway)).map(drop).ok_or(Refusal::NoRoute(*network))
        }
        RoutingChange::Place(address, mac) => routing.place(*address, *mac),
        RoutingChange::Forget(address) => {
            routing.neighbours.remove(address).map(drop).ok_or(Refusal::NoArp(*address))
        }
        RoutingChange::Timeout(minutes) => {
            routing.timeout_min = *minutes;
            Ok(())
        }
        RoutingChange::Forwarding { .. } | RoutingChange::Mtu(..) => Ok(()),
    }
}

pub(super) fn render(config: &Config, out: &mut Text) {
    out.section("IP Route Configuration");
    for (name, vlan) in config.vlans.iter() {
        for (ipv6, on) in [(false, vlan.forwarding), (true, vlan.forwarding6)] {
            if on {
                out.line(&RoutingChange::Forwarding { on, ipv6, vlan: Some(name.clone()) });
            }
        }
        if let Some(mtu) = vlan.ip_mtu {
            out.line(&RoutingChange::Mtu(name.clone(), mtu));
        }
    }
    let routing = &config.routing;
    for (&(network, gateway), &metric) in &routing.routes {
        out.line(&RoutingChange::Add { network, gateway, metric });
    }
    if routing.timeout_min != TIMEOUT_DEFAULT_MIN {
        out.line(&RoutingChange::Timeout(routing.timeout_min));
    }
    for (address, mac) in &routing.neighbours {
        out.line(&RoutingChange::Place(*address, *mac));
    }
}

impl fmt::Display for RoutingChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forwarding { on, ipv6, vlan } => {
                let verb = if *on { "enable" } else { "disable" };
                let family = if *ipv6 { " ipv6" } else { "" };
                write!(f, "{verb} ipforwarding{family}")?;
                vlan.as_ref().map_or(Ok(()), |vlan| write!(f, " vlan \"{vlan}\""))
            }
            Self::Mtu(vlan, mtu) => write!(f, "configure ip-mtu {mtu} vlan \"{vlan}\""),
            Self::Add { network, gateway: Some(gateway), metric } => {
                write!(f, "configure iproute add {network} {gateway} {metric}")
            }
            Self::Add { network, gateway: None, .. } => {
                write!(f, "configure iproute add blackhole {network}")
            }
            Self::Delete { network, gateway: Some(gateway) } => {
                write!(f, "configure iproute delete {network} {gateway}")
            }
            Self::Delete { network, gateway: None } => {
                write!(f, "configure iproute delete blackhole {network}")
            }
            Self::Place(address, mac) => write!(f, "configure iparp add {address} {mac}"),
            Self::Forget(address) => write!(f, "configure iparp delete {address}"),
            Self::Timeout(minutes) => write!(f, "configure iparp timeout {minutes}"),
        }
    }
}
