//! EGRESS: what must be known of a port to send by it.

use msm_abi::{EgressEntry, Lport};

use super::{at, join, part, put, u32_at};
use crate::{
    TableError,
    store::{Store, Table},
};

const LEN: usize = size_of::<EgressEntry>();

/// Reads the entry of a port.
///
/// # Errors
/// What the kernel says.
pub fn get(store: &impl Store, lport: Lport) -> Result<EgressEntry, TableError> {
    let b: [u8; LEN] = at(store, Table::Egress, lport.into())?;
    Ok(EgressEntry {
        ifindex: u32_at(&b, 0),
        flags: u16::from_ne_bytes(part(&b, 4)),
        group: u16::from_ne_bytes(part(&b, 6)),
    })
}

/// Writes the entry of a port.
///
/// # Errors
/// What the kernel says.
pub fn set(store: &mut impl Store, lport: Lport, entry: EgressEntry) -> Result<(), TableError> {
    let value: [u8; LEN] =
        join(&[&entry.ifindex.to_ne_bytes(), &entry.flags.to_ne_bytes(), &entry.group.to_ne_bytes()]);
    put(store, Table::Egress, &u32::from(lport).to_ne_bytes(), &value)
}
