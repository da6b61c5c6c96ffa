//! The pipeline, a line a stage (IEEE 802.1Q-2018 8.6), and the programs that enter it.

// The entries that the xdp macro makes pass the context by value.
#![expect(clippy::needless_pass_by_value)]

mod access;
mod cache;
mod capture;
mod classify;
mod clock;
mod control;
mod count;
mod egress;
mod fabric;
mod flood;
mod gate;
mod learn;
mod lookup;
mod maps;
mod parse;
mod tag;
mod transmit;
mod word;

use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS, XDP_REDIRECT};
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;
use msm_abi::{CaptureDirection, DropReason, GateState, PlaneConfig, PortEntry};

use access::Packet;
use cache::Generation;
use clock::Now;
use lookup::Destination;

/// Entry of DISPATCH that every port's link jumps to.
const INGRESS: u32 = 0;

/// What becomes of a frame.
#[derive(Clone, Copy)]
enum Verdict {
    /// To one or many netdevs, as the redirect helper was told.
    Redirect,
    /// Out of the port it is at.
    Send,
    /// Nowhere; counted at `at`, an index of COUNTERS.
    Drop { at: u32, reason: DropReason },
}

/// On every link for as long as it lives: one write to DISPATCH moves all ports to a new pipeline between two frames.
#[xdp(frags)]
fn dispatch(ctx: XdpContext) -> u32 {
    // SAFETY: nothing here has a destructor; the context goes along unchanged.
    unsafe { maps::DISPATCH.tail_call(&ctx, INGRESS) };
    action(Verdict::Drop { at: count::NO_PORT, reason: DropReason::NoProgram })
}

/// The pipeline.
#[xdp(frags)]
fn ingress(ctx: XdpContext) -> u32 {
    action(forward(&mut Packet::new(&ctx)))
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
        Verdict::Send => XDP_PASS,
        Verdict::Drop { at, reason } => {
            count::dropped(at, reason);
            XDP_DROP
        }
    }
}

#[inline(always)]
fn forward(packet: &mut Packet) -> Verdict {
    let Some(port) = classify::port(packet.ingress_ifindex()) else {
        return Verdict::Drop { at: count::NO_PORT, reason: DropReason::PortDisabled };
    };
    let at = u32::from(port.lport);
    let (len, config) = (packet.len(), config());
    count::received(at, len);
    capture::frame(packet, config, port.lport, CaptureDirection::Received);
    match switch(packet, &port, len, config) {
        Ok(()) => Verdict::Redirect,
        Err(reason) => Verdict::Drop { at, reason },
    }
}

#[inline(always)]
fn switch(packet: &mut Packet, port: &PortEntry, len: u64, config: PlaneConfig) -> Result<(), DropReason> {
    classify::enabled(port)?;
    classify::normalise(packet)?;
    let header = parse::header(packet)?;
    let vlan = classify::vlan(port, &header)?;
    let control = control::admit(header.destination, &vlan)?;
    learn::check_source(header.source)?;

    let (source, destination) = (vlan.key(header.source), vlan.key(header.destination));
    let (generation, now) = (Generation::read(), Now::read());
    let gate = gate::state(&vlan, port.lport, now);
    if gate != GateState::Discarding {
        learn::learn(header.source, source, port.lport, now.stamp(), config, generation);
    }
    gate::forwards(gate, DropReason::IngressGate)?;

    let to = if control || header.destination.is_group() {
        Destination::Members
    } else {
        lookup::station(destination, port.lport, now.stamp(), config, generation)?
    };
    match to {
        Destination::Port(to) => {
            fabric::cross(port, to, source, destination)?;
            gate::forwards(gate::state(&vlan, to, now), DropReason::EgressGate)?;
            let growth = tag::apply(packet, vlan.id, vlan.entry, to, header.tci.is_some())?;
            transmit::unicast(to, len.wrapping_add_signed(i64::from(growth)))?;
            capture::frame(packet, config, to, CaptureDirection::Sent);
            Ok(())
        }
        Destination::Members => {
            let flags = fabric::flags(port, source, destination);
            flood::members(packet, len, &vlan, port.lport, header.tci.is_some(), flags)
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
        return Verdict::Drop { at: count::NO_PORT, reason: DropReason::PortDisabled };
    };
    let at = u32::from(port.lport);
    match header.and_then(|header| egress::copy(packet, &port, header)) {
        Ok(()) => {
            count::of(at, |port| port.tx_flood_copies += 1);
            capture::frame(packet, config(), port.lport, CaptureDirection::Sent);
            Verdict::Send
        }
        Err(reason) => Verdict::Drop { at, reason },
    }
}

#[inline(always)]
fn config() -> PlaneConfig {
    // The map has an entry 0; without one nothing would age.
    maps::PLANE_CONFIG.get(0).copied().unwrap_or_default()
}

#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
