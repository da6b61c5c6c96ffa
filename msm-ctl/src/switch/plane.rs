//! The MSM's hands on the forwarding plane: the pin tree, the owner's handle while it has it, and a reader always.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use msm_abi::{FdbKey, Lport, PORTS, port_flags};
use msm_dataplane::plane::learning::Drift;
use msm_dataplane::{
    Capture, Changes, Desired, Driver, FdbFilter, Observer, Owner, PinTree, RoutePlan, TakeError, Touched,
    Traps, TreeError, tables,
};
use msm_proto::backplane::Fabric;
use msm_proto::{CommandId, MetaView, OwnerName, Refusal, Slot, Trying};
use tracing::{debug, error, info, warn};

use super::acl;
use super::desired;
use super::drivers::{Drivers, Seen};
use super::fabrics::Fabrics;
use super::groups::{self, Live};
use super::l3::feed::Update;
use super::l3::names;
use super::l3::table::{Next, Routes};
use super::names::{owner_name, tree_name, tree_slot};
use super::takeover::Takeover;
use crate::config::chassis::Chassis;
use crate::netlink::{self, View};
use crate::process;
use msm_config::Config;
use msm_config::model;
use msm_config::port::PortName;

/// See the file's first line.
pub(crate) struct Plane {
    chassis: Arc<Chassis>,
    slot: Slot,
    tree: PinTree,
    view: View,
    owner: Option<Owner>,
    observer: Option<Arc<Observer>>,
    /// Nothing new may be written: the handle is about to go.
    frozen: bool,
    /// Routing, and what of it is not yet in the tables.
    routes: Routes,
    /// What the plane was last made; `None` when that is not known.
    applied: Option<(Config, Desired)>,
    /// How frames of ports come in whose driver is `auto`; `None` until the tables have been asked what an earlier owner decided.
    drivers: Option<Drivers>,
    /// What the backplane has last said of fabrics.
    told: Option<[Fabric; 4]>,
    /// A port had a fault: it is tried again at the next occasion, whatever has changed.
    faulty: bool,
    faults: BTreeMap<Lport, String>,
    /// Those of them that netdevs have by themselves.
    refused: BTreeMap<Lport, String>,
    /// Ports that LACP collects by.
    collecting: BTreeSet<Lport>,
    /// Ports that LACP distributes by.
    distributing: BTreeSet<Lport>,
}

impl Plane {
    /// Touches nothing.
    pub(crate) fn new(chassis: Arc<Chassis>, slot: Slot, tree: PinTree, view: View) -> Self {
        Self {
            chassis,
            slot,
            tree,
            view,
            owner: None,
            observer: None,
            frozen: false,
            routes: Routes::default(),
            applied: None,
            drivers: None,
            told: None,
            faulty: false,
            faults: BTreeMap::new(),
            refused: BTreeMap::new(),
            collecting: BTreeSet::new(),
            distributing: BTreeSet::new(),
        }
    }

    /// The reader, once there is a tree.
    pub(crate) fn observer(&self) -> Option<&Arc<Observer>> {
        self.observer.as_ref()
    }

    /// Takes a reader that was opened elsewhere.
    pub(crate) fn observe_with(&mut self, observer: Observer) {
        self.observer = Some(Arc::new(observer));
    }

    /// Where the tree is, for work off this thread.
    pub(crate) fn tree(&self) -> PinTree {
        self.tree.clone()
    }

    /// Epoch of the handle, while there is one and it may be written through.
    pub(crate) fn writable(&self) -> Option<u64> {
        self.owner.as_ref().filter(|_| !self.frozen).map(|owner| owner.name().epoch)
    }

    /// Whether there is a handle.
    pub(crate) fn is_owned(&self) -> bool {
        self.owner.is_some()
    }

    /// Ports that could not be attached, and why.
    pub(crate) fn faults(&self) -> &BTreeMap<Lport, String> {
        &self.faults
    }

    /// Name and META of the tree.
    pub(crate) fn observe(&mut self) -> (Option<OwnerName>, Option<MetaView>) {
        let name = match self.tree.current() {
            Ok(name) => name.and_then(owner_name),
            Err(TreeError::Absent(_)) => None,
            Err(error) => {
                error!(target: "msm.plane", "{error}");
                None
            }
        };
        if name.is_some() {
            self.open_reader();
        }
        let meta = name.and(self.observer.as_ref()).and_then(|observer| observer.meta().ok());
        let view = meta.map(|meta| MetaView {
            ready: Slot::from_number(meta.ready_slot),
            generation: meta.generation,
            trying: (meta.trying != 0)
                .then_some(Trying { generation: meta.trying, id: CommandId(meta.trying_id) }),
        });
        (name, view)
    }

