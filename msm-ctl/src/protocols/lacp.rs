//! LACP's adapter: configuration, links, frames and time in; tables, replication and frames out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use msm_abi::Lport;
use msm_config::port::PortName;
use msm_dataplane::TrappedFrame;
use msm_proto::Time;
use msm_proto::lacp::{self, GroupConfig, Input, Output, Pdu, PortStatus};
use tracing::{debug, info, warn};

use super::packet::Sender;
use crate::config::chassis::Chassis;
use crate::netlink::View;
use crate::process;
use crate::switch::plane::up;
use msm_config::Config;

/// A frame that waited longer than this for an owner says nothing of now; the next one comes soon.
const STALE: Duration = Duration::from_secs(3);
/// Replicas held of one master: one a group.
const HELD_MAX: usize = msm_abi::GROUPS;

/// The engine, for who shows it. `None` while this MSM is not the master.
pub(crate) type Shown = Arc<Mutex<Option<lacp::Lacp>>>;

/// What `show lacp` shows.
pub(crate) fn status(shown: &Shown) -> BTreeMap<Lport, PortStatus> {
    lock(shown).as_ref().map(lacp::Lacp::status).unwrap_or_default()
}

fn lock(shown: &Shown) -> MutexGuard<'_, Option<lacp::Lacp>> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}

/// See the file's first line.
pub(crate) struct Lacp {
    chassis: Arc<Chassis>,
    view: View,
    /// Opened by the first frame: a process with a packet socket dies 10 ms later than one without (the kernel waits for a grace period when
    /// it is closed), which a chassis without LACP need not pay.
    sender: Option<Sender>,
    engine: Shown,
    /// What the master replicated, by key.
    held: BTreeMap<u16, Vec<u8>>,
    /// As the engine has them.
    config: lacp::Config,
    links: BTreeSet<Lport>,
    distributing: BTreeSet<Lport>,
}

impl Lacp {
    /// Nothing is sent before [`Self::resume`].
    pub(crate) fn new(chassis: Arc<Chassis>, view: View) -> Self {
        Self {
            chassis,
            view,
            sender: None,
            engine: Shown::default(),
            held: BTreeMap::new(),
            config: lacp::Config::default(),
            links: BTreeSet::new(),
            distributing: BTreeSet::new(),
        }
    }

    /// The engine, for who shows it.
    pub(crate) fn shown(&self) -> Shown {
        Arc::clone(&self.engine)
    }

    /// A master's word, for the day this MSM takes over.
    pub(crate) fn hold(&mut self, bytes: Vec<u8>) {
        if let Some(key) = lacp::Lacp::replica_key(&bytes)
            && (self.held.len() < HELD_MAX || self.held.contains_key(&key))
        {
            self.held.insert(key, bytes);
        }
    }

    /// What the master said is not to be gone on with.
    pub(crate) fn let_go(&mut self) {
        self.held.clear();
    }

    /// All that a slave must know.
    pub(crate) fn replicas(&self) -> Vec<Vec<u8>> {
        lock(&self.engine).as_ref().map(|engine| engine.replicas().collect()).unwrap_or_default()
    }

    /// This MSM is the master now, and goes on where the one before stopped.
    pub(crate) fn resume(&mut self, config: &Config) -> Vec<Output> {
        self.config = wanted(&self.chassis, config);
        self.links = self.up(config);
        let held = std::mem::take(&mut self.held);
        let replicas = held.values().map(Vec::as_slice);
        let (engine, outputs) = lacp::Lacp::resume(now(), self.config.clone(), replicas, self.links.clone());
        *lock(&self.engine) = Some(engine);
        outputs
    }

    /// What configuration and links say now, if that is news.
    pub(crate) fn follow(&mut self, config: &Config) -> Vec<Output> {
        if config.sharing.groups.is_empty() && self.config.groups.is_empty() {
            return Vec::new();
        }
        let mut outputs = Vec::new();
        let wanted = wanted(&self.chassis, config);
        if wanted != self.config {
            self.config = wanted.clone();
            outputs.extend(self.step(Input::Config(wanted)));
        }
        let links = self.up(config);
        if links != self.links {
            self.links = links.clone();
            outputs.extend(self.step(Input::Links(links)));
        }
        outputs
    }

