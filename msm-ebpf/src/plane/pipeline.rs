//! The pipeline, a line a stage (IEEE 802.1Q-2018 8.6): the same for both kinds of frames.

use msm_abi::{
    CaptureDirection, CpuClass, DropReason, FdbKey, GateState, LimitKind, Lport, PortEntry, acl_active,
    egress_flags, header_flags, port_flags, vlan_flags,
};

use super::cache::Cache;
use super::classify::{self, Vlan};
use super::clock::Now;
use super::control::Control;
use super::frame::{Flood, Frame};
use super::global::config;
use super::lookup::Destination;
use super::parse::Header;
use super::subprogram::{Subprograms, Way};
use super::{capture, control, count, fabric, gate, learn, limit, lookup, memory, parse, sharing, tag, trap};

/// What becomes of a frame.
#[derive(Clone, Copy)]
pub(crate) enum Verdict {
    /// To one or many netdevs, as the helper was told.
    Redirect,
    /// Done with: copied or taken.
    Consumed,
    /// Out of the port it is at.
    Send,
    /// To the tcx entry of the port it came in by.
    Punt,
    /// Nowhere; counted at `at`, an index of COUNTERS.
    Drop { at: u32, reason: u32 },
}

/// Why a frame's way ends before it is sent.
enum End {
    /// For a [`DropReason`] as number.
    Drop(u32),
    Punt,
}

impl From<DropReason> for End {
    #[inline(always)]
    fn from(reason: DropReason) -> Self {
        Self::Drop(reason as u32)
    }
}

/// How it went.
enum Done {
    Redirected,
    Consumed,
}

/// What is known of a frame past classification.
struct Frames<'a> {
    port: &'a PortEntry,
    header: &'a Header,
    len: u64,
    now: Now,
    /// As it came in: choose its fabric, whatever becomes of it.
    source: FdbKey,
    destination: FdbKey,
}

/// A frame that came in.
#[inline(always)]
pub(crate) fn forward<F: Frame + Subprograms>(frame: &mut F) -> Verdict {
    let Some(port) = classify::port(frame.ingress_ifindex()) else {
        return Verdict::Drop { at: count::NO_PORT, reason: DropReason::PortDisabled as u32 };
    };
    let at = u32::from(port.lport);
    let len = frame.len();
    if first_sight::<F>(&port) {
        count::received(at, len);
        capture::frame(frame, port.lport, CaptureDirection::Received);
    }
    match switch(frame, &port, len) {
        Ok(Done::Redirected) => Verdict::Redirect,
        Ok(Done::Consumed) => Verdict::Consumed,
        Err(End::Punt) => {
            count::of(at, |port| port.slow += 1);
            Verdict::Punt
        }
        Err(End::Drop(reason)) => Verdict::Drop { at, reason },
    }
}

/// False at the tcx entry of a port that has an XDP program: it has seen the frame.
#[inline(always)]
fn first_sight<F: Frame>(port: &PortEntry) -> bool {
    F::FAST || port.flags & port_flags::TCX != 0
}

#[inline(always)]
fn switch<F: Frame + Subprograms>(frame: &mut F, port: &PortEntry, len: u64) -> Result<Done, End> {
    classify::enabled(port)?;
    frame.prepare()?;
    if port.flags & port_flags::MIRRORED != 0 {
        if F::FAST {
            return Err(End::Punt);
        }
        frame.mirror(mirror_port());
    }
    // Of a mirrored port the XDP program has looked at nothing but that.
    let unjudged = first_sight::<F>(port) || port.flags & port_flags::MIRRORED != 0;
    let header = parse::header(frame)?;
    let vid = classify::vid(port, &header);
    let control = match control::admit(header.destination, vid)? {
        Control::None => false,
        Control::Forward => true,
        Control::Trap { class, forward } => {
            if unjudged {
                trap::frame(frame, class, port.lport, vid, len)?;
            }
            if !forward {
                count::of(u32::from(port.lport), |port| port.to_cpu += 1);
                return Ok(Done::Consumed);
            }
            true
        }
    };
    classify::open(port)?;
    let vlan = classify::vlan(port, &header, vid)?;
    learn::check_source(header.source)?;

    let memory = memory::here().ok_or(DropReason::NoProgram)?;
    let now = Now::by(memory);
    let cache = &mut Cache::new(memory);
    let (source, destination) = (vlan.key(header.source), vlan.key(header.destination));
    let it = Frames { port, header: &header, len, now, source, destination };
    if port.flags & port_flags::SVI == 0 {
        let gate = gate::state(&vlan, port.logical, now);
        if gate == GateState::Discarding {
            return Err(DropReason::IngressGate.into());
        }
        let active = config::acl();
        if active & acl_active::RULES != 0 && unjudged && !frame.permitted(&header, port, active) {
            return Err(DropReason::AclDenied.into());
        }
        learn::learn(header.source, source, port, now.stamp(), cache)?;
        gate::forwards(gate, DropReason::IngressGate)?;
        if vlan.entry.svi != 0 && header.destination.0 == config::router_mac() {
            return routed(frame, &it, &vlan, cache);
        }
    }

    let to = if control || header.destination.is_group() {
        Destination::Members
    } else {
        lookup::station(destination, port.logical, now.stamp(), cache)?
    };
    match to {
        Destination::Port(to) => unicast(frame, &it, &vlan, to, None),
        Destination::Members => flood(frame, &it, &vlan, None),
    }
}

