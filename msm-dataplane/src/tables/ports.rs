//! PORTS: which logical port a netdev is.

use msm_abi::{Lport, PORTS_PER_SLOT, PortEntry, port_flags};

use super::{at, join, part, put, read, u32_at};
use crate::{
    DesiredPort, TableError,
    store::{Store, Table},
};

const LEN: usize = size_of::<PortEntry>();

/// The entry of a port as it should be.
#[must_use]
pub const fn entry(lport: Lport, port: &DesiredPort) -> PortEntry {
    let enabled = if port.enabled { port_flags::ENABLED } else { 0 };
    PortEntry {
        lport,
        pvid: port.pvid,
        flags: port_flags::VALID | enabled,
        slot: (lport as usize / PORTS_PER_SLOT) as u8,
        pad: 0,
    }
}

fn decode(b: &[u8]) -> PortEntry {
    PortEntry {
        lport: u16::from_ne_bytes(part(b, 0)),
        pvid: u16::from_ne_bytes(part(b, 2)),
        flags: u16::from_ne_bytes(part(b, 4)),
        slot: b[6],
        pad: b[7],
    }
}

/// Reads the entry of a netdev; all zero if it is no port.
///
/// # Errors
/// What the kernel says.
pub fn get(store: &impl Store, ifindex: u32) -> Result<PortEntry, TableError> {
    Ok(decode(&at::<LEN>(store, Table::Ports, ifindex)?))
}

/// Writes the entry of a netdev.
///
/// # Errors
/// What the kernel says.
pub fn set(store: &mut impl Store, ifindex: u32, entry: PortEntry) -> Result<(), TableError> {
    let value: [u8; LEN] = join(&[
        &entry.lport.to_ne_bytes(),
        &entry.pvid.to_ne_bytes(),
        &entry.flags.to_ne_bytes(),
        &[entry.slot, entry.pad],
    ]);
    put(store, Table::Ports, &ifindex.to_ne_bytes(), &value)
}

/// Every netdev that is a port. Reads the whole table: 65,536 entries.
///
/// # Errors
/// What the kernel says.
pub fn scan(store: &impl Store) -> Result<Vec<(u32, PortEntry)>, TableError> {
    let mut found = Vec::new();
    read(store, Table::Ports, &mut |key, value| {
        let entry = decode(value);
        if entry.flags & port_flags::VALID != 0 {
            found.push((u32_at(key, 0), entry));
        }
    })?;
    Ok(found)
}
