//! The owner's handle: the lock, the writable tables and links. Who has it may write; dropping it lets go of all.

use std::path::Path;

use msm_abi::{FdbKey, Lport, Meta};

use crate::{
    Capture, CaptureError, Changes, Desired, FdbFilter, Observer, OwnerName, RouteChanges, RoutePlan,
    RouteReader, RoutesTouched, Routing, TableError, Touched, TreeError,
    capture::Capturing,
    lock::DirLock,
    plane::{
        Plane,
        acl::{AclList, Compiled},
        learning::Drift,
    },
    store::{Access, Kernel, Table},
    traps::{Trapping, Traps},
};

/// The writer of a tree. Attaching resolves netdevs in the network namespace of the *calling thread*.
#[derive(Debug)]
pub struct Owner {
    name: OwnerName,
    plane: Plane<Kernel>,
    observer: Observer,
    capturing: Option<Capturing>,
    trapping: Option<Trapping>,
    // Last, so that everything writable is closed before the lock is free.
    _lock: DirLock,
}

impl Owner {
    /// Opens the tables in `dir`, which is locked. Writes nothing.
    pub(crate) fn open(dir: &Path, name: OwnerName, lock: DirLock) -> Result<Self, TreeError> {
        let plane = Plane::new(Kernel::open(dir, Access::Write)?);
        Ok(Self {
            name,
            plane,
            observer: Observer::open(dir, name)?,
            capturing: None,
            trapping: None,
            _lock: lock,
        })
    }

    /// The directory got another name.
    pub(crate) fn renamed(&mut self, dir: &Path, name: OwnerName) {
        self.name = name;
        self.observer.renamed(dir, name);
        self.plane.store_mut().moved(dir);
    }

    /// The tables, for writing: what is written is the caller's to take back.
    pub(crate) const fn store_mut(&mut self) -> &mut Kernel {
        self.plane.store_mut()
    }

    /// Slot and epoch.
    #[must_use]
    pub const fn name(&self) -> &OwnerName {
        &self.name
    }

    /// The same tree for reading.
    #[must_use]
    pub const fn observer(&self) -> &Observer {
        &self.observer
    }

    /// Makes the forwarding plane what is desired, writing differences only: 0 writes if nothing differs.
    ///
    /// # Errors
    /// [`TableError`]: every entry is what it was or what is desired; call again. Faults of single ports are in
    /// [`Changes::port_faults`] and fail nothing else.
    pub fn reconcile(&mut self, desired: &Desired) -> Result<Changes, TableError> {
        let changes = self.plane.reconcile(desired)?;
        if changes.writes > 0 {
            tracing::info!(writes = changes.writes, attached = ?changes.attached, detached = ?changes.detached, "reconciled");
        }
        Ok(changes)
    }

    /// [`Owner::reconcile`] of what `touched` names alone: it costs by what changed, not by what there is. All else of `desired` must be as
    /// in the last reconcile of this handle. It is a whole one if there was none, if the last one failed, or if a port changes its
    /// netdev or its driver. It does not see what others did behind this handle: call [`Owner::reconcile`] for that, as when a netdev came or went.
    ///
    /// # Errors
    /// As [`Owner::reconcile`]; the next one is a whole one.
    pub fn reconcile_part(&mut self, desired: &Desired, touched: &Touched) -> Result<Changes, TableError> {
        let changes = self.plane.reconcile_part(desired, touched)?;
        if !changes.attached.is_empty() || !changes.detached.is_empty() {
            tracing::info!(attached = ?changes.attached, detached = ?changes.detached, "reconciled");
        }
        Ok(changes)
    }

    /// The tables, for a typed read of one entry (see [`crate::tables`]): also of those that a descriptor for reading cannot show
    /// (`msm_abi::MapSpec::row`).
    #[must_use]
    pub const fn store(&self) -> &Kernel {
        self.plane.store()
    }