    /// Whose name the tree has.
    pub(crate) fn last_owner(&self) -> Option<Slot> {
        self.tree.current().ok().flatten().and_then(owner_name).map(|name| name.slot)
    }

    fn open_reader(&mut self) {
        if self.observer.is_none() {
            match self.tree.observe() {
                Ok(observer) => self.observer = Some(Arc::new(observer)),
                Err(error) => warn!(target: "msm.plane", "{error}"),
            }
        }
    }

    /// Makes a new tree.
    pub(crate) fn create(&mut self) -> Result<OwnerName, Refusal> {
        // Whatever was open is of a tree that is no more.
        self.observer = None;
        let slot = tree_slot(self.slot);
        match self.tree.create(slot, &self.chassis.object(), self.chassis.fdb_capacity) {
            Ok(owner) => self.own(owner),
            Err(TreeError::Exists(_) | TreeError::Busy(_)) => Err(Refusal::Renamed),
            Err(error) => Err(Refusal::Failed(error.to_string())),
        }
    }

    /// Takes the tree that is named `from`.
    pub(crate) fn commit(&mut self, from: OwnerName) -> Result<OwnerName, Refusal> {
        let slot = tree_slot(self.slot);
        match Takeover::here() {
            Takeover::Whole => {
                let owner = self.tree.take(&tree_name(from), slot).map_err(refusal)?;
                self.own(owner)
            }
            Takeover::LabelOnly => {
                let name = self.tree.take_label(&tree_name(from), slot).map_err(refusal)?;
                self.open_reader();
                owner_name(name).ok_or_else(|| Refusal::Failed(format!("{name} is no controller's")))
            }
        }
    }

    /// Opens the tree again that this MSM released.
    pub(crate) fn reopen(&mut self, name: OwnerName) -> Result<OwnerName, Refusal> {
        let owner = self.tree.reopen(&tree_name(name)).map_err(refusal)?;
        self.own(owner)
    }

    fn own(&mut self, owner: Owner) -> Result<OwnerName, Refusal> {
        let name = *owner.name();
        self.owner = Some(owner);
        self.frozen = false;
        self.applied = None;
        self.routes.forget();
        self.drivers = None;
        self.open_reader();
        owner_name(name).ok_or_else(|| Refusal::Failed(format!("{name} is no controller's")))
    }

    /// Runs golden frames; what went otherwise than it must. The error says why they cannot be run here and now.
    pub(crate) fn golden_frames(&mut self) -> Result<Vec<String>, String> {
        match self.owner.as_mut().filter(|_| !self.frozen) {
            Some(owner) => Ok(owner.golden_frames().unwrap_or_else(|error| vec![error.to_string()])),
            None => Err("this MSM does not own the tables now".to_owned()),
        }
    }

    /// Begins nothing new.
    pub(crate) fn freeze(&mut self, frozen: bool) {
        self.frozen = frozen;
    }

    /// Drops the handle. `None` without one.
    pub(crate) fn release(&mut self) -> Option<OwnerName> {
        self.applied = None;
        let name = match self.owner.take() {
            Some(owner) => Some(owner.release()),
            None => self.tree.current().ok().flatten(),
        };
        name.and_then(owner_name)
    }

