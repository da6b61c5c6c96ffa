//! IPv6 interface addresses: an address and the length of its prefix.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// `2001:db8::1/64`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interface6 {
    /// The address.
    pub address: Ipv6Addr,
    /// Bits of the network part, 1 to 128.
    pub prefix: u8,
}

/// What cannot be an interface's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadInterface6 {
    /// Not both parts.
    #[error("\"{0}\" is no IPv6 address with a prefix length, as 2001:db8::1/64")]
    Shape(String),
    /// Not an interface's.
    #[error("{0} cannot be an interface's address: it is {1}")]
    Reserved(Ipv6Addr, &'static str),
}

impl Interface6 {
    /// An address that an interface can have (RFC 4291 section 2).
    ///
    /// # Errors
    /// [`BadInterface6`]
    pub fn new(address: Ipv6Addr, prefix: u8) -> Result<Self, BadInterface6> {
        if !(1..=128).contains(&prefix) {
            return Err(BadInterface6::Shape(format!("{address}/{prefix}")));
        }
        let interface = Self { address, prefix };
        let reserved = if address.is_unspecified() {
            Some("the unspecified address")
        } else if address.is_loopback() {
            Some("the loopback address")
        } else if address.is_multicast() {
            Some("a multicast address")
        } else if address.to_ipv4_mapped().is_some() {
            Some("an IPv4 address")
        } else if prefix < 127 && u128::from(address) & !interface.bits() == 0 {
            Some("the subnet's anycast address, which every router of it has")
        } else {
            None
        };
        match reserved {
            Some(why) => Err(BadInterface6::Reserved(address, why)),
            None => Ok(interface),
        }
    }

    fn bits(self) -> u128 {
        u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0)
    }

    /// True for an address that means something on its link only.
    #[must_use]
    pub const fn is_link_local(self) -> bool {
        self.address.is_unicast_link_local()
    }

    /// True if `address` is in this network.
    #[must_use]
    pub fn contains(self, address: Ipv6Addr) -> bool {
        (u128::from(self.address) ^ u128::from(address)) & self.bits() == 0
    }

    /// True if some address is in both networks. Networks of a link are different on every link.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        let bits = self.bits() & other.bits();
        !(self.is_link_local() && other.is_link_local())
            && u128::from(self.address) & bits == u128::from(other.address) & bits
    }
}

impl fmt::Display for Interface6 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Interface6 {
    type Err = BadInterface6;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadInterface6::Shape(text.chars().take(48).collect());
        let (address, prefix) = text.split_once('/').ok_or_else(bad)?;
        let digits = prefix.len() <= 3 && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|_| digits).ok_or_else(bad)?;
        Self::new(address.parse().map_err(|_| bad())?, prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_has_a_routers_address() {
        let read = |text: &str| text.parse::<Interface6>();
        assert_eq!(read("2001:DB8::1/64").expect("good").to_string(), "2001:db8::1/64");
        assert!(read("fe80::1/64").expect("good").is_link_local());
        for bad in [
            "::/64",
            "::1/128",
            "ff02::1/64",
            "2001:db8::/64",
            "2001:db8::1",
            "2001:db8::1/129",
            "x/64",
            "::ffff:1.2.3.4/96",
            "2001:db8::1/+4",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn networks_overlap_when_one_holds_the_other() {
        let read = |text: &str| text.parse::<Interface6>().expect("good");
        assert!(read("2001:db8::1/64").overlaps(read("2001:db8:0:0:1::1/80")));
        assert!(!read("2001:db8::1/64").overlaps(read("2001:db8:0:1::1/64")));
        assert!(!read("fe80::1/64").overlaps(read("fe80::2/64")), "another link's");
        assert!(read("2001:db8::1/64").contains("2001:db8::99".parse().expect("good")));
    }
}
