//! A 64-bit word that CPUs and the owner change under each other's eyes.
//!
//! Rust's BPF target has no read-modify-write atomics; the kernel has had them since 5.12, so they are said in assembly.
//! Those that return the old value are fully ordered (kernel: tools/memory-model, as for its own atomics).

use core::arch::asm;
use core::cell::UnsafeCell;

/// Laid out as a `u64`.
#[repr(transparent)]
pub(crate) struct Word(UnsafeCell<u64>);

// SAFETY: every access is one volatile load or one atomic instruction.
unsafe impl Sync for Word {}

impl Word {
    #[inline(always)]
    pub(crate) const fn new(value: u64) -> Self {
        Self(UnsafeCell::new(value))
    }

    #[inline(always)]
    pub(crate) fn load(&self) -> u64 {
        // SAFETY: a valid, aligned word; one volatile load is one load instruction, which cannot see half a store.
        unsafe { self.0.get().read_volatile() }
    }

    /// Adds and returns what was there.
    #[inline(always)]
    pub(crate) fn fetch_add(&self, value: u64) -> u64 {
        let mut operand = value;
        // SAFETY: `self` is a valid, aligned word; the instruction is one atomic access to it.
        unsafe {
            asm!("{operand} = atomic_fetch_add((u64 *)({word} + 0), {operand})",
                word = in(reg) self.0.get(), operand = inout(reg) operand, options(nostack));
        }
        operand
    }

    /// Writes `new` if `old` is there; says whether it did.
    #[inline(always)]
    pub(crate) fn replace(&self, old: u64, new: u64) -> bool {
        let mut seen = old;
        // SAFETY: as above; r0 is where the instruction wants the old value and leaves the one it saw.
        unsafe {
            asm!("r0 = cmpxchg_64({word} + 0, r0, {new})",
                word = in(reg) self.0.get(), new = in(reg) new, inout("r0") seen, options(nostack));
        }
        seen == old
    }
}
