//! Which index of a table stands for what: an index that programs may still be at is not given to another.

use std::collections::{BTreeMap, BTreeSet};

/// Indices of HOPS, or of HOP_GROUPS, and what each stands for.
#[derive(Debug)]
pub(super) struct Slots<K> {
    at: Vec<Option<K>>,
    index: BTreeMap<K, u32>,
    users: Vec<u32>,
    /// Without content.
    empty: BTreeSet<u32>,
    /// Without user, so long that no program is at them.
    idle: BTreeSet<u32>,
    /// Without user since the change under way.
    left: BTreeSet<u32>,
    /// Without user since the last grace period began.
    leaving: BTreeSet<u32>,
}

/// What [`Slots::acquire`] gives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acquired {
    pub(super) index: u32,
    /// It did not stand for this before: it must be written.
    pub(super) new: bool,
}

impl<K: Ord + Clone> Slots<K> {
    /// As the table has them; `in_force` are the indices that programs may be at.
    pub(super) fn recover(
        size: u32,
        found: impl Iterator<Item = (u32, K)>,
        in_force: &BTreeSet<u32>,
    ) -> Self {
        let mut slots = Self {
            at: (0..size).map(|_| None).collect(),
            index: BTreeMap::new(),
            users: vec![0; size as usize],
            empty: (0..size).collect(),
            idle: BTreeSet::new(),
            left: in_force.clone(),
            leaving: BTreeSet::new(),
        };
        for (index, key) in found {
            slots.empty.remove(&index);
            if !in_force.contains(&index) {
                slots.idle.insert(index);
            }
            // Of two for the same, the one that programs use is found.
            if in_force.contains(&index) || !slots.index.contains_key(&key) {
                slots.index.insert(key.clone(), index);
            }
            slots.at[index as usize] = Some(key);
        }
        slots.empty.retain(|index| !in_force.contains(index));
        slots
    }

    /// The index that stands for `key`, used or not.
    pub(super) fn find(&self, key: &K) -> Option<u32> {
        self.index.get(key).copied()
    }

    /// What an index stands for.
    pub(super) fn key(&self, index: u32) -> Option<&K> {
        self.at.get(index as usize)?.as_ref()
    }

    /// Everything that an index stands for, in their order.
    pub(super) const fn index(&self) -> &BTreeMap<K, u32> {
        &self.index
    }

    /// Indices that may stand for something else now.
    pub(super) fn free(&self) -> usize {
        self.empty.len() + self.idle.len()
    }

    /// True if another user of `key` leaves one index less free.
    pub(super) fn takes(&self, key: &K) -> bool {
        self.find(key).is_none_or(|index| self.idle.contains(&index))
    }

    /// One more user of what an index stands for; true if it had none.
    pub(super) fn hold(&mut self, index: u32) -> bool {
        let users = &mut self.users[index as usize];
        *users += 1;
        self.idle.remove(&index);
        *users == 1
    }

    /// One more user of `key`. `None` if no index is free.
    pub(super) fn acquire(&mut self, key: &K) -> Option<Acquired> {
        if let Some(index) = self.find(key) {
            self.hold(index);
            return Some(Acquired { index, new: false });
        }
        let index = self.empty.pop_first().or_else(|| self.idle.pop_first())?;
        if let Some(before) = self.at[index as usize].replace(key.clone())
            && self.index.get(&before) == Some(&index)
        {
            self.index.remove(&before);
        }
        self.index.insert(key.clone(), index);
        self.users[index as usize] = 1;
        Some(Acquired { index, new: true })
    }

    /// One user less; true if it was the last.
    pub(super) fn release(&mut self, index: u32) -> bool {
        let users = &mut self.users[index as usize];
        *users = users.checked_sub(1).expect("who releases has acquired");
        let last = *users == 0;
        if last {
            self.left.insert(index);
        }
        last
    }

    /// The change is in force: programs that began before may still be at what lost its users. True if there are such.
    pub(super) fn changed(&mut self) -> bool {
        let some = !self.left.is_empty();
        self.leaving.append(&mut self.left);
        some
    }

    /// True if a grace period would free an index.
    pub(super) fn waits(&self) -> bool {
        !self.leaving.is_empty()
    }

    /// A grace period that began after [`Slots::changed`] is over.
    pub(super) fn settled(&mut self) {
        for index in std::mem::take(&mut self.leaving) {
            if self.users[index as usize] > 0 || self.left.contains(&index) {
                continue;
            }
            match self.at[index as usize] {
                Some(_) => self.idle.insert(index),
                None => self.empty.insert(index),
            };
        }
    }
}
