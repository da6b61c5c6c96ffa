//! Neighbours of ARP and neighbour discovery: their states, and what is asked of the kernel about them.

use std::net::IpAddr;

use netlink_packet_route::AddressFamily;
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage};
use rtnetlink::Handle;

use super::NetlinkError;
use super::bring_up::refused;
use super::dump::requests;

/// NUD_* of linux/neighbour.h.
pub(crate) mod nud {
    /// Asked for, no answer yet.
    pub(crate) const INCOMPLETE: u16 = 0x01;
    /// Heard of lately.
    pub(crate) const REACHABLE: u16 = 0x02;
    /// Asked for, and silent.
    pub(crate) const FAILED: u16 = 0x20;
    /// Not asked for: a group, a point-to-point link.
    pub(crate) const NOARP: u16 = 0x40;
    /// Placed.
    pub(crate) const PERMANENT: u16 = 0x80;
    /// Its station is known: NUD_VALID without NOARP, and stale, delay, probe.
    pub(crate) const VALID: u16 = PERMANENT | REACHABLE | 0x04 | 0x08 | 0x10;

    /// For `show`.
    pub(crate) fn word(state: u16) -> &'static str {
        match state {
            _ if state & PERMANENT != 0 => "static",
            _ if state & REACHABLE != 0 => "reachable",
            _ if state & VALID != 0 => "stale",
            _ if state & INCOMPLETE != 0 => "pending",
            _ if state & FAILED != 0 => "failed",
            _ => "none",
        }
    }
}

/// A message about a neighbour.
fn message(ifindex: u32, address: IpAddr) -> NeighbourMessage {
    let (family, destination) = match address {
        IpAddr::V4(address) => (AddressFamily::Inet, NeighbourAddress::Inet(address)),
        IpAddr::V6(address) => (AddressFamily::Inet6, NeighbourAddress::Inet6(address)),
    };
    let mut message = NeighbourMessage::default();
    message.header.family = family;
    message.header.ifindex = ifindex;
    message.attributes.push(NeighbourAttribute::Destination(destination));
    message
}

/// Makes the kernel forget neighbours; those that it does not have are no fault. How many there were.
///
/// # Errors
/// What the kernel says.
pub(crate) async fn forget(neighbours: &[(u32, IpAddr)]) -> Result<usize, NetlinkError> {
    let handle = requests()?;
    let mut gone = 0;
    for (ifindex, address) in neighbours {
        gone += usize::from(delete(&handle, *ifindex, *address).await?);
    }
    Ok(gone)
}

async fn delete(handle: &Handle, ifindex: u32, address: IpAddr) -> Result<bool, NetlinkError> {
    match handle.neighbours().del(message(ifindex, address)).execute().await {
        Ok(()) => Ok(true),
        Err(rtnetlink::Error::NetlinkError(error)) if error.raw_code().abs() == NOT_THERE => Ok(false),
        Err(error) => Err(refused(&error, format!("forgetting neighbour {address} of ifindex {ifindex}"))),
    }
}

/// ENOENT.
const NOT_THERE: i32 = rustix::io::Errno::NOENT.raw_os_error();
