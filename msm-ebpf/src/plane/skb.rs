//! A frame as tcx sees it: an skb, with its tag beside it, whatever its host's offloads left to be done, and as long as they made it.

use core::ffi::c_void;

use aya_ebpf::bindings::__sk_buff;
use aya_ebpf::helpers::{
    bpf_clone_redirect, bpf_loop, bpf_redirect, bpf_skb_load_bytes, bpf_skb_pull_data, bpf_skb_vlan_pop,
    bpf_skb_vlan_push,
};
use aya_ebpf::programs::TcContext;
use msm_abi::{CpuClass, DropReason, EgressEntry, Lport, PORTS};

use super::access::opaque;
use super::copies::{self, Copy};
use super::frame::{Flood, Frame, Wire};
use super::limit;
use super::parse::{self, TPID, VID_MASK};
use super::subprogram::Subprograms;

/// Bytes that the stages look at: Ethernet, IPv6, and the ports behind; or IPv4 with all options, and the ports.
const HEADERS: u32 = 14 + 60 + 4;
/// What the redirect helper answers when it has taken the frame on.
const REDIRECTED: i64 = 7;

/// The skb that a program runs for.
pub(crate) struct Skb {
    skb: *mut __sk_buff,
}

impl Skb {
    #[inline(always)]
    pub(crate) fn new(ctx: &TcContext) -> Self {
        Self { skb: ctx.skb.skb }
    }

    /// For a subprogram: of the same run, and `context` is the program's.
    #[inline(always)]
    pub(crate) fn from_context(context: *mut __sk_buff) -> Self {
        Self { skb: context }
    }

    #[inline(always)]
    pub(crate) fn context(&self) -> *mut __sk_buff {
        self.skb
    }

    #[inline(always)]
    fn skb(&self) -> &__sk_buff {
        // SAFETY: the kernel gives a valid context for the whole run. Its fields change under helpers only, which take `&mut self`.
        unsafe { &*self.skb }
    }

    #[inline(always)]
    fn vlan_pop(&mut self) -> Result<(), DropReason> {
        // SAFETY: the context is valid; nothing holds an address into the packet across this.
        if unsafe { bpf_skb_vlan_pop(self.skb) } == 0 { Ok(()) } else { Err(DropReason::Truncated) }
    }

    #[inline(always)]
    fn vlan_push(&mut self, tci: u16) -> Result<(), DropReason> {
        // SAFETY: as above.
        let done = unsafe { bpf_skb_vlan_push(self.skb, TPID.to_be(), tci) };
        if done == 0 { Ok(()) } else { Err(DropReason::Headroom) }
    }

    /// A copy to a netdev.
    #[inline(always)]
    pub(crate) fn copy_to(&mut self, ifindex: u32) -> bool {
        // SAFETY: as above.
        unsafe { bpf_clone_redirect(self.skb, ifindex, 0) == 0 }
    }
}

impl Frame for Skb {
    const FAST: bool = false;

