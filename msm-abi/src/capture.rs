//! Capture: what a port really receives and sends, on its way to a file.
//!
//! [`crate::PlaneConfig::capture`] names the port. The programs put a [`CaptureHeader`] and the frame's bytes into the ring CAPTURE.

use crate::port::Lport;

/// Bytes of the ring: 2,000 frames of full length, 40,000 short ones.
pub const CAPTURE_RING: u32 = 4 << 20;
/// Bytes of a frame that are kept: a frame of 1,518 bytes is whole with any tags.
pub const CAPTURE_SNAP: usize = 2024;

/// The value of [`crate::PlaneConfig::capture`] that records `lport`.
#[inline(always)]
pub const fn capture_of(lport: Lport) -> u32 {
    lport as u32 + 1
}

/// Which way a recorded frame went.
#[repr(u16)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureDirection {
    /// As it came in, before anything was done to it.
    Received = 0,
    /// As it leaves.
    Sent = 1,
}

/// In front of the frame in each record.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureHeader {
    /// Kernel time (ns, CLOCK_MONOTONIC).
    pub time_ns: u64,
    /// Bytes of the frame, without FCS.
    pub len: u32,
    /// Bytes of it that follow.
    pub captured: u32,
    /// The port.
    pub lport: Lport,
    /// A [`CaptureDirection`] as number.
    pub direction: u16,
    /// Zero.
    pub pad: u32,
}
const _: () = assert!(size_of::<CaptureHeader>() == 24);

/// A record as the programs build it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct CaptureRecord {
    /// What is known of it.
    pub header: CaptureHeader,
    /// Its bytes.
    pub frame: [u8; CAPTURE_SNAP],
}
const _: () = assert!(size_of::<CaptureRecord>() == 2048);
