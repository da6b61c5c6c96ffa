//! A frame as XDP sees it: all of it in the packet, with room for metadata in front.

use aya_ebpf::bindings::{BPF_F_BROADCAST, BPF_F_EXCLUDE_INGRESS};
use msm_abi::{DropReason, EgressEntry, FloodHeader, HEADER_VERSION, Lport, header_flags};

use super::access::Packet;
use super::frame::{Flood, Frame, Wire};
use super::maps::{FLOOD, TX};
use super::parse::{TAG_AT, TPID, VID_MASK};

const TAG_LEN: i32 = 4;
const TCI_AT: usize = TAG_AT + 2;
/// What the redirect helper returns if it finds no netdev; we count and drop then.
const ABORT: u64 = 0;

impl Frame for Packet {
    const FAST: bool = true;

    #[inline(always)]
    fn ingress_ifindex(&self) -> u32 {
        Self::ingress_ifindex(self)
    }
    #[inline(always)]
    fn len(&self) -> u64 {
        Self::len(self)
    }
    /// Metadata crosses the wire of a veth with its frame.
    #[inline(always)]
    fn prepare(&mut self) -> Result<(), DropReason> {
        self.resize_metadata(0).ok_or(DropReason::Headroom)
    }
    #[inline(always)]
    fn side_tag(&self) -> Option<u16> {
        None
    }
    #[inline(always)]
    fn kind(&self, behind: u16) -> u16 {
        behind
    }
    #[inline(always)]
    fn load<T: Wire>(&self, at: usize) -> Option<T> {
        Self::load(self, at)
    }
    #[inline(always)]
    fn store<T: Wire>(&mut self, at: usize, value: T) -> Option<()> {
        Self::store(self, at, value)
    }
    #[inline(always)]
    fn copy<const N: usize>(&self, len: u64, to: &mut [u8; N]) -> Option<u64> {
        Self::copy(self, len, to)
    }

    #[inline(always)]
    fn pop_tag(&mut self) -> Result<(), DropReason> {
        let front: u64 = self.load(0).ok_or(DropReason::Truncated)?;
        let behind: u32 = self.load(8).ok_or(DropReason::Truncated)?;
        self.move_start(TAG_LEN).ok_or(DropReason::Truncated)?;
        self.store(0, front).ok_or(DropReason::Truncated)?;
        self.store(8, behind).ok_or(DropReason::Truncated)
    }
    #[inline(always)]
    fn push_tag(&mut self, vid: u16) -> Result<(), DropReason> {
        let front: u64 = self.load(0).ok_or(DropReason::Truncated)?;
        let behind: u32 = self.load(8).ok_or(DropReason::Truncated)?;
        self.move_start(-TAG_LEN).ok_or(DropReason::Headroom)?;
        self.store(0, front).ok_or(DropReason::Truncated)?;
        self.store(8, behind).ok_or(DropReason::Truncated)?;
        self.store(TAG_AT, u32::from(TPID) << 16 | u32::from(vid)).ok_or(DropReason::Truncated)
    }
    #[inline(always)]
    fn set_vid(&mut self, vid: u16) -> Result<(), DropReason> {
        let tci: u16 = self.load(TCI_AT).ok_or(DropReason::Truncated)?;
        if tci & VID_MASK == vid {
            return Ok(());
        }
        self.store(TCI_AT, tci & !VID_MASK | vid).ok_or(DropReason::Truncated)
    }
    #[inline(always)]
    fn longest_packet(&self, packet: u32, _: (u16, usize)) -> u32 {
        packet
    }

    /// Without metadata, so that the egress program lets it pass at once.
    #[inline(always)]
    fn send(&mut self, to: Lport, _: EgressEntry) -> Result<(), DropReason> {
        TX.redirect(u32::from(to), ABORT).map(drop).map_err(|_| DropReason::NoEgress)
    }

    /// The kernel makes the copies. What each needs to know travels with it.
    #[inline(always)]
    fn flood(&mut self, flood: &Flood) -> Result<(), DropReason> {
        // The kernel does not clone a frame in fragments (net/core/xdp.c: xdpf_clone) and says so to nobody.
        if Self::len(self) != self.linear_len() {
            return Err(DropReason::FloodFragments);
        }
        let flags = if flood.tagged { flood.flags | header_flags::TAGGED } else { flood.flags };
        let header = FloodHeader { version: HEADER_VERSION, vid: flood.vlan.id, lport: flood.from, flags };
        self.resize_metadata(size_of::<FloodHeader>() as i32).ok_or(DropReason::Headroom)?;
        self.set_metadata(header.to_wire()).ok_or(DropReason::Headroom)?;
        let members = FLOOD.get(u32::from(flood.vlan.entry.flood)).ok_or(DropReason::NoEgress)?;
        // A routed frame may go back to where it came from, in another VLAN.
        let exclude = if flags & header_flags::ROUTED == 0 { BPF_F_EXCLUDE_INGRESS } else { 0 };
        let how = u64::from(BPF_F_BROADCAST) | u64::from(exclude);
        members.redirect(0, how).map(drop).map_err(|_| DropReason::NoEgress)
    }

    /// XDP makes no copies for one port: such frames take the other way.
    #[inline(always)]
    fn mirror(&mut self, _: EgressEntry) {}
}
