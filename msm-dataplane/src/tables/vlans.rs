//! VLANS: members by logical port.

use std::collections::{BTreeMap, BTreeSet};

use msm_abi::{Lport, PORTS, VlanEntry, vlan_flags};

use super::{at, part, put, read as read_all, u32_at, u64_at};
use crate::{
    DesiredVlan, TableError,
    store::{Store, Table},
};

const LEN: usize = size_of::<VlanEntry>();
const WORDS: usize = PORTS / 64;

/// The entry of a VLAN as it should be, with the member set that FLOOD has at `flood`. `slow`: a member needs the tcx entry. Members at or past [`PORTS`] are left out.
#[must_use]
pub fn entry(vlan: &DesiredVlan, flood: u16, slow: bool) -> VlanEntry {
    let bits = |members: &BTreeSet<Lport>| {
        let mut words = [0u64; WORDS];
        for lport in members {
            if let Some(word) = words.get_mut(usize::from(*lport) / 64) {
                *word |= 1 << (lport % 64);
            }
        }
        words
    };
    let flag = |set: bool, flag: u16| if set { flag } else { 0 };
    VlanEntry {
        flags: vlan_flags::EXISTS
            | flag(vlan.routed, vlan_flags::ROUTED)
            | flag(vlan.routed6, vlan_flags::ROUTED6)
            | flag(slow, vlan_flags::SLOW_FLOOD),
        flood,
        domain: vlan.domain,
        svi: vlan.svi.unwrap_or(0),
        mtu: vlan.mtu,
        pad: 0,
        untagged: bits(&vlan.untagged),
        tagged: bits(&vlan.tagged),
    }
}

/// Reads the entry of a VLAN; all zero if it does not exist.
///
/// # Errors
/// What the kernel says.
pub fn get(store: &impl Store, vid: u16) -> Result<VlanEntry, TableError> {
    Ok(decode(&at::<LEN>(store, Table::Vlans, vid.into())?))
}

fn decode(b: &[u8]) -> VlanEntry {
    let words = |offset: usize| std::array::from_fn(|i| u64_at(b, offset + 8 * i));
    VlanEntry {
        flags: u16::from_ne_bytes(part(b, 0)),
        flood: u16::from_ne_bytes(part(b, 2)),
        domain: u32_at(b, 4),
        svi: u16::from_ne_bytes(part(b, 8)),
        mtu: u16::from_ne_bytes(part(b, 10)),
        pad: u32_at(b, 12),
        untagged: words(16),
        tagged: words(16 + 8 * WORDS),
    }
}

/// Every VLAN that exists. Reads the whole table, 1 MB.
///
/// # Errors
/// What the kernel says.
pub fn read(store: &impl Store) -> Result<BTreeMap<u16, VlanEntry>, TableError> {
    let mut found = BTreeMap::new();
    read_all(store, Table::Vlans, &mut |key, value| {
        // Most are zero, and a whole entry is 34 words.
        if value.iter().take(8).any(|byte| *byte != 0) {
            found.extend(u16::try_from(u32_at(key, 0)).map(|vid| (vid, decode(value))));
        }
    })?;
    Ok(found)
}

/// Writes the entry of a VLAN.
///
/// # Errors
/// What the kernel says.
pub fn set(store: &mut impl Store, vid: u16, entry: &VlanEntry) -> Result<(), TableError> {
    let mut value = Vec::with_capacity(LEN);
    value.extend(entry.flags.to_ne_bytes());
    value.extend(entry.flood.to_ne_bytes());
    value.extend(entry.domain.to_ne_bytes());
    value.extend(entry.svi.to_ne_bytes());
    value.extend(entry.mtu.to_ne_bytes());
    value.extend(entry.pad.to_ne_bytes());
    value.extend(entry.untagged.iter().chain(&entry.tagged).flat_map(|word| word.to_ne_bytes()));
    put(store, Table::Vlans, &u32::from(vid).to_ne_bytes(), &value)
}
