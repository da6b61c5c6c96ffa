//! The networks of the test: two VLANs, hosts in each, and what is behind some of them.

use std::net::IpAddr;

/// The router, in both VLANs.
pub(crate) const ROUTER: [u8; 6] = [2, 0, 0, 0xee, 0, 1];
/// Longest IP packet in the second VLAN; in the first it is 1500.
pub(crate) const MTU: u16 = 1300;
/// Hosts that are known in each; there are others that are not.
pub(crate) const HOSTS: u8 = 3;

/// A host's address on the wire.
pub(crate) fn mac(side: usize, host: u8) -> [u8; 6] {
    [2, 0, 0, 0, side as u8 + 1, host]
}

/// A host's addresses; 254 is the router.
pub(crate) fn addresses(side: usize, host: u8) -> [IpAddr; 2] {
    let net = side + 1;
    [format!("10.0.{net}.{host}"), format!("2001:db8:{net}::{host}")].map(|text| ip(&text))
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// Where a network behind the two leads.
pub(crate) enum Behind {
    /// By this host of this side.
    Host(usize, u8),
    Blackhole,
}

/// By the last host of the list there is nobody.
pub(crate) const ROUTES: [(&str, Behind); 8] = [
    ("10.10.0.0/16", Behind::Host(0, 1)),
    ("10.20.0.0/16", Behind::Host(1, 1)),
    ("10.30.0.0/16", Behind::Host(1, 77)),
    ("10.66.0.0/16", Behind::Blackhole),
    ("2001:db8:10::/48", Behind::Host(0, 1)),
    ("2001:db8:20::/48", Behind::Host(1, 1)),
    ("2001:db8:30::/48", Behind::Host(1, 77)),
    ("2001:db8:66::/48", Behind::Blackhole),
];
