//! What the machine wants of the tables, and what keeps them as they should be.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use msm_abi::{FdbKey, Lport};
use msm_config::{Config, Running};
use msm_dataplane::{FdbFilter, Observer, RoutePlan};
use msm_proto::{CommandId, ConfigSource, Input, Routing as Restarting, Takeover};
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use super::commands::said;
use super::{Actor, Back, SWEEP};
use crate::mgmt::cli::server::Reply;
use crate::netlink::{self, Limits};
use crate::switch::l3::feed::Update;
use crate::switch::l3::table::Next;
use crate::switch::ports;
use crate::switch::sweeper::{Found, Search};
use crate::task;
use msm_config::model::{Change, Driver, Record, Static};

/// How long after a failed write of the tables it is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// How soon it is looked again whether routes may change: a grace period is up to 20 ms.
const SETTLING: Duration = Duration::from_millis(3);

impl Actor {
    /// Serves with what is to be kept: no table is read whole here.
    pub(super) fn serve(&mut self, takeover: Takeover) {
        let decision = match takeover {
            Takeover::Failover(decision) => Some(decision),
            Takeover::Cold | Takeover::Adopted => None,
        };
        if takeover == Takeover::Adopted {
            warn!(target: "msm.failover", "the tables were found without an owner; configuration that was not saved is gone");
        }
        if decision.is_none_or(|decision| decision.configuration == ConfigSource::Flash) {
            self.config = Arc::clone(&self.own);
        }
        self.plans.clear();
        if decision.is_some_and(|decision| !decision.keep_links) {
            self.links_down();
        }
        if decision.is_some_and(|decision| !decision.keep_l2) {
            self.lacp.let_go();
        }
        let lacp = self.lacp_resume();
        let begun = Instant::now();
        match self.plane.apply(&self.config.config) {
            Ok(changes) => {
                info!(
                    target: "msm.failover",
                    "{} tables: {} writes in {} us",
                    if takeover == Takeover::Cold { "new" } else { "adopted" },
                    changes.writes,
                    begun.elapsed().as_micros()
                );
                if decision.is_some() {
                    self.fabrics_adopted(changes.writes);
                }
            }
            Err(error) => self.behind(&error),
        }
        self.lacp_outputs(lacp);
        if let Some(decision) = decision {
            let restart = self.config.config.failover.routing == Restarting::Restart;
            self.anew = self.plane.writable().filter(|_| restart);
            self.discard_stations(decision);
            self.discard_routing(decision);
        }
        if self.links_up_at.is_none() {
            self.tasks.spawn("ports", false, self.bring_up(self.ports()));
        }
        self.sweep_at = Instant::now() + SWEEP;
        self.results.push_back(Input::Serving);
    }

    pub(super) fn ports(&self) -> Vec<ports::Port> {
        let config = &self.config.config;
        config.facts().ports.iter().filter_map(|lport| self.port(*lport)).collect()
    }

    /// A port with the name of its netdev, if it has one.
    fn port(&self, lport: Lport) -> Option<ports::Port> {
        let config = &self.config.config;
        let netdev = config.ports.netdev(config.facts(), lport)?.to_owned();
        let limits = match config.ports.driver(lport) {
            Driver::Xdp => Limits::default(),
            Driver::Tcx | Driver::Auto => Limits::of(msm_dataplane::Driver::Tcx),
        };
        Some(ports::Port { lport, netdev, limits })
    }

    pub(super) fn bring_up(&self, ports: Vec<ports::Port>) -> impl Future<Output = ()> + Send + use<> {
        let (sender, mut reports) = mpsc::channel(1);
        let back = self.back.clone();
        async move {
            let forward = async {
                while let Some(report) = reports.recv().await {
                    let _ = back.send(Back::Port(report)).await;
                }
            };
            tokio::join!(ports::bring_up(ports, sender), forward);
        }
    }

    pub(super) fn behind(&mut self, error: &str) {
        error!(target: "msm.plane", "{error}; it is tried again in {} ms", RETRY.as_millis());
        self.retry_at = Some(Instant::now() + RETRY);
    }

    /// Writes what differs, if something may.
    pub(super) fn bring_up_to_date(&mut self) {
        if self.plane.writable().is_some()
            && self.plane.is_behind(&self.config.config)
            && let Err(error) = self.plane.apply(&self.config.config)
        {
            self.behind(&error);
        }
    }

    /// Applies a change, or rolls it back and says why.
    pub(super) fn apply(&mut self, id: CommandId, record: &[u8]) -> Result<String, String> {
        let applied = self.make(id, record);
        self.plans.end(id, applied.is_ok());
        applied.map(|()| String::new())
    }

    fn make(&mut self, id: CommandId, record: &[u8]) -> Result<(), String> {
        let next = match self.plans.planned(id) {
            Some((record, after)) => {
                self.dies_of(&record);
                after
            }
            None => self.after(record)?,
        };
        if next.config != self.config.config
            && let Err(error) = self.plane.apply(&next.config)
        {
            self.roll_back();
            return Err(format!("the tables cannot be written: {error}"));
        }
        let before = std::mem::replace(&mut self.config, Arc::new(next));
        self.ready_others(&before.config);
        self.lacp_follow();
        Ok(())
    }

    /// Readies the netdevs of ports that were given another one.
    fn ready_others(&self, before: &Config) {
        let (before, after) = (&before.ports.netdevs, &self.config.config.ports.netdevs);
        if before != after && self.plane.writable().is_some() {
            let changed = before.keys().chain(after.keys()).filter(|l| before.get(l) != after.get(l));
            let changed: BTreeSet<Lport> = changed.copied().collect();
            let ports = changed.into_iter().filter_map(|lport| self.port(lport)).collect();
            self.tasks.spawn("ports", false, self.bring_up(ports));
        }
    }

