//! Bits of words.

use super::access::opaque;

/// All its windows of six bits differ (Leiserson, Prokop, Randall: Using de Bruijn Sequences to Index a 1 in a Computer Word).
const DE_BRUIJN: u64 = 0x03F7_9D71_B4CB_0A89;
/// Which bit it is that shifted a window to the top.
static NUMBERS: [u8; 64] = {
    let mut numbers = [0; 64];
    let mut bit = 0;
    while bit < 64 {
        numbers[(DE_BRUIJN << bit >> 58) as usize] = bit as u8;
        bit += 1;
    }
    numbers
};

/// The number of the lowest bit that is set, below 64; of 0 it is 0. Without a branch, of which the verifier would follow both ways.
#[inline(always)]
pub(crate) fn lowest(bits: u64) -> u32 {
    let window = opaque((bits & bits.wrapping_neg()).wrapping_mul(DE_BRUIJN) >> 58) as usize & 63;
    u32::from(NUMBERS[window]) & 63
}
