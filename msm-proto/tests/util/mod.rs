//! Two machines in virtual time, with a virtual pin tree, a link and a backplane between them.

#![allow(dead_code, unreachable_pub)] // each test binary uses its part

pub mod checks;
pub mod host;
pub mod link;
pub mod random;
pub mod scenario;
pub mod tree;
pub mod world;

use msm_proto::Slot;

pub const US: u64 = 1_000;
pub const MS: u64 = 1_000_000;
pub const SEC: u64 = 1_000_000_000;

pub const SLOTS: [Slot; 2] = [Slot::A, Slot::B];

pub fn index(slot: Slot) -> usize {
    usize::from(slot.number()) - 1
}
