//! IPv4 interface addresses: an address and the length of its prefix, written with a length or with a mask.

use std::fmt;
use std::net::Ipv4Addr;

pub use crate::network6::Interface6;
pub use crate::prefix::{BadNetwork, Network};

/// `10.0.0.1/24`, printed as `10.0.0.1 255.255.255.0`, the way commands have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interface {
    /// The address.
    pub address: Ipv4Addr,
    /// Bits of the network part, 1 to 32.
    pub prefix: u8,
}

/// What cannot be an interface's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadInterface {
    /// Not four numbers.
    #[error("\"{0}\" is no IPv4 address; four numbers, as 10.0.0.1")]
    Address(String),
    /// Not an interface's.
    #[error("{0} cannot be an interface's address: it is {1}")]
    Reserved(Ipv4Addr, &'static str),
    /// Mask or length.
    #[error("\"{0}\" is no mask; 255.255.255.0 or a length, 1 to 32")]
    Mask(String),
}

impl Interface {
    /// An address that an interface can have.
    ///
    /// # Errors
    /// [`BadInterface`]
    pub fn new(address: Ipv4Addr, prefix: u8) -> Result<Self, BadInterface> {
        if !(1..=32).contains(&prefix) {
            return Err(BadInterface::Mask(prefix.to_string()));
        }
        let interface = Self { address, prefix };
        let host = u32::from(address) & !interface.bits();
        let reserved = if address.is_unspecified() || address.octets()[0] == 0 {
            Some("of network 0")
        } else if address.is_loopback() {
            Some("a loopback address")
        } else if address.is_multicast() {
            Some("a multicast address")
        } else if address.octets()[0] >= 240 {
            Some("a reserved address")
        } else if prefix < 31 && host == 0 {
            Some("the network's own")
        } else if prefix < 31 && host == !interface.bits() {
            Some("the network's broadcast address")
        } else {
            None
        };
        match reserved {
            Some(why) => Err(BadInterface::Reserved(address, why)),
            None => Ok(interface),
        }
    }

    fn bits(self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0)
    }

    /// The mask.
    #[must_use]
    pub fn mask(self) -> Ipv4Addr {
        self.bits().into()
    }

    /// True if `address` is in this network.
    #[must_use]
    pub fn contains(self, address: Ipv4Addr) -> bool {
        (u32::from(self.address) ^ u32::from(address)) & self.bits() == 0
    }

    /// True if some address is in both networks.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        let bits = self.bits() & other.bits();
        u32::from(self.address) & bits == u32::from(other.address) & bits
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.address, self.mask())
    }
}

/// Reads a mask, `255.255.255.0`, or a length, `24`.
///
/// # Errors
/// [`BadInterface::Mask`]
pub fn parse_mask(text: &str) -> Result<u8, BadInterface> {
    let bad = || BadInterface::Mask(text.chars().take(32).collect());
    if let Ok(mask) = text.parse::<Ipv4Addr>() {
        let bits = u32::from(mask);
        let length = bits.leading_ones();
        let whole = length + bits.trailing_zeros() == 32 || bits == u32::MAX;
        return u8::try_from(length).ok().filter(|n| whole && *n > 0).ok_or_else(bad);
    }
    let digits = !text.is_empty() && text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit());
    let length = if digits { text.parse::<u8>().ok() } else { None };
    length.filter(|n| (1..=32).contains(n)).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_and_lengths_agree() {
        assert_eq!(parse_mask("255.255.255.0"), Ok(24));
        assert_eq!(parse_mask("24"), Ok(24));
        assert_eq!(parse_mask("255.255.255.255"), Ok(32));
        for bad in ["", "0", "33", "255.0.255.0", "0.0.0.0", "+8", "1.2.3"] {
            assert!(parse_mask(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_interface_has_a_hosts_address() {
        let at = |text: &str, prefix| Interface::new(text.parse().expect("four numbers"), prefix);
        assert_eq!(at("10.0.0.1", 24).expect("good").to_string(), "10.0.0.1 255.255.255.0");
        assert!(at("10.0.0.0", 31).is_ok() && at("10.0.0.0", 32).is_ok(), "RFC 3021");
        for (bad, prefix) in
            [("10.0.0.0", 24), ("10.0.0.255", 24), ("127.0.0.1", 8), ("224.0.0.1", 4), ("0.1.2.3", 8)]
        {
            assert!(at(bad, prefix).is_err(), "{bad}/{prefix}");
        }
    }

    #[test]
    fn networks_overlap_when_one_holds_the_other() {
        let at =
            |text: &str, prefix| Interface::new(text.parse().expect("four numbers"), prefix).expect("good");
        assert!(at("10.0.0.1", 24).overlaps(at("10.0.0.201", 30)));
        assert!(!at("10.0.0.1", 24).overlaps(at("10.0.1.1", 24)));
    }
}
