//! Memory that is not ours: the frame as XDP has it, its metadata, and map values. All of this crate's pointers end here, in skb.rs and in word.rs.
//!
//! Packet words are loaded by one instruction each, whatever their alignment. Rust would call that undefined through a
//! typed pointer, and through an unaligned read LLVM makes eight byte loads of it; so it is said in assembly. The
//! verifier and the x86-64 JIT take it as it is.

use core::arch::asm;
use core::ptr::NonNull;

use super::frame::Wire;
use aya_ebpf::bindings::xdp_md;
use aya_ebpf::btf_maps::RingBuf;
use aya_ebpf::helpers::{bpf_xdp_adjust_head, bpf_xdp_adjust_meta, bpf_xdp_get_buff_len, bpf_xdp_load_bytes};
use aya_ebpf::programs::XdpContext;

macro_rules! wire {
    ($($type:ty),*) => {$(
        impl Wire for $type {
            #[inline(always)]
            unsafe fn load(at: usize) -> Self {
                let raw: u64;
                // SAFETY: the caller's bounds; reads memory and nothing else.
                unsafe {
                    asm!(concat!("{raw} = *(", stringify!($type), " *)({at} + 0)"),
                        raw = lateout(reg) raw, at = in(reg) at, options(readonly, nostack));
                }
                <$type>::from_be(raw as $type)
            }
            #[inline(always)]
            unsafe fn store(self, at: usize) {
                let raw = u64::from(self.to_be());
                // SAFETY: the caller's bounds.
                unsafe {
                    asm!(concat!("*(", stringify!($type), " *)({at} + 0) = {raw}"),
                        raw = in(reg) raw, at = in(reg) at, options(nostack));
                }
            }
        }
    )*};
}
wire!(u16, u32, u64);

/// The frame that a program runs for.
pub(crate) struct Packet {
    ctx: *mut xdp_md,
}

impl Packet {
    #[inline(always)]
    pub(crate) fn new(ctx: &XdpContext) -> Self {
        Self { ctx: ctx.ctx }
    }

    /// For a subprogram: of the same run, and `context` is the program's.
    #[inline(always)]
    pub(crate) fn from_context(context: *mut xdp_md) -> Self {
        Self { ctx: context }
    }

    #[inline(always)]
    pub(crate) fn context(&self) -> *mut xdp_md {
        self.ctx
    }

    #[inline(always)]
    fn ctx(&self) -> &xdp_md {
        // SAFETY: the kernel gives a valid context for the whole run. Its fields change under the adjust helpers only,
        // which take `&mut self`.
        unsafe { &*self.ctx }
    }

    /// Bytes of the frame, fragments too.
    #[inline(always)]
    pub(crate) fn len(&self) -> u64 {
        // SAFETY: the context is valid; the helper only reads it.
        unsafe { bpf_xdp_get_buff_len(self.ctx) }
    }

    /// Bytes in reach of [`Packet::load`].
    #[inline(always)]
    pub(crate) fn linear_len(&self) -> u64 {
        u64::from(self.ctx().data_end) - u64::from(self.ctx().data)
    }

    /// Netdev that the frame came in by.
    #[inline(always)]
    pub(crate) fn ingress_ifindex(&self) -> u32 {
        self.ctx().ingress_ifindex
    }

    /// Netdev that the frame leaves by. Only devmap programs may ask (kernel: xdp_is_valid_access).
    #[inline(always)]
    pub(crate) fn egress_ifindex(&self) -> u32 {
        let field = &raw const self.ctx().egress_ifindex;
        // SAFETY: a field of the valid context. Volatile, so that the value and not its address becomes a map key.
        unsafe { field.read_volatile() }
    }

    /// The big-endian number `at` bytes into the frame; `None` behind its (linear) end.
    #[inline(always)]
    pub(crate) fn load<T: Wire>(&self, at: usize) -> Option<T> {
        let start = self.ctx().data as usize + at;
        if start + size_of::<T>() > self.ctx().data_end as usize {
            return None;
        }
        // SAFETY: compared with the end of the packet just now.
        Some(unsafe { T::load(start) })
    }

    /// Writes a big-endian number `at` bytes into the frame; `None` behind its (linear) end.
    #[inline(always)]
    pub(crate) fn store<T: Wire>(&mut self, at: usize, value: T) -> Option<()> {
        let start = self.ctx().data as usize + at;
        if start + size_of::<T>() > self.ctx().data_end as usize {
            return None;
        }
        // SAFETY: compared with the end of the packet just now.
        unsafe { value.store(start) };
        Some(())
    }

