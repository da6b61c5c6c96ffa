//! Classification: which port the frame came in by, and to which VLAN it belongs.

use msm_abi::{DropReason, FdbKey, PortEntry, VlanEntry, port_flags, vlan_flags};

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

/// Whether the port takes what is not for a control address.
#[inline(always)]
pub(crate) fn open(port: &PortEntry) -> Result<(), DropReason> {
    if port.flags & port_flags::CLOSED != 0 {
        return Err(DropReason::IngressGate);
    }
    Ok(())
}

/// The VLAN id of a frame: its tag's, or the port's if it has none or one without a VLAN id (IEEE 802.1Q-2018 6.9.1).
#[inline(always)]
pub(crate) fn vid(port: &PortEntry, header: &Header) -> u16 {
    let tagged = header.tci.unwrap_or(0) & VID_MASK;
    if tagged != 0 { tagged } else { port.pvid }
}

/// The VLAN of a frame. The port must be a member in just that way, tagged or untagged.
#[inline(always)]
pub(crate) fn vlan(port: &PortEntry, header: &Header, id: u16) -> Result<Vlan, DropReason> {
    let entry = existing(id).ok_or(DropReason::NotMember)?;
    let tagged = header.tci.unwrap_or(0) & VID_MASK != 0;
    let member = if port.flags & port_flags::SVI != 0 {
        !tagged && entry.svi == port.lport
    } else if tagged {
        entry.is_tagged(port.logical)
    } else {
        entry.is_untagged(port.logical)
    };
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
