//! Subprograms: stages that most frames do not need. The verifier looks at each by itself, once, and knows of its answer only that it is a
//! number; inlined, each of their ways would multiply those of all that follows.

use msm_abi::{CpuClass, DropReason, FdbKey, PortEntry};

use super::access::Packet;
use super::classify::Vlan;
use super::global::config;
use super::parse::Header;
use super::sharing::Flow;
use super::skb::Skb;
use super::{acl, limit, parse, route};

/// An answer that is neither a neighbour nor 0: a [`CpuClass`] in the low octet.
const STACK: u64 = 0x100;
/// Likewise: a [`DropReason`] in the low octet.
const DROP: u64 = 0x200;

/// Where a frame to the router's address goes.
pub(crate) enum Way {
    /// On, to this `msm_abi::Neighbour`, once it has been through [`Subprograms::rewrite`].
    On(u64),
    /// To the stack, in this [`CpuClass`] (as number), which does with it what a host does.
    Stack(u32),
    /// Nowhere, for this [`DropReason`] (as number).
    Drop(u32),
}

/// What a subprogram is told of a header: EtherType, and where what is behind it begins.
#[inline(always)]
fn place(header: &Header) -> u64 {
    (header.payload as u64) << 16 | u64::from(header.ethertype)
}

#[inline(always)]
fn placed(place: u64) -> (u16, usize) {
    // Known to the verifier as one of two.
    (
        place as u16,
        if place >> 16 == parse::PAYLOAD_AT as u64 { parse::PAYLOAD_AT } else { parse::TAGGED_PAYLOAD_AT },
    )
}

/// The stages that are subprograms.
pub(crate) trait Subprograms {
    /// What chooses the frame's way among equals.
    fn flow(&self, header: &Header, source: FdbKey, destination: FdbKey) -> Flow;
    /// Its class on the way to a stack; `other` if it is no protocol's.
    fn class(&self, header: &Header, other: CpuClass) -> u32;
    /// Whether the access list lets it in.
    fn permitted(&self, header: &Header, port: &PortEntry, active: u8) -> bool;
    /// Takes it, which is to the router's address, in this VLAN.
    fn route(&self, header: &Header, vlan: &Vlan) -> Way;
    /// Gives a frame that was routed the addresses and the hop count that its neighbour sees.
    fn rewrite(&mut self, header: &Header, neighbour: u64) -> Result<(), DropReason>;
}

macro_rules! subprograms {
    ($frame:ident, $context:ty, $flow:ident, $class:ident, $permitted:ident, $route:ident, $rewrite:ident) => {
        impl Subprograms for $frame {
            #[inline(always)]
            fn flow(&self, header: &Header, source: FdbKey, destination: FdbKey) -> Flow {
                Flow($flow(self.context(), place(header), source.0, destination.0))
            }
            #[inline(always)]
            fn class(&self, header: &Header, other: CpuClass) -> u32 {
                $class(self.context(), place(header), other as u64) as u32
            }
            #[inline(always)]
            fn permitted(&self, header: &Header, port: &PortEntry, active: u8) -> bool {
                let place = place(header) | u64::from(active) << 32 | u64::from(port.lport) << 48;
                $permitted(self.context(), place, header.source.0, header.destination.0) == 1
            }
            #[inline(always)]
            fn route(&self, header: &Header, vlan: &Vlan) -> Way {
                let flags = u64::from(vlan.entry.flags);
                let place = place(header) | u64::from(config::routes()) << 32 | flags << 48;
                let way = $route(self.context(), place, u64::from(vlan.id));
                if way >> 16 != 0 {
                    Way::On(way)
                } else if way & STACK != 0 {
                    Way::Stack(way as u32 & 0xFF)
                } else {
                    Way::Drop(way as u32 & 0xFF)
                }
            }
            #[inline(always)]
            fn rewrite(&mut self, header: &Header, neighbour: u64) -> Result<(), DropReason> {
                match $rewrite(self.context(), place(header), config::router_mac(), neighbour >> 16) {
                    1 => Ok(()),
                    _ => Err(DropReason::Truncated),
                }
            }
        }

        #[unsafe(no_mangle)]
        #[inline(never)]
        extern "C" fn $flow(context: *mut $context, place: u64, source: u64, destination: u64) -> u64 {
            Flow::of(&$frame::from_context(context), placed(place), source, destination).0
        }

        #[unsafe(no_mangle)]
        #[inline(never)]
        extern "C" fn $class(context: *mut $context, place: u64, other: u64) -> u64 {
            limit::class_of(&$frame::from_context(context), placed(place), other as u32).into()
        }

        #[unsafe(no_mangle)]
        #[inline(never)]
        extern "C" fn $permitted(context: *mut $context, place: u64, source: u64, destination: u64) -> u64 {
            let (active, lport) = ((place >> 32) as u8, (place >> 48) as u32);
            let frame = $frame::from_context(context);
            acl::permitted(&frame, placed(place & 0xFFFF_FFFF), active, lport, source, destination).into()
        }

        #[unsafe(no_mangle)]
        #[inline(never)]
        extern "C" fn $route(context: *mut $context, place: u64, vid: u64) -> u64 {
            let (half, flags) = ((place >> 32) as u8, (place >> 48) as u16);
            let frame = $frame::from_context(context);
            match route::take(&frame, placed(place & 0xFFFF_FFFF), (vid as u16, flags), half) {
                Ok(route::Step::Forward(neighbour)) => neighbour,
                Ok(route::Step::Stack(class)) => STACK | u64::from(class),
                Err(reason) => DROP | reason as u64,
            }
        }

        #[unsafe(no_mangle)]
        #[inline(never)]
        extern "C" fn $rewrite(context: *mut $context, place: u64, router: u64, to: u64) -> u64 {
            route::rewrite(&mut $frame::from_context(context), placed(place), router, to).is_some().into()
        }
    };
}
subprograms!(Packet, aya_ebpf::bindings::xdp_md, xdp_flow, xdp_class, xdp_permitted, xdp_route, xdp_rewrite);
subprograms!(Skb, aya_ebpf::bindings::__sk_buff, tcx_flow, tcx_class, tcx_permitted, tcx_route, tcx_rewrite);
