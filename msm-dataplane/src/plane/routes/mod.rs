//! Routing tables: hosts, routes and next hops, by differences.
//!
//! IPv4 routes change in the half that is not in force, and one byte brings that into force. Before the other half is written again a
//! grace period goes by, as before an index that lost its users stands for another next hop.

mod found;
mod four;
mod hops;
mod hosts;
mod image;
pub mod lookup;
mod plan;
mod six;
mod slots;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use msm_abi::{HOP_GROUPS, HOPS, IPFDB_ENTRIES, ROUTE_BLOCKS, ROUTES6_ENTRIES, TableState, tables as sets};

use crate::{
    Prefix, RouteChanges, RouteFault, RouteTo, RoutesTouched, Routing, TableError,
    store::{Grace, Store},
    tables::{hop_groups, states},
};
use found::{Found, family};
use four::Four;
use hops::{Hops, neighbour};
use hosts::Hosts;
pub use plan::{RoutePlan, RouteReader};
use six::Six;

/// What the tables have room for.
#[derive(Clone, Copy, Debug)]
struct Limits {
    blocks: u32,
    hops: u32,
    groups: u32,
    hosts: usize,
    /// One less than the table has: kernels before 6.13 want a free one to change one (trie_update_elem).
    prefixes6: usize,
}

impl Limits {
    const KERNEL: Self = Self {
        blocks: ROUTE_BLOCKS,
        hops: HOPS,
        groups: HOP_GROUPS,
        hosts: IPFDB_ENTRIES as usize,
        prefixes6: ROUTES6_ENTRIES as usize - 1,
    };
}

/// The routing tables, as they are and as they should be.
#[derive(Debug)]
pub(crate) struct Routes {
    limits: Limits,
    found: Found,
    /// Entry of every route.
    made: BTreeMap<Prefix, u32>,
    /// Sum over `made`.
    digest: u64,
    /// Routes of IPv6.
    made6: u32,
    /// Routes whose next hops are not as asked for.
    faults: BTreeMap<Prefix, RouteFault>,
    hops: Hops,
    hosts: Hosts,
    four: Four,
    six: Six,
    /// What must be over before the idle half is written, or an index that lost its users is used again.
    grace: Option<Grace>,
    /// Of an owner before `grace` is over: what it changed last is not known.
    fresh: bool,
}

/// What a route adds to the digest (splitmix64 of its parts).
fn digest(prefix: Prefix, entry: u32) -> u64 {
    let bits = match prefix.addr() {
        IpAddr::V4(addr) => u128::from(addr.to_bits()) | 1 << 64,
        IpAddr::V6(addr) => addr.to_bits(),
    };
    let words = [bits as u64, (bits >> 64) as u64, u64::from(prefix.len()) << 32 | u64::from(entry)];
    words.into_iter().fold(0, |state, word| {
        let z = (state ^ word).wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    })
}

/// Refuses what no table could hold.
fn check(routing: &Routing) -> Result<(), TableError> {
    routing.hosts.keys().try_for_each(|addr| check_host(routing, *addr))?;
    routing.link_local.keys().try_for_each(|gateway| check_vid(gateway.vid))?;
    routing.routes.iter().try_for_each(|(prefix, to)| check_route(*prefix, to))
}

fn check_part(routing: &Routing, touched: &RoutesTouched) -> Result<(), TableError> {
    touched.hosts.iter().try_for_each(|addr| check_host(routing, *addr))?;
    let routes = touched.routes.iter().filter_map(|prefix| Some((prefix, routing.routes.get(prefix)?)));
    routes.into_iter().try_for_each(|(prefix, to)| check_route(*prefix, to))
}

fn check_host(routing: &Routing, addr: IpAddr) -> Result<(), TableError> {
    routing.hosts.get(&addr).map_or(Ok(()), |station| check_vid(station.vid))
}

fn check_route(prefix: Prefix, to: &RouteTo) -> Result<(), TableError> {
    match to {
        RouteTo::Hops(gateways) => gateways.iter().try_for_each(|gateway| check_vid(gateway.vid)),
        RouteTo::Connected { vid } => check_vid(*vid),
        RouteTo::Local | RouteTo::Blackhole => Ok(()),
    }
    .map_err(|error| TableError::Desired(format!("route {prefix}: {error}")))
}