    #[inline(always)]
    #[expect(
        clippy::misnamed_getters,
        reason = "at tcx ingress the netdev it is at is the one it came in by"
    )]
    fn ingress_ifindex(&self) -> u32 {
        self.skb().ifindex
    }
    #[inline(always)]
    fn len(&self) -> u64 {
        u64::from(self.skb().len) + if self.side_tag().is_some() { 4 } else { 0 }
    }
    #[inline(always)]
    fn prepare(&mut self) -> Result<(), DropReason> {
        let skb = self.skb();
        let (linear, len) = (skb.data_end.wrapping_sub(skb.data), skb.len);
        let wanted = if len < HEADERS { len } else { HEADERS };
        if linear < wanted {
            // SAFETY: the context is valid; nothing holds an address into the packet across this.
            unsafe { bpf_skb_pull_data(self.skb, wanted) };
        }
        Ok(())
    }
    /// A tag of another kind (802.1ad) is left where it is: for us the frame has none.
    #[inline(always)]
    fn side_tag(&self) -> Option<u16> {
        let skb = self.skb();
        (skb.vlan_present != 0 && skb.vlan_proto as u16 == TPID.to_be()).then_some(skb.vlan_tci as u16)
    }
    #[inline(always)]
    fn kind(&self, behind: u16) -> u16 {
        let skb = self.skb();
        let proto = u16::from_be(skb.vlan_proto as u16);
        if skb.vlan_present != 0 && proto != TPID { proto } else { behind }
    }
    #[inline(always)]
    fn load<T: Wire>(&self, at: usize) -> Option<T> {
        let start = self.skb().data as usize + at;
        if start + size_of::<T>() > self.skb().data_end as usize {
            return None;
        }
        // SAFETY: compared with the end of the packet just now.
        Some(unsafe { T::load(start) })
    }
    #[inline(always)]
    fn store<T: Wire>(&mut self, at: usize, value: T) -> Option<()> {
        let start = self.skb().data as usize + at;
        if start + size_of::<T>() > self.skb().data_end as usize {
            return None;
        }
        // SAFETY: compared with the end of the packet just now.
        unsafe { value.store(start) };
        Some(())
    }
    #[inline(always)]
    fn copy<const N: usize>(&self, len: u64, to: &mut [u8; N]) -> Option<u64> {
        let len = opaque(len.min(u64::from(self.skb().len)));
        if len == 0 || len > N as u64 {
            return None;
        }
        // SAFETY: the context is valid, and `to` has room for `len` bytes, compared just now.
        let done = unsafe { bpf_skb_load_bytes(self.skb.cast(), 0, to.as_mut_ptr().cast(), len as u32) };
        (done == 0).then_some(opaque(len))
    }
    #[inline(always)]
    fn pop_tag(&mut self) -> Result<(), DropReason> {
        self.vlan_pop()
    }
    #[inline(always)]
    fn push_tag(&mut self, vid: u16) -> Result<(), DropReason> {
        self.vlan_push(vid)
    }
    #[inline(always)]
    fn set_vid(&mut self, vid: u16) -> Result<(), DropReason> {
        let tci = self.side_tag().unwrap_or(0);
        if tci & VID_MASK == vid {
            return Ok(());
        }
        self.vlan_pop()?;
        self.vlan_push(tci & !VID_MASK | vid)
    }
    /// Of a frame that is cut into segments later, one segment.
    #[inline(always)]
    fn longest_packet(&self, packet: u32, place: (u16, usize)) -> u32 {
        match self.skb().gso_size {
            0 => packet,
            segment => segment + parse::headers(self, place),
        }
    }
    #[inline(always)]
    fn send(&mut self, _: Lport, egress: EgressEntry) -> Result<(), DropReason> {
        // SAFETY: the helper only notes the netdev.
        if egress.ifindex != 0 && unsafe { bpf_redirect(egress.ifindex, 0) } == REDIRECTED {
            Ok(())
        } else {
            Err(DropReason::NoEgress)
        }
    }

    /// One copy after the other: first to those without a tag, then to those with one.
    #[inline(always)]
    fn flood(&mut self, flood: &Flood) -> Result<(), DropReason> {
        let mut copy = Copy { skb: Self { skb: self.skb }, flood: *flood, tagged: false };
        let priority = copy.skb.side_tag().unwrap_or(0) & !VID_MASK;
        if flood.tagged {
            copy.skb.vlan_pop()?;
        }
        each(&mut copy);
        stack(&copy)?;
        copy.tagged = true;
        copy.skb.vlan_push(priority | flood.vlan.id)?;
        each(&mut copy);
        Ok(())
    }

    #[inline(always)]
    fn mirror(&mut self, to: EgressEntry) {
        if to.ifindex != 0 {
            self.copy_to(to.ifindex);
        }
    }
}

/// A copy to the VLAN's interface, at the stack's rate.
#[inline(always)]
fn stack(copy: &Copy) -> Result<(), DropReason> {
    let svi = copy.flood.vlan.entry.svi;
    if svi == 0 || svi == copy.flood.from {
        return Ok(());
    }
    let class = if copy.skb.skb().vlan_present != 0 {
        // Behind its own tag the frame had another, which the kernel has put beside it now: no protocol's.
        CpuClass::Flood as u32
    } else {
        copy.skb.class(&parse::header(&copy.skb)?, CpuClass::Flood)
    };
    if limit::to_cpu(class).is_ok() {
        copies::to_member(&copy.skb, &copy.flood, svi);
    }
    Ok(())
}

/// Asks for every word of members in turn.
#[inline(always)]
fn each(copy: &mut Copy) {
    // SAFETY: `next` takes what is handed to it here, and no longer than this call.
    unsafe { bpf_loop((PORTS / 64) as u32, next as *mut c_void, (&raw mut *copy).cast(), 0) };
}

/// One word of members.
unsafe extern "C" fn next(word: u64, copy: *mut c_void) -> i64 {
    // SAFETY: `each` hands over its `Copy`.
    let copy = unsafe { &*copy.cast::<Copy>() };
    copies::of_word(copy, word as u32);
    0
}
