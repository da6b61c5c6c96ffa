//! Tag action: how a frame of a VLAN looks on the port it leaves by.

use msm_abi::{DropReason, Lport, VlanEntry};

use super::access::Packet;
use super::parse::{TAG_AT, TPID, VID_MASK};

const TAG_LEN: i32 = 4;
const TCI_AT: usize = TAG_AT + 2;

/// Gives the frame the tag that `lport` wants for VLAN `vid`, or takes it away. `tagged` says what it has now. Returns by
/// how many bytes the frame grew.
#[inline(always)]
pub(crate) fn apply(
    packet: &mut Packet,
    vid: u16,
    vlan: &VlanEntry,
    lport: Lport,
    tagged: bool,
) -> Result<i32, DropReason> {
    // Untagged first: the usual frame is done without looking at the other set.
    match (tagged, vlan.is_untagged(lport)) {
        (false, true) => Ok(0),
        (true, true) => pop(packet).map(|()| -TAG_LEN),
        (_, false) if !vlan.is_tagged(lport) => Err(DropReason::EgressNotMember),
        (false, false) => push(packet, vid).map(|()| TAG_LEN),
        (true, false) => retag(packet, vid).map(|()| 0),
    }
}

#[inline(always)]
fn pop(packet: &mut Packet) -> Result<(), DropReason> {
    let front: u64 = packet.load(0).ok_or(DropReason::Truncated)?;
    let behind: u32 = packet.load(8).ok_or(DropReason::Truncated)?;
    packet.move_start(TAG_LEN).ok_or(DropReason::Truncated)?;
    packet.store(0, front).ok_or(DropReason::Truncated)?;
    packet.store(8, behind).ok_or(DropReason::Truncated)
}

#[inline(always)]
fn push(packet: &mut Packet, vid: u16) -> Result<(), DropReason> {
    let front: u64 = packet.load(0).ok_or(DropReason::Truncated)?;
    let behind: u32 = packet.load(8).ok_or(DropReason::Truncated)?;
    packet.move_start(-TAG_LEN).ok_or(DropReason::Headroom)?;
    packet.store(0, front).ok_or(DropReason::Truncated)?;
    packet.store(8, behind).ok_or(DropReason::Truncated)?;
    packet.store(TAG_AT, u32::from(TPID) << 16 | u32::from(vid)).ok_or(DropReason::Truncated)
}

/// A tag that had a priority only gets its VLAN id; the priority stays.
#[inline(always)]
fn retag(packet: &mut Packet, vid: u16) -> Result<(), DropReason> {
    let tci: u16 = packet.load(TCI_AT).ok_or(DropReason::Truncated)?;
    if tci & VID_MASK == vid {
        return Ok(());
    }
    packet.store(TCI_AT, tci & !VID_MASK | vid).ok_or(DropReason::Truncated)
}
