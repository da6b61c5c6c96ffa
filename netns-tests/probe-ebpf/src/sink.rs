//! Sinks: receivers that count and drop in the kernel, where nothing can overflow unseen.

use aya_ebpf::bindings::TC_ACT_SHOT;
use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS};
use aya_ebpf::macros::{classifier, map, xdp};
use aya_ebpf::maps::{Array, PerCpuArray};
use aya_ebpf::programs::{TcContext, XdpContext};
use probe_abi::{LOAD_ETHERTYPE, LOAD_FRAME_LEN, LOAD_IP_ID, LOAD_NUMBER_OFFSET, SinkNumbered};

#[map]
static SINK: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);
#[map]
static SINK_NUMBERED: Array<SinkNumbered> = Array::with_max_entries(1, 0);

/// A value in the frame at `offset`, if it is there.
#[inline(always)]
fn read<T: Copy>(data: usize, end: usize, offset: usize) -> Option<T> {
    if data + offset + size_of::<T>() > end {
        return None;
    }
    // SAFETY: inside the frame, as just checked; packet memory has no alignment, hence unaligned.
    Some(unsafe { ((data + offset) as *const T).read_unaligned() })
}

/// A frame of the generator: its own EtherType, or its own identification in an IPv4 header.
#[inline(always)]
fn is_load(data: usize, end: usize) -> bool {
    const LOAD: u16 = LOAD_ETHERTYPE.to_be();
    const IPV4: u16 = 0x0800_u16.to_be();
    match read::<u16>(data, end, 12) {
        Some(LOAD) => true,
        Some(IPV4) => read::<u16>(data, end, 18) == Some(LOAD_IP_ID.to_be()),
        _ => false,
    }
}

/// Counts a frame of the generator; false for any other.
#[inline(always)]
fn count(data: usize, end: usize) -> bool {
    if !is_load(data, end) {
        return false;
    }
    if let Some(count) = SINK.get_ptr_mut(0) {
        // SAFETY: a non-null element of this CPU, and softirqs do not nest.
        unsafe { *count += 1 };
    }
    true
}

/// Frames that `sink_numbered` took so far, as the generator sees them.
#[inline(always)]
pub(crate) fn received() -> Option<u64> {
    let state = SINK_NUMBERED.get_ptr(0)?;
    // SAFETY: a non-null element; this makes a pointer and reads nothing.
    let received = unsafe { &raw const (*state).received };
    // SAFETY: inside that element; one aligned 64-bit load is never torn.
    Some(unsafe { received.read_volatile() })
}

#[inline(always)]
fn check(state: &mut SinkNumbered, number: u64) {
    state.received += 1;
    if number < state.expected {
        state.below += 1;
        return;
    }
    state.skipped += number - state.expected;
    state.expected = number + 1;
}

/// Counts and drops frames of the generator. Also the floor: the same program at the first switch port.
#[xdp(frags)]
pub(crate) fn sink(ctx: XdpContext) -> u32 {
    if count(ctx.data(), ctx.data_end()) { XDP_DROP } else { XDP_PASS }
}

/// The same for receivers that get socket buffers anyway.
#[classifier]
pub(crate) fn sink_tc(ctx: TcContext) -> i32 {
    const TC_ACT_UNSPEC: i32 = -1;
    if count(ctx.data(), ctx.data_end()) { TC_ACT_SHOT } else { TC_ACT_UNSPEC }
}

/// Checks the numbers of one flow. A port's frames are handled by one CPU at a time, so plain stores do.
#[xdp(frags)]
pub(crate) fn sink_numbered(ctx: XdpContext) -> u32 {
    let (data, end) = (ctx.data(), ctx.data_end());
    if data + LOAD_FRAME_LEN > end || !is_load(data, end) {
        return XDP_PASS;
    }
    let (Some(number), Some(state)) =
        (read::<u64>(data, end, LOAD_NUMBER_OFFSET), SINK_NUMBERED.get_ptr_mut(0))
    else {
        return XDP_PASS;
    };
    // SAFETY: a non-null element; NAPI polls a queue on one CPU at a time.
    check(unsafe { &mut *state }, u64::from_le(number));
    XDP_DROP
}
