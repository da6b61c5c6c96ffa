//! Stations in the FDB: static ones, ageing and flush.
//!
//! Every change goes between `begin` and `end`, which void what the programs have cached: at the end, after an error too, and by the next
//! owner if this one dies in between.

use std::collections::{BTreeMap, BTreeSet};

use msm_abi::{FDB_MAX, FdbEntry, FdbKey, NO_LPORT, stamp};

use super::learning;
use crate::{
    FdbFilter, StaticEntry, TableError,
    store::Store,
    tables::{fdb, plane_config},
};

/// Removals a call: bounds the list of candidates (512 KiB) and the time; the next call goes on.
const REMOVALS: usize = 65_536;

/// What the owner remembers of the static stations.
#[derive(Debug)]
pub(super) struct Stations {
    /// As last desired; `None` before the first reconcile, when nothing is known to be stale.
    desired: Option<BTreeMap<FdbKey, StaticEntry>>,
    /// Static entries that may be in the FDB by our hand.
    written: BTreeSet<FdbKey>,
}

fn entry(station: &StaticEntry) -> FdbEntry {
    if station.blackhole {
        FdbEntry::new(NO_LPORT, FdbEntry::STATIC | FdbEntry::BLACKHOLE, 0)
    } else {
        FdbEntry::new(station.lport, FdbEntry::STATIC, 0)
    }
}

/// A static entry's stamp means nothing.
fn same(have: Option<FdbEntry>, want: FdbEntry) -> bool {
    have.is_some_and(|have| have.lport() == want.lport() && have.flags() == want.flags())
}

fn is_static(entry: FdbEntry) -> bool {
    entry.flags() & FdbEntry::STATIC != 0
}

/// Does `work` with the generation raised after it.
fn change<S: Store, T>(
    store: &mut S,
    work: impl FnOnce(&mut S) -> Result<T, TableError>,
) -> Result<T, TableError> {
    fdb::begin(store)?;
    let done = work(store);
    fdb::end(store)?;
    done
}

impl Stations {
    pub(super) const fn new() -> Self {
        Self { desired: None, written: BTreeSet::new() }
    }

    /// Writes the static stations that differ, and removes those that this owner wrote and that are no longer desired. What an earlier
    /// owner wrote is found by the next [`Stations::sweep`]: to find it here would read the whole FDB.
    pub(super) fn apply(
        &mut self,
        store: &mut impl Store,
        desired: &BTreeMap<FdbKey, StaticEntry>,
    ) -> Result<(), TableError> {
        if self.desired.as_ref() != Some(desired) {
            self.desired = Some(desired.clone());
        }
        let stale: Vec<FdbKey> =
            self.written.iter().copied().filter(|key| !desired.contains_key(key)).collect();
        let stations = desired.iter().map(|(key, station)| (*key, *station));
        self.write(store, stations, stale)
    }

    /// The same for `keys` alone.
    pub(super) fn apply_part(
        &mut self,
        store: &mut impl Store,
        desired: &BTreeMap<FdbKey, StaticEntry>,
        keys: &BTreeSet<FdbKey>,
    ) -> Result<(), TableError> {
        if keys.is_empty() {
            return Ok(());
        }
        let ours = self.desired.get_or_insert_default();
        let (mut stations, mut stale) = (Vec::new(), Vec::new());
        for key in keys {
            if let Some(station) = desired.get(key) {
                ours.insert(*key, *station);
                stations.push((*key, *station));
            } else {
                ours.remove(key);
                stale.extend(self.written.get(key));
            }
        }
        self.write(store, stations.into_iter(), stale)
    }

