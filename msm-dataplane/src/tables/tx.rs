//! TX: the netdev of a logical port, and the program that every frame to it passes.

use msm_abi::Lport;

use super::{get as get_value, join, put, remove as remove_key, u32_at};
use crate::{
    TableError,
    store::{Store, Table},
};

/// A devmap's value (struct bpf_devmap_val), here and in the member sets of FLOOD.
///
/// Every hop of one netdev carries the same program: the kernel runs that of the first frame queued in a poll for all frames of it
/// (bq_enqueue in kernel/bpf/devmap.c).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hop {
    /// The netdev.
    pub ifindex: u32,
    /// Id of the egress program.
    pub program: u32,
}

impl Hop {
    pub(super) fn to_bytes(self) -> [u8; 8] {
        join(&[&self.ifindex.to_ne_bytes(), &self.program.to_ne_bytes()])
    }

    pub(super) fn from_bytes(b: [u8; 8]) -> Self {
        Self { ifindex: u32_at(&b, 0), program: u32_at(&b, 4) }
    }
}

/// Reads the hop of a port.
///
/// # Errors
/// What the kernel says.
pub fn get(store: &impl Store, lport: Lport) -> Result<Option<Hop>, TableError> {
    Ok(get_value(store, Table::Tx, &u32::from(lport).to_ne_bytes())?.map(Hop::from_bytes))
}

/// Writes the hop of a port. The netdev is looked up in the calling thread's network namespace.
///
/// # Errors
/// What the kernel says: EINVAL if there is no such netdev, or it cannot be redirected to.
pub fn set(store: &mut impl Store, lport: Lport, hop: Hop) -> Result<(), TableError> {
    put(store, Table::Tx, &u32::from(lport).to_ne_bytes(), &hop.to_bytes())
}

/// Removes the hop of a port.
///
/// # Errors
/// What the kernel says.
pub fn remove(store: &mut impl Store, lport: Lport) -> Result<bool, TableError> {
    remove_key(store, Table::Tx, &u32::from(lport).to_ne_bytes())
}
