//! Gates: the state that a loop protocol gives a port in one of its domains.

use crate::port::PORTS;

/// Domains of loop protocols; domain 0 means "none" and has no gate.
pub const DOMAINS: usize = 64;

/// What a gate lets through (IEEE 802.1Q-2018 8.4).
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateState {
    /// Neither learns nor forwards. The value of an entry never written.
    Discarding = 0,
    /// Learns, does not forward.
    Learning = 1,
    /// Learns and forwards.
    Forwarding = 2,
}

/// GATES: array by [`gate_index`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GateEntry {
    /// A [`GateState`] as number; anything else is discarding.
    pub state: u32,
    /// Zero.
    pub pad: u32,
    /// Kernel time (ns, CLOCK_MONOTONIC) past which the gate counts as discarding; 0 = for ever.
    pub valid_until_ns: u64,
}
const _: () = assert!(size_of::<GateEntry>() == 16);

/// Index in GATES of `lport` in `domain`.
#[inline(always)]
pub const fn gate_index(domain: u32, lport: u16) -> u32 {
    domain * PORTS as u32 + lport as u32
}
