//! Traps: frames that a protocol of the switch takes. One ring a class; the owner alone maps it, and its place in it lives in the map.

use crate::port::Lport;

/// Bytes of a trap ring: 4,000 LACP frames.
pub const TRAP_RING: u32 = 1 << 20;
/// Bytes of a frame that are kept.
pub const TRAP_SNAP: usize = 1512;

/// In front of the frame in each record.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrapHeader {
    /// Kernel time (ns, CLOCK_MONOTONIC).
    pub time_ns: u64,
    /// Bytes of the frame, without FCS.
    pub len: u32,
    /// Bytes of it that follow.
    pub captured: u32,
    /// The port, physical.
    pub lport: Lport,
    /// VLAN it was classified to.
    pub vid: u16,
    /// A [`crate::CpuClass`] as number.
    pub class: u32,
}
const _: () = assert!(size_of::<TrapHeader>() == 24);

/// A record as the programs build it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TrapRecord {
    /// What is known of it.
    pub header: TrapHeader,
    /// Its bytes.
    pub frame: [u8; TRAP_SNAP],
}
const _: () = assert!(size_of::<TrapRecord>() == 1536);
