//! Classification: which port the frame came in by, and to which VLAN it belongs.

use msm_abi::{DropReason, FdbKey, PortEntry, VlanEntry, port_flags, vlan_flags};

use super::access::Packet;
use super::maps::{PORTS, VLANS};
use super::parse::{Header, Mac, VID_MASK};

/// A VLAN and what the owner says of it.
#[derive(Clone, Copy)]
pub(crate) struct Vlan {
    pub(crate) id: u16,
    pub(crate) entry: &'static VlanEntry,
}

impl Vlan {
    /// The FDB key of a station in this VLAN.
    #[inline(always)]
    pub(crate) fn key(&self, mac: Mac) -> FdbKey {
        FdbKey(mac.0 << 16 | u64::from(self.id))
    }
}

/// The port of a netdev; `None` if it is none.
#[inline(always)]
pub(crate) fn port(ifindex: u32) -> Option<PortEntry> {
    PORTS.get(ifindex).copied().filter(|port| port.flags & port_flags::VALID != 0)
}

/// Whether the port takes part.
#[inline(always)]
pub(crate) fn enabled(port: &PortEntry) -> Result<(), DropReason> {
    if port.flags & port_flags::ENABLED == 0 {
        return Err(DropReason::PortDisabled);
    }
    Ok(())
}

/// The VLAN of a frame: its tag's, or the port's if it has none or one without a VLAN id (IEEE 802.1Q-2018 6.9.1). The
/// port must be a member in just that way, tagged or untagged.
#[inline(always)]
pub(crate) fn vlan(port: &PortEntry, header: &Header) -> Result<Vlan, DropReason> {
    let tagged = header.tci.unwrap_or(0) & VID_MASK;
    let id = if tagged != 0 { tagged } else { port.pvid };
    let entry = existing(id).ok_or(DropReason::NotMember)?;
    let member = if tagged != 0 { entry.is_tagged(port.lport) } else { entry.is_untagged(port.lport) };
    if !member {
        return Err(DropReason::NotMember);
    }
    Ok(Vlan { id, entry })
}

/// A VLAN's entry; `None` if the VLAN does not exist. VLAN id 0 never does.
#[inline(always)]
pub(crate) fn existing(id: u16) -> Option<&'static VlanEntry> {
    VLANS.get(u32::from(id)).filter(|entry| entry.flags & vlan_flags::EXISTS != 0)
}

/// The metadata that a frame may bring along a veth's wire is none of ours.
#[inline(always)]
pub(crate) fn normalise(packet: &mut Packet) -> Result<(), DropReason> {
    packet.resize_metadata(0).ok_or(DropReason::Headroom)
}
