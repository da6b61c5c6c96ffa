//! Making the forwarding plane what is desired, by differences: what is right already is not written.

pub mod acl;
mod check;
mod config;
mod groups;
pub mod learning;
mod ports;
pub mod routes;
mod sets;
mod stations;
mod vlans;

use std::collections::{BTreeMap, BTreeSet};

use msm_abi::{FdbKey, Lport, Meta, PlaneConfig, capture_of};

use crate::{
    Changes, Desired, DesiredGroup, FdbFilter, PortFault, RouteChanges, RoutesTouched, Routing, TableError,
    Touched,
    store::{Links, Store},
    tables,
};
use routes::{RoutePlan, Routes};
use sets::Pool;
use stations::Stations;
use vlans::Vlans;

/// A forwarding plane and what its owner remembers of it. All truth is in the store: a new owner starts with nothing
/// remembered and finds the same.
#[derive(Debug)]
pub struct Plane<S> {
    store: S,
    /// Netdevs of the ports, as last seen: what finds the PORTS entry of a netdev that is gone without a scan.
    netdevs: BTreeMap<Lport, u32>,
    stations: Stations,
    pool: Pool,
    /// As PLANE_CONFIG has it: a capture that an earlier owner began is none of ours, and ends with the first reconcile.
    capture: u32,
    acl: acl::Memory,
    /// What a part needs; `None` before a whole reconcile, and after an error.
    known: Option<Known>,
    /// The routing tables; `None` before the first change of them, and after an error.
    routes: Option<Routes>,
    /// Times that they were asked for: a plan of before is none.
    asked: u64,
}

/// What the last reconcile left.
#[derive(Debug)]
struct Known {
    /// Ports in service, with their netdevs.
    serving: BTreeMap<Lport, u32>,
    /// Those of the desired ports whose driver is tcx.
    by_tcx: BTreeSet<Lport>,
    faults: BTreeMap<Lport, PortFault>,
    vlans: Vlans,
    groups: BTreeMap<Lport, DesiredGroup>,
}

impl<S: Store + Links> Plane<S> {
    /// A plane of which nothing is remembered. Writes nothing.
    #[must_use]
    pub const fn new(store: S) -> Self {
        Self {
            store,
            netdevs: BTreeMap::new(),
            stations: Stations::new(),
            pool: Pool::new(),
            capture: 0,
            acl: acl::Memory::new(),
            known: None,
            routes: None,
            asked: 0,
        }
    }

    /// The tables below.
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// The tables below, for tests that change them behind the owner's back.
    pub const fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    /// Makes the plane what is desired. Each table entry, at any moment and after any error, is what it was or what is desired.
    ///
    /// # Errors
    /// [`TableError`]: call again. Faults of single ports are no errors.
    pub fn reconcile(&mut self, desired: &Desired) -> Result<Changes, TableError> {
        check::check(desired)?;
        self.known = None;
        self.counted(|plane, changes| plane.whole(desired, changes))
    }

    /// [`Self::reconcile`] of what `touched` names alone, reading and writing nothing else. All else of `desired` must be as in the last
    /// reconcile of this handle. It is a whole one if there was none, if the last one failed, or if a port changes its netdev or its driver.
    ///
    /// # Errors
    /// As [`Self::reconcile`]; the next one is a whole one.
    pub fn reconcile_part(&mut self, desired: &Desired, touched: &Touched) -> Result<Changes, TableError> {
        check::check_part(desired, touched)?;
        match self.known.take() {
            Some(mut known) if ports::stay(&known.serving, &known.by_tcx, desired, &touched.ports) => self
                .counted(|plane, changes| {
                    changes.port_faults.clone_from(&known.faults);
                    plane.part(&mut known, desired, touched, changes)?;
                    known.faults.clone_from(&changes.port_faults);
                    plane.known = Some(known);
                    Ok(())
                }),
            _ => self.reconcile(desired),
        }
    }

