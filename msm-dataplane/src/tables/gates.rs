//! GATES: what a loop protocol lets through.

use msm_abi::{GateEntry, Lport, gate_index};

use super::{at, join, put, u32_at, u64_at};
use crate::{
    TableError,
    store::{Store, Table},
};

const LEN: usize = size_of::<GateEntry>();

/// Reads the gate of a port in a domain; all zero (discarding) if never written.
///
/// # Errors
/// What the kernel says.
pub fn get(store: &impl Store, domain: u32, lport: Lport) -> Result<GateEntry, TableError> {
    let b: [u8; LEN] = at(store, Table::Gates, gate_index(domain, lport))?;
    Ok(GateEntry { state: u32_at(&b, 0), pad: u32_at(&b, 4), valid_until_ns: u64_at(&b, 8) })
}

/// Writes the gate of a port in a domain.
///
/// # Errors
/// What the kernel says.
pub fn set(store: &mut impl Store, domain: u32, lport: Lport, gate: GateEntry) -> Result<(), TableError> {
    let value: [u8; LEN] =
        join(&[&gate.state.to_ne_bytes(), &gate.pad.to_ne_bytes(), &gate.valid_until_ns.to_ne_bytes()]);
    put(store, Table::Gates, &gate_index(domain, lport).to_ne_bytes(), &value)
}
