//! Networks as routes have them: an address without host part, and the length of its prefix.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// `10.1.0.0/16` or `2001:db8::/32`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    address: IpAddr,
    len: u8,
}

/// What no route can lead to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadNetwork {
    /// Not both parts.
    #[error("\"{0}\" is no network, as 10.1.0.0/16 or 2001:db8::/32")]
    Shape(String),
    /// Bits behind the prefix.
    #[error("{0} has bits behind its prefix; the network is {1}")]
    Host(String, Network),
    /// No route can lead there.
    #[error("{0} cannot be routed: it is {1}")]
    Reserved(Network, &'static str),
}

/// The first `len` bits of `bits`, which is of 128.
const fn cut(bits: u128, len: u8) -> u128 {
    if len == 0 { 0 } else { bits & (u128::MAX << (128 - len as u32)) }
}

impl Network {
    /// Everything, of IPv4.
    pub const DEFAULT: Self = Self { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), len: 0 };
    /// Everything, of IPv6.
    pub const DEFAULT6: Self = Self { address: IpAddr::V6(Ipv6Addr::UNSPECIFIED), len: 0 };

    /// A network that a route can lead to.
    ///
    /// # Errors
    /// [`BadNetwork`]
    pub fn new(address: IpAddr, len: u8) -> Result<Self, BadNetwork> {
        let shown = || format!("{address}/{len}");
        let (masked, most) = match address {
            IpAddr::V4(v4) => {
                let bits = cut(u128::from(u32::from(v4)) << 96, len.min(32)) >> 96;
                (IpAddr::V4(u32::try_from(bits).unwrap_or(0).into()), 32)
            }
            IpAddr::V6(v6) => (IpAddr::V6(cut(v6.into(), len.min(128)).into()), 128),
        };
        if len > most {
            return Err(BadNetwork::Shape(shown()));
        }
        let network = Self { address: masked, len };
        if masked != address {
            return Err(BadNetwork::Host(shown(), network));
        }
        let reserved = match address {
            _ if len == 0 => None,
            _ if address.is_multicast() => Some("multicast"),
            _ if address.is_loopback() => Some("loopback"),
            IpAddr::V4(v4) if v4.octets()[0] == 0 => Some("network 0"),
            IpAddr::V4(v4) if v4.octets()[0] >= 240 => Some("reserved"),
            IpAddr::V6(v6) if v6.is_unicast_link_local() => Some("of a link"),
            IpAddr::V6(v6) if v6.is_unspecified() => Some("of no host"),
            _ => None,
        };
        match reserved {
            Some(why) => Err(BadNetwork::Reserved(network, why)),
            None => Ok(network),
        }
    }

    /// Its address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// Bits of its prefix.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "the length of a prefix; 0 is everything")]
    pub const fn len(self) -> u8 {
        self.len
    }

    /// True if `address` is in it.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(_), IpAddr::V4(v4)) => {
                let bits = cut(u128::from(u32::from(v4)) << 96, self.len) >> 96;
                IpAddr::V4(u32::try_from(bits).unwrap_or(0).into()) == self.address
            }
            (IpAddr::V6(_), IpAddr::V6(v6)) => IpAddr::V6(cut(v6.into(), self.len).into()) == self.address,
            _ => false,
        }
    }

    /// The default of its family.
    #[must_use]
    pub const fn default_of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::DEFAULT } else { Self::DEFAULT6 }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.len)
    }
}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadNetwork::Shape(text.chars().take(48).collect());
        let (address, len) = text.split_once('/').ok_or_else(bad)?;
        let digits = (1..=3).contains(&len.len()) && len.bytes().all(|byte| byte.is_ascii_digit());
        let len = len.parse().ok().filter(|_| digits).ok_or_else(bad)?;
        Self::new(address.parse().map_err(|_| bad())?, len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_no_host_part() {
        let read = |text: &str| text.parse::<Network>();
        for good in ["10.1.0.0/16", "0.0.0.0/0", "::/0", "2001:db8::/32", "10.0.0.1/32", "128.0.0.0/1"] {
            assert_eq!(read(good).expect(good).to_string(), good);
        }
        let error = read("10.1.2.3/16").expect_err("a host").to_string();
        assert!(error.contains("the network is 10.1.0.0/16"), "{error}");
        for bad in [
            "10.0.0.0",
            "10.0.0.0/33",
            "224.0.0.0/4",
            "127.0.0.0/8",
            "fe80::/10",
            "ff00::/8",
            "::/1",
            "240.0.0.0/4",
            "10.0.0.0/",
            "a/1",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
