//! The IPv4 route table as it should be: blocks of 256 entries, of which each remembers how long the prefix was that it is from.
//!
//! So a prefix is put in by painting what is from no longer one, and taken out by painting what is from it. A block is where a longer
//! prefix needs it, and goes when none does. Its number is the owner's to choose, and stays.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use msm_abi::{ROUTE_BLOCK, ROUTE_BLOCKS, RouteBlock};

/// Blocks whose number is an address's first octet.
pub(super) const FIRST: u32 = 256;
/// Of an entry that has no block though longer prefixes want one.
const CUT: u8 = u8::MAX;
/// What an entry without block sends to: the stack, which has all routes.
const TO_STACK: u32 = 0;

/// A network whose longer prefixes are in a block: its first address and 16 or 24.
type Network = (u32, u8);

#[derive(Clone, Debug)]
struct Block {
    entries: Arc<RouteBlock>,
    /// Length of the prefix that an entry is from, plus one; 0 = none.
    depths: Box<[u8; 256]>,
}

/// The table.
#[derive(Debug)]
pub(super) struct Image {
    blocks: Vec<Option<Block>>,
    /// Numbers below `blocks.len()` that are free.
    free: BTreeSet<u32>,
    /// Numbers that networks had before, and get again.
    kept: BTreeMap<Network, u32>,
    limit: u32,
    /// Networks that found no block free.
    cut: BTreeSet<Network>,
    changed: BTreeSet<u32>,
    /// A cut network may fit by now.
    retry: bool,
}

/// The number that an entry names, if it names a block that there can be.
pub(super) fn number(entry: u32) -> Option<u32> {
    let number = entry & !ROUTE_BLOCK;
    (entry & ROUTE_BLOCK != 0 && (FIRST..ROUTE_BLOCKS).contains(&number)).then_some(number)
}

/// The octet at `level`, 0 to 3.
const fn octet(addr: u32, level: u32) -> usize {
    (addr >> (24 - 8 * level) & 0xFF) as usize
}

/// The entries of a prefix in a block of which each entry stands for `bits` bits of an address.
const fn span(addr: u32, len: u8, bits: u8) -> Range<usize> {
    let first = octet(addr, bits as u32 / 8 - 1);
    first..first + (1 << (bits - len))
}

impl Image {
    /// No routes; `limit` blocks at most.
    fn empty(limit: u32) -> Self {
        let block = Block { entries: Arc::new([TO_STACK; 256]), depths: Box::new([0; 256]) };
        Self {
            blocks: vec![Some(block); FIRST as usize],
            free: BTreeSet::new(),
            kept: BTreeMap::new(),
            limit,
            cut: BTreeSet::new(),
            changed: (0..FIRST).collect(),
            retry: false,
        }
    }

