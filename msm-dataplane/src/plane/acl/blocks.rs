//! Blocks of classes: what a field's value is looked up in. Painted from the general to the particular.

use std::ops::Range;

use msm_abi::{ACL_BLOCK, ACL_BLOCKS, AclBlock, acl_blocks};

use super::list::AclPrefix;

/// Entries of a block.
const SIZE: usize = 256;

/// Blocks of a half, from its first.
pub(super) struct Blocks {
    blocks: Vec<AclBlock>,
    /// Those at fixed places that are used; those after [`acl_blocks::FREE`] all are.
    used: Vec<Range<u32>>,
}

impl Blocks {
    pub(super) fn new() -> Self {
        Self { blocks: vec![[0; SIZE]; acl_blocks::FREE as usize], used: Vec::new() }
    }

    /// A field of `count` blocks from `first`, all of one class.
    pub(super) fn field(&mut self, first: u32, count: u32, class: u16) {
        self.used.push(first..first + count);
        self.blocks[first as usize..(first + count) as usize].fill([class; SIZE]);
    }

    /// The values `from..to` of a field of two octets have a class.
    pub(super) fn paint(&mut self, first: u32, from: u32, to: u32, class: u16) {
        let entries = self.blocks.as_flattened_mut();
        let first = first as usize * SIZE;
        entries[first + from as usize..first + to as usize].fill(class);
    }

    /// The addresses of a prefix have a class. What is painted later must not have been painted in part: shorter prefixes first.
    pub(super) fn paint_prefix(&mut self, first: u32, prefix: AclPrefix, class: u16) {
        let [a, b, c, d] = prefix.address().to_be_bytes().map(usize::from);
        let len = u32::from(prefix.len());
        let span = |bits: u32| 1usize << (bits - len);
        let top = first as usize + a;
        match len {
            0..=8 => self.blocks[top..top + span(8)].fill([class; SIZE]),
            9..=16 => self.blocks[top][b..b + span(16)].fill(class),
            17..=24 => {
                let second = self.below(top, b);
                self.blocks[second][c..c + span(24)].fill(class);
            }
            _ => {
                let second = self.below(top, b);
                let third = self.below(second, c);
                self.blocks[third][d..d + span(32)].fill(class);
            }
        }
    }

    /// The block that an entry names; made of the entry's class if it named one.
    fn below(&mut self, block: usize, entry: usize) -> usize {
        let value = self.blocks[block][entry];
        if value & ACL_BLOCK != 0 {
            return usize::from(value & !ACL_BLOCK);
        }
        let fresh = self.blocks.len();
        // See ACL_BLOCKS: every list that was checked fits.
        assert!(fresh < ACL_BLOCKS as usize, "more blocks than a list can make");
        self.blocks.push([value; SIZE]);
        self.blocks[block][entry] = ACL_BLOCK | fresh as u16;
        fresh
    }

    /// How many there are, and which of them are used.
    pub(super) fn used(&self) -> Vec<Range<u32>> {
        let free = acl_blocks::FREE..self.blocks.len() as u32;
        self.used.iter().cloned().chain((!free.is_empty()).then_some(free)).collect()
    }

    /// Values of ACL_CLASS, one after the other.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let entries = self.blocks.as_flattened();
        let mut bytes = Vec::with_capacity(2 * entries.len());
        entries.iter().for_each(|entry| bytes.extend_from_slice(&entry.to_ne_bytes()));
        bytes
    }
}