    /// Copies the first `len` bytes of the frame, fragments too, to `to`; says how many. `None` if there are not so many, or not
    /// so much room.
    #[inline(always)]
    pub(crate) fn copy<const N: usize>(&self, len: u64, to: &mut [u8; N]) -> Option<u64> {
        let len = opaque(len);
        if len == 0 || len > N as u64 {
            return None;
        }
        // SAFETY: the context is valid, and `to` has room for `len` bytes, compared just now.
        let done = unsafe { bpf_xdp_load_bytes(self.ctx, 0, to.as_mut_ptr().cast(), len as u32) };
        (done == 0).then_some(opaque(len))
    }

    /// Moves the start of the frame by `by` bytes; negative makes room in front. `None` if there is no room.
    #[inline(always)]
    pub(crate) fn move_start(&mut self, by: i32) -> Option<()> {
        // SAFETY: the context is valid; nothing holds an address into the packet across this.
        (unsafe { bpf_xdp_adjust_head(self.ctx, by) } == 0).then_some(())
    }

    /// Bytes of metadata in front of the frame.
    #[inline(always)]
    pub(crate) fn metadata_len(&self) -> i32 {
        self.ctx().data.wrapping_sub(self.ctx().data_meta) as i32
    }

    /// Makes the metadata `bytes` long; what it holds is undefined. `None` if there is no room.
    #[inline(always)]
    pub(crate) fn resize_metadata(&mut self, bytes: i32) -> Option<()> {
        let by = self.metadata_len() - bytes;
        // SAFETY: the context is valid; nothing holds an address into the packet across this.
        (by == 0 || unsafe { bpf_xdp_adjust_meta(self.ctx, by) } == 0).then_some(())
    }

    /// The first eight bytes of metadata; `None` if there are fewer.
    #[inline(always)]
    pub(crate) fn metadata(&self) -> Option<u64> {
        let start = self.ctx().data_meta as usize;
        if start + size_of::<u64>() > self.ctx().data as usize {
            return None;
        }
        // SAFETY: compared with the start of the packet, which ends the metadata, just now.
        Some(unsafe { u64::load(start) })
    }

    /// Writes the first eight bytes of metadata; `None` if there are fewer.
    #[inline(always)]
    pub(crate) fn set_metadata(&mut self, word: u64) -> Option<()> {
        let start = self.ctx().data_meta as usize;
        if start + size_of::<u64>() > self.ctx().data as usize {
            return None;
        }
        // SAFETY: compared with the start of the packet, which ends the metadata, just now.
        unsafe { word.store(start) };
        Some(())
    }
}

/// A number that the compiler knows nothing of: it can neither drop a comparison nor do sums before one, both of which would
/// hide from the verifier what the comparison says.
#[inline(always)]
pub(crate) fn opaque(mut number: u64) -> u64 {
    // SAFETY: it moves a register to itself. (Two lines of source at one instruction are refused by the kernel: it must be one.)
    unsafe { asm!("{0} = {0}", inout(reg) number, options(nomem, nostack, preserves_flags)) };
    number
}

/// Writes the first `len` bytes of `record` into `ring`; `None` if the ring is full.
///
/// # Safety
/// `record` has no padding, and `len` is at most its size by a comparison that the verifier sees.
#[inline(always)]
pub(crate) unsafe fn write<T, const N: usize>(ring: &RingBuf<T, N>, record: &T, len: usize) -> Option<()> {
    // SAFETY: the caller's bounds.
    let bytes = unsafe { core::slice::from_raw_parts((&raw const *record).cast::<u8>(), len) };
    ring.output_untyped::<[u8]>(bytes, 0).ok()
}

/// A map value from the pointer of a lookup.
///
/// # Safety
/// The map is a per-CPU array of which this run holds no other reference at this index (runs do not interrupt each other
/// on a CPU: bottom halves are off); or `T` is changed by nobody while programs run.
#[inline(always)]
pub(crate) unsafe fn own<'a, T>(value: Option<*mut T>) -> Option<&'a mut T> {
    // SAFETY: array values live as long as the program that names their map; the caller vouches for the rest.
    value.and_then(NonNull::new).map(|mut value| unsafe { value.as_mut() })
}

/// A hash map's value, from the pointer of a lookup, which others change or give to another key while we look.
///
/// # Safety
/// `T` consists of atomics, and the caller's logic stands when the value belongs to another key by now: the kernel
/// reuses a removed element of a preallocated map at once.
#[inline(always)]
pub(crate) unsafe fn shared<'a, T>(value: Option<*const T>) -> Option<&'a T> {
    // SAFETY: the kernel frees an element's memory only after all running programs ended.
    value.and_then(|value| unsafe { value.as_ref() })
}
