//! The programs: how the pipeline is entered and left.

// The entries that the xdp macro makes pass the context by value.
#![expect(clippy::needless_pass_by_value)]

mod access;
mod acl;
mod bits;
mod cache;
mod capture;
mod classify;
mod clock;
mod control;
mod copies;
mod count;
mod egress;
mod fabric;
mod frame;
mod gate;
mod global;
mod learn;
mod limit;
mod lookup;
mod maps;
mod memory;
mod parse;
mod pipeline;
mod route;
mod sharing;
mod skb;
mod subprogram;
mod tag;
mod trap;
mod word;
mod xdp;

use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS, XDP_REDIRECT};
use aya_ebpf::bindings::{TC_ACT_REDIRECT, TC_ACT_SHOT};
use aya_ebpf::macros::{classifier, xdp};
use aya_ebpf::programs::{TcContext, XdpContext};
use msm_abi::{CaptureDirection, DropReason};

use access::Packet;
use pipeline::Verdict;
use skb::Skb;

/// Entry of DISPATCH that every port's link jumps to.
const INGRESS: u32 = 0;

/// On every link for as long as it lives: one write to DISPATCH moves all ports to a new pipeline between two frames.
#[xdp(frags)]
fn dispatch(ctx: XdpContext) -> u32 {
    // SAFETY: nothing here has a destructor; the context goes along unchanged.
    unsafe { maps::DISPATCH.tail_call(&ctx, INGRESS) };
    action(Verdict::Drop { at: count::NO_PORT, reason: DropReason::NoProgram as u32 })
}

/// The pipeline.
#[xdp(frags)]
#[inline(always)]
fn ingress(ctx: XdpContext) -> u32 {
    action(pipeline::forward(&mut Packet::new(&ctx)))
}

/// The pipeline on every port's netdev, behind XDP: for ports whose driver is tcx, and for what XDP cannot do.
#[classifier]
#[inline(always)]
fn tcx_ingress(ctx: TcContext) -> i32 {
    match pipeline::forward(&mut Skb::new(&ctx)) {
        Verdict::Redirect => TC_ACT_REDIRECT,
        Verdict::Drop { at, reason } => {
            count::dropped(at, reason);
            TC_ACT_SHOT
        }
        // Nothing of a port is for the namespace it is in.
        Verdict::Consumed | Verdict::Send | Verdict::Punt => TC_ACT_SHOT,
    }
}

/// On every devmap entry: flooded copies.
#[xdp(map = "devmap", frags)]
fn egress(ctx: XdpContext) -> u32 {
    let mut packet = Packet::new(&ctx);
    action(leave(&mut packet, Packet::egress_ifindex))
}

/// The same, for the port that the frame "came in" by: the kernel does not test-run devmap programs.
#[xdp(frags)]
fn egress_test(ctx: XdpContext) -> u32 {
    let mut packet = Packet::new(&ctx);
    action(leave(&mut packet, Packet::ingress_ifindex))
}

#[inline(always)]
fn action(verdict: Verdict) -> u32 {
    match verdict {
        Verdict::Redirect => XDP_REDIRECT,
        Verdict::Consumed => XDP_DROP,
        Verdict::Send | Verdict::Punt => XDP_PASS,
        Verdict::Drop { at, reason } => {
            count::dropped(at, reason);
            XDP_DROP
        }
    }
}

#[inline(always)]
fn leave(packet: &mut Packet, ifindex: fn(&Packet) -> u32) -> Verdict {
    let header = match egress::header(packet) {
        Ok(None) => return Verdict::Send,
        Ok(Some(header)) => Ok(header),
        Err(reason) => Err(reason),
    };
    let Some(port) = classify::port(ifindex(packet)) else {
        return Verdict::Drop { at: count::NO_PORT, reason: DropReason::PortDisabled as u32 };
    };
    let at = u32::from(port.lport);
    match header.and_then(|header| egress::copy(packet, &port, header)) {
        Ok(()) => {
            count::of(at, |port| port.tx_flood_copies += 1);
            capture::frame(packet, port.lport, CaptureDirection::Sent);
            Verdict::Send
        }
        Err(reason) => Verdict::Drop { at, reason: reason as u32 },
    }
}

#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
