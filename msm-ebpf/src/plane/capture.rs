//! Capture: a copy of a frame for whoever looks at its port.

use aya_ebpf::helpers::bpf_ktime_get_ns;
use msm_abi::{CAPTURE_SNAP, CaptureDirection, CaptureHeader, Lport, capture_of};

use super::access::{own, write};
use super::frame::Frame;
use super::global::config;
use super::maps::{CAPTURE, CAPTURE_LOST, CAPTURE_RECORD};

/// Records the frame as it is now, if its port is looked at.
#[inline(always)]
pub(crate) fn frame<F: Frame>(packet: &F, lport: Lport, direction: CaptureDirection) {
    if config::capture() == capture_of(lport) {
        record(packet, lport, direction as u16);
    }
}

/// Not inlined: the usual frame pays for a comparison alone. (Nor cold: the loader knows functions by their place in one section.)
#[inline(never)]
fn record<F: Frame>(packet: &F, lport: Lport, direction: u16) {
    // SAFETY: per CPU, and this is the only place that asks for it.
    let Some(record) = (unsafe { own(CAPTURE_RECORD.get_ptr_mut(0)) }) else { return };
    let len = packet.len();
    let Some(captured) = packet.copy(len.min(CAPTURE_SNAP as u64), &mut record.frame) else { return };
    // SAFETY: a helper without arguments.
    let time_ns = unsafe { bpf_ktime_get_ns() };
    record.header =
        CaptureHeader { time_ns, len: len as u32, captured: captured as u32, lport, direction, pad: 0 };
    // SAFETY: a record begins with its header and the frame, of which `captured` bytes are there: compared in `copy`.
    if unsafe { write(&CAPTURE, record, size_of::<CaptureHeader>() + captured as usize) }.is_none() {
        // SAFETY: per CPU, and this is the only place that asks for it.
        if let Some(lost) = unsafe { own(CAPTURE_LOST.get_ptr_mut(0)) } {
            *lost += 1;
        }
    }
}
