//! Ports by themselves (`enable|disable ports`, `configure ports`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use msm_abi::{LimitKind, Lport};

use super::{Config, Facts, Refusal, render::Text};
use crate::netdev::NetdevName;
use crate::port::PortName;
use crate::portlist::{Missing, PortList, PortSet};

/// How a port's frames come into the pipeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Driver {
    /// By XDP.
    #[default]
    Xdp,
    /// By tcx.
    Tcx,
    /// By tcx where the offloads of the other end would not survive XDP, else by XDP.
    Auto,
}

impl Driver {
    /// Each with its word.
    pub const ALL: [(&'static str, Self); 3] = [("xdp", Self::Xdp), ("tcx", Self::Tcx), ("auto", Self::Auto)];
}

/// What is flooded, each with its word in commands (those of the later products of the line).
pub const FLOODS: [(&str, LimitKind); 3] = [
    ("broadcast", LimitKind::Broadcast),
    ("multicast", LimitKind::Multicast),
    ("unknown-destmac", LimitKind::Unknown),
];

/// Settings of ports that differ from the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    /// Disabled by an operator.
    pub disabled: PortSet,
    /// Drivers that are not the default.
    pub drivers: BTreeMap<Lport, Driver>,
    /// Frames a second that a port may flood.
    pub rates: BTreeMap<(Lport, LimitKind), u32>,
    /// Stations that a port may learn.
    pub learning: BTreeMap<Lport, u32>,
    /// Ports that learn no new stations, whatever their limit.
    pub locked: PortSet,
    /// Netdevs that are not those of the chassis file; `None`: the port has none.
    pub netdevs: BTreeMap<Lport, Option<NetdevName>>,
}

/// What a port may learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learning {
    /// So many stations.
    Limit(u32),
    /// As many as there is room for.
    Unlimited,
    /// No new ones.
    Lock,
    /// New ones again, up to the limit.
    Unlock,
}

/// A change of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortsChange {
    /// `enable|disable ports`
    Enable {
        /// True: `enable`.
        enable: bool,
        /// `None`: all.
        ports: Option<PortList>,
    },
    /// `configure ports ... driver`
    Driver {
        /// Which.
        ports: PortList,
        /// How.
        driver: Driver,
    },
    /// `configure ports ... rate-limit flood`
    Rate {
        /// Which.
        ports: PortList,
        /// Of what.
        kind: LimitKind,
        /// Frames a second; `None`: no limit.
        rate: Option<u32>,
    },
    /// `configure ports ... limit-learning` and its kin
    Learning {
        /// Which.
        ports: PortList,
        /// What.
        learning: Learning,
    },
    /// `configure ports ... netdev`; `None`: none
    Netdev {
        /// Which.
        port: PortName,
        /// The netdev.
        netdev: Option<NetdevName>,
    },
    /// `unconfigure ports ... netdev`
    FileNetdev(PortName),
}

impl Ports {
    /// The netdev of a port, if it is to have one.
    #[must_use]
    pub fn netdev<'a>(&'a self, facts: &'a Facts, lport: Lport) -> Option<&'a str> {
        match self.netdevs.get(&lport) {
            Some(netdev) => netdev.as_ref().map(NetdevName::as_str),
            None => facts.netdevs.ports.get(&lport).map(String::as_str),
        }
    }

    /// The port of a netdev.
    #[must_use]
    pub fn port_of(&self, facts: &Facts, netdev: &str) -> Option<Lport> {
        facts.ports.iter().copied().find(|lport| self.netdev(facts, *lport) == Some(netdev))
    }

    /// How a port's frames are to come in.
    #[must_use]
    pub fn driver(&self, lport: Lport) -> Driver {
        self.drivers.get(&lport).copied().unwrap_or_default()
    }

    /// Stations that a port may learn, if there is a limit: `Some(None)` no new ones.
    #[must_use]
    pub fn learning(&self, lport: Lport) -> Option<Option<u32>> {
        if self.locked.contains(&lport) {
            return Some(None);
        }
        self.learning.get(&lport).map(|limit| Some(*limit))
    }

    /// Gives a port a netdev that no other has.
    fn attach(&mut self, facts: &Facts, port: PortName, netdev: Option<NetdevName>) -> Result<(), Refusal> {
        if let Some(netdev) = &netdev {
            let taken = |by: String| Refusal::NetdevTaken { netdev: netdev.clone(), by };
            if facts.netdevs.mgmt.as_deref() == Some(netdev.as_str()) {
                return Err(taken("VLAN \"Mgmt\"".to_owned()));
            }
            let other = self.port_of(facts, netdev.as_str()).filter(|lport| *lport != port.lport());
            if let Some(other) = other {
                return Err(taken(format!("port {}", PortName::of(other))));
            }
        }
        let filed = facts.netdevs.ports.get(&port.lport()).map(String::as_str);
        if netdev.as_ref().map(NetdevName::as_str) == filed {
            self.netdevs.remove(&port.lport());
        } else {
            self.netdevs.insert(port.lport(), netdev);
        }
        Ok(())
    }

