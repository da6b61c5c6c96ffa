//! Member sets: which there are, who uses them, and fresh ones at hand.
//!
//! A VLAN names its set by an index in FLOOD. Giving it another set is one write of its VLANS entry, which takes effect between two
//! frames; a write of FLOOD waits for a grace period (8 ms at 250 Hz). So fresh sets are put into FLOOD many at a time and
//! beforehand, and an index is used again only when no program can still be at it: it was without a VLAN before the
//! last grace period.

use std::collections::{BTreeMap, BTreeSet};

use msm_abi::{FLOOD_SETS, Lport, PORTS, VlanEntry};

use crate::{
    Changes, PortFault, TableError,
    store::Store,
    tables::{
        flood::{self, Members, SetId},
        tx::Hop,
    },
};

/// Room of a small set: an inner map has a hash bucket an entry, and every flooded frame walks all buckets.
const SET_MIN: usize = 16;
/// Room of a set made in advance: any VLAN of an ordinary chassis fits.
const SPARE_MAX: usize = 128;
/// Sets made in advance: what a grace period costs is spread over so many changes.
const SPARES: usize = 256;
/// Sets made for what is wanted now, at a time: bounds the descriptors held.
const BATCH: usize = 256;
/// The index that no VLAN names: it is written to wait for a grace period and for nothing else.
pub(super) const NOBODY: u16 = 0;

/// Room for `members` and some more, of `ports` that there are.
fn room(members: usize, ports: usize) -> usize {
    (2 * members).min(ports).next_power_of_two().clamp(SET_MIN, PORTS)
}

/// A set that VLANs use.
#[derive(Debug)]
struct Set {
    id: SetId,
    capacity: usize,
    members: Members,
    users: BTreeSet<u16>,
}

/// An empty set in FLOOD that no VLAN has named yet.
#[derive(Debug)]
struct Fresh {
    at: u16,
    id: SetId,
    capacity: usize,
}

/// Waits until no program that runs now runs any more (map-in-map updates do: kernel/bpf/syscall.c, maybe_wait_bpf_programs).
pub(super) fn grace(store: &mut impl Store) -> Result<(), TableError> {
    let nothing = flood::create(store, SET_MIN as u32)?;
    flood::assign(store, &[(NOBODY, nothing)])
}

/// Fresh sets, and where others can be put.
#[derive(Debug, Default)]
pub(super) struct Pool {
    fresh: Vec<Fresh>,
    /// Indexes of sets that had no VLAN before the last grace period.
    settled: BTreeSet<u16>,
}

impl Pool {
    pub(super) const fn new() -> Self {
        Self { fresh: Vec::new(), settled: BTreeSet::new() }
    }

    /// A fresh set with room for `capacity`. `later` are the capacities that will be asked for next, `ports` the ports there are.
    fn take(
        &mut self,
        store: &mut impl Store,
        used: &BTreeMap<u16, Set>,
        capacity: usize,
        later: impl Iterator<Item = usize>,
        ports: usize,
    ) -> Result<Fresh, TableError> {
        if let Some(fresh) = self.smallest(capacity) {
            return Ok(fresh);
        }
        let spare = ports.next_power_of_two().clamp(SET_MIN, SPARE_MAX).max(capacity);
        let now = std::iter::once(capacity).chain(later).take(BATCH).collect();
        self.refill(store, used, now, spare)?;
        Ok(self.smallest(capacity).expect("one was made for it"))
    }

    fn smallest(&mut self, capacity: usize) -> Option<Fresh> {
        let fits = self.fresh.iter().enumerate().filter(|(_, fresh)| fresh.capacity >= capacity);
        let (i, _) = fits.min_by_key(|(_, fresh)| fresh.capacity)?;
        Some(self.fresh.swap_remove(i))
    }

    /// Makes empty sets and puts them into FLOOD, in one grace period; one more if no index may be used again yet.
    fn refill(
        &mut self,
        store: &mut impl Store,
        used: &BTreeMap<u16, Set>,
        wanted: Vec<usize>,
        spare: usize,
    ) -> Result<(), TableError> {
        // Those at hand are too small. Nobody has named them: they may be replaced at once.
        self.settled.extend(self.fresh.drain(..).map(|fresh| fresh.at));
        let assigned = flood::read(store)?.into_keys();
        let idle: BTreeSet<u16> = assigned.filter(|at| *at != NOBODY && !used.contains_key(at)).collect();
        // Sets that nobody uses hold memory: they go before another index is begun.
        if idle.difference(&self.settled).count() >= SPARES {
            grace(store)?;
            self.settled.clone_from(&idle);
        }
        let settled = idle.iter().copied().filter(|at| self.settled.contains(at));
        let unused =
            (NOBODY + 1..FLOOD_SETS as u16).filter(|at| !used.contains_key(at) && !idle.contains(at));
        let mut places: Vec<u16> = settled.chain(unused).take(wanted.len() + SPARES).collect();
        let later = places.split_off(wanted.len().min(places.len()));
        let mut made = Vec::new();
        for (at, capacity) in places.into_iter().zip(wanted) {
            made.push(Fresh { at, id: flood::create(store, capacity as u32)?, capacity });
        }
        for at in later {
            // Nobody waits for these.
            let Ok(id) = flood::create(store, spare as u32) else { break };
            made.push(Fresh { at, id, capacity: spare });
        }
        let entries: Vec<(u16, SetId)> = made.iter().map(|fresh| (fresh.at, fresh.id)).collect();
        flood::assign(store, &entries)?;
        self.settled = idle;
        for fresh in &made {
            self.settled.remove(&fresh.at);
        }
        self.fresh = made;
        store.drop_sets();
        Ok(())
    }
}