    /// Makes the plane what chassis file, configuration and netdevs say; the error says what was not written. If it is known what
    /// it was last made, only what the configuration changes is looked at.
    pub(crate) fn apply(&mut self, config: &Config) -> Result<Changes, String> {
        let same_list =
            self.applied.as_ref().is_some_and(|(before, _)| Arc::ptr_eq(&before.access, &config.access));
        // Without a memory of what was applied, all is read.
        let (desired, touched) = match self.applied.take() {
            Some((before, mut desired))
                if before.ports.netdevs == config.ports.netdevs
                    && before.ports.drivers == config.ports.drivers =>
            {
                let live = Live {
                    up: &up(config, &self.view),
                    collecting: &self.collecting,
                    distributing: &self.distributing,
                };
                let touched = desired::edit(&mut desired, &before, config, &live);
                (desired, Some(touched))
            }
            _ => {
                let plan = self.plan(config);
                self.refused =
                    plan.refused.iter().map(|(lport, fault)| (*lport, fault.to_string())).collect();
                (plan.desired, None)
            }
        };
        let Some(owner) = &mut self.owner else { return without_handle() };
        // The list first: no port that comes up forwards what it denies.
        let listed = if same_list { 0 } else { in_force(owner, config)? };
        let changes = match &touched {
            Some(touched) => owner.reconcile_part(&desired, touched),
            None => owner.reconcile(&desired),
        };
        let mut changes = changes.map_err(|error| error.to_string())?;
        changes.writes += listed;
        self.note(&changes);
        self.applied = Some((config.clone(), desired));
        Ok(changes)
    }

    fn plan(&mut self, config: &Config) -> desired::Plan {
        let drivers = self.decide(config);
        let live = Live {
            up: &up(config, &self.view),
            collecting: &self.collecting,
            distributing: &self.distributing,
        };
        let netdev = |name: &str| self.view.get(name);
        let fabrics = self.fabrics();
        let inner = |number| inner(&self.view, number);
        desired::plan(&self.chassis, config, &drivers, &fabrics, &live, netdev, inner)
    }

    fn fabrics(&self) -> Fabrics {
        let bays = self.chassis.kind.bays();
        match self.told {
            Some(all) => Fabrics::told(bays, all),
            None => {
                let states = self.observer.as_ref().and_then(|observer| observer.fabrics().ok());
                Fabrics::found(bays, states.unwrap_or_default())
            }
        }
    }

    /// What the backplane has last said of fabrics.
    pub(crate) fn told_of_fabrics(&self) -> Option<[Fabric; 4]> {
        self.told
    }

    /// Programs the fabrics that the backplane tells of, if the tables are this MSM's: reads them and writes what differs, and looks at
    /// nothing else. Frames of a lost fabric wait for this.
    pub(crate) fn set_fabrics(&mut self, all: [Fabric; 4]) -> Result<u64, String> {
        self.told = Some(all);
        let fabrics = self.fabrics();
        let Some(owner) = self.owner.as_mut().filter(|_| !self.frozen) else {
            // Who goes on writing reads all first: the hardware has written, too.
            self.applied = None;
            return Ok(0);
        };
        let Some((_, desired)) = &mut self.applied else { return Ok(0) };
        desired.fabrics = fabrics.states();
        desired.buckets = fabrics.buckets();
        let changes = owner.reconcile_part(desired, &Touched { config: true, ..Touched::default() });
        match changes {
            Ok(changes) => Ok(changes.writes),
            Err(error) => {
                self.applied = None;
                Err(error.to_string())
            }
        }
    }

    /// Makes load-sharing groups use the ports that are up and agreed on now, and nothing else: a lost frame waits for this. What it could not do,
    /// [`Self::is_behind`] finds.
    pub(crate) fn follow_links(&mut self) {
        if self.frozen {
            return;
        }
        let (Some(owner), Some((config, desired))) = (&mut self.owner, &mut self.applied) else { return };
        if config.sharing.groups.is_empty() {
            return;
        }
        let touched = {
            let live = Live {
                up: &up(config, &self.view),
                collecting: &self.collecting,
                distributing: &self.distributing,
            };
            groups::follow(desired, config, &live)
        };
        if touched.is_empty() {
            return;
        }
        match owner.reconcile_part(desired, &touched) {
            Ok(changes) => self.note(&changes),
            Err(error) => {
                error!(target: "msm.plane", "load sharing: {error}");
                self.applied = None;
            }
        }
    }

    /// LACP collects by these ports from now on.
    pub(crate) fn collect(&mut self, ports: &BTreeSet<Lport>) {
        if self.collecting != *ports {
            self.collecting.clone_from(ports);
            self.follow_links();
        }
    }

    /// LACP distributes by these ports from now on.
    pub(crate) fn distribute(&mut self, ports: &BTreeSet<Lport>) {
        if self.distributing != *ports {
            self.distributing.clone_from(ports);
            self.follow_links();
        }
    }

