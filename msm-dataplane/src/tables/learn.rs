//! LEARN and LEARNED: how many stations a port may have, and how many it has.

use std::collections::BTreeMap;

use msm_abi::{LearnEntry, Lport};

use super::{at, join, put, read as read_all, u32_at, u64_at};
use crate::{
    TableError,
    store::{Store, Table},
};

const LEN: usize = size_of::<LearnEntry>();

fn decode(b: &[u8]) -> LearnEntry {
    LearnEntry { limit: u32_at(b, 0), flags: u32_at(b, 4), removed: u64_at(b, 8) }
}

/// The entry of a port.
///
/// # Errors
/// What the kernel says.
pub fn get(store: &impl Store, lport: Lport) -> Result<LearnEntry, TableError> {
    Ok(decode(&at::<LEN>(store, Table::Learn, lport.into())?))
}

/// Writes the entry of a port.
///
/// # Errors
/// What the kernel says.
pub fn set(store: &mut impl Store, lport: Lport, entry: LearnEntry) -> Result<(), TableError> {
    let value: [u8; LEN] =
        join(&[&entry.limit.to_ne_bytes(), &entry.flags.to_ne_bytes(), &entry.removed.to_ne_bytes()]);
    put(store, Table::Learn, &u32::from(lport).to_ne_bytes(), &value)
}

/// The programs' word of a port: stations learned less those that moved away.
///
/// # Errors
/// What the kernel says.
pub fn learned(store: &impl Store, lport: Lport) -> Result<u64, TableError> {
    Ok(u64::from_ne_bytes(at(store, Table::Learned, lport.into())?))
}

/// Both words of the ports that ever had a station, [`LearnEntry::removed`] second. Reads both tables.
///
/// # Errors
/// What the kernel says.
pub fn words(store: &impl Store) -> Result<BTreeMap<Lport, (u64, u64)>, TableError> {
    let mut words: BTreeMap<Lport, (u64, u64)> = BTreeMap::new();
    let port = |key: &[u8]| Lport::try_from(u32_at(key, 0)).ok();
    read_all(store, Table::Learned, &mut |key, value| {
        let (word, lport) = (u64_at(value, 0), port(key));
        if let Some(lport) = lport.filter(|_| word != 0) {
            words.entry(lport).or_default().0 = word;
        }
    })?;
    read_all(store, Table::Learn, &mut |key, value| {
        let (entry, lport) = (decode(value), port(key));
        if let Some(lport) = lport.filter(|_| entry.removed != 0) {
            words.entry(lport).or_default().1 = entry.removed;
        }
    })?;
    Ok(words)
}
