//! A whole chassis in virtual time: the machines of `msm-proto`, a pin tree, a link, and what can go wrong, by seeds.
//!
//! The same seed is the same run on every machine. Checkers look at effects only.
#![forbid(unsafe_code)]

mod action;
mod broken;
mod chassis;
mod checks;
mod clients;
mod digest;
mod effects;
mod faults;
mod host;
mod link;
mod outputs;
mod plan;
mod play;
mod random;
mod run;
mod shrink;
mod slots;
mod tables;
#[cfg(test)]
mod tests;
mod tree;
mod truth;
mod world;

pub use broken::Broken;
pub use checks::{Law, Violation};
pub use run::{Ask, Report, run, tell};

use msm_proto::Slot;

pub(crate) const US: u64 = 1_000;
pub(crate) const MS: u64 = 1_000_000;
pub(crate) const SEC: u64 = 1_000_000_000;

pub(crate) const SLOTS: [Slot; 2] = [Slot::A, Slot::B];

pub(crate) fn index(slot: Slot) -> usize {
    usize::from(slot.number()) - 1
}
