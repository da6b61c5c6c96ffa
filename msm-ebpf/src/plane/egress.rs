//! Egress: what becomes of a flooded copy at the port that it leaves by.
//!
//! Every devmap entry of a netdev carries this program, unicast's too: the kernel takes the program of the first frame
//! queued in a poll for all of them (kernel/bpf/devmap.c: bq_enqueue). Unicast has no metadata and passes.

use msm_abi::{DropReason, FloodHeader, HEADER_VERSION, PortEntry, header_flags};

use super::access::Packet;
use super::classify::{self, Vlan};
use super::clock::Now;
use super::fabric;
use super::gate;
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
    reached(port, header)?;
    if entry.domain != 0 {
        gate::forwards(gate::state(&vlan, port.lport, Now::read()), DropReason::EgressGate)?;
    }
    tag::apply(packet, vlan.id, entry, port.lport, header.flags & header_flags::TAGGED != 0)?;
    Ok(())
}

#[inline(always)]
fn reached(port: &PortEntry, header: FloodHeader) -> Result<(), DropReason> {
    if fabric::slot(header.lport) == port.slot {
        Ok(())
    } else if header.flags & header_flags::FABRIC_ABSENT != 0 {
        Err(DropReason::FabricAbsent)
    } else if header.flags & header_flags::FABRIC_UNPROGRAMMED != 0 {
        Err(DropReason::FabricUnprogrammed)
    } else {
        Ok(())
    }
}
