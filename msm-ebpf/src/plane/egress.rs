//! Egress: what becomes of a flooded copy at the port that it leaves by.
//!
//! Every devmap entry of a netdev carries this program, unicast's too: the kernel takes the program of the first frame
//! queued in a poll for all of them (kernel/bpf/devmap.c: bq_enqueue). Unicast has no metadata and passes.

use msm_abi::{CpuClass, DropReason, FloodHeader, HEADER_VERSION, PortEntry, header_flags, port_flags};

use super::access::Packet;
use super::classify::{self, Vlan};
use super::clock::Now;
use super::gate;
use super::limit;
use super::parse;
use super::sharing;
use super::subprogram::Subprograms;
use super::tag;

/// The header of a copy; `None` for unicast.
#[inline(always)]
pub(crate) fn header(packet: &Packet) -> Result<Option<FloodHeader>, DropReason> {
    if packet.metadata_len() == 0 {
        return Ok(None);
    }
    match packet.metadata().map(FloodHeader::from_wire) {
        Some(header) if header.version == HEADER_VERSION => Ok(Some(header)),
        _ => Err(DropReason::Truncated),
    }
}

/// Brings a copy into the form in which `port` sends it.
#[inline(always)]
pub(crate) fn copy(packet: &mut Packet, port: &PortEntry, header: FloodHeader) -> Result<(), DropReason> {
    packet.resize_metadata(0).ok_or(DropReason::Headroom)?;
    classify::enabled(port)?;
    let entry = classify::existing(header.vid).ok_or(DropReason::EgressNotMember)?;
    let vlan = Vlan { id: header.vid, entry };
    reached(port, header.flags)?;
    if port.flags & port_flags::GROUPED != 0 {
        chosen(port, header)?;
    }
    if port.flags & port_flags::SVI != 0 {
        to_stack(packet, port, &vlan)?;
    }
    if entry.domain != 0 {
        gate::forwards(gate::state(&vlan, port.logical, Now::read()), DropReason::EgressGate)?;
    }
    tag::apply(packet, vlan.id, entry, port.logical, header.flags & header_flags::TAGGED != 0)?;
    Ok(())
}

/// Whether a fabric carried the copy here.
#[inline(always)]
pub(crate) fn reached(port: &PortEntry, flags: u16) -> Result<(), DropReason> {
    if flags & (header_flags::FABRIC_ABSENT | header_flags::FABRIC_UNPROGRAMMED) == 0 {
        return Ok(());
    }
    if (flags >> header_flags::SLOT_SHIFT) as u8 & 0xF == port.slot || port.flags & port_flags::SVI != 0 {
        Ok(())
    } else if flags & header_flags::FABRIC_ABSENT != 0 {
        Err(DropReason::FabricAbsent)
    } else {
        Err(DropReason::FabricUnprogrammed)
    }
}

/// Of a group one port sends, and none if the frame came in by the group.
#[inline(always)]
fn chosen(port: &PortEntry, header: FloodHeader) -> Result<(), DropReason> {
    if header.lport == port.logical && header.flags & header_flags::ROUTED == 0 {
        return Err(DropReason::OtherMember);
    }
    let group = sharing::egress(port.logical).group;
    let bucket = u32::from(header.flags >> header_flags::BUCKET_SHIFT);
    if sharing::in_group(group, header.lport, false, || bucket)? == port.lport {
        Ok(())
    } else {
        Err(DropReason::OtherMember)
    }
}

/// The stack takes what its VLAN's other hosts take, at its own rate.
#[inline(always)]
fn to_stack(packet: &Packet, port: &PortEntry, vlan: &Vlan) -> Result<(), DropReason> {
    if vlan.entry.svi != port.lport {
        return Err(DropReason::EgressNotMember);
    }
    let header = parse::header(packet)?;
    limit::to_cpu(packet.class(&header, CpuClass::Flood))
}