    fn counted(
        &mut self,
        work: impl FnOnce(&mut Self, &mut Changes) -> Result<(), TableError>,
    ) -> Result<Changes, TableError> {
        let before = self.store.writes();
        let mut changes = Changes::default();
        let result = work(self, &mut changes);
        self.store.drop_sets();
        result?;
        changes.writes = self.store.writes() - before;
        Ok(changes)
    }

    fn whole(&mut self, desired: &Desired, changes: &mut Changes) -> Result<(), TableError> {
        config::apply(&mut self.store, desired, self.capture)?;
        groups::apply(&mut self.store, desired)?;
        let serving = ports::apply(&mut self.store, &mut self.netdevs, desired, changes)?;
        let mut vlans = Vlans::read(&self.store)?;
        let vids: BTreeSet<u16> = vlans.ids().into_iter().chain(desired.vlans.keys().copied()).collect();
        vlans.apply(&mut self.store, &mut self.pool, desired, &vids, &serving, changes)?;
        self.stations.apply(&mut self.store, &desired.static_fdb)?;
        self.known = Some(Known {
            serving,
            by_tcx: ports::by_tcx(desired),
            faults: changes.port_faults.clone(),
            vlans,
            groups: desired.groups.clone(),
        });
        Ok(())
    }

    fn part(
        &mut self,
        known: &mut Known,
        desired: &Desired,
        touched: &Touched,
        changes: &mut Changes,
    ) -> Result<(), TableError> {
        if touched.config {
            config::apply(&mut self.store, desired, self.capture)?;
        }
        let (mut ports, mut vlans) = groups::reach(desired, &known.groups, &touched.groups);
        groups::apply_part(&mut self.store, desired, &known.groups, &touched.groups)?;
        for master in &touched.groups {
            match desired.groups.get(master) {
                Some(group) => drop(known.groups.insert(*master, group.clone())),
                None => drop(known.groups.remove(master)),
            }
        }
        // Those that are not in service have nothing to be written.
        ports.retain(|lport| known.serving.contains_key(lport));
        ports.extend(&touched.ports);
        vlans.extend(&touched.vlans);
        ports::apply_part(&mut self.store, desired, &ports, changes)?;
        let (store, pool) = (&mut self.store, &mut self.pool);
        known.vlans.apply(store, pool, desired, &vlans, &known.serving, changes)?;
        self.stations.apply_part(&mut self.store, &desired.static_fdb, &touched.stations)
    }

    /// Makes the routing tables what is desired. Each address, at any moment and after any error, goes as before or as desired.
    ///
    /// # Errors
    /// [`TableError`]: call again.
    pub fn reconcile_routes(&mut self, routing: &Routing) -> Result<RouteChanges, TableError> {
        match self.routes.take() {
            Some(routes) => self.route(routes, |routes, store| routes.apply(store, routing)),
            None => {
                let plan = Routes::plan(&self.store, routing)?;
                self.route(plan, |routes, store| routes.execute(store, routing))
            }
        }
    }

    /// [`Self::reconcile_routes`] of what `touched` names alone. All else of `routing` must be as in the last one. It is a whole one if
    /// there was none, or if the last one failed.
    ///
    /// # Errors
    /// As [`Self::reconcile_routes`]; the next one is a whole one.
    pub fn reconcile_routes_part(
        &mut self,
        routing: &Routing,
        touched: &RoutesTouched,
    ) -> Result<RouteChanges, TableError> {
        match self.routes.take() {
            Some(routes) => self.route(routes, |routes, store| routes.apply_part(store, routing, touched)),
            None => self.reconcile_routes(routing),
        }
    }

    /// What a plan is good for: nothing once the tables were asked for another change.
    pub(crate) const fn route_turn(&self) -> u64 {
        self.asked
    }

    /// Does what was planned on another thread.
    pub(crate) fn install_routes(&mut self, plan: RoutePlan) -> Result<RouteChanges, TableError> {
        if plan.turn != self.asked {
            return Err(TableError::StalePlan);
        }
        self.route(plan.routes, |routes, store| routes.write(store))
    }

