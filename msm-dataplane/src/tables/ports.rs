//! PORTS: which logical port a netdev is.

use msm_abi::{Lport, PORTS, PORTS_PER_SLOT, PortEntry, port_flags};

use super::{at, join, part, put, read, u32_at};
use crate::{
    DesiredPort, Driver, TableError,
    store::{Store, Table},
};

const LEN: usize = size_of::<PortEntry>();
/// The "I/O slot" of the stack's ports: no fabric reaches them, none is needed.
const SVI_SLOT: u8 = u8::MAX;

/// The entry of a port as it should be.
#[must_use]
pub fn entry(lport: Lport, port: &DesiredPort) -> PortEntry {
    let flag = |set: bool, flag: u16| if set { flag } else { 0 };
    let is_svi = usize::from(lport) >= PORTS;
    PortEntry {
        lport,
        logical: port.group.unwrap_or(lport),
        pvid: port.pvid,
        flags: port_flags::VALID
            | flag(port.enabled, port_flags::ENABLED)
            | flag(is_svi, port_flags::SVI)
            | flag(port.group.is_some(), port_flags::GROUPED)
            | flag(port.limited, port_flags::LIMITED)
            | flag(port.learn_limited, port_flags::LEARN_LIMITED)
            | flag(port.mirror_received, port_flags::MIRRORED)
            | flag(port.driver == Driver::Tcx, port_flags::TCX)
            | flag(port.closed, port_flags::CLOSED),
        slot: if is_svi { SVI_SLOT } else { (usize::from(lport) / PORTS_PER_SLOT) as u8 },
        pad: [0; 7],
    }
}

fn decode(b: &[u8]) -> PortEntry {
    PortEntry {
        lport: u16::from_ne_bytes(part(b, 0)),
        logical: u16::from_ne_bytes(part(b, 2)),
        pvid: u16::from_ne_bytes(part(b, 4)),
        flags: u16::from_ne_bytes(part(b, 6)),
        slot: b[8],
        pad: part(b, 9),
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
        &entry.logical.to_ne_bytes(),
        &entry.pvid.to_ne_bytes(),
        &entry.flags.to_ne_bytes(),
        &[entry.slot],
        &entry.pad,
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
