//! Flood: a copy to every other member of the VLAN, made by the kernel. What a copy needs to know travels with it.

use aya_ebpf::bindings::{BPF_F_BROADCAST, BPF_F_EXCLUDE_INGRESS};
use msm_abi::{DropReason, FloodHeader, HEADER_VERSION, Lport, header_flags};

use super::access::Packet;
use super::classify::Vlan;
use super::count;
use super::maps::FLOOD;

const EVERY_OTHER: u64 = BPF_F_BROADCAST as u64 | BPF_F_EXCLUDE_INGRESS as u64;

/// Floods the frame, `len` bytes with its fragments, which came in by `from`. `flags` are those of the fabric.
#[inline(always)]
pub(crate) fn members(
    packet: &mut Packet,
    len: u64,
    vlan: &Vlan,
    from: Lport,
    tagged: bool,
    flags: u16,
) -> Result<(), DropReason> {
    // The kernel does not clone a frame in fragments (net/core/xdp.c: xdpf_clone) and says so to nobody.
    if len != packet.linear_len() {
        return Err(DropReason::FloodFragments);
    }
    let flags = if tagged { flags | header_flags::TAGGED } else { flags };
    let header = FloodHeader { version: HEADER_VERSION, vid: vlan.id, lport: from, flags };
    packet.resize_metadata(size_of::<FloodHeader>() as i32).ok_or(DropReason::Headroom)?;
    packet.set_metadata(header.to_wire()).ok_or(DropReason::Headroom)?;
    let members = FLOOD.get(u32::from(vlan.entry.flood)).ok_or(DropReason::NoEgress)?;
    members.redirect(0, EVERY_OTHER).map_err(|_| DropReason::NoEgress)?;
    count::of(u32::from(from), |port| port.flooded += 1);
    Ok(())
}