    fn route(
        &mut self,
        mut routes: Routes,
        work: impl FnOnce(&mut Routes, &mut S) -> Result<(), TableError>,
    ) -> Result<RouteChanges, TableError> {
        self.asked += 1;
        let before = self.store.writes();
        let result = work(&mut routes, &mut self.store);
        self.store.drop_sets();
        result?;
        let changes = routes.changes(self.store.writes() - before);
        self.routes = Some(routes);
        Ok(changes)
    }

    /// Writes what the next change of IPv4 routes would have to write for changes of before, `blocks` blocks at most; true if there is
    /// more. Nothing that a program reads changes.
    ///
    /// # Errors
    /// What the kernel says; the next reconcile is a whole one.
    pub fn routes_catch_up(&mut self, blocks: usize) -> Result<bool, TableError> {
        let Some(mut routes) = self.routes.take() else { return Ok(false) };
        let more = routes.catch_up(&mut self.store, blocks)?;
        self.routes = Some(routes);
        Ok(more)
    }

    /// False while the next change of IPv4 routes would wait.
    pub fn routes_settled(&self) -> bool {
        self.routes.as_ref().is_none_or(Routes::is_settled)
    }

    /// Removes stations not seen for the age in PLANE_CONFIG, and static ones that are not desired (those that an earlier owner left);
    /// returns how many. At most 65,536 a call. Counts the stations that are left.
    ///
    /// # Errors
    /// What the kernel says; call again.
    pub fn fdb_sweep(&mut self, now_ns: u64) -> Result<usize, TableError> {
        let swept = self.stations.sweep(&mut self.store, now_ns)?;
        let found = learning::search(&self.store)?;
        learning::correct(&mut self.store, &found)?;
        Ok(swept)
    }

    /// Corrects the ports' numbers of stations by what a count of the whole FDB found; how many.
    ///
    /// # Errors
    /// What the kernel says; call again.
    pub fn correct_learning(&mut self, found: &[learning::Drift]) -> Result<usize, TableError> {
        learning::correct(&mut self.store, found)
    }

    /// [`Self::fdb_sweep`] of `keys` alone, which a reader found due: reads nothing else.
    ///
    /// # Errors
    /// What the kernel says; call again.
    pub fn fdb_sweep_keys(&mut self, keys: &[FdbKey], now_ns: u64) -> Result<usize, TableError> {
        self.stations.sweep_keys(&mut self.store, keys, now_ns)
    }

    /// Forgets learned stations; returns how many.
    ///
    /// # Errors
    /// What the kernel says; call again.
    pub fn fdb_flush(&mut self, filter: FdbFilter) -> Result<usize, TableError> {
        stations::flush(&mut self.store, filter)
    }

    /// Records the frames of a port into the ring, or of none.
    ///
    /// # Errors
    /// What the kernel says; what was recorded before still is.
    pub fn set_capture(&mut self, lport: Option<Lport>) -> Result<(), TableError> {
        let capture = lport.map_or(0, capture_of);
        let config = tables::plane_config::get(&self.store)?;
        if config.capture != capture {
            tables::plane_config::set(&mut self.store, PlaneConfig { capture, ..config })?;
        }
        self.capture = capture;
        Ok(())
    }

    /// True while frames of a port are recorded for this owner.
    pub const fn captures(&self) -> bool {
        self.capture != 0
    }

    /// Changes META. An unchanged META is not written.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn set_meta(&mut self, change: impl FnOnce(&mut Meta)) -> Result<(), TableError> {
        let before = tables::meta::get(&self.store)?;
        let mut meta = before;
        change(&mut meta);
        if meta != before {
            tables::meta::set(&mut self.store, &meta)?;
        }
        Ok(())
    }
}

/// Kernel time, ns, CLOCK_MONOTONIC.
pub(crate) fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}