fn check_vid(vid: u16) -> Result<(), TableError> {
    match vid {
        1..=4094 => Ok(()),
        _ => Err(TableError::Desired(format!("a neighbour in VLAN {vid}; 1 to 4094"))),
    }
}

/// Says of each route without room what there is none of, now that all have taken what they could.
fn name_faults(faults: &mut BTreeMap<Prefix, RouteFault>, hops: &Hops, routing: &Routing) {
    for (prefix, fault) in faults {
        let lacks = routing.routes.get(prefix).and_then(|to| hops.lacks(to));
        *fault = lacks.unwrap_or(*fault);
    }
}

impl Routes {
    /// What must be done to make the tables so. Reads them; writes nothing.
    ///
    /// # Errors
    /// What the kernel says, or what no table could hold.
    pub(super) fn plan(store: &impl Store, routing: &Routing) -> Result<Self, TableError> {
        Self::plan_within(store, routing, Limits::KERNEL)
    }

    fn plan_within(store: &impl Store, routing: &Routing, limits: Limits) -> Result<Self, TableError> {
        check(routing)?;
        // An owner before may have changed halves at this moment.
        let grace = store.grace();
        let found = Found::read(store)?;
        Ok(Self::compile(found, routing, grace, limits))
    }

    fn compile(found: Found, routing: &Routing, grace: Grace, limits: Limits) -> Self {
        let mut hops = Hops::recover(&found, &limits);
        let mut others = Vec::new();
        let found_first = routing.routes.iter().filter_map(|(prefix, to)| {
            let acquired = hops.acquire_found(to);
            acquired.is_none().then(|| others.push((prefix, to)));
            Some((prefix, acquired?))
        });
        let mut made: Vec<_> = found_first.collect();
        made.extend(others.into_iter().map(|(prefix, to)| (prefix, hops.acquire(to, routing))));
        let fault = |(prefix, (_, fault)): &(&Prefix, (u32, Option<RouteFault>))| Some((**prefix, (*fault)?));
        let mut faults = made.iter().filter_map(fault).collect();
        name_faults(&mut faults, &hops, routing);
        let made: BTreeMap<Prefix, u32> =
            made.into_iter().map(|(prefix, (entry, _))| (*prefix, entry)).collect();
        let sum = made.iter().fold(0u64, |sum, (prefix, entry)| sum.wrapping_add(digest(*prefix, *entry)));
        let made6 = made.keys().rev().take_while(|prefix| prefix.addr().is_ipv6()).count() as u32;
        hops.resolve(None, &found, routing);
        let mut routes = Self {
            four: Four::build(&made, &found, limits.blocks),
            six: Six::default(),
            hosts: Hosts::default(),
            limits,
            found,
            made,
            digest: sum,
            made6,
            faults,
            hops,
            grace: Some(grace),
            fresh: true,
        };
        routes.six.due = routes.differing6();
        for addr in routes.differing_hosts(routing) {
            routes.host(addr, routing);
        }
        routes.four.changed(&mut routes.found);
        routes
    }

    /// Waits for what a plan's execution would wait for.
    pub(super) fn settle(&mut self) {
        if let Some(grace) = self.grace.take() {
            // A kernel that has no such call is asked in another way, by who may write.
            self.grace = grace.wait().err().map(|_| Grace::Later);
        }
        if self.grace.is_none() {
            self.hops.settled();
            self.fresh = false;
        }
    }

    /// False while the next change of IPv4 routes would wait.
    pub(super) fn is_settled(&self) -> bool {
        self.grace.as_ref().is_none_or(Grace::is_over)
    }

    /// IPv6 prefixes of which the table is not as they were made.
    fn differing6(&self) -> BTreeSet<Prefix> {
        let made = self.made.iter().filter(|(prefix, _)| prefix.addr().is_ipv6());
        let changed = made.filter(|(prefix, entry)| self.found.routes6.get(prefix) != Some(*entry));
        let gone = self.found.routes6.keys().filter(|prefix| !self.made.contains_key(prefix));
        changed.map(|(prefix, _)| *prefix).chain(gone.copied()).collect()
    }

