//! IPv6 routes: a trie, changed in place, prefix by prefix, so that no address ever goes a third way.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use super::{found::Found, hops::TO_STACK};
use crate::{Prefix, TableError, store::Store, tables::routes6};

/// IPv6 routes as they should be.
#[derive(Debug, Default)]
pub(super) struct Six {
    /// Prefixes that may differ from the table.
    pub(super) due: BTreeSet<Prefix>,
    /// Prefixes without room.
    pub(super) unfit: usize,
}

/// The entries of a trie.
type Trie = BTreeMap<Prefix, u32>;

impl Six {
    /// Writes what is due; true if there was anything. `made` has all prefixes, of both kinds.
    pub(super) fn write(
        &mut self,
        store: &mut impl Store,
        found: &mut Found,
        made: &Trie,
        room: usize,
    ) -> Result<bool, TableError> {
        let due = std::mem::take(&mut self.due);
        if due.is_empty() {
            return Ok(false);
        }
        let coming = due.iter().filter(|p| made.contains_key(p) && !found.routes6.contains_key(p)).count();
        if self.unfit == 0 && found.routes6.len() + coming <= room {
            return bring(store, found, due.into_iter().map(|prefix| (prefix, made.get(&prefix).copied())));
        }
        // First what goes makes room for what comes, then that is put in: twice an ordinary change.
        let mut some = false;
        for _ in 0..2 {
            let (want, unfit) = fit(made, found, room.saturating_sub(found.routes6.len()));
            self.unfit = unfit;
            let gone = found.routes6.keys().filter(|prefix| !want.contains_key(prefix));
            let gone: Vec<_> = gone.map(|prefix| (*prefix, None)).collect();
            let stay = want.into_iter().map(|(prefix, entry)| (prefix, Some(entry)));
            some |= bring(store, found, stay.chain(gone))?;
        }
        Ok(some)
    }
}

/// Lets these prefixes have these entries; `None` = no such prefix. True if one had another.
///
/// First what comes and what changes, longest first; then what goes, shortest first. So an address keeps its old entry until the prefix
/// that has its new one is there, or until the one that had the old one is gone.
fn bring(
    store: &mut impl Store,
    found: &mut Found,
    want: impl Iterator<Item = (Prefix, Option<u32>)>,
) -> Result<bool, TableError> {
    let (mut set, mut gone) = (Vec::new(), Vec::new());
    for (prefix, entry) in want {
        match entry {
            Some(entry) if found.routes6.get(&prefix) != Some(&entry) => set.push((prefix, entry)),
            None if found.routes6.contains_key(&prefix) => gone.push(prefix),
            _ => {}
        }
    }
    set.sort_by_key(|(prefix, _)| Reverse(prefix.len()));
    gone.sort_by_key(|prefix| prefix.len());
    for (prefix, entry) in &set {
        routes6::set(store, *prefix, *entry)?;
        found.routes6.insert(*prefix, *entry);
    }
    for prefix in &gone {
        routes6::remove(store, *prefix)?;
        found.routes6.remove(prefix);
    }
    Ok(!set.is_empty() || !gone.is_empty())
}

/// The prefixes that there is room for, and how many there is none for: those in the table stay, `room` others come. The longest one that
/// has all addresses of one without room sends to the stack.
fn fit(made: &Trie, found: &Found, mut room: usize) -> (Trie, usize) {
    let (mut fit, mut unfit) = (Trie::new(), Vec::new());
    for (prefix, entry) in made.iter().filter(|(prefix, _)| prefix.addr().is_ipv6()) {
        if found.routes6.contains_key(prefix) {
            fit.insert(*prefix, *entry);
        } else if room > 0 {
            room -= 1;
            fit.insert(*prefix, *entry);
        } else {
            unfit.push(*prefix);
        }
    }
    for prefix in &unfit {
        let shorter = (0..prefix.len()).rev().filter_map(|len| Prefix::new(prefix.addr(), len));
        if let Some(above) = shorter.into_iter().find(|above| fit.contains_key(above)) {
            fit.insert(above, TO_STACK);
        }
    }
    (fit, unfit.len())
}
