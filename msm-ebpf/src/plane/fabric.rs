//! Fabric: what carries a frame from one I/O module to another.

use msm_abi::{
    DropReason, FdbKey, Lport, PORTS_PER_SLOT, PortEntry, SLOTS, fabric_bucket_index, flow_bucket, flow_hash,
    header_flags,
};

use super::global;

/// I/O slot of a logical port, from 0; from [`SLOTS`] on for those of the stack, which no fabric is between.
#[inline(always)]
pub(crate) fn slot(lport: Lport) -> u8 {
    (lport / PORTS_PER_SLOT as u16) as u8
}

/// Whether the frame reaches `to`. Inside its own module it needs no fabric.
#[inline(always)]
pub(crate) fn cross(
    port: &PortEntry,
    to: Lport,
    source: FdbKey,
    destination: FdbKey,
) -> Result<(), DropReason> {
    if slot(to) == port.slot || slot(to) >= SLOTS as u8 || port.slot >= SLOTS as u8 {
        return Ok(());
    }
    works(port.slot, source, destination)
}

/// Whether the fabric of this flow works, as flags for the copies: the egress program drops those for other modules.
#[inline(always)]
pub(crate) fn flags(port: &PortEntry, source: FdbKey, destination: FdbKey) -> u16 {
    if port.slot >= SLOTS as u8 {
        return 0;
    }
    match works(port.slot, source, destination) {
        Ok(()) => 0,
        Err(DropReason::FabricUnprogrammed) => header_flags::FABRIC_UNPROGRAMMED,
        Err(_) => header_flags::FABRIC_ABSENT,
    }
}

#[inline(always)]
fn works(slot: u8, source: FdbKey, destination: FdbKey) -> Result<(), DropReason> {
    let bucket = fabric_bucket_index(slot, flow_bucket(flow_hash(source.0, destination.0)));
    let fabric = global::fabric(bucket);
    if fabric.present == 0 {
        return Err(DropReason::FabricAbsent);
    }
    if fabric.programmed == 0 {
        return Err(DropReason::FabricUnprogrammed);
    }
    Ok(())
}
