//! EGRESS: what must be known of a port to send by it.

use msm_abi::{EgressEntry, Lport, egress_flags};

use super::{at, join, part, put, read, u32_at};
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
    Ok(decode(&at::<LEN>(store, Table::Egress, lport.into())?))
}

fn decode(b: &[u8]) -> EgressEntry {
    EgressEntry {
        ifindex: u32_at(b, 0),
        flags: u16::from_ne_bytes(part(b, 4)),
        group: u16::from_ne_bytes(part(b, 6)),
    }
}

/// The ports that are masters of load-sharing groups, or were ([`egress_flags::SHARED`] says which). Reads the whole table.
///
/// # Errors
/// What the kernel says.
pub fn shared(store: &impl Store) -> Result<Vec<(Lport, EgressEntry)>, TableError> {
    let mut found = Vec::new();
    read(store, Table::Egress, &mut |key, value| {
        let entry = decode(value);
        if entry.flags & egress_flags::SHARED != 0 || entry.group != 0 {
            found.extend(Lport::try_from(u32_at(key, 0)).map(|lport| (lport, entry)));
        }
    })?;
    Ok(found)
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
