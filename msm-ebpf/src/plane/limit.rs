//! Rates: what of a kind may pass in a time. One word a limit, by compare and exchange (see [`LimitEntry::admit`]).

use aya_ebpf::helpers::bpf_ktime_get_ns;
use msm_abi::{CpuClass, DropReason, LimitEntry, LimitKind, Lport, limit_index};

use super::access::own;
use super::frame::Frame;
use super::maps::{CPU_COUNTERS, CPU_LIMITS, CPU_STATE, LIMIT_STATE, LIMITS};
use super::parse::{Ip4, Ip6, ethertype, protocol};
use super::word::Word;

/// Tries to change a word that other CPUs change too; past them a frame is over the rate.
const TRIES: usize = 4;
/// RIP.
const UDP_RIP: u16 = 520;
const TCP_BGP: u16 = 179;
/// Router solicitation to redirect (RFC 4861).
const DISCOVERY: core::ops::RangeInclusive<u8> = 133..=137;

#[inline(always)]
fn admits(limit: &LimitEntry, state: &Word) -> bool {
    if limit.interval == 0 {
        return true;
    }
    // SAFETY: a helper without arguments.
    let now = unsafe { bpf_ktime_get_ns() };
    for _ in 0..TRIES {
        let seen = state.load();
        let Some(next) = limit.admit(seen, now) else { return false };
        if state.replace(seen, next) {
            return true;
        }
    }
    false
}

/// Whether a port may flood one more frame of this kind.
#[inline(always)]
pub(crate) fn flood(lport: Lport, kind: LimitKind) -> Result<(), DropReason> {
    let index = limit_index(lport, kind);
    let (Some(limit), Some(state)) = (LIMITS.get(index), LIMIT_STATE.get(index)) else { return Ok(()) };
    if admits(limit, state) { Ok(()) } else { Err(DropReason::RateLimited) }
}

/// Whether one more frame of a class (a [`CpuClass`] as number) may go to the control plane; counted.
#[inline(always)]
pub(crate) fn to_cpu(index: u32) -> Result<(), DropReason> {
    let (Some(limit), Some(state)) = (CPU_LIMITS.get(index), CPU_STATE.get(index)) else { return Ok(()) };
    let passed = admits(limit, state);
    // SAFETY: per CPU, and given back before another is asked for.
    if let Some(counters) = unsafe { own(CPU_COUNTERS.get_ptr_mut(index)) } {
        if passed {
            counters.passed += 1;
        } else {
            counters.limited += 1;
        }
    }
    if passed { Ok(()) } else { Err(DropReason::CpuLimited) }
}

/// The ring of a class had no room.
#[inline(always)]
pub(crate) fn ring_full(class: CpuClass) {
    // SAFETY: as above.
    if let Some(counters) = unsafe { own(CPU_COUNTERS.get_ptr_mut(class as u32)) } {
        counters.full += 1;
    }
}

/// The class of a frame to a stack, as number: `other` for IP packets that are no protocol's.
#[inline(always)]
pub(crate) fn class_of<F: Frame>(frame: &F, (kind, payload): (u16, usize), other: u32) -> u32 {
    let class = match kind {
        ethertype::ARP => Some(CpuClass::Arp),
        ethertype::IPV4 => class_of_ip4(frame, payload),
        ethertype::IPV6 => class_of_ip6(frame, payload),
        _ => Some(CpuClass::Flood),
    };
    class.map_or(other, |class| class as u32)
}

#[inline(always)]
fn class_of_ip4<F: Frame>(frame: &F, payload: usize) -> Option<CpuClass> {
    let ip = Ip4::load(frame, payload)?;
    if ip.protocol() == protocol::OSPF {
        return Some(CpuClass::Routing);
    }
    if ip.is_later_fragment() || ip.header_len() != 20 {
        return None;
    }
    of_ports(frame, payload + 20, ip.protocol())
}

#[inline(always)]
fn class_of_ip6<F: Frame>(frame: &F, payload: usize) -> Option<CpuClass> {
    let ip = Ip6::load(frame, payload)?;
    match ip.next_header() {
        protocol::OSPF => Some(CpuClass::Routing),
        protocol::ICMPV6 => {
            let kind: u16 = frame.load(payload + 40)?;
            DISCOVERY.contains(&((kind >> 8) as u8)).then_some(CpuClass::Arp)
        }
        next => of_ports(frame, payload + 40, next),
    }
}

#[inline(always)]
fn of_ports<F: Frame>(frame: &F, at: usize, next: u8) -> Option<CpuClass> {
    let ports: u32 = frame.load(at)?;
    let (source, destination) = ((ports >> 16) as u16, ports as u16);
    let routing = match next {
        protocol::UDP => destination == UDP_RIP,
        protocol::TCP => source == TCP_BGP || destination == TCP_BGP,
        _ => false,
    };
    routing.then_some(CpuClass::Routing)
}