    fn write(
        &mut self,
        store: &mut impl Store,
        stations: impl Iterator<Item = (FdbKey, StaticEntry)>,
        stale: Vec<FdbKey>,
    ) -> Result<(), TableError> {
        let mut wrong = Vec::new();
        for (key, station) in stations {
            let want = entry(&station);
            self.written.insert(key);
            if !same(fdb::get(store, key)?, want) {
                wrong.push((key, want));
            }
        }
        if wrong.is_empty() && stale.is_empty() && !fdb::interrupted(store)? {
            return Ok(());
        }
        let mut replaced = learning::Stations::default();
        change(store, |store| {
            for key in &stale {
                if fdb::get(store, *key)?.is_some_and(is_static) {
                    fdb::remove(store, *key)?;
                }
            }
            for (key, want) in &wrong {
                let before = fdb::get(store, *key)?;
                fdb::set(store, *key, *want)?;
                before.into_iter().for_each(|entry| replaced.count(entry));
            }
            Ok(())
        })?;
        learning::removed(store, &replaced)?;
        for key in stale {
            self.written.remove(&key);
        }
        Ok(())
    }

    /// See [`super::Plane::fdb_sweep`].
    pub(super) fn sweep(&mut self, store: &mut impl Store, now_ns: u64) -> Result<usize, TableError> {
        // Whatever changed a static station behind us is mended here at the latest.
        if let Some(desired) = self.desired.clone() {
            self.apply(store, &desired)?;
        }
        let age = plane_config::get(store)?.fdb_age;
        let now = stamp(now_ns);
        remove_if(store, |key, entry| self.is_due(key, entry, now, age))
    }

    /// The same for stations that a reader found due.
    pub(super) fn sweep_keys(
        &self,
        store: &mut impl Store,
        keys: &[FdbKey],
        now_ns: u64,
    ) -> Result<usize, TableError> {
        let age = plane_config::get(store)?.fdb_age;
        let now = stamp(now_ns);
        remove_those(store, keys, |key, entry| self.is_due(key, entry, now, age))
    }

    fn is_due(&self, key: FdbKey, entry: FdbEntry, now: u32, age: u32) -> bool {
        let stale = is_static(entry) && self.desired.as_ref().is_some_and(|d| !d.contains_key(&key));
        stale || entry.expired(now, age)
    }
}

/// See [`super::Plane::fdb_flush`].
pub(super) fn flush(store: &mut impl Store, filter: FdbFilter) -> Result<usize, TableError> {
    let mut total = 0;
    // As many rounds as the largest FDB needs: stations learned meanwhile are not chased for ever.
    for _ in 0..=FDB_MAX as usize / REMOVALS {
        let removed =
            remove_if(store, |key, entry| !is_static(entry) && filter.matches(key.vid(), entry.lport()))?;
        total += removed;
        if removed < REMOVALS {
            break;
        }
    }
    Ok(total)
}

/// Removes what `goes`, asked again just before each removal: a station may have been seen, or have moved, since the list was read.
fn remove_if(store: &mut impl Store, goes: impl Fn(FdbKey, FdbEntry) -> bool) -> Result<usize, TableError> {
    let mut candidates = Vec::new();
    fdb::read(store, &mut |key, entry| {
        if candidates.len() < REMOVALS && goes(key, entry) {
            candidates.push(key);
        }
    })?;
    remove_those(store, &candidates, goes)
}

/// Removes those of `keys` that `goes`, asked again just before each removal.
fn remove_those(
    store: &mut impl Store,
    keys: &[FdbKey],
    goes: impl Fn(FdbKey, FdbEntry) -> bool,
) -> Result<usize, TableError> {
    if keys.is_empty() {
        return Ok(0);
    }
    let mut gone = learning::Stations::default();
    let removed = change(store, |store| {
        let mut removed = 0;
        for &key in keys {
            if let Some(entry) = fdb::get(store, key)?.filter(|entry| goes(key, *entry))
                && fdb::remove(store, key)?
            {
                gone.count(entry);
                removed += 1;
            }
        }
        Ok(removed)
    });
    // Also of those before an error: they are gone.
    learning::removed(store, &gone)?;
    removed
}
