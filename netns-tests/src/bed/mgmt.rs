//! The management network: a netdev of the switch that is no port, and a namespace at its other end for servers.

use super::build::no_ipv6;
use super::host::HOST_DEV;
use super::{Netns, Result, ip};
use std::net::Ipv4Addr;

/// Netdev of VLAN Mgmt in the switch namespace.
pub const MGMT_DEV: &str = "mgmt0";
/// Address of the server's end; the switch has none until it is configured.
pub const MGMT_SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
/// Address that a test gives the switch, with its prefix length.
pub const MGMT_SWITCH: (Ipv4Addr, u8) = (Ipv4Addr::new(192, 0, 2, 1), 24);
/// Last part of the namespace's name.
pub(super) const MGMT_NETNS: &str = "mg";
/// Not equal, for the same reason as those of ports; none of a port's or host's.
const INDEXES: (u32, u32) = (901, 902);

/// Makes the namespace, with `eth0`, and `mgmt0` in the switch's.
pub(super) fn make(prefix: &str, switch: &Netns) -> Result<Netns> {
    let netns = Netns::create(&format!("{prefix}{MGMT_NETNS}"))?;
    let (inside, outside) = INDEXES;
    ip::batch(
        None,
        &[format!(
            "link add name {MGMT_DEV} index {inside} mtu 1500 netns {} type veth \
             peer name {HOST_DEV} index {outside} mtu 1500 netns {}",
            switch.name(),
            netns.name()
        )],
    )?;
    netns.enter(|| no_ipv6(HOST_DEV))??;
    switch.enter(|| no_ipv6(MGMT_DEV))??;
    let address = format!("addr add {MGMT_SERVER}/{} dev {HOST_DEV}", MGMT_SWITCH.1);
    ip::batch(
        Some(netns.name()),
        &["link set lo up".to_owned(), address, format!("link set {HOST_DEV} up")],
    )?;
    ip::batch(Some(switch.name()), &[format!("link set {MGMT_DEV} up")])?;
    Ok(netns)
}
