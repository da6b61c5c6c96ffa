//! Receiver: counts numbered frames at a host's netdev, before anything could drop them, and hands the rest to the host.
//!
//! All of the sequence state is here. A receiver in user space reads from a ring that can overflow, and would then report
//! its own losses as the switch's.

use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS};
use aya_ebpf::helpers::bpf_ktime_get_ns;
use aya_ebpf::macros::{map, xdp};
use aya_ebpf::maps::{Array, PerCpuArray};
use aya_ebpf::programs::XdpContext;
use probe_abi::{
    FRAME_MIN, Flow, FlowState, Gap, HOST_IFINDEX_LIMIT, Home, Kind, LATENCY_BUCKETS, MAX_FLOWS, MAX_STREAMS,
    PAYLOAD_OFFSET, PAYLOAD_OFFSET_IPV6, PHASES, Payload, StreamState, TAG_LEN, WINDOW, WORDS, Word,
    latency_bucket,
};

/// Lengths that a frame of each shape has at least.
const IPV4: usize = FRAME_MIN;
const IPV4_TAGGED: usize = IPV4 + TAG_LEN;
const IPV6: usize = PAYLOAD_OFFSET_IPV6 + Payload::LEN;
const IPV6_TAGGED: usize = IPV6 + TAG_LEN;

#[map]
static HOSTS: Array<u32> = Array::with_max_entries(HOST_IFINDEX_LIMIT, 0);
#[map]
static FLOWS: Array<Flow> = Array::with_max_entries(MAX_FLOWS, 0);
#[map]
static FLOW_STATE: Array<FlowState> = Array::with_max_entries(MAX_FLOWS, 0);
// One flow's worth: the loader sets the number it needs.
#[map]
static SEEN: Array<Word> = Array::with_max_entries(WORDS, 0);
#[map]
static STREAM_STATE: Array<StreamState> = Array::with_max_entries(MAX_STREAMS, 0);
#[map]
static LATENCY: Array<u64> = Array::with_max_entries(MAX_STREAMS * LATENCY_BUCKETS, 0);
#[map]
static FLOODED: PerCpuArray<u64> = PerCpuArray::with_max_entries(MAX_STREAMS, 0);
#[map]
static ALTERED: PerCpuArray<u64> = PerCpuArray::with_max_entries(MAX_STREAMS, 0);
#[map]
static LEARN: PerCpuArray<[u64; 2]> = PerCpuArray::with_max_entries(MAX_STREAMS, 0);
#[map]
static PHASE: Array<u32> = Array::with_max_entries(1, 0);

/// Numbered and learning frames end here; everything else is the host's.
#[xdp(frags)]
fn rx(ctx: XdpContext) -> u32 {
    match arrival(&ctx) {
        Some(arrival) => {
            count(&ctx, arrival);
            XDP_DROP
        }
        None => XDP_PASS,
    }
}

/// A frame of the probe's, as it looks here.
struct Arrival {
    payload: Payload,
    mac: [u8; 6],
    tag: u16,
    ttl: u8,
}

#[inline(always)]
fn arrival(ctx: &XdpContext) -> Option<Arrival> {
    let head: &[u8; FRAME_MIN] = head(ctx)?;
    match (head[12], head[13]) {
        (0x08, 0x00) => ipv4::<IPV4, 0>(ctx),
        (0x86, 0xdd) => ipv6::<IPV6, 0>(ctx),
        (0x81, 0x00) => match (head[16], head[17]) {
            (0x08, 0x00) => ipv4::<IPV4_TAGGED, TAG_LEN>(ctx),
            (0x86, 0xdd) => ipv6::<IPV6_TAGGED, TAG_LEN>(ctx),
            _ => None,
        },
        _ => None,
    }
}

#[inline(always)]
fn ipv4<const LEN: usize, const TAG: usize>(ctx: &XdpContext) -> Option<Arrival> {
    let frame: &[u8; LEN] = head(ctx)?;
    if frame[TAG + 14] != 0x45 || frame[TAG + 23] != 17 {
        return None;
    }
    read::<LEN, TAG>(frame, frame[TAG + 22])
}

#[inline(always)]
fn ipv6<const LEN: usize, const TAG: usize>(ctx: &XdpContext) -> Option<Arrival> {
    let frame: &[u8; LEN] = head(ctx)?;
    if frame[TAG + 14] >> 4 != 6 || frame[TAG + 20] != 17 {
        return None;
    }
    read::<LEN, TAG>(frame, frame[TAG + 21])
}

/// The payload is at the end of the shortest frame of each shape.
#[inline(always)]
fn read<const LEN: usize, const TAG: usize>(frame: &[u8; LEN], ttl: u8) -> Option<Arrival> {
    let mut bytes = [0; Payload::LEN];
    bytes.copy_from_slice(&frame[LEN - Payload::LEN..LEN]);
    let tag = if TAG == 0 { 0 } else { u16::from_be_bytes([frame[14], frame[15]]) & 0xfff };
    let mac = [frame[0], frame[1], frame[2], frame[3], frame[4], frame[5]];
    Some(Arrival { payload: Payload::from_bytes(&bytes)?, mac, tag, ttl })
}
const _: () = assert!(IPV4 - Payload::LEN == PAYLOAD_OFFSET);