    /// A frame was trapped.
    pub(crate) fn frame(&mut self, frame: &TrappedFrame) -> Vec<Output> {
        if now() - Time(frame.time_ns) > STALE {
            return Vec::new();
        }
        match Pdu::decode(&frame.bytes) {
            Ok(pdu) => self.step(Input::Pdu { port: frame.lport, pdu }),
            Err(error) => {
                debug!(target: "msm.lacp", "port {}: {error}", PortName::of(frame.lport));
                Vec::new()
            }
        }
    }

    /// What time has brought.
    pub(crate) fn tick(&mut self) -> Vec<Output> {
        if self.deadline().is_some_and(|due| due <= now()) { self.step(Input::Tick) } else { Vec::new() }
    }

    /// When [`Self::tick`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Time> {
        lock(&self.engine).as_ref()?.deadline()
    }

    /// Sends a frame. One that is lost is sent again by the engine's clock.
    pub(crate) fn send(&mut self, config: &Config, port: Lport, frame: &[u8]) {
        let netdev = config.ports.netdev(config.facts(), port);
        let Some(device) = netdev.and_then(|netdev| self.view.get(netdev)) else { return };
        let sent = match &self.sender {
            Some(sender) => sender.send(device.ifindex, frame),
            None => Sender::open().and_then(|sender| {
                let sent = sender.send(device.ifindex, frame);
                self.sender = Some(sender);
                sent
            }),
        };
        if let Err(error) = sent {
            debug!(target: "msm.lacp", "port {}: a frame was not sent: {error}", PortName::of(port));
        }
    }

    /// This MSM is not the owner any more: its socket goes. Closing one waits for a grace period, 10 ms, which is no matter of the caller's.
    pub(crate) fn silence(&mut self) {
        let Some(sender) = self.sender.take() else { return };
        let close = move || {
            let _patience = process::Patience::begin();
            drop(sender);
        };
        if let Err(error) = std::thread::Builder::new().name("close".to_owned()).spawn(close) {
            warn!(target: "msm.lacp", "the socket was closed in passing: {error}");
        }
    }

    /// Logs what an operator looks for.
    pub(crate) fn note(&mut self, distributing: &BTreeSet<Lport>) {
        for lport in distributing.difference(&self.distributing) {
            info!(target: "msm.lacp", "port {}: distributing", PortName::of(*lport));
        }
        for lport in self.distributing.difference(distributing) {
            warn!(target: "msm.lacp", "port {}: not distributing any more", PortName::of(*lport));
        }
        self.distributing.clone_from(distributing);
    }

    fn step(&mut self, input: Input) -> Vec<Output> {
        lock(&self.engine).as_mut().map(|engine| engine.step(now(), input)).unwrap_or_default()
    }

    /// Ports of dynamic groups that can carry frames.
    fn up(&self, config: &Config) -> BTreeSet<Lport> {
        let up = up(config, &self.view);
        let ports = self.config.groups.values().flat_map(|group| &group.ports);
        ports.copied().filter(|lport| !config.ports.disabled.contains(lport) && up(*lport)).collect()
    }
}

fn now() -> Time {
    Time(process::monotonic_ns())
}

/// What the engine is to be configured with.
fn wanted(chassis: &Chassis, config: &Config) -> lacp::Config {
    let group = |group: &msm_config::model::Group| {
        let lacp = group.dynamic?;
        let ports = group.members.iter().copied().collect();
        Some((group.index + 1, GroupConfig { ports, active: lacp.active, short: lacp.short }))
    };
    lacp::Config {
        priority: config.sharing.system_priority,
        system: chassis.system_mac.0,
        groups: config.sharing.groups.values().filter_map(group).collect(),
    }
}
