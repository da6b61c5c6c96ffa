//! ROUTES: IPv4 routes, found by their octets in blocks of 256 entries; two halves.

use msm_abi::{ROUTE_BLOCKS, RouteBlock};

use super::{at, failed};
use crate::{
    TableError,
    store::{Store, Table},
};

const LEN: usize = size_of::<RouteBlock>();

/// Where the blocks of a half begin.
const fn base(half: u8) -> u32 {
    half as u32 * ROUTE_BLOCKS
}

fn decode(value: &[u8]) -> RouteBlock {
    let mut block = [0; 256];
    for (entry, bytes) in block.iter_mut().zip(value.as_chunks().0) {
        *entry = u32::from_ne_bytes(*bytes);
    }
    block
}

/// Reads a block.
///
/// # Errors
/// What the kernel says.
pub fn get(store: &impl Store, half: u8, block: u32) -> Result<RouteBlock, TableError> {
    Ok(decode(&at::<LEN>(store, Table::Routes, base(half) + block)?))
}

/// Calls `each` with the blocks `from..to` of a half.
///
/// # Errors
/// What the kernel says.
pub fn read(
    store: &impl Store,
    half: u8,
    from: u32,
    to: u32,
    each: &mut dyn FnMut(u32, RouteBlock),
) -> Result<(), TableError> {
    store
        .read_array(Table::Routes, base(half) + from, to - from, &mut |index, value| {
            each(index - base(half), decode(value));
        })
        .map_err(failed("list", Table::Routes))
}

/// Writes blocks of a half, in this order.
///
/// # Errors
/// What the kernel says; those before some point are written.
pub fn set<'b>(
    store: &mut impl Store,
    half: u8,
    blocks: impl ExactSizeIterator<Item = (u32, &'b RouteBlock)>,
) -> Result<(), TableError> {
    let mut indexes = Vec::with_capacity(blocks.len());
    let mut values = vec![0; blocks.len() * LEN];
    for ((block, entries), value) in blocks.zip(values.chunks_exact_mut(LEN)) {
        indexes.push(base(half) + block);
        for (bytes, entry) in value.as_chunks_mut().0.iter_mut().zip(entries) {
            *bytes = entry.to_ne_bytes();
        }
    }
    store.update_array(Table::Routes, &indexes, &values).map_err(failed("write", Table::Routes))
}