/// The first bytes of the frame.
#[inline(always)]
fn head<const N: usize>(ctx: &XdpContext) -> Option<&[u8; N]> {
    let data = ctx.data();
    if data + N > ctx.data_end() {
        return None;
    }
    // SAFETY: N bytes from `data` are inside the packet, checked above; bytes have no alignment and the program does not
    // write to the packet.
    Some(unsafe { &*(data as *const [u8; N]) })
}

/// An array's entry, to write to.
#[inline(always)]
fn entry<T>(map: &'static Array<T>, index: u32) -> Option<&'static mut T> {
    // SAFETY: the pointer is into the map's value, valid for the program's run. Entries have one writer: a host's netdev has
    // one receive queue, which veth polls on one CPU at a time; user space only reads them.
    map.get_ptr_mut(index).map(|value| unsafe { &mut *value })
}

#[inline(always)]
fn entry_of_cpu<T>(map: &'static PerCpuArray<T>, index: u32) -> Option<&'static mut T> {
    // SAFETY: as in `entry`; this CPU's copy, and XDP programs of one CPU do not interrupt each other.
    map.get_ptr_mut(index).map(|value| unsafe { &mut *value })
}

#[inline(always)]
fn count(ctx: &XdpContext, arrival: Arrival) -> Option<()> {
    let Arrival { payload, .. } = arrival;
    let host = *HOSTS.get(ctx.ingress_ifindex() as u32)?;
    let number = u32::from(payload.flow);
    let flow = FLOWS.get(number)?;
    let home = match payload.kind {
        Kind::Numbered | Kind::LearnSource => home(flow, host),
        Kind::LearnDestination => u32::from(u32::from(flow.from) == host || u32::from(flow.from_too) == host),
    };
    if !matches!(payload.kind, Kind::Numbered) {
        entry_of_cpu(&LEARN, flow.stream)?[usize::from(home == 0)] += 1;
        return Some(());
    }
    if home == 0 {
        *entry_of_cpu(&FLOODED, flow.stream)? += 1;
        return Some(());
    }
    let expected = if home == 1 { &flow.homes[0] } else { &flow.homes[1] };
    if !fits(&arrival, expected) {
        *entry_of_cpu(&ALTERED, flow.stream)? += 1;
        return Some(());
    }
    // SAFETY: takes no pointers.
    let now = unsafe { bpf_ktime_get_ns() };
    let phase = *PHASE.get(0)?;
    stream(flow.stream, payload, now, phase);
    sequence(number, payload.sequence, home, now, phase)
}

/// Which home of the flow this host is, from 1; 0 for none.
#[inline(always)]
fn home(flow: &Flow, host: u32) -> u32 {
    if u32::from(flow.homes[0].host) == host {
        1
    } else if u32::from(flow.homes[1].host) == host {
        2
    } else {
        0
    }
}

#[inline(always)]
fn fits(arrival: &Arrival, expected: &Home) -> bool {
    arrival.mac == expected.mac && arrival.tag == expected.tag && arrival.ttl == expected.ttl
}

#[inline(always)]
fn stream(number: u32, payload: Payload, now: u64, phase: u32) -> Option<()> {
    let stream = entry(&STREAM_STATE, number)?;
    let latency = (now as u32).wrapping_sub(payload.sent_low_ns);
    *entry(&LATENCY, number * LATENCY_BUCKETS + latency_bucket(latency))? += 1;
    if u64::from(latency) > stream.latency_max_ns {
        stream.latency_max_ns = u64::from(latency);
    }
    longest(&mut stream.gaps, phase, stream.last_ns, now);
    stream.last_ns = now;
    stream.arrived += 1;
    Some(())
}

#[inline(always)]
fn sequence(number: u32, sequence: u64, home: u32, now: u64, phase: u32) -> Option<()> {
    let state = entry(&FLOW_STATE, number)?;
    let word = entry(&SEEN, number * WORDS + ((sequence / 32) as u32 % WORDS))?;
    let turn = (sequence / WINDOW) as u32 + 1;
    let bit = 1 << (sequence % 32);
    if word.turn > turn {
        state.too_late += 1;
        return Some(());
    }
    if word.turn < turn {
        *word = Word { bits: bit, turn };
    } else if word.bits & bit != 0 {
        state.duplicated += 1;
        return Some(());
    } else {
        word.bits |= bit;
    }
    state.received += 1;
    if state.home != home {
        state.moves += u32::from(state.home != 0);
        state.home = home;
    }
    if sequence < state.next {
        state.reordered += 1;
    } else {
        if sequence > state.next {
            state.holes += 1;
            if state.last_ns != 0 {
                state.hole_ns += now - state.last_ns;
            }
            longer(&mut state.hole, state.last_ns, now);
        }
        state.next = sequence + 1;
    }
    longest(&mut state.gaps, phase, state.last_ns, now);
    state.last_ns = now;
    Some(())
}

#[inline(always)]
fn longest(gaps: &mut [Gap; PHASES], phase: u32, last: u64, now: u64) {
    // The phase comes from user space: the bound is for the verifier.
    longer(&mut gaps[phase as usize % PHASES], last, now);
}

#[inline(always)]
fn longer(gap: &mut Gap, last: u64, now: u64) {
    if last != 0 && now - last > gap.ns {
        *gap = Gap { ns: now - last, end_ns: now };
    }
}