    /// `debug exception-in-command`
    fn dies_of(&self, record: &Record) {
        if let Record::Changes(changes) = record
            && changes.contains(&Change::Panic)
            && self.machine.role().is_master()
        {
            panic!("debug exception-in-command");
        }
    }

    /// What a record makes of the configuration.
    fn after(&self, record: &[u8]) -> Result<Running, String> {
        let record = Record::decode(record)?;
        self.dies_of(&record);
        self.config.with(&record).map_err(|(at, refusal)| said(&record, at, &refusal.to_string()))
    }

    /// Applies what the old master may have died of. A panic ends here: the tables are made what the configuration before
    /// says, and the panic is the reason that the client reads.
    pub(super) fn redo(&mut self, id: CommandId, record: &[u8]) -> Result<String, String> {
        let before = Arc::clone(&self.config);
        task::caught(|| self.apply(id, record)).unwrap_or_else(|panic| {
            self.config = before;
            self.roll_back();
            Err(format!("not applied: done again after a failover, it panicked: {panic}"))
        })
    }

    /// The tables are made what the configuration says.
    fn roll_back(&mut self) {
        if let Err(error) = self.plane.apply(&self.config.config) {
            self.behind(&error);
        }
    }

    pub(super) fn replay(&mut self, record: &[u8]) -> Result<(), String> {
        self.config = Arc::new(self.after(record)?);
        Ok(())
    }

    pub(super) fn check_hardware(&self) {
        let (tree, back) = (self.plane.tree(), self.back.clone());
        self.tasks.spawn("hardware", false, async move {
            let checked = tokio::task::spawn_blocking(move || sample(&tree)).await;
            let checked = checked.unwrap_or_else(|e| Err(e.to_string()));
            let _ = back.send(Back::Hardware(Box::new(checked))).await;
        });
    }

    pub(super) fn netlink_event(&mut self, event: &netlink::LinkEvent) {
        self.plane.follow_links();
        self.lacp_follow();
        let port = ports::heard(&self.config.config, event);
        if port.is_some() || ports::renewed(event) {
            self.plane.doubt();
        }
        self.bring_up_to_date();
        if self.plane.writable().is_some()
            && let Some(port) = port.and_then(|lport| self.port(lport))
        {
            self.tasks.spawn("ports", false, self.bring_up(vec![port]));
        }
    }

    /// Takes what the feed tells of routes.
    pub(super) fn routes(&mut self, update: Update) {
        self.plane.hear_routes(update);
        if self.routes_at.is_none() {
            self.route();
        }
    }

    /// Puts routes into the tables.
    pub(super) fn route(&mut self) {
        let next = self.plane.route();
        self.routed(next);
    }

    /// Takes what was planned of routes.
    pub(super) fn planned(&mut self, plan: Result<RoutePlan, String>) {
        let next = self.plane.install_routes(plan);
        self.routed(next);
    }

    fn routed(&mut self, next: Result<Next, String>) {
        self.routes_at = match next {
            Ok(Next::Nothing) => None,
            Ok(Next::Later) => Some(Instant::now() + SETTLING),
            Ok(Next::Plan(plan)) => {
                let back = self.back.clone();
                self.tasks.spawn("routes", false, async move {
                    let work = move || crate::process::patiently(plan);
                    let plan = tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| Err(e.to_string()));
                    let _ = back.send(Back::Routes(Box::new(plan))).await;
                });
                None
            }
            Err(error) => {
                error!(target: "msm.l3", "{error}; it is tried again in {} ms", RETRY.as_millis());
                Some(Instant::now() + RETRY)
            }
        };
    }

    pub(super) fn sweep(&mut self) {
        self.bring_up_to_date();
        if let (Some(epoch), Some(observer)) = (self.plane.writable(), self.plane.observer()) {
            let config = &self.config.config;
            let key = |(vlan, mac): &Static| Some(FdbKey::new(mac.0, config.vlans.get(vlan)?.vid));
            let configured = config.fdb.entries.keys().filter_map(key).collect();
            let limited = config.ports.learning.keys().chain(&config.ports.locked).copied().collect();
            let observer = Arc::clone(observer);
            self.sweeper.search(Search { observer, configured, limited, epoch });
        }
    }

    /// Forgets learned stations, if that may be done here.
    pub(super) fn clear_fdb(&mut self, filter: FdbFilter) -> Reply {
        if self.plane.writable().is_none() {
            return Reply::Elsewhere("this MSM is not the master".to_owned());
        }
        match self.plane.flush(filter) {
            Ok(stations) => Reply::Done(format!("{stations} stations forgotten")),
            Err(error) => Reply::Failed(error),
        }
    }

    pub(super) fn found(&mut self, found: &Found) {
        if self.plane.writable() == Some(found.epoch) {
            self.plane.sweep(&found.keys);
            self.plane.correct_learning(&found.drifts);
        }
    }
}

/// Opens the tables for reading, which checks their ABI, and reads some of each kind.
fn sample(tree: &msm_dataplane::PinTree) -> Result<Observer, String> {
    let observer = tree.observe().map_err(|e| e.to_string())?;
    observer.meta().map_err(|e| e.to_string())?;
    observer.plane_config().map_err(|e| e.to_string())?;
    observer.fabrics().map_err(|e| e.to_string())?;
    observer.fdb_len().map_err(|e| e.to_string())?;
    Ok(observer)
}
