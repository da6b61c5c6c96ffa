//! Neighbours of ARP and neighbour discovery: their states, and what is asked of the kernel about them.

use std::net::IpAddr;

use futures::StreamExt;
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourExtFlags, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::Handle;
use rtnetlink::packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};

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

/// What is to become of a neighbour's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The kernel keeps it resolved, and never collects it: frames that are forwarded past it do not tell the kernel that it is used.
    Managed,
    /// As any other.
    Plain {
        /// Its station.
        mac: [u8; 6],
        /// Its state, which stays.
        state: u16,
    },
    /// It has an address that an operator has given it.
    Placed {
        /// Its station.
        mac: [u8; 6],
        /// RTPROT_*: who says so.
        protocol: u8,
    },
    /// Not at all.
    Gone,
}

/// Makes a neighbour's entry so. One that is not there, and is not to be, is no fault.
///
/// # Errors
/// What the kernel says.
pub(crate) async fn keep(
    handle: &Handle,
    ifindex: u32,
    address: IpAddr,
    keep: Keep,
) -> Result<(), NetlinkError> {
    let mut wanted = message(ifindex, address);
    match keep {
        Keep::Gone => return delete(handle, ifindex, address).await.map(drop),
        Keep::Managed => {
            wanted.header.flags = NeighbourFlags::ExtLearned;
            wanted.attributes.push(NeighbourAttribute::ExtFlags(NeighbourExtFlags::Managed));
        }
        Keep::Plain { mac, state } => {
            wanted.header.state = state.into();
            wanted.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.to_vec()));
        }
        Keep::Placed { mac, protocol } => {
            wanted.header.state = NeighbourState::Permanent;
            wanted.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.to_vec()));
            wanted.attributes.push(NeighbourAttribute::Protocol(protocol.into()));
        }
    }
    let mut request = NetlinkMessage::from(RouteNetlinkMessage::NewNeighbour(wanted));
    request.header.flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
    let what = || format!("setting neighbour {address} of ifindex {ifindex}");
    let silent = || NetlinkError::NoAnswer { what: what() };
    let mut answers = handle.clone().request(request).map_err(|_| silent())?;
    while let Some(answer) = answers.next().await {
        if let NetlinkPayload::Error(error) = answer.payload
            && error.code.is_some()
        {
            return Err(NetlinkError::Refused { what: what(), source: error.to_io() });
        }
    }
    // An acknowledgement ends the answers.
    Ok(())
}

/// A socket for [`keep`].
///
/// # Errors
/// No socket.
pub(crate) fn handle() -> Result<Handle, NetlinkError> {
    requests()
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