    fn differing_hosts(&self, routing: &Routing) -> Vec<IpAddr> {
        let found = &self.found.hosts;
        let is = |addr: &IpAddr, station| found[family(*addr)].get(addr) == Some(&neighbour(station));
        let changed = routing.hosts.iter().filter(|(addr, station)| !is(addr, **station));
        let gone = found.iter().flatten().map(|(addr, _)| addr);
        let gone = gone.filter(|addr| !routing.hosts.contains_key(addr));
        changed.map(|(addr, _)| *addr).chain(gone.copied()).collect()
    }

    fn host(&mut self, addr: IpAddr, routing: &Routing) {
        self.hosts.due.insert(addr, routing.hosts.get(&addr).map(|station| neighbour(*station)));
    }

    /// Writes what [`Routes::plan`] found, of the same `routing`.
    pub(super) fn execute(&mut self, store: &mut impl Store, routing: &Routing) -> Result<(), TableError> {
        self.finish(store, routing)
    }

    /// Makes the tables as `routing` says, of which anything may have changed.
    pub(super) fn apply(&mut self, store: &mut impl Store, routing: &Routing) -> Result<(), TableError> {
        check(routing)?;
        let is = |(prefix, to): &(&Prefix, &RouteTo)| {
            let made = self.made.get(prefix);
            made.is_some() && made == self.hops.peek(to).as_ref() && !self.faults.contains_key(prefix)
        };
        let changed = routing.routes.iter().filter(|route| !is(route)).map(|(prefix, _)| *prefix);
        let gone = self.made.keys().filter(|prefix| !routing.routes.contains_key(prefix)).copied();
        let routes = changed.chain(gone).collect();
        let touched = RoutesTouched { hosts: self.differing_hosts(routing).into_iter().collect(), routes };
        self.change(routing, &touched);
        self.hops.resolve(None, &self.found, routing);
        self.finish(store, routing)
    }

    /// Makes the tables as `routing` says, of which nothing but `touched` changed.
    pub(super) fn apply_part(
        &mut self,
        store: &mut impl Store,
        routing: &Routing,
        touched: &RoutesTouched,
    ) -> Result<(), TableError> {
        check_part(routing, touched)?;
        self.change(routing, touched);
        self.hops.resolve(Some(&touched.hosts), &self.found, routing);
        self.finish(store, routing)
    }

    /// Writes what is due; and again for what found no index free, if a grace period, over by now or not, frees one.
    fn finish(&mut self, store: &mut impl Store, routing: &Routing) -> Result<(), TableError> {
        let free = self.hops.free();
        self.write(store)?;
        let short = |fault: &RouteFault| matches!(fault, RouteFault::Hops | RouteFault::Groups);
        let frees = self.hops.waits() || self.hops.free() > free;
        if frees && self.faults.values().any(short) {
            self.wait(store)?;
            self.change(routing, &RoutesTouched::default());
            self.write(store)?;
        }
        Ok(())
    }

    fn change(&mut self, routing: &Routing, touched: &RoutesTouched) {
        if self.is_settled() {
            self.settle();
        }
        for addr in &touched.hosts {
            self.host(*addr, routing);
        }
        let again: Vec<Prefix> = self.faults.keys().copied().collect();
        let (set, gone): (Vec<Prefix>, Vec<Prefix>) =
            touched.routes.iter().chain(&again).partition(|prefix| routing.routes.contains_key(prefix));
        gone.into_iter().for_each(|prefix| self.remove(prefix));
        for prefix in set {
            self.set(prefix, &routing.routes[&prefix], routing);
        }
        name_faults(&mut self.faults, &self.hops, routing);
        if self.four.must_retry() {
            self.four = Four::build_again(&self.made, &self.four, self.limits.blocks);
        }
        self.four.changed(&mut self.found);
    }

    fn set(&mut self, prefix: Prefix, to: &RouteTo, routing: &Routing) {
        let (entry, fault) = self.hops.acquire(to, routing);
        match fault {
            Some(fault) => self.faults.insert(prefix, fault),
            None => self.faults.remove(&prefix),
        };
        let before = self.made.insert(prefix, entry);
        if let Some(before) = before {
            self.hops.release(before);
            self.digest = self.digest.wrapping_sub(digest(prefix, before));
        } else {
            self.made6 += u32::from(prefix.addr().is_ipv6());
        }
        self.digest = self.digest.wrapping_add(digest(prefix, entry));
        match prefix.addr() {
            _ if before == Some(entry) => {}
            IpAddr::V4(addr) => self.four.insert(addr.to_bits(), prefix.len(), entry),
            IpAddr::V6(_) => drop(self.six.due.insert(prefix)),
        }
    }

