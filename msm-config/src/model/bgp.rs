//! BGP: its AS, neighbours, networks, routes of others that are passed on (`configure|create|delete|enable|disable bgp`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::{Config, Refusal, Source, render::Text};

/// Neighbours: each has a session and its own copy of the routes.
const NEIGHBOURS_MAX: usize = 128;
/// Networks that an operator lists.
const NETWORKS_MAX: usize = 1024;

/// A neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BgpNeighbor {
    /// Its AS.
    pub remote_as: u32,
    /// More than one hop away.
    pub multihop: bool,
    /// It may be talked to.
    pub enabled: bool,
    /// Keepalive and hold time in seconds; `None`: 60 and 180.
    pub timers: Option<(u16, u16)>,
    /// This switch is the next hop of what it announces, also inside an AS.
    pub next_hop_self: bool,
}

/// A network that BGP announces: address without host part, length of its prefix.
pub type Announced = (Ipv4Addr, u8);

/// BGP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bgp {
    /// It runs.
    pub enabled: bool,
    /// Its AS.
    pub as_number: Option<u32>,
    /// `None`: the largest address of the switch.
    pub router_id: Option<Ipv4Addr>,
    /// What it announces.
    pub networks: BTreeSet<Announced>,
    /// To whom.
    pub neighbors: BTreeMap<Ipv4Addr, BgpNeighbor>,
    /// What else it announces.
    pub exports: BTreeSet<Source>,
}

/// A change of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BgpChange {
    /// `enable bgp`, `disable bgp`
    Enable(bool),
    /// `configure bgp AS-number`
    AsNumber(u32),
    /// `configure bgp routerid`; `None`: automatic.
    RouterId(Option<Ipv4Addr>),
    /// `configure bgp add network`
    AddNetwork(Announced),
    /// `configure bgp delete network`
    RemoveNetwork(Announced),
    /// `create bgp neighbor`
    Create {
        /// Its address.
        address: Ipv4Addr,
        /// Its AS.
        remote_as: u32,
        /// More than one hop away.
        multihop: bool,
    },
    /// `delete bgp neighbor`
    Delete(Ipv4Addr),
    /// `enable|disable bgp neighbor`
    EnableNeighbor(Ipv4Addr, bool),
    /// `configure bgp neighbor ... timer`
    Timers(Ipv4Addr, u16, u16),
    /// `configure bgp neighbor ... [next-hop-self | no-next-hop-self]`
    NextHopSelf(Ipv4Addr, bool),
    /// `enable bgp export`, `disable bgp export`
    Export(Source, bool),
}

impl Bgp {
    fn neighbor(&mut self, address: Ipv4Addr) -> Result<&mut BgpNeighbor, Refusal> {
        self.neighbors.get_mut(&address).ok_or(Refusal::NoNeighbor(address))
    }

    fn apply(&mut self, change: &BgpChange) -> Result<(), Refusal> {
        match *change {
            BgpChange::Enable(true) if self.as_number.is_none() => return Err(Refusal::NoAsNumber),
            BgpChange::Enable(enabled) => self.enabled = enabled,
            BgpChange::AsNumber(number) => {
                if self.enabled && self.as_number != Some(number) {
                    return Err(Refusal::BgpRuns);
                }
                self.as_number = Some(number);
            }
            BgpChange::RouterId(id) => self.router_id = id,
            BgpChange::AddNetwork((address, length)) => {
                let bits = u32::from(address);
                if bits.checked_shl(u32::from(length)).unwrap_or(0) != 0 {
                    return Err(Refusal::HostBits { address, length });
                }
                self.networks.insert((address, length));
                if self.networks.len() > NETWORKS_MAX {
                    return Err(Refusal::TooMany { what: "networks of BGP", most: NETWORKS_MAX });
                }
            }
            BgpChange::RemoveNetwork((address, length)) => {
                if !self.networks.remove(&(address, length)) {
                    return Err(Refusal::NoNetwork { address, length });
                }
            }
            BgpChange::Create { address, remote_as, multihop } => {
                let new =
                    BgpNeighbor { remote_as, multihop, enabled: false, timers: None, next_hop_self: false };
                if self.neighbors.contains_key(&address) {
                    return Err(Refusal::NeighborExists(address));
                }
                self.neighbors.insert(address, new);
                if self.neighbors.len() > NEIGHBOURS_MAX {
                    return Err(Refusal::TooMany { what: "neighbors of BGP", most: NEIGHBOURS_MAX });
                }
            }
            BgpChange::Delete(address) => {
                self.neighbor(address)?;
                self.neighbors.remove(&address);
            }
            BgpChange::EnableNeighbor(address, enabled) => self.neighbor(address)?.enabled = enabled,
            BgpChange::Timers(address, keepalive, hold) => {
                // RFC 4271 4.2: zero, or three seconds and more; 4.4: a keepalive at most a third of it.
                if keepalive > hold / 3 {
                    return Err(Refusal::BgpTimers { keepalive, hold });
                }
                self.neighbor(address)?.timers = Some((keepalive, hold));
            }
            BgpChange::NextHopSelf(address, next_hop_self) => {
                self.neighbor(address)?.next_hop_self = next_hop_self;
            }
            BgpChange::Export(source, true) => {
                self.exports.insert(source);
            }
            BgpChange::Export(source, false) => {
                self.exports.remove(&source);
            }
        }
        Ok(())
    }

