//! IPv4 networks as access lists have them: an address without anything behind its prefix.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use crate::network::parse_mask;

/// Addresses that begin alike: `10.0.0.0/8`; `0.0.0.0/0` are all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ipv4Net {
    address: Ipv4Addr,
    prefix: u8,
}

/// The text names no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadIpv4Net {
    /// Not an address and a length.
    #[error("\"{0}\" is no network; an address and a prefix length or mask, as 10.0.0.0/8")]
    Text(String),
    /// Bits behind the prefix.
    #[error("{address}/{prefix} has bits behind its prefix; the network is {network}")]
    HostBits {
        /// As it was written.
        address: Ipv4Addr,
        /// Its length.
        prefix: u8,
        /// What may have been meant.
        network: Ipv4Net,
    },
}

impl Ipv4Net {
    /// The network of `prefix` bits that `address` is in; over 32 bits are 32.
    #[must_use]
    pub fn of(address: Ipv4Addr, prefix: u8) -> Self {
        let prefix = prefix.min(32);
        let bits = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
        Self { address: Ipv4Addr::from(u32::from(address) & bits), prefix }
    }

    /// Its first address.
    #[must_use]
    pub fn address(self) -> Ipv4Addr {
        self.address
    }

    /// Bits of the network part, 0 to 32.
    #[must_use]
    pub fn prefix(self) -> u8 {
        self.prefix
    }
}

impl fmt::Display for Ipv4Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Ipv4Net {
    type Err = BadIpv4Net;

    /// `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, or one address.
    fn from_str(text: &str) -> Result<Self, BadIpv4Net> {
        let bad = || BadIpv4Net::Text(text.chars().take(32).collect());
        let (address, length) = text.split_once('/').unwrap_or((text, "32"));
        let address: Ipv4Addr = address.parse().map_err(|_| bad())?;
        let prefix = match length {
            "0" | "0.0.0.0" => 0,
            length => parse_mask(length).map_err(|_| bad())?,
        };
        match Self::of(address, prefix) {
            network if network.address == address => Ok(network),
            network => Err(BadIpv4Net::HostBits { address, prefix, network }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_nothing_behind_its_prefix() {
        for (text, shown) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
            ("10.0.0.1", "10.0.0.1/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
        ] {
            assert_eq!(text.parse::<Ipv4Net>().expect(text).to_string(), shown);
        }
        for bad in ["", "10.0.0.0/", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/255.0.255.0", "any"] {
            assert!(matches!(bad.parse::<Ipv4Net>(), Err(BadIpv4Net::Text(_))), "{bad}");
        }
        let error = "10.0.0.1/8".parse::<Ipv4Net>().expect_err("a host").to_string();
        assert!(error.contains("the network is 10.0.0.0/8"), "{error}");
    }
}
