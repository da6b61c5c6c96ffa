//! Load-sharing groups: SHARING, and EGRESS of their masters, which names it.
//!
//! A group comes: SHARING, then EGRESS of its master. It goes: EGRESS, a grace period, then SHARING, so that no program that is still on its
//! way by the old master finds the ports of another group there. What changes inside a group is one write.

use std::collections::{BTreeMap, BTreeSet};

use msm_abi::{EgressEntry, Lport, ShareEntry, egress_flags, share_buckets};

use super::sets;
use crate::{
    Desired, DesiredGroup, TableError,
    store::Store,
    tables::{egress, sharing},
};

/// Groups by master.
type Groups = BTreeMap<Lport, DesiredGroup>;

/// The entry of a group. With no port up its buckets are those of all: a program that has read `active` before finds members.
fn entry(group: &DesiredGroup) -> ShareEntry {
    let up = |lport: Lport| group.active.contains(&lport);
    let active = group.members.iter().filter(|lport| up(**lport)).count();
    let buckets = share_buckets(&group.members, up).or_else(|| share_buckets(&group.members, |_| true));
    ShareEntry {
        algorithm: group.algorithm as u32,
        // At most GROUP_PORTS.
        active: active as u32,
        buckets: buckets.unwrap_or([0; msm_abi::GROUP_BUCKETS]),
    }
}

/// Takes a master out of the group of its entry `is`, if that has gone or is another. The index stays until the group is: floods ask for it.
fn leave(
    store: &mut impl Store,
    desired: &Desired,
    master: Lport,
    is: EgressEntry,
) -> Result<Option<Lport>, TableError> {
    let names = is.flags & egress_flags::SHARED != 0;
    let stays = desired.groups.get(&master).is_some_and(|group| group.index == is.group);
    if stays || (!names && is.group == 0) {
        return Ok(None);
    }
    if names {
        egress::set(store, master, EgressEntry { flags: is.flags & !egress_flags::SHARED, ..is })?;
    }
    Ok(Some(master))
}

/// Makes SHARING what is desired, as far as frames cannot meet what is between. Comes before the ports' own entries.
pub(super) fn apply(store: &mut impl Store, desired: &Desired) -> Result<(), TableError> {
    let mut left = Vec::new();
    for (master, is) in egress::shared(store)? {
        left.extend(leave(store, desired, master, is)?);
    }
    let wanted: BTreeMap<u16, ShareEntry> = by_index(desired.groups.values());
    let found = sharing::read(store)?;
    let wrong: Vec<(u16, ShareEntry)> = (0..)
        .zip(found)
        .filter_map(|(index, is)| {
            let want = wanted.get(&index).copied().unwrap_or_default();
            (is != want).then_some((index, want))
        })
        .collect();
    write(store, &wrong, &left)?;
    desired.groups.iter().try_for_each(|(master, group)| share(store, *master, group))
}

/// [`apply`] of the groups of `masters` alone, of which `known` is what was applied last.
pub(super) fn apply_part(
    store: &mut impl Store,
    desired: &Desired,
    known: &Groups,
    touched: &BTreeSet<Lport>,
) -> Result<(), TableError> {
    let mut left = Vec::new();
    for master in touched {
        let is = egress::get(store, *master)?;
        left.extend(leave(store, desired, *master, is)?);
    }
    let wanted = by_index(touched.iter().filter_map(|master| desired.groups.get(master)));
    let before = touched.iter().filter_map(|master| known.get(master)).map(|group| group.index);
    let indexes: BTreeSet<u16> = before.chain(wanted.keys().copied()).collect();
    let mut wrong = Vec::new();
    for index in indexes {
        let want = match wanted.get(&index) {
            Some(want) => *want,
            // Another, untouched group has it now.
            None if desired.groups.values().any(|group| group.index == index) => continue,
            None => ShareEntry::default(),
        };
        if sharing::get(store, index)? != want {
            wrong.push((index, want));
        }
    }
    write(store, &wrong, &left)?;
    let groups = touched.iter().filter_map(|master| Some((master, desired.groups.get(master)?)));
    groups.into_iter().try_for_each(|(master, group)| share(store, *master, group))
}

fn by_index<'a>(groups: impl Iterator<Item = &'a DesiredGroup>) -> BTreeMap<u16, ShareEntry> {
    groups.map(|group| (group.index, entry(group))).collect()
}

/// Writes what is `wrong`, once no program uses the groups that masters have `left`.
fn write(store: &mut impl Store, wrong: &[(u16, ShareEntry)], left: &[Lport]) -> Result<(), TableError> {
    if !left.is_empty() && !wrong.is_empty() {
        sets::grace(store)?;
    }
    wrong.iter().try_for_each(|(index, want)| sharing::set(store, *index, want))?;
    left.iter().try_for_each(|master| {
        let is = egress::get(store, *master)?;
        egress::set(store, *master, EgressEntry { group: 0, ..is })
    })
}

/// A master names its group, also one without a netdev: the other ports go on.
fn share(store: &mut impl Store, master: Lport, group: &DesiredGroup) -> Result<(), TableError> {
    let is = egress::get(store, master)?;
    let want = EgressEntry { flags: is.flags | egress_flags::SHARED, group: group.index, ..is };
    if is == want { Ok(()) } else { egress::set(store, master, want) }
}

/// What a change of the groups `touched` makes one of ports and VLANs: none if they only use other ports of theirs.
pub(super) fn reach(
    desired: &Desired,
    known: &Groups,
    touched: &BTreeSet<Lport>,
) -> (BTreeSet<Lport>, BTreeSet<u16>) {
    let (mut ports, mut masters) = (BTreeSet::new(), BTreeSet::new());
    for master in touched {
        let (before, after) = (known.get(master), desired.groups.get(master));
        let same = before.map(|group| (group.index, &group.members))
            == after.map(|group| (group.index, &group.members));
        if !same {
            masters.insert(*master);
            ports.insert(*master);
            ports.extend(before.into_iter().chain(after).flat_map(|group| group.members.iter().copied()));
        }
    }
    let has = |vlan: &crate::DesiredVlan| {
        masters.iter().any(|master| vlan.untagged.contains(master) || vlan.tagged.contains(master))
    };
    let vlans = if masters.is_empty() {
        BTreeSet::new()
    } else {
        desired.vlans.iter().filter(|(_, vlan)| has(vlan)).map(|(vid, _)| *vid).collect()
    };
    (ports, vlans)
}