    /// How frames of each port come in whose driver is `auto`.
    fn decide(&mut self, config: &Config) -> Drivers {
        let adopted = self.drivers.take();
        let is_new = adopted.is_none();
        let mut drivers = adopted.unwrap_or_default();
        let auto = config.ports.drivers.iter().filter(|(_, driver)| **driver == model::Driver::Auto);
        for (&lport, _) in auto {
            let device = config.ports.netdev(config.facts(), lport).and_then(|name| self.view.get(name));
            if let (true, Some(device)) = (is_new, &device)
                && let Some(driver) = self.running(lport, device.ifindex)
            {
                drivers.adopt(lport, device.ifindex, driver);
            }
            let seen = device.map(|device| Seen {
                ifindex: device.ifindex,
                carrier: device.carrier,
                needs_tcx: device.needs_tcx(self.view.peer(device.ifindex).as_ref()),
            });
            if drivers.look(lport, seen) {
                info!(target: "msm.port", "port {}: driver {:?}", PortName::of(lport), drivers.of(config, lport));
            }
        }
        self.drivers = Some(drivers.clone());
        drivers
    }

    /// The driver that the tables have of a port.
    fn running(&self, lport: Lport, ifindex: u32) -> Option<Driver> {
        let entry = tables::ports::get(self.observer.as_ref()?.store(), ifindex).ok()?;
        let is_port = entry.lport == lport && entry.flags & port_flags::VALID != 0;
        let tcx = entry.flags & port_flags::TCX != 0;
        is_port.then_some(if tcx { Driver::Tcx } else { Driver::Xdp })
    }

    fn note(&mut self, changes: &Changes) {
        let mut faults = self.refused.clone();
        faults.extend(changes.port_faults.iter().map(|(lport, fault)| (*lport, fault.to_string())));
        for (lport, fault) in &faults {
            if self.faults.get(lport) != Some(fault) {
                warn!(target: "msm.port", "{}: {fault}", called(*lport));
            }
        }
        self.faults = faults;
        for lport in &changes.attached {
            info!(target: "msm.port", "{} attached", called(*lport));
        }
        for lport in &changes.switched {
            info!(target: "msm.port", "port {} has another driver", PortName::of(*lport));
        }
        for lport in &changes.detached {
            info!(target: "msm.port", "{} detached", called(*lport));
        }
        self.faulty = !changes.port_faults.is_empty();
    }

    /// What was applied is not known any more: a netdev has gone or come, perhaps under its old number.
    pub(crate) fn doubt(&mut self) {
        self.applied = None;
    }

    /// Whether [`Self::apply`] may have something to write. Then it reads all, not what differs alone: this is asked when something
    /// may have happened beside the commands.
    pub(crate) fn is_behind(&mut self, config: &Config) -> bool {
        if self.owner.is_none() {
            return false;
        }
        let plan = self.plan(config);
        if self.faulty || self.applied.as_ref().is_none_or(|(_, applied)| *applied != plan.desired) {
            self.applied = None;
            return true;
        }
        false
    }

    /// Takes what the feed tells of routing.
    pub(crate) fn hear_routes(&mut self, update: Update) {
        self.routes.hear(update);
    }

    /// Hosts and routes go out of the tables, before those come that the feed tells of next.
    pub(crate) fn discard_routes(&mut self) {
        self.routes.discard();
    }

    /// Puts into the tables what the feed has told, if there is something and it need not wait.
    pub(crate) fn route(&mut self) -> Result<Next, String> {
        match self.owner.as_mut().filter(|_| !self.frozen) {
            Some(owner) => self.routes.apply(owner),
            None => Ok(Next::Nothing),
        }
    }

    /// Puts into the tables what was planned on another thread.
    pub(crate) fn install_routes(&mut self, plan: Result<RoutePlan, String>) -> Result<Next, String> {
        match self.owner.as_mut().filter(|_| !self.frozen) {
            Some(owner) => self.routes.install(plan, owner),
            None => {
                self.routes.forget();
                Ok(Next::Nothing)
            }
        }
    }

    /// The frames that LACP takes.
    pub(crate) fn lacp_traps(&mut self) -> Option<Traps> {
        let traps = self.owner.as_mut()?.lacp_traps();
        traps.map_err(|error| error!(target: "msm.plane", "LACP is deaf: {error}")).ok()
    }

    /// Begins to record what a port receives and sends.
    pub(crate) fn capture(&mut self, lport: Lport) -> Result<Capture, String> {
        match self.owner.as_mut().filter(|_| !self.frozen) {
            Some(owner) => owner.capture_start(lport).map_err(|error| error.to_string()),
            None => Err("this MSM does not own the tables".to_owned()),
        }
    }

