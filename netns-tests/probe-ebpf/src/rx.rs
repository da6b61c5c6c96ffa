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
    FRAME_MIN, Flow, FlowState, Gap, HOST_IFINDEX_LIMIT, Kind, LATENCY_BUCKETS, MAX_FLOWS, MAX_STREAMS,
    PAYLOAD_OFFSET, PHASES, Payload, StreamState, WINDOW, WORDS, Word, latency_bucket,
};

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
static LEARN: PerCpuArray<[u64; 2]> = PerCpuArray::with_max_entries(1, 0);
#[map]
static PHASE: Array<u32> = Array::with_max_entries(1, 0);

/// Numbered and learning frames end here; everything else is the host's.
#[xdp(frags)]
fn rx(ctx: XdpContext) -> u32 {
    match payload(&ctx) {
        Some(payload) => {
            count(&ctx, payload);
            XDP_DROP
        }
        None => XDP_PASS,
    }
}

#[inline(always)]
fn payload(ctx: &XdpContext) -> Option<Payload> {
    let head: &[u8; FRAME_MIN] = head(ctx)?;
    let ipv4_udp = head[12] == 0x08 && head[13] == 0 && head[14] == 0x45 && head[23] == 17;
    if !ipv4_udp {
        return None;
    }
    let mut bytes = [0; Payload::LEN];
    bytes.copy_from_slice(&head[PAYLOAD_OFFSET..FRAME_MIN]);
    Payload::from_bytes(&bytes)
}

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
fn count(ctx: &XdpContext, payload: Payload) -> Option<()> {
    let host = *HOSTS.get(ctx.ingress_ifindex() as u32)?;
    let number = u32::from(payload.flow);
    let flow = *FLOWS.get(number)?;
    let home = match payload.kind {
        Kind::Numbered | Kind::LearnSource => flow.to,
        Kind::LearnDestination => flow.from,
    };
    let astray = u32::from(home) != host;
    if !matches!(payload.kind, Kind::Numbered) {
        entry_of_cpu(&LEARN, 0)?[usize::from(astray)] += 1;
        return Some(());
    }
    if astray {
        *entry_of_cpu(&FLOODED, flow.stream)? += 1;
        return Some(());
    }
    // SAFETY: takes no pointers.
    let now = unsafe { bpf_ktime_get_ns() };
    let phase = *PHASE.get(0)?;
    stream(flow.stream, payload, now, phase);
    sequence(number, payload.sequence, now, phase)
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
fn sequence(number: u32, sequence: u64, now: u64, phase: u32) -> Option<()> {
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