/// To the router's address: on in another VLAN, or to the stack.
#[inline(always)]
fn routed<F: Frame + Subprograms>(
    frame: &mut F,
    it: &Frames<'_>,
    vlan: &Vlan,
    cache: &mut Cache<'_>,
) -> Result<Done, End> {
    match frame.route(it.header, vlan) {
        Way::Drop(reason) => Err(End::Drop(reason)),
        Way::Stack(class) => to_stack(frame, it, vlan, class),
        Way::On(neighbour) => {
            let id = neighbour as u16;
            let entry = classify::existing(id).ok_or(DropReason::NoEgress)?;
            let vlan = Vlan { id, entry };
            match lookup::neighbour(FdbKey(neighbour), it.now.stamp(), cache)? {
                Destination::Port(to) => unicast(frame, it, &vlan, to, Some(neighbour)),
                Destination::Members => flood(frame, it, &vlan, Some(neighbour)),
            }
        }
    }
}

#[inline(always)]
fn to_stack<F: Frame>(frame: &mut F, it: &Frames<'_>, vlan: &Vlan, class: u32) -> Result<Done, End> {
    // That one was asked for when it was chosen: over its rate, a frame goes on.
    if class != CpuClass::Redirect as u32 {
        limit::to_cpu(class)?;
    }
    let egress = sharing::egress(vlan.entry.svi);
    tag::apply(frame, vlan.id, vlan.entry, vlan.entry.svi, it.header.tci.is_some())?;
    frame.send(vlan.entry.svi, egress)?;
    count::of(u32::from(it.port.lport), |port| port.to_cpu += 1);
    Ok(Done::Redirected)
}

/// To one port, known by its logical one; a frame that was routed, to its neighbour.
#[inline(always)]
fn unicast<F: Frame + Subprograms>(
    frame: &mut F,
    it: &Frames<'_>,
    vlan: &Vlan,
    to: Lport,
    routed: Option<u64>,
) -> Result<Done, End> {
    let egress = sharing::egress(to);
    let (port, egress) = if egress.flags & egress_flags::SHARED == 0 {
        (to, egress)
    } else {
        let flow = frame.flow(it.header, it.source, it.destination);
        sharing::member(egress.group, it.port.lport, flow)?
    };
    if F::FAST && egress.flags & (egress_flags::SLOW | egress_flags::MIRRORED) != 0 {
        return Err(End::Punt);
    }
    fabric::cross(it.port, port, it.source, it.destination)?;
    gate::forwards(gate::state(vlan, to, it.now), DropReason::EgressGate)?;
    if let Some(neighbour) = routed {
        rewrite(frame, it, neighbour)?;
    }
    let growth = tag::apply(frame, vlan.id, vlan.entry, to, it.header.tci.is_some())?;
    if egress.flags & egress_flags::MIRRORED != 0 {
        frame.mirror(mirror_port());
    }
    frame.send(port, egress)?;
    let len = it.len.wrapping_add_signed(growth);
    count::of(u32::from(port), |port| {
        port.tx_frames += 1;
        port.tx_bytes += len;
    });
    capture::frame(frame, port, CaptureDirection::Sent);
    Ok(Done::Redirected)
}

/// Past the last point at which a frame may be handed on as it came.
#[inline(always)]
fn rewrite<F: Subprograms>(frame: &mut F, it: &Frames<'_>, neighbour: u64) -> Result<(), DropReason> {
    frame.rewrite(it.header, neighbour)?;
    count::of(u32::from(it.port.lport), |port| port.routed += 1);
    Ok(())
}

/// To all members of a VLAN; a frame that was routed, to its neighbour.
#[inline(always)]
fn flood<F: Frame + Subprograms>(
    frame: &mut F,
    it: &Frames<'_>,
    vlan: &Vlan,
    routed: Option<u64>,
) -> Result<Done, End> {
    if F::FAST && vlan.entry.flags & vlan_flags::SLOW_FLOOD != 0 {
        return Err(End::Punt);
    }
    if it.port.flags & port_flags::LIMITED != 0 {
        limit::flood(it.port.lport, kind(it.header))?;
    }
    let flow = frame.flow(it.header, it.source, it.destination);
    let mut flags = 0;
    if let Some(neighbour) = routed {
        rewrite(frame, it, neighbour)?;
        flags = header_flags::ROUTED;
    }
    let flags = flags
        | fabric::flags(it.port, it.source, it.destination)
        | u16::from(it.port.slot & 0xF) << header_flags::SLOT_SHIFT
        | (flow.bucket() as u16) << header_flags::BUCKET_SHIFT;
    frame.flood(&Flood { vlan: *vlan, from: it.port.logical, tagged: it.header.tci.is_some(), flags })?;
    count::of(u32::from(it.port.lport), |port| port.flooded += 1);
    Ok(if F::FAST { Done::Redirected } else { Done::Consumed })
}

#[inline(always)]
fn kind(header: &Header) -> LimitKind {
    if header.destination.is_broadcast() {
        LimitKind::Broadcast
    } else if header.destination.is_group() {
        LimitKind::Multicast
    } else {
        LimitKind::Unknown
    }
}

/// The netdev of the port that mirrored frames go to; none has ifindex 0.
#[inline(always)]
pub(crate) fn mirror_port() -> msm_abi::EgressEntry {
    match config::mirror() {
        0 => msm_abi::EgressEntry::default(),
        port => sharing::egress((port - 1) as Lport),
    }
}
