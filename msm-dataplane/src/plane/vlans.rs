//! VLANs: the VLANS entry, which says who the members are and which member set a flooded frame goes to.
//!
//! VLANs of the same members share one set. A set changes in place when all its VLANs change alike; otherwise a fresh one is filled and
//! given to the VLANs after. Either way no frame meets a set without a member that stays.

use std::collections::{BTreeMap, BTreeSet};

use msm_abi::{Lport, VlanEntry};

use super::sets::{Pool, Sets};
use crate::{
    Changes, Desired, DesiredVlan, TableError,
    store::Store,
    tables::{flood::Members, tx::Hop, vlans},
};

/// VLANS as it is, and the sets that it names.
#[derive(Debug)]
pub(super) struct Vlans {
    entries: BTreeMap<u16, VlanEntry>,
    sets: Sets,
}

/// The ports of a VLAN: of a load-sharing group all, the egress program knows whose turn it is.
fn ports<'a>(desired: &'a Desired, vlan: &'a DesiredVlan) -> impl Iterator<Item = Lport> + 'a {
    let members = vlan.untagged.union(&vlan.tagged).flat_map(|lport| {
        let group = desired.groups.get(lport).map(|group| group.members.as_slice());
        let own = if group.is_none() { Some(*lport) } else { None };
        group.unwrap_or_default().iter().copied().chain(own)
    });
    members.chain(vlan.svi)
}

fn members(desired: &Desired, vlan: &DesiredVlan, serving: &BTreeMap<Lport, u32>, program: u32) -> Members {
    let hop = |lport: Lport| serving.get(&lport).map(|&ifindex| (lport, Hop { ifindex, program }));
    // What takes no XDP frames would refuse to be in the set.
    let fast = |lport: &Lport| desired.ports.get(lport).is_none_or(|port| !port.slow);
    ports(desired, vlan).filter(fast).filter_map(hop).collect()
}

/// The entry of a VLAN.
fn entry(desired: &Desired, vlan: &DesiredVlan, flood: u16) -> VlanEntry {
    let needs = |lport| desired.ports.get(&lport).is_some_and(|port| port.slow || port.mirror_sent);
    vlans::entry(vlan, flood, ports(desired, vlan).any(needs))
}

impl Vlans {
    /// Reads all there is.
    pub(super) fn read(store: &impl Store) -> Result<Self, TableError> {
        let entries = vlans::read(store)?;
        let sets = Sets::read(store, &entries)?;
        Ok(Self { entries, sets })
    }

    /// The VLANs that there are.
    pub(super) fn ids(&self) -> BTreeSet<u16> {
        self.entries.keys().copied().collect()
    }

    /// Makes the VLANs `vids` what is desired.
    pub(super) fn apply(
        &mut self,
        store: &mut impl Store,
        pool: &mut Pool,
        desired: &Desired,
        vids: &BTreeSet<u16>,
        serving: &BTreeMap<Lport, u32>,
        changes: &mut Changes,
    ) -> Result<(), TableError> {
        let program = store.programs().egress;
        let mut groups: BTreeMap<Members, BTreeSet<u16>> = BTreeMap::new();
        for vid in vids {
            let Some(vlan) = desired.vlans.get(vid) else { continue };
            let members = members(desired, vlan, serving, program);
            match self.entries.get(vid).map(|entry| entry.flood) {
                Some(at) if self.sets.is(at, &members) => self.set(store, *vid, entry(desired, vlan, at))?,
                _ => drop(groups.entry(members).or_default().insert(*vid)),
            }
        }
        // First the groups whose set there is: only then may another group change a set that is left.
        let mut wanted = Vec::new();
        for (members, vids) in groups {
            match self.sets.find(&members) {
                Some(at) => self.assign(store, desired, &vids, at)?,
                None => wanted.push((members, vids)),
            }
        }
        for (i, (members, vids)) in wanted.iter().enumerate() {
            let at: BTreeSet<u16> =
                vids.iter().filter_map(|vid| self.entries.get(vid).map(|entry| entry.flood)).collect();
            let at = match self.sets.change(store, &at, vids, members, changes)? {
                Some(at) => at,
                None => {
                    let later = wanted[i + 1..].iter().map(|(members, _)| members);
                    self.sets.make(store, pool, members, later, serving.len(), changes)?
                }
            };
            self.assign(store, desired, vids, at)?;
            store.drop_sets();
        }
        for vid in vids.iter().filter(|vid| !desired.vlans.contains_key(vid)) {
            self.remove(store, *vid)?;
        }
        Ok(())
    }

    fn assign(
        &mut self,
        store: &mut impl Store,
        desired: &Desired,
        vids: &BTreeSet<u16>,
        at: u16,
    ) -> Result<(), TableError> {
        let vlans = vids.iter().filter_map(|vid| Some((*vid, desired.vlans.get(vid)?)));
        vlans.into_iter().try_for_each(|(vid, vlan)| self.set(store, vid, entry(desired, vlan, at)))
    }

    fn set(&mut self, store: &mut impl Store, vid: u16, entry: VlanEntry) -> Result<(), TableError> {
        if self.entries.get(&vid) == Some(&entry) {
            return Ok(());
        }
        vlans::set(store, vid, &entry)?;
        let before = self.entries.insert(vid, entry);
        self.sets.moved(vid, before.map(|before| before.flood), Some(entry.flood));
        Ok(())
    }

    fn remove(&mut self, store: &mut impl Store, vid: u16) -> Result<(), TableError> {
        let Some(entry) = self.entries.get(&vid) else { return Ok(()) };
        let at = entry.flood;
        vlans::set(store, vid, &VlanEntry::default())?;
        self.entries.remove(&vid);
        self.sets.moved(vid, Some(at), None);
        Ok(())
    }
}
