//! Traps: a protocol's frames go into its ring, behind its rate, with what must be known of them.

use aya_ebpf::helpers::bpf_ktime_get_ns;
use msm_abi::{CpuClass, DropReason, Lport, TRAP_SNAP, TrapHeader};

use super::access::{own, write};
use super::frame::Frame;
use super::limit;
use super::maps::{TRAP_LACP, TRAP_RECORD};

/// Takes a frame of class `class` (a [`CpuClass`] as number) off the wire.
#[inline(always)]
pub(crate) fn frame<F: Frame>(
    frame: &F,
    class: u32,
    lport: Lport,
    vid: u16,
    len: u64,
) -> Result<(), DropReason> {
    if class != CpuClass::Lacp as u32 {
        return Err(DropReason::NoTrap);
    }
    limit::to_cpu(CpuClass::Lacp as u32)?;
    // SAFETY: per CPU, and this is the only place that asks for it.
    let Some(record) = (unsafe { own(TRAP_RECORD.get_ptr_mut(0)) }) else { return Err(DropReason::NoTrap) };
    let Some(captured) = frame.copy(len.min(TRAP_SNAP as u64), &mut record.frame) else {
        return Err(DropReason::NoTrap);
    };
    // SAFETY: a helper without arguments.
    let time_ns = unsafe { bpf_ktime_get_ns() };
    record.header = TrapHeader { time_ns, len: len as u32, captured: captured as u32, lport, vid, class };
    // SAFETY: a record begins with its header and the frame, of which `captured` bytes are there: compared in `copy`.
    if unsafe { write(&TRAP_LACP, record, size_of::<TrapHeader>() + captured as usize) }.is_none() {
        limit::ring_full(CpuClass::Lacp);
        return Err(DropReason::CpuLimited);
    }
    Ok(())
}