    pub(super) fn render(&self, out: &mut Text) {
        out.section("BGP configuration");
        if let Some(number) = self.as_number {
            out.line(&BgpChange::AsNumber(number));
        }
        if self.router_id.is_some() {
            out.line(&BgpChange::RouterId(self.router_id));
        }
        for network in &self.networks {
            out.line(&BgpChange::AddNetwork(*network));
        }
        for (address, neighbor) in &self.neighbors {
            let BgpNeighbor { remote_as, multihop, enabled, timers, next_hop_self } = *neighbor;
            out.line(&BgpChange::Create { address: *address, remote_as, multihop });
            if let Some((keepalive, hold)) = timers {
                out.line(&BgpChange::Timers(*address, keepalive, hold));
            }
            if next_hop_self {
                out.line(&BgpChange::NextHopSelf(*address, true));
            }
            if enabled {
                out.line(&BgpChange::EnableNeighbor(*address, true));
            }
        }
        for source in &self.exports {
            out.line(&BgpChange::Export(*source, true));
        }
        if self.enabled {
            out.line(&BgpChange::Enable(true));
        }
    }
}

pub(super) fn apply(config: &mut Config, change: &BgpChange) -> Result<(), Refusal> {
    Arc::make_mut(&mut config.bgp).apply(change)
}

impl fmt::Display for BgpChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let able = |on: &bool| if *on { "enable" } else { "disable" };
        match self {
            Self::Enable(on) => write!(f, "{} bgp", able(on)),
            Self::AsNumber(number) => write!(f, "configure bgp AS-number {number}"),
            Self::RouterId(None) => f.write_str("configure bgp routerid automatic"),
            Self::RouterId(Some(id)) => write!(f, "configure bgp routerid {id}"),
            Self::AddNetwork((address, length)) => {
                write!(f, "configure bgp add network {address} {length}")
            }
            Self::RemoveNetwork((address, length)) => {
                write!(f, "configure bgp delete network {address} {length}")
            }
            Self::Create { address, remote_as, multihop } => {
                let hops = if *multihop { " multi-hop" } else { "" };
                write!(f, "create bgp neighbor {address} remote-AS-number {remote_as}{hops}")
            }
            Self::Delete(address) => write!(f, "delete bgp neighbor {address}"),
            Self::EnableNeighbor(address, on) => write!(f, "{} bgp neighbor {address}", able(on)),
            Self::Timers(address, keepalive, hold) => {
                write!(f, "configure bgp neighbor {address} timer keep-alive {keepalive} hold-time {hold}")
            }
            Self::NextHopSelf(address, true) => {
                write!(f, "configure bgp neighbor {address} next-hop-self")
            }
            Self::NextHopSelf(address, false) => {
                write!(f, "configure bgp neighbor {address} no-next-hop-self")
            }
            Self::Export(source, on) => write!(f, "{} bgp export {source}", able(on)),
        }
    }
}
