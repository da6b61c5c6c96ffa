//! VLANS: members by logical port.

use std::collections::BTreeSet;

use msm_abi::{Lport, PORTS, VlanEntry, vlan_flags};

use super::{at, put, u32_at, u64_at};
use crate::{
    DesiredVlan, TableError,
    store::{Store, Table},
};

const LEN: usize = size_of::<VlanEntry>();
const WORDS: usize = PORTS / 64;

/// The entry of a VLAN as it should be. Members at or past [`PORTS`] are left out.
#[must_use]
pub fn entry(vlan: &DesiredVlan) -> VlanEntry {
    let bits = |members: &BTreeSet<Lport>| {
        let mut words = [0u64; WORDS];
        for lport in members {
            if let Some(word) = words.get_mut(usize::from(*lport) / 64) {
                *word |= 1 << (lport % 64);
            }
        }
        words
    };
    VlanEntry {
        flags: vlan_flags::EXISTS,
        domain: vlan.domain,
        untagged: bits(&vlan.untagged),
        tagged: bits(&vlan.tagged),
    }
}

/// Reads the entry of a VLAN; all zero if it does not exist.
///
/// # Errors
/// What the kernel says.
pub fn get(store: &impl Store, vid: u16) -> Result<VlanEntry, TableError> {
    let b: [u8; LEN] = at(store, Table::Vlans, vid.into())?;
    let words = |offset: usize| std::array::from_fn(|i| u64_at(&b, offset + 8 * i));
    Ok(VlanEntry {
        flags: u32_at(&b, 0),
        domain: u32_at(&b, 4),
        untagged: words(8),
        tagged: words(8 + 8 * WORDS),
    })
}

/// Writes the entry of a VLAN.
///
/// # Errors
/// What the kernel says.
pub fn set(store: &mut impl Store, vid: u16, entry: &VlanEntry) -> Result<(), TableError> {
    let mut value = Vec::with_capacity(LEN);
    value.extend(entry.flags.to_ne_bytes());
    value.extend(entry.domain.to_ne_bytes());
    value.extend(entry.untagged.iter().chain(&entry.tagged).flat_map(|word| word.to_ne_bytes()));
    put(store, Table::Vlans, &u32::from(vid).to_ne_bytes(), &value)
}
