//! The routing tables as they are: read once, in batches, then kept as they are written.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use msm_abi::{
    HOP_GROUPS, HOPS, HopGroup, Neighbour, ROUTE_BLOCK, RouteBlock, RouteKind, TableState, route_index,
    route_kind, routes_active, tables as sets,
};

use super::image::{FIRST, number};
use crate::{
    Prefix, TableError,
    store::Store,
    tables::{
        hop_groups,
        hops::{self, Hop},
        ipfdb, plane_config, routes, routes6, states,
    },
};

/// One half of ROUTES.
#[derive(Debug, Default)]
pub(super) struct Half {
    /// Blocks as they were read or written; those past the end, and `None`, are not known.
    blocks: Vec<Option<Arc<RouteBlock>>>,
    /// Blocks that may differ from those that are desired.
    pub(super) dirty: BTreeSet<u32>,
}

impl Half {
    /// Reads the blocks that are in use, and what lies between them.
    fn read(store: &impl Store, half: u8) -> Result<Self, TableError> {
        let mut found = Self::default();
        let mut end = FIRST;
        while (found.blocks.len() as u32) < end {
            let from = found.blocks.len() as u32;
            routes::read(store, half, from, end, &mut |_, block| found.blocks.push(Some(Arc::new(block))))?;
            let fresh = found.blocks[from as usize..].iter().flatten();
            let named = fresh.flat_map(|block| block.iter()).filter_map(|entry| number(*entry));
            end = named.map(|number| number + 1).max().unwrap_or(0);
        }
        Ok(found)
    }

    pub(super) fn block(&self, number: u32) -> Option<&Arc<RouteBlock>> {
        self.blocks.get(number as usize)?.as_ref()
    }

    /// A block was written.
    pub(super) fn put(&mut self, number: u32, block: Arc<RouteBlock>) {
        let at = number as usize;
        if self.blocks.len() <= at {
            self.blocks.resize_with(at + 1, || None);
        }
        self.blocks[at] = Some(block);
    }

    /// Calls `each` with every entry that an address can lead to.
    fn entries(&self, each: &mut impl FnMut(u32)) {
        for first in 0..FIRST {
            self.below(first, 1, each);
        }
    }

    fn below(&self, number: u32, level: u32, each: &mut impl FnMut(u32)) {
        let Some(block) = self.block(number) else { return };
        // Runs of equal entries are the rule.
        let mut last = None;
        for entry in block.iter() {
            if last == Some(entry) {
                continue;
            }
            last = Some(entry);
            match super::image::number(*entry) {
                Some(next) if level < 3 => self.below(next, level + 1, each),
                _ => each(*entry),
            }
        }
    }
}

/// Which of two tables an address is in.
pub(super) fn family(addr: IpAddr) -> usize {
    usize::from(addr.is_ipv6())
}

/// Everything that routing looks at.
#[derive(Debug)]
pub(super) struct Found {
    /// The half in force.
    pub(super) active: u8,
    pub(super) halves: [Half; 2],
    pub(super) hops: Vec<Option<Hop>>,
    pub(super) groups: BTreeMap<u32, HopGroup>,
    /// IPv4 ones, IPv6 ones: see [`family`].
    pub(super) hosts: [BTreeMap<IpAddr, Neighbour>; 2],
    pub(super) routes6: BTreeMap<Prefix, u32>,
    pub(super) state: TableState,
}

impl Found {
    /// Reads it all.
    pub(super) fn read(store: &impl Store) -> Result<Self, TableError> {
        let active = plane_config::get(store)?.routes & routes_active::HALF;
        let mut found = Self {
            active,
            halves: [Half::read(store, 0)?, Half::read(store, 1)?],
            hops: vec![None; HOPS as usize],
            groups: BTreeMap::new(),
            hosts: [BTreeMap::new(), BTreeMap::new()],
            routes6: BTreeMap::new(),
            state: states::get(store, sets::ROUTES)?,
        };
        hops::read(store, &mut |index, hop| found.hops[index as usize] = Some(hop))?;
        hop_groups::read(store, &mut |index, group| found.groups.extend([(index, group)]))?;
        ipfdb::read(store, &mut |addr, to| found.hosts[family(addr)].extend([(addr, to)]))?;
        routes6::read(store, &mut |prefix, entry| found.routes6.extend([(prefix, entry)]))?;
        Ok(found)
    }

    pub(super) const fn idle(&self) -> u8 {
        1 - self.active
    }

    pub(super) const fn in_force(&self) -> &Half {
        &self.halves[self.active as usize]
    }

    /// Indices of HOPS and of HOP_GROUPS that programs may be at.
    pub(super) fn indices_in_force(&self) -> (BTreeSet<u32>, BTreeSet<u32>) {
        let (mut hops, mut groups) = (BTreeSet::new(), BTreeSet::new());
        let mut each = |entry: u32| {
            let index = route_index(entry);
            let kind = route_kind(entry);
            if entry & ROUTE_BLOCK != 0 {
            } else if kind == RouteKind::Hop as u32 && index < HOPS {
                hops.insert(index);
            } else if kind == RouteKind::Group as u32 && index < HOP_GROUPS {
                groups.insert(index);
            }
        };
        self.in_force().entries(&mut each);
        self.routes6.values().for_each(|entry| each(*entry));
        let members = groups.iter().filter_map(|index| self.groups.get(index));
        hops.extend(members.flat_map(|group| group.hops).filter(|hop| *hop < HOPS));
        (hops, groups)
    }
}