    /// True if this access list is in force. Reads two entries.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn acl_in_force(&self, list: &AclList) -> Result<bool, TableError> {
        self.plane.acl_in_force(list)
    }

    /// Makes `list` the access list in force: nothing is written if it is, else it is compiled and installed, at once and whole: no frame
    /// sees a part of it.
    ///
    /// # Errors
    /// [`TableError`]: the list before is in force; call again.
    pub fn reconcile_acl(&mut self, list: &AclList) -> Result<Changes, TableError> {
        self.plane.reconcile_acl(list)
    }

    /// [`Owner::reconcile_acl`] of a list that was compiled elsewhere, whether it is in force or not.
    ///
    /// # Errors
    /// As [`Owner::reconcile_acl`].
    pub fn install_acl(&mut self, compiled: &Compiled) -> Result<Changes, TableError> {
        self.plane.install_acl(compiled)
    }

    /// Makes the routing tables what is desired, writing differences only: 0 writes if nothing differs. A frame sees the IPv4 routes of before
    /// or of after, and each host and IPv6 prefix likewise.
    ///
    /// # Errors
    /// [`TableError`]: every address goes as before or as desired; call again. What the tables have no room for is in
    /// [`RouteChanges::faults`] and goes to the stack.
    pub fn reconcile_routes(&mut self, routing: &Routing) -> Result<RouteChanges, TableError> {
        self.plane.reconcile_routes(routing)
    }

    /// [`Owner::reconcile_routes`] of what `touched` names alone: it costs by what changed. All else of `routing` must be as in the last one
    /// of this handle. It is a whole one if there was none, or if the last one failed.
    ///
    /// # Errors
    /// As [`Owner::reconcile_routes`]; the next one is a whole one.
    pub fn reconcile_routes_part(
        &mut self,
        routing: &Routing,
        touched: &RoutesTouched,
    ) -> Result<RouteChanges, TableError> {
        self.plane.reconcile_routes_part(routing, touched)
    }

    /// For the first [`Owner::reconcile_routes`] of a handle, which reads all tables and compiles all routes: a thread plans it, then
    /// [`Owner::install_routes`] does it. What changes meanwhile is for [`Owner::reconcile_routes_part`] after that.
    ///
    /// # Errors
    /// No descriptors.
    pub fn route_reader(&self) -> Result<RouteReader, TableError> {
        let store = self.observer.store().tables().map_err(|source| TableError::Kernel {
            what: "open again",
            table: msm_abi::names::ROUTES,
            source,
        })?;
        Ok(RouteReader::new(store, self.plane.route_turn()))
    }

    /// Does what was planned: only writes what differs.
    ///
    /// # Errors
    /// As [`Owner::reconcile_routes`]; [`TableError::StalePlan`] if routes were reconciled since [`Owner::route_reader`].
    pub fn install_routes(&mut self, plan: RoutePlan) -> Result<RouteChanges, TableError> {
        self.plane.install_routes(plan)
    }

    /// In idle time: writes what the next change of IPv4 routes would have to write for changes of before, `blocks` blocks at most (512
    /// take less than a millisecond); true if there is more. Nothing that a frame meets changes. After 100,000 new routes the next
    /// one has 13,000 blocks to write; after this it has one.
    ///
    /// # Errors
    /// What the kernel says; the next [`Owner::reconcile_routes`] is a whole one.
    pub fn routes_catch_up(&mut self, blocks: usize) -> Result<bool, TableError> {
        self.plane.routes_catch_up(blocks)
    }

    /// False for up to 20 ms after IPv4 routes changed: the next change of them would wait so long. Collect changes meanwhile.
    #[must_use]
    pub fn routes_settled(&self) -> bool {
        self.plane.routes_settled()
    }

    /// Changes META; not written if it stays the same.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn set_meta(&mut self, change: impl FnOnce(&mut Meta)) -> Result<(), TableError> {
        self.plane.set_meta(change)
    }

    /// Removes stations not seen for the configured age before `now_ns` (CLOCK_MONOTONIC), and static ones that an earlier owner left and
    /// that were not desired in the last [`Owner::reconcile`]; returns how many, at most 65,536 a call. Call it once soon after
    /// a takeover, then periodically.
    ///
    /// # Errors
    /// What the kernel says; call again.
    pub fn fdb_sweep(&mut self, now_ns: u64) -> Result<usize, TableError> {
        self.plane.fdb_sweep(now_ns)
    }

    /// [`Owner::fdb_sweep`] of `keys` alone, which were found due with an [`Observer`] on another thread; each is asked again
    /// before it is removed. Costs a removal's two system calls a key, and no read of the table.
    ///
    /// # Errors
    /// What the kernel says; call again.
    pub fn fdb_sweep_keys(&mut self, keys: &[FdbKey], now_ns: u64) -> Result<usize, TableError> {
        self.plane.fdb_sweep_keys(keys, now_ns)
    }

    /// Corrects the ports' numbers of stations by what [`Observer::learning_words`] before and after a read of the whole FDB, on another
    /// thread, found ([`crate::plane::learning::drifts`]); how many were corrected.
    ///
    /// # Errors
    /// What the kernel says; call again.
    pub fn correct_learning(&mut self, found: &[Drift]) -> Result<usize, TableError> {
        self.plane.correct_learning(found)
    }

    /// Forgets learned stations; returns how many.
    ///
    /// # Errors
    /// What the kernel says; call again.
    pub fn fdb_flush(&mut self, filter: FdbFilter) -> Result<usize, TableError> {
        self.plane.fdb_flush(filter)
    }

    /// Frames that LACP takes, from where the last reader stopped. A reader before this one ends.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn lacp_traps(&mut self) -> Result<Traps, TableError> {
        // It lets go of the ring first: it has one consumer.
        self.trapping = None;
        let (trapping, traps) = Trapping::begin(self.plane.store(), self.observer.store(), Table::TrapLacp)?;
        self.trapping = Some(trapping);
        Ok(traps)
    }

    /// Begins to record what `lport` receives and sends. One capture at a time a chassis.
    ///
    /// # Errors
    /// [`CaptureError`]: nothing is recorded.
    pub fn capture_start(&mut self, lport: Lport) -> Result<Capture, CaptureError> {
        if let Some(lport) = self.captured() {
            return Err(CaptureError::Busy(lport));
        }
        // What is left of an earlier one lets go of the ring first: it has one consumer.
        self.capturing = None;
        let (capturing, capture) = Capturing::begin(self.plane.store(), self.observer.store(), lport)?;
        self.plane.set_capture(Some(lport))?;
        self.capturing = Some(capturing);
        Ok(capture)
    }

    /// Ends the recording. What is in the ring can still be read.
    ///
    /// # Errors
    /// What the kernel says; call again.
    pub fn capture_stop(&mut self) -> Result<(), TableError> {
        self.plane.set_capture(None)
    }

    /// The port that is being captured.
    #[must_use]
    pub fn captured(&self) -> Option<Lport> {
        self.capturing.as_ref().map(|capturing| capturing.lport).filter(|_| self.plane.captures())
    }

    /// Lets go: when it returns, every descriptor of the tree is closed and the lock is free. Forwarding goes on.
    #[must_use]
    pub fn release(self) -> OwnerName {
        self.name
    }
}
