//! The running configuration: typed, one struct a section; what a change makes of it; how it is written as commands.

mod access;
mod accounts;
mod again;
mod bgp;
mod change;
mod cli;
mod cpu;
mod dns;
mod failover;
mod fdb;
mod health;
mod log;
mod mirroring;
mod ospf;
mod ports;
mod refusal;
mod render;
mod rip;
mod routing;
mod running;
mod sharing;
mod source;
mod system;
mod vlans;

use std::sync::Arc;

use msm_proto::Options;

pub use access::{ACCESS_RULES_MAX, Access as AccessRule, AccessChange, AccessLists, Matches, NewRule};
pub use accounts::{Access, Account, AccountChange, Accounts, HASH_MAX, Secret};
pub use bgp::{Announced, Bgp, BgpChange, BgpNeighbor};
pub use change::Change;
pub use cli::{Cli, CliChange};
pub use cpu::{CPU_RATE_MAX, CpuChange, CpuProtection, burst, class_word, default_rate};
pub use dns::{Dns, DnsChange};
pub use failover::FailoverChange;
pub use fdb::{Fdb, FdbChange, Place, Static};
pub use health::{HEALTH_INTERVAL, HEALTH_MAX, HEALTH_MIN, Health, HealthChange};
pub use log::{Facility, Log, LogChange, Severity, SyslogHost};
pub use mirroring::{Mirrored, Mirroring, MirroringChange};
pub use ospf::{LinkType, Ospf, OspfChange, OspfExport, OspfTimers, OspfVlan};
pub use ports::{Driver, FLOODS, Learning, Ports, PortsChange, flood_word};
pub use refusal::Refusal;
pub use rip::{Rip, RipChange};
pub use routing::{METRIC_DEFAULT, Routing, RoutingChange};
pub use running::{Record, Running, script};
pub use sharing::{ALGORITHMS, Group, Lacp, Sharing, SharingChange, algorithm_name};
pub use source::Source;
pub use system::{System, SystemChange};
pub use vlans::{DEFAULT_VLAN, MGMT_VLAN, MTU_DEFAULT, Vlan, VlanChange, Vlans};

use crate::portlist::PortSet;

/// Netdevs as the chassis file has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Netdevs {
    /// Of the ports.
    pub ports: std::collections::BTreeMap<msm_abi::Lport, String>,
    /// Of VLAN Mgmt.
    pub mgmt: Option<String>,
}

/// What the chassis is, as its file says: where a configuration begins, and what it can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Ports that there are.
    pub ports: PortSet,
    /// Their netdevs, before others are configured.
    pub netdevs: Netdevs,
    /// Name of the switch before it is given one.
    pub sys_name: String,
    /// Failover options before they are configured.
    pub options: Options,
}

/// Everything that commands configure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    facts: Arc<Facts>,
    /// Name, location, contact.
    pub system: System,
    /// Failover and recovery.
    pub failover: Options,
    /// VLANs and their members.
    pub vlans: Arc<Vlans>,
    /// Ports that are one.
    pub sharing: Arc<Sharing>,
    /// Ports by themselves.
    pub ports: Arc<Ports>,
    /// Copies at a monitor port.
    pub mirroring: Arc<Mirroring>,
    /// What may go to the control plane.
    pub cpu: Arc<CpuProtection>,
    /// The self test that is repeated.
    pub health: Health,
    /// Stations.
    pub fdb: Arc<Fdb>,
    /// Access lists.
    pub access: Arc<AccessLists>,
    /// Static routes and neighbours.
    pub routing: Arc<Routing>,
    /// Who may use the switch.
    pub accounts: Arc<Accounts>,
    /// Where log lines go.
    pub log: Arc<Log>,
    /// Where names are resolved.
    pub dns: Arc<Dns>,
    /// OSPF.
    pub ospf: Arc<Ospf>,
    /// BGP.
    pub bgp: Arc<Bgp>,
    /// RIP.
    pub rip: Arc<Rip>,
    /// The command line itself.
    pub cli: Cli,
}

impl Config {
    /// What the switch does before it is configured.
    #[must_use]
    pub fn factory(facts: &Arc<Facts>) -> Self {
        Self {
            system: System::factory(facts),
            failover: facts.options,
            vlans: Arc::new(Vlans::factory(facts)),
            sharing: Arc::default(),
            ports: Arc::default(),
            mirroring: Arc::default(),
            cpu: Arc::default(),
            health: Health::default(),
            fdb: Arc::default(),
            access: Arc::default(),
            routing: Arc::default(),
            accounts: Arc::new(Accounts::factory()),
            log: Arc::default(),
            dns: Arc::default(),
            ospf: Arc::default(),
            bgp: Arc::default(),
            rip: Arc::default(),
            cli: Cli::default(),
            facts: Arc::clone(facts),
        }
    }

    /// What the chassis is.
    #[must_use]
    pub fn facts(&self) -> &Arc<Facts> {
        &self.facts
    }

    /// The configuration after `changes`, one after the other: all of them or none.
    ///
    /// # Errors
    /// Which of them cannot be made (its place, from 0), why, and what to do first.
    pub fn with(&self, changes: &[Change]) -> Result<Self, (usize, Refusal)> {
        let mut next = self.clone();
        for (at, change) in changes.iter().enumerate() {
            next.apply(change).map_err(|refusal| (at, refusal))?;
        }
        Ok(next)
    }

    /// The same, where what holds already is no fault: a configuration read again changes nothing.
    ///
    /// # Errors
    /// As [`Self::with`].
    pub fn with_script(&self, changes: &[Change]) -> Result<Self, (usize, Refusal)> {
        let mut next = self.clone();
        for (at, change) in changes.iter().enumerate() {
            let change = again::only_what_is_left(&next, change);
            if let Err(refusal) = next.apply(&change)
                && !again::holds(&next, &change, &refusal)
            {
                return Err((at, refusal));
            }
        }
        Ok(next)
    }

    /// Makes one change. After an error this is not to be used any more: part of it may be made.
    fn apply(&mut self, change: &Change) -> Result<(), Refusal> {
        match change {
            Change::System(change) => self.system.apply(change),
            Change::Failover(change) => failover::apply(&mut self.failover, change)?,
            Change::Vlan(change) => vlans::apply(self, change)?,
            Change::Sharing(change) => sharing::apply(self, change)?,
            Change::Ports(change) => ports::apply(self, change)?,
            Change::Mirroring(change) => mirroring::apply(self, change)?,
            Change::Cpu(change) => Arc::make_mut(&mut self.cpu).apply(*change),
            Change::Health(change) => self.health.apply(*change),
            Change::Fdb(change) => fdb::apply(self, change)?,
            Change::Access(change) => Arc::make_mut(&mut self.access).apply(&self.facts, change)?,
            Change::Routing(change) => routing::apply(self, change)?,
            Change::Accounts(change) => Arc::make_mut(&mut self.accounts).apply(change)?,
            Change::Log(change) => Arc::make_mut(&mut self.log).apply(change)?,
            Change::Dns(change) => Arc::make_mut(&mut self.dns).apply(change)?,
            Change::Ospf(change) => ospf::apply(self, change)?,
            Change::Bgp(change) => bgp::apply(self, change)?,
            Change::Rip(change) => rip::apply(self, change)?,
            Change::Cli(change) => self.cli.apply(*change),
            Change::Factory { accounts } => {
                let kept = Arc::clone(&self.accounts);
                *self = Self::factory(&self.facts);
                if !accounts {
                    self.accounts = kept;
                }
            }
            // What a process does with it is its own affair; to the configuration it is nothing.
            Change::Panic => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