    fn remove(&mut self, prefix: Prefix) {
        self.faults.remove(&prefix);
        let Some(before) = self.made.remove(&prefix) else { return };
        self.hops.release(before);
        self.digest = self.digest.wrapping_sub(digest(prefix, before));
        self.made6 -= u32::from(prefix.addr().is_ipv6());
        match prefix.addr() {
            IpAddr::V4(addr) => {
                let shorter = (0..prefix.len()).rev().filter_map(|len| Prefix::new(prefix.addr(), len));
                let above = shorter.into_iter().find_map(|p| Some((*self.made.get(&p)?, p.len())));
                self.four.remove(addr.to_bits(), prefix.len(), above);
            }
            IpAddr::V6(_) => drop(self.six.due.insert(prefix)),
        }
    }

    /// Writes what is due: first what routes lead to, then the routes.
    pub(super) fn write(&mut self, store: &mut impl Store) -> Result<(), TableError> {
        if self.fresh && self.hops.reuses(&self.found) {
            self.wait(store)?;
        }
        for (index, hop) in std::mem::take(&mut self.hops.due) {
            crate::tables::hops::set(store, index, hop)?;
            self.found.hops[index as usize] = Some(hop);
        }
        for (index, group) in std::mem::take(&mut self.hops.due_groups) {
            hop_groups::set(store, index, &group)?;
            self.found.groups.insert(index, group);
        }
        self.hosts.write(store, &mut self.found, &self.limits)?;
        let flip = self.four.differs(&self.found);
        if flip {
            self.wait(store)?;
            self.four.write(store, &mut self.found)?;
        }
        self.six.write(store, &mut self.found, &self.made, self.limits.prefixes6)?;
        if self.hops.changed() | flip {
            self.grace = Some(store.grace());
        }
        self.write_state(store)
    }

    /// Brings `blocks` blocks of the idle half up to date, so that the next change has less to write; true if there are more. Does
    /// nothing before the half is settled.
    pub(super) fn catch_up(&mut self, store: &mut impl Store, blocks: usize) -> Result<bool, TableError> {
        if !self.is_settled() {
            return Ok(true);
        }
        self.settle();
        if self.grace.is_some() {
            return Ok(false);
        }
        self.four.catch_up(store, &mut self.found, blocks)
    }

    /// Waits until no program is at what was in force before the last change.
    fn wait(&mut self, store: &mut impl Store) -> Result<(), TableError> {
        self.settle();
        if self.grace.take().is_some() {
            super::sets::grace(store)?;
            self.hops.settled();
            self.fresh = false;
        }
        Ok(())
    }

    fn write_state(&mut self, store: &mut impl Store) -> Result<(), TableError> {
        let made4 = self.made.len() as u32 - self.made6;
        let blocks = if made4 == 0 { 0 } else { self.four.used() };
        let used = [blocks, made4, self.made6, self.faults().values().sum()];
        let before = self.found.state;
        let nothing = self.made.is_empty();
        let state = TableState { digest: if nothing { 0 } else { self.digest.max(1) }, used, ..before };
        if state != before {
            self.found.state = TableState { generation: before.generation + 1, ..state };
            states::set(store, sets::ROUTES, &self.found.state)?;
        }
        Ok(())
    }

    fn faults(&self) -> BTreeMap<RouteFault, u32> {
        let mut faults = BTreeMap::new();
        let mut add = |fault, count: usize| {
            if count > 0 {
                *faults.entry(fault).or_insert(0) += u32::try_from(count).unwrap_or(u32::MAX);
            }
        };
        self.faults.values().for_each(|fault| add(*fault, 1));
        add(RouteFault::Blocks, self.four.unfit(&self.made));
        add(RouteFault::Prefixes6, self.six.unfit);
        let [hosts, hosts6] = self.hosts.unfit();
        add(RouteFault::Hosts, hosts);
        add(RouteFault::Hosts6, hosts6);
        faults
    }

    /// What was done, by writes that the store counted.
    pub(super) fn changes(&self, writes: u64) -> RouteChanges {
        RouteChanges { writes, faults: self.faults() }
    }
}

#[cfg(test)]
mod tests;
