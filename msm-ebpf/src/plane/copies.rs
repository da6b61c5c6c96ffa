//! Copies of a flooded skb, member by member. (Of an XDP frame the kernel makes them: xdp.rs, egress.rs.)

use aya_ebpf::bindings::__sk_buff;
use msm_abi::{DropReason, Lport, PORTS, egress_flags, header_flags};

use super::bits::lowest;
use super::classify::Vlan;
use super::clock::Now;
use super::frame::{Flood, Frame};
use super::skb::Skb;
use super::{classify, count, egress, gate, pipeline, sharing};

/// A flood under way.
pub(crate) struct Copy {
    pub(crate) skb: Skb,
    pub(crate) flood: Flood,
    /// Whether it is the turn of the members with a tag.
    pub(crate) tagged: bool,
}

/// To the members of one word of a VLAN's.
#[inline(always)]
pub(crate) fn of_word(copy: &Copy, word: u32) {
    let entry = copy.flood.vlan.entry;
    let at = word as usize % (PORTS / 64);
    let mut members = if copy.tagged { entry.tagged[at] } else { entry.untagged[at] };
    for _ in 0..u64::BITS {
        if members == 0 {
            break;
        }
        to_member(&copy.skb, &copy.flood, (at * 64) as Lport + lowest(members) as Lport);
        members &= members - 1;
    }
}

/// To a member, by its logical port.
#[inline(always)]
pub(crate) fn to_member(skb: &Skb, flood: &Flood, member: Lport) {
    let what = u64::from(flood.vlan.id) | u64::from(flood.from) << 16 | u64::from(flood.flags) << 32;
    tcx_copy(skb.context(), what, member.into());
}

/// A subprogram, so that the verifier looks at it once, and not for each member.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn tcx_copy(skb: *mut __sk_buff, what: u64, member: u64) -> u64 {
    let (vid, from, flags) = (what as u16, (what >> 16) as Lport, (what >> 32) as u16);
    send(&mut Skb::from_context(skb), vid, from, flags, member as Lport);
    0
}

#[inline(always)]
fn send(skb: &mut Skb, vid: u16, from: Lport, flags: u16, member: Lport) {
    if member == from && flags & header_flags::ROUTED == 0 {
        return;
    }
    let mut port = member;
    let group = sharing::egress(member);
    if group.flags & egress_flags::SHARED != 0 {
        let bucket = u32::from(flags >> header_flags::BUCKET_SHIFT);
        let Ok(chosen) = sharing::in_group(group.group, from, false, || bucket) else { return };
        port = chosen;
    }
    match to_port(skb, vid, flags, member, port) {
        Ok(()) => count::of(u32::from(port), |port| port.tx_flood_copies += 1),
        Err(reason) => count::dropped(u32::from(port), reason as u32),
    }
}

#[inline(always)]
fn to_port(skb: &mut Skb, vid: u16, flags: u16, member: Lport, port: Lport) -> Result<(), DropReason> {
    let to = sharing::egress(port);
    let entry = classify::existing(vid).ok_or(DropReason::EgressNotMember)?;
    let netdev = classify::port(to.ifindex).ok_or(DropReason::PortDisabled)?;
    egress::reached(&netdev, flags)?;
    if entry.domain != 0 {
        gate::forwards(gate::state(&Vlan { id: vid, entry }, member, Now::read()), DropReason::EgressGate)?;
    }
    if !skb.copy_to(to.ifindex) {
        return Err(DropReason::NoEgress);
    }
    if to.flags & egress_flags::MIRRORED != 0 {
        skb.mirror(pipeline::mirror_port());
    }
    Ok(())
}
