//! Load generators: programs that BPF_PROG_RUN runs over live frames, one run a frame, and that send by XDP_TX.
//!
//! In live mode XDP_TX leaves by the netdev that the context names (net/bpf/test_run.c, xdp_test_run_batch). Pages are recycled with
//! what was last written in them, so a program writes every byte that differs between frames.

use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_TX};
use aya_ebpf::macros::{map, xdp};
use aya_ebpf::maps::PerCpuArray;
use aya_ebpf::programs::XdpContext;
use probe_abi::{
    GenIpState, GenState, LOAD_FRAME_LEN, LOAD_IP_ID, LOAD_NUMBER_OFFSET, LOAD_TTL, TO_ROUTES, route_host,
    station,
};

use crate::sink;

#[map]
static GEN: PerCpuArray<GenState> = PerCpuArray::with_max_entries(1, 0);
#[map]
static GEN_IP: PerCpuArray<GenIpState> = PerCpuArray::with_max_entries(1, 0);

const EVERYBODY: u64 = 0xFFFF_FFFF_FFFF;

/// This CPU's state.
#[inline(always)]
fn state() -> Option<&'static mut GenState> {
    let state = GEN.get_ptr_mut(0)?;
    // SAFETY: a non-null element of this CPU; XDP runs with softirqs off, so no other reference lives on this CPU.
    Some(unsafe { &mut *state })
}

/// The frame's bytes, if all are there.
#[inline(always)]
fn frame(ctx: &XdpContext) -> Option<&mut [u8; LOAD_FRAME_LEN]> {
    if ctx.data() + LOAD_FRAME_LEN > ctx.data_end() {
        return None;
    }
    // SAFETY: the bytes from `data` on were just checked against `data_end`, and nothing else refers to them.
    Some(unsafe { &mut *(ctx.data() as *mut [u8; LOAD_FRAME_LEN]) })
}

#[inline(always)]
fn address(frame: &mut [u8; LOAD_FRAME_LEN], to: u64, from: u64) {
    let (to, from) = (to.to_be_bytes(), from.to_be_bytes());
    let mut byte = 0;
    while byte < 6 {
        frame[byte] = to[byte + 2];
        frame[byte + 6] = from[byte + 2];
        byte += 1;
    }
}

/// A number below `limit` from 32 random bits.
#[inline(always)]
fn below(limit: u32, random: u32) -> u32 {
    ((random as u64 * limit as u64) >> 32) as u32
}