    fn change(&mut self, facts: &Facts, change: &PortsChange) -> Result<(), Refusal> {
        let resolve = |ports: &PortList| ports.resolve(&facts.ports).map_err(Refusal::NoPort);
        let exists = |port: &PortName| match facts.ports.contains(&port.lport()) {
            true => Ok(*port),
            false => Err(Refusal::NoPort(Missing::Port(*port))),
        };
        match change {
            PortsChange::Enable { enable, ports } => {
                let ports = ports.as_ref().map_or_else(|| Ok(facts.ports.clone()), resolve)?;
                put_all(&mut self.disabled, ports, !enable);
            }
            PortsChange::Driver { ports, driver } => {
                for lport in resolve(ports)? {
                    put(&mut self.drivers, lport, Some(*driver).filter(|d| *d != Driver::default()));
                }
            }
            PortsChange::Rate { ports, kind, rate } => {
                for lport in resolve(ports)? {
                    put(&mut self.rates, (lport, *kind), *rate);
                }
            }
            PortsChange::Learning { ports, learning } => {
                let ports = resolve(ports)?;
                match learning {
                    Learning::Limit(_) | Learning::Unlimited => {
                        let limit = match learning {
                            Learning::Limit(limit) => Some(*limit),
                            _ => None,
                        };
                        ports.into_iter().for_each(|lport| put(&mut self.learning, lport, limit));
                    }
                    Learning::Lock => put_all(&mut self.locked, ports, true),
                    Learning::Unlock => put_all(&mut self.locked, ports, false),
                }
            }
            PortsChange::Netdev { port, netdev } => self.attach(facts, exists(port)?, netdev.clone())?,
            PortsChange::FileNetdev(port) => {
                let filed = facts.netdevs.ports.get(&exists(port)?.lport());
                // A file's name that is no kernel's is refused where the file is read.
                self.attach(facts, *port, filed.and_then(|name| name.parse().ok()))?;
            }
        }
        Ok(())
    }

    pub(super) fn render(&self, facts: &Facts, out: &mut Text) {
        out.section("Ports Configuration");
        // First every netdev is freed that goes from one port to another.
        let given: Vec<&str> = self.netdevs.values().flatten().map(NetdevName::as_str).collect();
        let frees = |lport: &Lport| {
            facts.netdevs.ports.get(lport).is_some_and(|filed| given.contains(&filed.as_str()))
        };
        for (lport, netdev) in &self.netdevs {
            if netdev.is_none() || frees(lport) {
                out.line(&PortsChange::Netdev { port: PortName::of(*lport), netdev: None });
            }
        }
        for (lport, netdev) in self.netdevs.iter().filter(|(_, netdev)| netdev.is_some()) {
            out.line(&PortsChange::Netdev { port: PortName::of(*lport), netdev: netdev.clone() });
        }
        if !self.disabled.is_empty() {
            let ports = Some(PortList::of(&self.disabled));
            out.line(&PortsChange::Enable { enable: false, ports });
        }
        for (driver, ports) in alike(self.drivers.iter().map(|(lport, driver)| (*driver, *lport))) {
            out.line(&PortsChange::Driver { ports, driver });
        }
        for ((kind, rate), ports) in
            alike(self.rates.iter().map(|((lport, kind), rate)| ((*kind, *rate), *lport)))
        {
            out.line(&PortsChange::Rate { ports, kind, rate: Some(rate) });
        }
        for (limit, ports) in alike(self.learning.iter().map(|(lport, limit)| (*limit, *lport))) {
            out.line(&PortsChange::Learning { ports, learning: Learning::Limit(limit) });
        }
        if !self.locked.is_empty() {
            out.line(&PortsChange::Learning { ports: PortList::of(&self.locked), learning: Learning::Lock });
        }
    }
}

fn put<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}

fn put_all(set: &mut PortSet, ports: PortSet, put: bool) {
    if put {
        set.extend(ports);
    } else {
        set.retain(|lport| !ports.contains(lport));
    }
}

/// Ports of one setting together.
fn alike<K: Ord>(settings: impl Iterator<Item = (K, Lport)>) -> impl Iterator<Item = (K, PortList)> {
    let mut groups: BTreeMap<K, PortSet> = BTreeMap::new();
    for (setting, lport) in settings {
        groups.entry(setting).or_default().insert(lport);
    }
    groups.into_iter().map(|(setting, ports)| (setting, PortList::of(&ports)))
}

pub(super) fn apply(config: &mut Config, change: &PortsChange) -> Result<(), Refusal> {
    let facts = Arc::clone(config.facts());
    Arc::make_mut(&mut config.ports).change(&facts, change)
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::ALL.iter().find(|(_, driver)| driver == self).map_or("", |(word, _)| word);
        f.write_str(word)
    }
}

/// The word of what is flooded.
#[must_use]
pub fn flood_word(kind: LimitKind) -> &'static str {
    FLOODS.iter().find(|(_, of)| *of == kind).map_or("", |(word, _)| word)
}

impl fmt::Display for PortsChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enable { enable, ports } => {
                let verb = if *enable { "enable" } else { "disable" };
                match ports {
                    Some(ports) => write!(f, "{verb} ports {ports}"),
                    None => write!(f, "{verb} ports all"),
                }
            }
            Self::Driver { ports, driver } => write!(f, "configure ports {ports} driver {driver}"),
            Self::Rate { ports, kind, rate } => {
                write!(f, "configure ports {ports} rate-limit flood {} ", flood_word(*kind))?;
                match rate {
                    Some(rate) => write!(f, "{rate}"),
                    None => f.write_str("no-limit"),
                }
            }
            Self::Learning { ports, learning } => {
                write!(f, "configure ports {ports} ")?;
                match learning {
                    Learning::Limit(limit) => write!(f, "limit-learning {limit}"),
                    Learning::Unlimited => f.write_str("unlimited-learning"),
                    Learning::Lock => f.write_str("lock-learning"),
                    Learning::Unlock => f.write_str("unlock-learning"),
                }
            }
            Self::Netdev { port, netdev: Some(netdev) } => {
                write!(f, "configure ports {port} netdev \"{netdev}\"")
            }
            Self::Netdev { port, netdev: None } => write!(f, "configure ports {port} netdev none"),
            Self::FileNetdev(port) => write!(f, "unconfigure ports {port} netdev"),
        }
    }
}