/// The sets in use.
#[derive(Debug, Default)]
pub(super) struct Sets {
    sets: BTreeMap<u16, Set>,
    by_members: BTreeMap<Members, u16>,
}

impl Sets {
    /// The sets of these VLANs.
    pub(super) fn read(store: &impl Store, vlans: &BTreeMap<u16, VlanEntry>) -> Result<Self, TableError> {
        let mut sets = Self::default();
        for (vid, entry) in vlans {
            if let Some(set) = sets.sets.get_mut(&entry.flood) {
                set.users.insert(*vid);
                continue;
            }
            let Some(id) = flood::get(store, entry.flood)? else { continue };
            let Some((capacity, members)) = flood::members(store, id)? else { continue };
            sets.by_members.insert(members.clone(), entry.flood);
            let set = Set { id, capacity: capacity as usize, members, users: [*vid].into() };
            sets.sets.insert(entry.flood, set);
        }
        Ok(sets)
    }

    /// True if the set at `at` has these members.
    pub(super) fn is(&self, at: u16, members: &Members) -> bool {
        self.sets.get(&at).is_some_and(|set| set.members == *members)
    }

    /// Where a set of these members is.
    pub(super) fn find(&self, members: &Members) -> Option<u16> {
        self.by_members.get(members).copied()
    }

    /// A VLAN names another set from now on.
    pub(super) fn moved(&mut self, vid: u16, from: Option<u16>, to: Option<u16>) {
        if let Some(set) = to.and_then(|to| self.sets.get_mut(&to)) {
            set.users.insert(vid);
        }
        let Some(from) = from.filter(|from| Some(*from) != to) else { return };
        if let Some(set) = self.sets.get_mut(&from) {
            set.users.remove(&vid);
            if set.users.is_empty() {
                self.forget(from);
            }
        }
    }

    /// Takes a set out of what is known.
    fn forget(&mut self, at: u16) -> Option<Set> {
        let set = self.sets.remove(&at)?;
        if self.by_members.get(&set.members) == Some(&at) {
            self.by_members.remove(&set.members);
        }
        Some(set)
    }

    fn remember(&mut self, at: u16, set: Set) {
        self.by_members.entry(set.members.clone()).or_insert(at);
        self.sets.insert(at, set);
    }

    /// One of the sets `at` that only `vids` use, made one of `members` in place: members coming before members going.
    pub(super) fn change(
        &mut self,
        store: &mut impl Store,
        at: &BTreeSet<u16>,
        vids: &BTreeSet<u16>,
        members: &Members,
        changes: &mut Changes,
    ) -> Result<Option<u16>, TableError> {
        let fits = |at: &&u16| self.sets.get(at).is_some_and(|set| set.fits(vids, members));
        let Some(at) = at.iter().find(fits).copied() else { return Ok(None) };
        let Some(mut set) = self.forget(at) else { return Ok(None) };
        set.fill(store, members, changes)?;
        let going: Vec<Lport> =
            set.members.keys().filter(|lport| !members.contains_key(lport)).copied().collect();
        for lport in going {
            flood::leave(store, set.id, lport)?;
            set.members.remove(&lport);
        }
        self.remember(at, set);
        Ok(Some(at))
    }

    /// A fresh set of `members`. `later` are the members that fresh sets will be wanted for next, `ports` the ports there are.
    pub(super) fn make<'m>(
        &mut self,
        store: &mut impl Store,
        pool: &mut Pool,
        members: &Members,
        later: impl Iterator<Item = &'m Members>,
        ports: usize,
        changes: &mut Changes,
    ) -> Result<u16, TableError> {
        let later = later.map(|members| room(members.len(), ports));
        let Fresh { at, id, capacity } =
            pool.take(store, &self.sets, room(members.len(), ports), later, ports)?;
        let mut set = Set { id, capacity, members: Members::new(), users: BTreeSet::new() };
        set.fill(store, members, changes)?;
        self.remember(at, set);
        Ok(at)
    }
}

impl Set {
    /// True if it can become one of `members` in place.
    fn fits(&self, vids: &BTreeSet<u16>, members: &Members) -> bool {
        // The kernel replaces a member by taking it out and putting it in: one that stays would miss a frame between. (A member
        // whose netdev changed has just been attached.)
        let replaced = |(lport, hop): (&Lport, &Hop)| {
            members.get(lport).is_some_and(|want| want.ifindex == hop.ifindex && want != hop)
        };
        let coming = members.keys().filter(|lport| !self.members.contains_key(lport)).count();
        self.users.is_subset(vids)
            && self.members.len() + coming <= self.capacity
            && !self.members.iter().any(replaced)
    }

    /// Adds the members that are missing. One whose netdev went this moment is a fault of its port; any other failure stops before the
    /// set is used.
    fn fill(
        &mut self,
        store: &mut impl Store,
        members: &Members,
        changes: &mut Changes,
    ) -> Result<(), TableError> {
        for (lport, hop) in members.iter() {
            if self.members.get(lport) == Some(hop) {
                continue;
            }
            match flood::put(store, self.id, *lport, *hop) {
                Ok(()) => drop(self.members.insert(*lport, *hop)),
                Err(TableError::Kernel { source, .. }) if source.raw_os_error() == Some(libc::EINVAL) => {
                    let fault = PortFault::DeviceMissing { ifindex: hop.ifindex };
                    changes.port_faults.entry(*lport).or_insert(fault);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
