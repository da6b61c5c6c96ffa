//! How many stations each port has: `LEARNED - LEARN.removed`, kept right from this side.
//!
//! The programs count what they learn and what moves, whether a port has a limit or not; the owner counts what it takes out. An owner that died
//! between a removal and its count leaves a drift, which the next count of the whole FDB finds: it says what it was like while nothing
//! changed, or nothing.

use std::collections::BTreeMap;

use msm_abi::{FdbEntry, LearnEntry, Lport, PORTS, learn_flags};

use crate::{
    Desired, TableError,
    store::Store,
    tables::{fdb, learn},
};

/// What a count of the whole FDB found at a port whose words did not change meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The port.
    pub lport: Lport,
    /// Its LEARNED.
    pub learned: u64,
    /// Its [`LearnEntry::removed`].
    pub removed: u64,
    /// Its stations in the FDB: not `learned - removed`.
    pub stations: u64,
}

/// Learned stations by port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stations(BTreeMap<Lport, u64>);

impl Stations {
    /// Counts one, if it was learned at a port.
    pub fn count(&mut self, entry: FdbEntry) {
        if entry.flags() & FdbEntry::STATIC == 0 && usize::from(entry.lport()) < PORTS {
            *self.0.entry(entry.lport()).or_default() += 1;
        }
    }

    /// Those of a port.
    #[must_use]
    pub fn at(&self, lport: Lport) -> u64 {
        self.0.get(&lport).copied().unwrap_or(0)
    }
}

/// The ports' words before or after a read of the FDB.
pub type Words = BTreeMap<Lport, (u64, u64)>;

/// Ports whose words, the same `before` and `after` `stations` were counted, say something else than these.
#[must_use]
pub fn drifts(before: &Words, after: &Words, stations: &Stations) -> Vec<Drift> {
    let ports = before.keys().chain(stations.0.keys()).collect::<std::collections::BTreeSet<_>>();
    let words = |words: &Words, lport| words.get(lport).copied().unwrap_or_default();
    let quiet = ports.into_iter().filter(|lport| words(before, lport) == words(after, lport));
    let found = quiet.map(|lport| {
        let (learned, removed) = words(before, lport);
        Drift { lport: *lport, learned, removed, stations: stations.at(*lport) }
    });
    found.filter(|drift| drift.learned.wrapping_sub(drift.removed) != drift.stations).collect()
}

/// Counts the whole FDB.
pub(super) fn search(store: &impl Store) -> Result<Vec<Drift>, TableError> {
    let before = learn::words(store)?;
    let mut stations = Stations::default();
    fdb::read(store, &mut |_, entry| stations.count(entry))?;
    Ok(drifts(&before, &learn::words(store)?, &stations))
}

/// Corrects what a count found, unless it changed since; how many.
pub(super) fn correct(store: &mut impl Store, found: &[Drift]) -> Result<usize, TableError> {
    let mut corrected = 0;
    for drift in found.iter().filter(|drift| usize::from(drift.lport) < PORTS) {
        let entry = learn::get(store, drift.lport)?;
        if entry.removed == drift.removed && learn::learned(store, drift.lport)? == drift.learned {
            let removed = drift.learned.wrapping_sub(drift.stations);
            learn::set(store, drift.lport, LearnEntry { removed, ..entry })?;
            corrected += 1;
        }
    }
    Ok(corrected)
}

/// Counts what the owner took out.
pub(super) fn removed(store: &mut impl Store, stations: &Stations) -> Result<(), TableError> {
    for (lport, count) in &stations.0 {
        let entry = learn::get(store, *lport)?;
        learn::set(store, *lport, LearnEntry { removed: entry.removed.wrapping_add(*count), ..entry })?;
    }
    Ok(())
}

/// Limits of the ports that have one. Of others they mean nothing, whatever is left there: PORTS says who has one.
pub(super) fn apply(store: &mut impl Store, desired: &Desired) -> Result<(), TableError> {
    for (lport, limit) in &desired.learning {
        let have = learn::get(store, *lport)?;
        let flags = if limit.is_none() { learn_flags::LOCKED } else { 0 };
        let want = LearnEntry { limit: limit.unwrap_or(0), flags, ..have };
        if have != want {
            learn::set(store, *lport, want)?;
        }
    }
    Ok(())
}
