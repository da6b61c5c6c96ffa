//! Routing as it should be: neighbours, prefixes and where they lead.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// An address with the number of its bits that count. The others are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    addr: IpAddr,
    len: u8,
}

impl Prefix {
    /// The prefix of `len` bits that `addr` is in; `None` if the address has fewer bits.
    #[must_use]
    pub fn new(addr: IpAddr, len: u8) -> Option<Self> {
        let addr = match addr {
            IpAddr::V4(a) if len <= 32 => IpAddr::V4(Ipv4Addr::from_bits(
                a.to_bits() & u32::MAX.checked_shl(32 - u32::from(len)).unwrap_or(0),
            )),
            IpAddr::V6(a) if len <= 128 => IpAddr::V6(Ipv6Addr::from_bits(
                a.to_bits() & u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0),
            )),
            _ => return None,
        };
        Some(Self { addr, len })
    }

    /// All bits of one address.
    #[must_use]
    pub const fn host(addr: IpAddr) -> Self {
        Self { addr, len: if addr.is_ipv4() { 32 } else { 128 } }
    }

    /// Its first address.
    #[must_use]
    pub const fn addr(self) -> IpAddr {
        self.addr
    }

    /// Bits that count.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a length of a mask, not a container's")]
    pub const fn len(self) -> u8 {
        self.len
    }

    /// True if `addr` is in it.
    #[must_use]
    pub fn contains(self, addr: IpAddr) -> bool {
        Self::new(addr, self.len) == Some(self)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.len)
    }
}

impl FromStr for Prefix {
    type Err = NotAPrefix;

    fn from_str(text: &str) -> Result<Self, NotAPrefix> {
        let parse = || {
            let (addr, len) = text.split_once('/')?;
            Self::new(addr.parse().ok()?, len.parse().ok()?)
        };
        parse().ok_or_else(|| NotAPrefix(text.to_owned()))
    }
}

/// A text that is no prefix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no prefix: write an address, a slash and the number of bits that count, as 10.1.0.0/16")]
pub struct NotAPrefix(pub String);

/// Where a neighbour is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Station {
    /// Its address.
    pub mac: [u8; 6],
    /// Its VLAN, 1 to 4094.
    pub vid: u16,
}

/// A router in a VLAN of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gateway {
    /// Its address; that of an IPv4 route may be an IPv6 one (RFC 8950).
    pub ip: IpAddr,
    /// Its VLAN, 1 to 4094.
    pub vid: u16,
}

/// Where a prefix leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteTo {
    /// By one of these, chosen by the flow; the order does not matter. None of them: to the stack.
    Hops(Vec<Gateway>),
    /// A network of ours: to the host itself, or to the stack if it is not known.
    Connected {
        /// Its VLAN.
        vid: u16,
    },
    /// An address of ours, or a broadcast address of a network of ours: to the stack.
    Local,
    /// Dropped.
    Blackhole,
}

/// Neighbours and routes as they should be. `Default` is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routing {
    /// Neighbours whose address is known. Those of IPv6's fe80::/10 belong into [`Routing::link_local`].
    pub hosts: BTreeMap<IpAddr, Station>,
    /// Neighbours whose address counts in their VLAN alone: they are next hops, and no frame is routed to them.
    pub link_local: BTreeMap<Gateway, [u8; 6]>,
    /// Routes. An address that no prefix has goes to the stack.
    pub routes: BTreeMap<Prefix, RouteTo>,
}

impl Routing {
    /// The neighbour's address, if it is known in the gateway's VLAN.
    #[must_use]
    pub fn neighbour(&self, gateway: Gateway) -> Option<Station> {
        let host = self.hosts.get(&gateway.ip).filter(|station| station.vid == gateway.vid).copied();
        host.or_else(|| self.link_local.get(&gateway).map(|mac| Station { mac: *mac, vid: gateway.vid }))
    }
}

/// What of a [`Routing`] changed, for [`crate::Owner::reconcile_routes_part`]. What is named and did not change costs a look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutesTouched {
    /// Neighbours that came, went or moved; of link-local ones in whatever VLAN.
    pub hosts: BTreeSet<IpAddr>,
    /// Routes likewise.
    pub routes: BTreeSet<Prefix>,
}

impl RoutesTouched {
    /// True if nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty() && self.routes.is_empty()
    }
}

/// What the tables have no room for. What does not fit goes to the stack, which routes it slowly; nothing goes a wrong way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum RouteFault {
    /// ROUTES is full.
    #[error(
        "IPv4 routes longer than /16 find no block of the route table free ({} there are); fewer distinct /16 and /24 networks fit",
        msm_abi::ROUTE_BLOCKS
    )]
    Blocks,
    /// ROUTES6 is full.
    #[error("there is room for {} IPv6 prefixes", msm_abi::ROUTES6_ENTRIES)]
    Prefixes6,
    /// HOPS is full.
    #[error("there is room for {} next hops", msm_abi::HOPS)]
    Hops,
    /// HOP_GROUPS is full.
    #[error("there is room for {} groups of next hops", msm_abi::HOP_GROUPS)]
    Groups,
    /// A route has more next hops than a group.
    #[error("a route has {} next hops at most; the lowest ones are used", msm_abi::HOP_GROUP_MEMBERS)]
    Members,
    /// IPFDB is full.
    #[error("there is room for {} IPv4 hosts", msm_abi::IPFDB_ENTRIES)]
    Hosts,
    /// IPFDB6 is full.
    #[error("there is room for {} IPv6 hosts", msm_abi::IPFDB_ENTRIES)]
    Hosts6,
}

/// What one [`crate::Owner::reconcile_routes`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteChanges {
    /// Table entries written; 0 when all was as desired.
    pub writes: u64,
    /// Routes or hosts that are in force otherwise than asked for, by reason: all of them, not only those of this change.
    pub faults: BTreeMap<RouteFault, u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_cut_to_their_bits() {
        let show = |text: &str| text.parse::<Prefix>().map(|p| p.to_string());
        assert_eq!(show("10.1.2.3/16"), Ok("10.1.0.0/16".to_owned()));
        assert_eq!(show("10.1.2.3/0"), Ok("0.0.0.0/0".to_owned()));
        assert_eq!(show("10.1.2.3/32"), Ok("10.1.2.3/32".to_owned()));
        assert_eq!(show("2001:db8::1/64"), Ok("2001:db8::/64".to_owned()));
        assert_eq!(show("ffff::1/0"), Ok("::/0".to_owned()));
        assert_eq!(show("ffff::1/128"), Ok("ffff::1/128".to_owned()));
        for bad in ["10.0.0.0", "10.0.0.0/33", "::/129", "x/3", "10.0.0.0/", "/8"] {
            assert_eq!(show(bad), Err(NotAPrefix(bad.to_owned())));
        }
    }
}