    /// The table of these routes (address, length, entry), in which each network has the number of its block in `before`, where that has one.
    pub(super) fn build<'b>(
        routes: impl Iterator<Item = (u32, u8, u32)>,
        before: impl Fn(u32) -> Option<&'b RouteBlock>,
        limit: u32,
    ) -> Self {
        let mut routes: Vec<(u32, u8, u32)> = routes.collect();
        // Shorter ones first: what is painted is painted over least.
        routes.sort_unstable_by_key(|(addr, len, _)| (*len, *addr));
        let mut image = Self::empty(limit);
        image.keep(&routes, before);
        for (addr, len, entry) in routes {
            image.insert(addr, len, entry);
        }
        image.kept.clear();
        image
    }

    /// Finds which number each network had that needs a block.
    fn keep<'b>(&mut self, routes: &[(u32, u8, u32)], before: impl Fn(u32) -> Option<&'b RouteBlock>) {
        let mut taken = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for (addr, len, _) in routes {
            let mut number_above = addr >> 24;
            for (level, bits) in [(1, 16), (2, 24)] {
                let network = (addr & (u32::MAX << (32 - bits)), bits);
                if *len <= bits {
                    break;
                }
                if seen.insert(network) {
                    let entry = before(number_above).map_or(0, |block| block[octet(*addr, level)]);
                    if let Some(number) = number(entry).filter(|n| *n < self.limit && taken.insert(*n)) {
                        self.kept.insert(network, number);
                    }
                }
                match self.kept.get(&network) {
                    Some(number) => number_above = *number,
                    None => break,
                }
            }
        }
        let end = taken.last().map_or(FIRST, |last| last + 1);
        self.free = (FIRST..end).filter(|number| !taken.contains(number)).collect();
        self.blocks.resize_with(end as usize, || None);
    }

    /// Entries of a block.
    pub(super) fn block(&self, number: u32) -> Option<&Arc<RouteBlock>> {
        self.blocks.get(number as usize)?.as_ref().map(|block| &block.entries)
    }

    /// Lets the entries of a block be those of `same`, which are equal: they are kept once.
    pub(super) fn share(&mut self, number: u32, same: &Arc<RouteBlock>) {
        if let Some(Some(block)) = self.blocks.get_mut(number as usize) {
            block.entries = Arc::clone(same);
        }
    }

    /// Blocks in use.
    pub(super) fn used(&self) -> u32 {
        self.blocks.iter().flatten().count() as u32
    }

    /// Networks without block.
    pub(super) const fn cut(&self) -> &BTreeSet<Network> {
        &self.cut
    }

    /// True if it must be built again, for a network without block may have one now.
    pub(super) const fn must_retry(&self) -> bool {
        self.retry
    }

    /// Blocks that changed since it was asked last, in use or not.
    pub(super) fn take_changed(&mut self) -> BTreeSet<u32> {
        std::mem::take(&mut self.changed)
    }

    fn at(&mut self, number: u32) -> &mut Block {
        self.blocks[number as usize].as_mut().expect("what names a block keeps it")
    }

    /// Puts a route in, or gives it another entry.
    pub(super) fn insert(&mut self, addr: u32, len: u8, entry: u32) {
        let depth = len + 1;
        self.visit(addr, len, &|found| found <= depth, (entry, depth));
    }

    /// Takes a route out; `above` is the entry and the length of the longest shorter one that has all its addresses.
    pub(super) fn remove(&mut self, addr: u32, len: u8, above: Option<(u32, u8)>) {
        let depth = len + 1;
        let (entry, to) = above.map_or((TO_STACK, 0), |(entry, len)| (entry, len + 1));
        if !self.visit(addr, len, &|found| found == depth, (entry, to)) {
            self.retry = true;
        }
        self.fold(addr, len);
    }

    /// Paints the entries of a prefix; false if it has no block to be in.
    fn visit(&mut self, addr: u32, len: u8, when: &impl Fn(u8) -> bool, with: (u32, u8)) -> bool {
        let top = addr >> 24;
        let (block, span) = match len {
            0..=8 => {
                for top in top..top + (1 << (8 - len)) {
                    self.paint(top, 0..256, when, with);
                }
                return true;
            }
            9..=16 => (Some(top), span(addr, len, 16)),
            17..=24 => (self.child(top, addr, 1), span(addr, len, 24)),
            _ => {
                let middle = self.child(top, addr, 1);
                (middle.and_then(|middle| self.child(middle, addr, 2)), span(addr, len, 32))
            }
        };
        if let Some(block) = block {
            self.paint(block, span, when, with);
        }
        block.is_some()
    }

    fn paint(&mut self, number: u32, span: Range<usize>, when: &impl Fn(u8) -> bool, with: (u32, u8)) {
        let (entry, depth) = with;
        let (mut nested, mut changed) = (Vec::new(), false);
        let block = self.at(number);
        for at in span {
            let found = block.entries[at];
            if found & ROUTE_BLOCK != 0 {
                nested.push(found & !ROUTE_BLOCK);
            } else if when(block.depths[at]) {
                block.depths[at] = depth;
                if found != entry {
                    Arc::make_mut(&mut block.entries)[at] = entry;
                    changed = true;
                }
            }
        }
        if changed {
            self.changed.insert(number);
        }
        for number in nested {
            self.paint(number, 0..256, when, with);
        }
    }

    /// The block below an entry of `above`, a new one if there is none. `None` if no number is free: the entry then sends to the stack.
    fn child(&mut self, above: u32, addr: u32, level: u32) -> Option<u32> {
        let at = octet(addr, level);
        let block = self.at(above);
        let (entry, depth) = (block.entries[at], block.depths[at]);
        if entry & ROUTE_BLOCK != 0 {
            return Some(entry & !ROUTE_BLOCK);
        }
        if depth == CUT {
            return None;
        }
        let bits = 8 * (level as u8 + 1);
        let network = (addr & (u32::MAX << (32 - bits)), bits);
        let number = self.allot(network);
        let (entry, depth) = match number {
            Some(number) => {
                let below = Block { entries: Arc::new([entry; 256]), depths: Box::new([depth; 256]) };
                self.blocks[number as usize] = Some(below);
                self.changed.insert(number);
                (ROUTE_BLOCK | number, depth)
            }
            None => {
                self.cut.insert(network);
                (TO_STACK, CUT)
            }
        };
        self.changed.insert(above);
        let block = self.at(above);
        Arc::make_mut(&mut block.entries)[at] = entry;
        block.depths[at] = depth;
        number
    }

    fn allot(&mut self, network: Network) -> Option<u32> {
        if let Some(number) = self.kept.remove(&network).or_else(|| self.free.pop_first()) {
            return Some(number);
        }
        let next = self.blocks.len() as u32;
        (next < self.limit).then(|| {
            self.blocks.push(None);
            next
        })
    }

    /// Frees the blocks on the way to a prefix that no longer one needs.
    fn fold(&mut self, addr: u32, len: u8) {
        let top = addr >> 24;
        let below = |image: &Self, block: u32, level| number(image.block(block)?[octet(addr, level)]);
        let Some(middle) = below(self, top, 1).filter(|_| len > 16) else { return };
        if let Some(last) = below(self, middle, 2).filter(|_| len > 24) {
            self.fold_one(middle, octet(addr, 2), last, 24);
        }
        self.fold_one(top, octet(addr, 1), middle, 16);
    }

    /// Frees a block whose entries all are from prefixes of `bits` bits or less: they are one.
    fn fold_one(&mut self, above: u32, at: usize, number: u32, bits: u8) {
        let block = self.at(number);
        let whole = block.depths.iter().zip(block.entries.iter());
        if !whole.into_iter().all(|(depth, entry)| *depth <= bits + 1 && entry & ROUTE_BLOCK == 0) {
            return;
        }
        let (entry, depth) = (block.entries[0], block.depths[0]);
        self.blocks[number as usize] = None;
        self.free.insert(number);
        self.retry |= !self.cut.is_empty();
        self.changed.insert(above);
        let above = self.at(above);
        Arc::make_mut(&mut above.entries)[at] = entry;
        above.depths[at] = depth;
    }
}