    /// Records no more.
    pub(crate) fn end_capture(&mut self) {
        if let Some(owner) = &mut self.owner
            && let Err(error) = owner.capture_stop()
        {
            warn!(target: "msm.plane", "a capture cannot be ended: {error}");
        }
    }

    /// Forgets learned stations.
    pub(crate) fn flush(&mut self, filter: FdbFilter) -> Result<usize, String> {
        match &mut self.owner {
            Some(owner) => owner.fdb_flush(filter).map_err(|error| error.to_string()),
            None => without_handle(),
        }
    }

    /// Removes those of `keys` that are due to go.
    pub(crate) fn sweep(&mut self, keys: &[FdbKey]) {
        if let Some(owner) = self.owner.as_mut().filter(|_| !self.frozen) {
            match owner.fdb_sweep_keys(keys, process::monotonic_ns()) {
                Ok(_) => {}
                Err(error) => warn!(target: "msm.fdb", "ageing: {error}"),
            }
        }
    }

    /// Corrects the ports' numbers of stations.
    pub(crate) fn correct_learning(&mut self, drifts: &[Drift]) {
        if let Some(owner) = self.owner.as_mut().filter(|_| !self.frozen && !drifts.is_empty()) {
            match owner.correct_learning(drifts) {
                Ok(ports) => info!(target: "msm.fdb", "the stations of {ports} ports were counted anew"),
                Err(error) => warn!(target: "msm.fdb", "stations of the ports: {error}"),
            }
        }
    }

    /// Writes into META who may take over and from which generation, and what is being tried again.
    pub(crate) fn set_ready(&mut self, slot: Option<Slot>, generation: u64, trying: Option<Trying>) {
        let Some(owner) = &mut self.owner else { return };
        let written = owner.set_meta(|meta| {
            meta.ready_slot = slot.map_or(0, Slot::number);
            meta.generation = generation;
            meta.trying = trying.map_or(0, |trying| trying.generation);
            meta.trying_id = trying.map_or(0, |trying| trying.id.0);
        });
        if let Err(error) = written {
            error!(target: "msm.plane", "META: {error}");
        }
    }
}

/// Whether a port can carry frames, as the kernel says.
pub(crate) fn up(config: &Config, view: &View) -> impl Fn(Lport) -> bool {
    |lport| {
        let device = config.ports.netdev(config.facts(), lport).and_then(|netdev| view.get(netdev));
        device.is_some_and(|device| device.admin_up && device.carrier)
    }
}

/// Ifindex of the inner end of an interface that is there.
fn inner(view: &View, number: u16) -> Option<u32> {
    let ends = [names::outer(number), names::inner(number)];
    matches!(netlink::look(view, ends), netlink::Found::Pair(_)).then_some(ends[1])
}

/// A port of the chassis, or one to the stack, as people know it.
fn called(lport: Lport) -> String {
    match usize::from(lport).checked_sub(PORTS) {
        Some(number) => format!("interface {number}"),
        None => format!("port {}", PortName::of(lport)),
    }
}

/// Puts the configured access list into force; how many writes that took. 4,096 rules are compiled in some 20 ms and written in 10.
fn in_force(owner: &mut Owner, config: &Config) -> Result<u64, String> {
    let begun = Instant::now();
    let changes = owner.reconcile_acl(&acl::list(&config.access)).map_err(|error| error.to_string())?;
    if changes.writes > 0 {
        let (rules, took) = (config.access.len(), begun.elapsed().as_micros());
        debug!(target: "msm.acl", "{rules} access rules in force: {} writes in {took} us", changes.writes);
    }
    Ok(changes.writes)
}

/// What a change comes to that finds no handle of the tables.
fn without_handle<T: Default>() -> Result<T, String> {
    match Takeover::here() {
        Takeover::Whole => Err("this MSM does not own the tables".to_owned()),
        Takeover::LabelOnly => Ok(T::default()),
    }
}

fn refusal(error: TakeError) -> Refusal {
    match error {
        TakeError::OwnerLives(_) => Refusal::OwnerLives,
        TakeError::Moved(_) => Refusal::Renamed,
        TakeError::Tree(error) => Refusal::Failed(error.to_string()),
    }
}
