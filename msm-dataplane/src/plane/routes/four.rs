//! IPv4 routes: which blocks the idle half lacks, and the byte that brings it into force.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use msm_abi::{PlaneConfig, RouteBlock, routes_active};

use super::{found::Found, image::Image};
use crate::{
    Prefix, TableError,
    store::Store,
    tables::{plane_config, routes},
};

/// Blocks written by one system call.
const BATCH: usize = 512;

/// IPv4 routes as they should be.
#[derive(Debug)]
pub(super) struct Four {
    image: Image,
}

/// The IPv4 ones of all routes.
fn of4(made: &BTreeMap<Prefix, u32>) -> impl Iterator<Item = (u32, u8, u32)> {
    // IPv4 addresses come before all others.
    made.iter().map_while(|(prefix, entry)| match prefix.addr() {
        IpAddr::V4(addr) => Some((addr.to_bits(), prefix.len(), *entry)),
        IpAddr::V6(_) => None,
    })
}

impl Four {
    /// The table of these routes, in which networks have the blocks that the half in force has for them.
    pub(super) fn build(made: &BTreeMap<Prefix, u32>, found: &Found, limit: u32) -> Self {
        let before = |number| found.in_force().block(number).map(|block| &**block);
        let mut image = Image::build(of4(made), before, limit);
        for number in 0..limit {
            let Some(block) = image.block(number) else { continue };
            if let Some(same) = found.in_force().block(number).filter(|same| *same == block) {
                image.share(number, same);
            }
        }
        Self { image }
    }

    /// The same with the blocks of `before`.
    pub(super) fn build_again(made: &BTreeMap<Prefix, u32>, before: &Self, limit: u32) -> Self {
        let before = |number| before.image.block(number).map(|block| &**block);
        Self { image: Image::build(of4(made), before, limit) }
    }

    pub(super) fn insert(&mut self, addr: u32, len: u8, entry: u32) {
        self.image.insert(addr, len, entry);
    }

    pub(super) fn remove(&mut self, addr: u32, len: u8, above: Option<(u32, u8)>) {
        self.image.remove(addr, len, above);
    }

    pub(super) const fn must_retry(&self) -> bool {
        self.image.must_retry()
    }

    pub(super) fn used(&self) -> u32 {
        self.image.used()
    }

    /// Routes that have no block.
    pub(super) fn unfit(&self, made: &BTreeMap<Prefix, u32>) -> usize {
        let below = |(addr, bits): (u32, u8)| {
            let network = Prefix::new(IpAddr::V4(Ipv4Addr::from_bits(addr)), bits)?;
            let inside = made.range(network..).take_while(move |(prefix, _)| network.contains(prefix.addr()));
            Some(inside.filter(move |(prefix, _)| prefix.len() > bits).count())
        };
        self.image.cut().iter().filter_map(|network| below(*network)).sum()
    }

    /// Tells both halves what changed.
    pub(super) fn changed(&mut self, found: &mut Found) {
        let changed = self.image.take_changed();
        for half in &mut found.halves {
            half.dirty.extend(&changed);
        }
    }

    /// True if the half in force is not as it should be.
    pub(super) fn differs(&self, found: &Found) -> bool {
        let half = found.in_force();
        half.dirty.iter().any(|number| self.lacks(half.block(*number), *number).is_some())
    }

    /// The block that should be in place of `is`, if that is another one.
    fn lacks(&self, is: Option<&Arc<RouteBlock>>, number: u32) -> Option<&Arc<RouteBlock>> {
        let want = self.image.block(number)?;
        let same = is.is_some_and(|is| Arc::ptr_eq(is, want) || is == want);
        (!same).then_some(want)
    }

    /// Brings blocks of the idle half, which no program reads any more, up to date, `most` at most; true if there may be more.
    pub(super) fn catch_up(
        &self,
        store: &mut impl Store,
        found: &mut Found,
        most: usize,
    ) -> Result<bool, TableError> {
        let half = found.idle();
        let idle = &mut found.halves[usize::from(half)];
        let lacks = |number: &u32| Some((*number, Arc::clone(self.lacks(idle.block(*number), *number)?)));
        let lacking: Vec<(u32, Arc<RouteBlock>)> = idle.dirty.iter().filter_map(lacks).take(most).collect();
        for batch in lacking.chunks(BATCH) {
            routes::set(store, half, batch.iter().map(|(number, block)| (*number, &**block)))?;
        }
        let more = lacking.len() == most;
        for (number, block) in lacking {
            idle.put(number, block);
            idle.dirty.remove(&number);
        }
        Ok(more)
    }

    /// Completes the idle half, which no program reads any more, and brings it into force.
    pub(super) fn write(&mut self, store: &mut impl Store, found: &mut Found) -> Result<(), TableError> {
        self.catch_up(store, found, usize::MAX)?;
        let half = found.idle();
        found.halves[usize::from(half)].dirty.clear();
        let config = plane_config::get(store)?;
        let active = config.routes & !routes_active::HALF | half;
        plane_config::set(store, PlaneConfig { routes: active, ..config })?;
        found.active = half;
        Ok(())
    }
}