/// Known unicast, source and destination drawn uniformly. Knuth's linear congruence, mixed so that both halves are good.
#[inline(always)]
fn draw(ctx: &XdpContext) -> Option<()> {
    let state = state()?;
    state.random = state.random.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
    let mixed = (state.random ^ (state.random >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    let from = station(state.from_side, below(state.from_stations, (mixed >> 32) as u32));
    let to = station(state.to_side, below(state.to_stations, (state.random >> 32) as u32));
    address(frame(ctx)?, to, from);
    Some(())
}

/// Big-endian values at even offsets of the frame, whose start is aligned to two bytes.
#[inline(always)]
fn put16(frame: &mut [u8; LOAD_FRAME_LEN], at: usize, value: u16) {
    let bytes = value.to_be_bytes();
    frame[at] = bytes[0];
    frame[at + 1] = bytes[1];
}

/// IPv4 and UDP between stations. What a router changes (time to live, checksum) is written as well: pages come back as they left.
#[inline(always)]
fn draw_ip(ctx: &XdpContext) -> Option<()> {
    let state = GEN_IP.get_ptr_mut(0)?;
    // SAFETY: a non-null element of this CPU; XDP runs with softirqs off, so no other reference lives on this CPU.
    let state = unsafe { &mut *state };
    state.random = state.random.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
    let mixed = (state.random ^ (state.random >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    let more = (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    let from = station(state.from_side, below(state.from_stations, (mixed >> 32) as u32));
    let to = match state.to_stations {
        0 => state.to_side,
        stations => station(state.to_side, below(stations, (state.random >> 32) as u32)),
    };
    let from_ip = state.from_ip.wrapping_add((more >> 8) as u32 & state.from_hosts.wrapping_sub(1));
    let drawn = below(state.to_hosts, (more >> 32) as u32);
    let to_ip = match state.to_kind {
        TO_ROUTES => route_host(drawn, mixed as u32 >> 8),
        _ => state.to_ip.wrapping_add(drawn),
    };
    let ports =
        [1024 + (mixed as u32 & state.port_mask) as u16, 1024 + (more as u32 & state.port_mask) as u16];
    let length = state.ip_len as u16;
    let mut sum = 0x4500 + state.ip_len + LOAD_IP_ID as u32 + ((LOAD_TTL as u32) << 8 | 17);
    sum += (from_ip >> 16) + (from_ip & 0xFFFF) + (to_ip >> 16) + (to_ip & 0xFFFF);
    sum = (sum & 0xFFFF) + (sum >> 16);
    sum = (sum & 0xFFFF) + (sum >> 16);
    let frame = frame(ctx)?;
    address(frame, to, from);
    put16(frame, 12, 0x0800);
    put16(frame, 14, 0x4500);
    put16(frame, 16, length);
    put16(frame, 18, LOAD_IP_ID);
    put16(frame, 20, 0);
    put16(frame, 22, (LOAD_TTL as u16) << 8 | 17);
    put16(frame, 24, !(sum as u16));
    put16(frame, 26, (from_ip >> 16) as u16);
    put16(frame, 28, from_ip as u16);
    put16(frame, 30, (to_ip >> 16) as u16);
    put16(frame, 32, to_ip as u16);
    put16(frame, 34, ports[0]);
    put16(frame, 36, ports[1]);
    put16(frame, 38, length.wrapping_sub(20));
    put16(frame, 40, 0); // no checksum (RFC 768)
    Some(())
}

/// Each source in turn, to everybody.
#[inline(always)]
fn learn(ctx: &XdpContext) -> Option<()> {
    let state = state()?;
    let index = (state.next % state.from_stations.max(1) as u64) as u32;
    state.next += 1;
    address(frame(ctx)?, EVERYBODY, station(state.from_side, index));
    Some(())
}

/// The next number, unless as many frames as the window allows are on their way.
///
/// The window closes the loop: no ring on the path can overflow, so a frame that does not arrive was lost by the switch.
#[inline(always)]
fn numbered(ctx: &XdpContext) -> Option<()> {
    let state = state()?;
    if state.next.wrapping_sub(sink::received()?) >= state.window as u64 {
        return None;
    }
    let frame = frame(ctx)?;
    address(frame, station(state.to_side, 0), station(state.from_side, 0));
    let number = state.next.to_le_bytes();
    let mut byte = 0;
    while byte < 8 {
        frame[LOAD_NUMBER_OFFSET + byte] = number[byte];
        byte += 1;
    }
    state.next += 1;
    Some(())
}

#[inline(always)]
fn sent(frame: Option<()>) -> u32 {
    if frame.is_some() { XDP_TX } else { XDP_DROP }
}

/// See [`draw`].
#[xdp(frags)]
pub(crate) fn gen_draw(ctx: XdpContext) -> u32 {
    sent(draw(&ctx))
}

/// See [`draw_ip`].
#[xdp(frags)]
pub(crate) fn gen_ip_draw(ctx: XdpContext) -> u32 {
    sent(draw_ip(&ctx))
}

/// See [`learn`].
#[xdp(frags)]
pub(crate) fn gen_learn(ctx: XdpContext) -> u32 {
    sent(learn(&ctx))
}

/// See [`numbered`].
#[xdp(frags)]
pub(crate) fn gen_numbered(ctx: XdpContext) -> u32 {
    sent(numbered(&ctx))
}
