//! Bits of words.

use super::access::opaque;

/// The number of the lowest bit that is set, below 64; of 0 it is 0. Without a branch, of which the verifier would follow both ways, and without a table,
/// which LLVM would make of `trailing_zeros`: the bits below the lowest one, counted (Hacker's Delight 5-1).
#[inline(always)]
pub(crate) fn lowest(bits: u64) -> u32 {
    let below = opaque((bits & bits.wrapping_neg()).wrapping_sub(1));
    let pairs = below - (below >> 1 & 0x5555_5555_5555_5555);
    let fours = (pairs & 0x3333_3333_3333_3333) + (pairs >> 2 & 0x3333_3333_3333_3333);
    let octets = fours.wrapping_add(fours >> 4) & 0x0F0F_0F0F_0F0F_0F0F;
    let count = octets.wrapping_mul(0x0101_0101_0101_0101) >> 56;
    opaque(count) as u32 & 63
}
