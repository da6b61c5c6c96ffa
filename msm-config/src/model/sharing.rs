//! Load sharing: ports that are one (`enable|disable sharing`), and what LACP says of them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use msm_abi::{Algorithm, GROUP_PORTS, GROUPS, Lport};

use super::{Config, Refusal, render::Text};
use crate::port::PortName;
use crate::portlist::{PortList, PortSet};

/// IEEE 802.1AX-2014 6.3.2: the usual system priority.
const SYSTEM_PRIORITY: u16 = 32_768;

/// Algorithms as they are typed.
pub const ALGORITHMS: [(&str, Algorithm); 3] = [
    ("address-based", Algorithm::Address),
    ("port-based", Algorithm::Port),
    ("round-robin", Algorithm::RoundRobin),
];

/// How LACP is spoken on a group's ports (IEEE 802.1AX-2014 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lacp {
    /// The partner is to speak every second, and is gone after three; else every 30 and after 90.
    pub short: bool,
    /// Speaks first.
    pub active: bool,
}

impl Default for Lacp {
    fn default() -> Self {
        Self { short: false, active: true }
    }
}

/// One group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its place in the tables, its own as long as it lives.
    pub index: u16,
    /// How a port is chosen.
    pub algorithm: Algorithm,
    /// Its ports, the master too.
    pub members: PortSet,
    /// LACP decides which of them are used; `None`: all that are up.
    pub dynamic: Option<Lacp>,
}

/// All groups. A port is in one at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sharing {
    /// By master.
    pub groups: BTreeMap<Lport, Group>,
    /// LACP's system priority.
    pub system_priority: u16,
    /// Master of each port of a group.
    masters: BTreeMap<Lport, Lport>,
}

impl Default for Sharing {
    fn default() -> Self {
        Self { groups: BTreeMap::new(), system_priority: SYSTEM_PRIORITY, masters: BTreeMap::new() }
    }
}

/// A change of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharingChange {
    /// `enable sharing`
    Enable {
        /// The port that stands for all.
        master: PortName,
        /// All, the master too.
        ports: PortList,
        /// With LACP.
        dynamic: bool,
        /// How a port is chosen.
        algorithm: Algorithm,
        /// Its place in the tables; `None`: the first that is free.
        internal: Option<u16>,
    },
    /// `disable sharing`
    Disable(PortName),
    /// `configure sharing ... lacp timeout`: short or long.
    Timeout(PortName, bool),
    /// `configure sharing ... lacp activity-mode`: active or passive.
    Activity(PortName, bool),
    /// `configure lacp system-priority`
    SystemPriority(u16),
}

impl Sharing {
    /// Master of the group that a port is in.
    #[must_use]
    pub fn master(&self, lport: Lport) -> Option<Lport> {
        self.masters.get(&lport).copied()
    }

    /// Whether a port is in a group and not its master: VLANs and stations do not know it.
    #[must_use]
    pub fn is_hidden(&self, lport: Lport) -> bool {
        self.master(lport).is_some_and(|master| master != lport)
    }

    /// Refuses a port that is in a group and not its master, for what belongs to the group as a whole.
    ///
    /// # Errors
    /// Which group it is in.
    pub fn whole(&self, lport: Lport) -> Result<(), Refusal> {
        match self.master(lport).filter(|master| *master != lport) {
            Some(master) => {
                Err(Refusal::GroupMember { port: PortName::of(lport), master: PortName::of(master) })
            }
            None => Ok(()),
        }
    }

    fn free_index(&self) -> Result<u16, Refusal> {
        let taken: std::collections::BTreeSet<u16> = self.groups.values().map(|group| group.index).collect();
        let free = (0..).zip(0..GROUPS).map(|(index, _)| index).find(|index| !taken.contains(index));
        free.ok_or(Refusal::TooMany { what: "load-sharing groups", most: GROUPS })
    }

    fn index(&self, wanted: Option<u16>) -> Result<u16, Refusal> {
        let Some(index) = wanted else { return self.free_index() };
        match self.groups.iter().find(|(_, group)| group.index == index) {
            Some((master, _)) => Err(Refusal::GroupIndexTaken { index, master: PortName::of(*master) }),
            None => Ok(index),
        }
    }

    fn group(&mut self, master: PortName) -> Result<&mut Group, Refusal> {
        self.groups.get_mut(&master.lport()).ok_or(Refusal::NoGroup(master))
    }

    fn lacp(&mut self, master: PortName) -> Result<&mut Lacp, Refusal> {
        self.group(master)?.dynamic.as_mut().ok_or(Refusal::NoLacp(master))
    }

    /// True if the group that `change` enables is there, as it says.
    pub(super) fn has(&self, change: &SharingChange, ports: &PortSet) -> bool {
        let SharingChange::Enable { master, ports: list, dynamic, algorithm, internal } = change else {
            return false;
        };
        self.groups.get(&master.lport()).is_some_and(|group| {
            list.resolve(ports).is_ok_and(|members| members == group.members)
                && group.dynamic.is_some() == *dynamic
                && group.algorithm == *algorithm
                && internal.is_none_or(|index| index == group.index)
        })
    }

    pub(super) fn render(&self, out: &mut Text) {
        out.section("Load Sharing Configuration");
        if self.system_priority != SYSTEM_PRIORITY {
            out.line(&SharingChange::SystemPriority(self.system_priority));
        }
        for (master, group) in &self.groups {
            let master = PortName::of(*master);
            out.line(&SharingChange::Enable {
                master,
                ports: PortList::of(&group.members),
                dynamic: group.dynamic.is_some(),
                algorithm: group.algorithm,
                internal: Some(group.index),
            });
            if let Some(lacp) = group.dynamic {
                if lacp.short {
                    out.line(&SharingChange::Timeout(master, true));
                }
                if !lacp.active {
                    out.line(&SharingChange::Activity(master, false));
                }
            }
        }
    }
}

/// What uses a port that is to become one of a group, other than its untagged membership of Default: that it loses.
fn user(config: &Config, lport: Lport) -> Option<String> {
    let placed = config.fdb.entries.iter().find_map(|((_, mac), place)| match place {
        super::Place::Port(port) if port.lport() == lport => Some(format!("fdbentry {mac}")),
        _ => None,
    });
    placed.or_else(|| config.vlans.user(lport).map(|vlan| format!("VLAN \"{vlan}\"")))
}

pub(super) fn apply(config: &mut Config, change: &SharingChange) -> Result<(), Refusal> {
    match change {
        SharingChange::Enable { master, ports, dynamic, algorithm, internal } => {
            let members = ports.resolve(&config.facts().ports).map_err(Refusal::NoPort)?;
            if !members.contains(&master.lport()) {
                return Err(Refusal::MasterNotInGroup(*master));
            }
            if members.len() > GROUP_PORTS {
                return Err(Refusal::GroupTooLarge { ports: members.len(), most: GROUP_PORTS });
            }
            if let Some(monitor) = config.mirroring.monitor.filter(|monitor| members.contains(monitor)) {
                let (port, user) = (PortName::of(monitor), "mirroring, as the monitor port".to_owned());
                return Err(Refusal::PortInUse { port, user });
            }
            let in_group = |lport: &Lport| config.sharing.master(*lport).map(|other| (*lport, other));
            if let Some((lport, other)) = members.iter().find_map(in_group) {
                return Err(Refusal::PortGrouped { port: PortName::of(lport), master: PortName::of(other) });
            }
            let others: PortSet = members.iter().copied().filter(|lport| *lport != master.lport()).collect();
            if let Some((lport, user)) = others.iter().find_map(|l| user(config, *l).map(|u| (*l, u))) {
                return Err(Refusal::PortInUse { port: PortName::of(lport), user });
            }
            let index = config.sharing.index(*internal)?;
            Arc::make_mut(&mut config.vlans).leave_default(&others);
            let sharing = Arc::make_mut(&mut config.sharing);
            sharing.masters.extend(members.iter().map(|lport| (*lport, master.lport())));
            let dynamic = dynamic.then(Lacp::default);
            sharing.groups.insert(master.lport(), Group { index, algorithm: *algorithm, members, dynamic });
        }
        SharingChange::Disable(master) => {
            let sharing = Arc::make_mut(&mut config.sharing);
            sharing.groups.remove(&master.lport()).ok_or(Refusal::NoGroup(*master))?;
            sharing.masters.retain(|_, other| *other != master.lport());
        }
        SharingChange::Timeout(master, short) => {
            Arc::make_mut(&mut config.sharing).lacp(*master)?.short = *short;
        }
        SharingChange::Activity(master, active) => {
            Arc::make_mut(&mut config.sharing).lacp(*master)?.active = *active;
        }
        SharingChange::SystemPriority(priority) => {
            Arc::make_mut(&mut config.sharing).system_priority = *priority;
        }
    }
    Ok(())
}

/// An algorithm as it is typed.
#[must_use]
pub fn algorithm_name(algorithm: Algorithm) -> &'static str {
    ALGORITHMS.iter().find(|(_, other)| *other == algorithm).map_or("address-based", |(name, _)| name)
}

impl fmt::Display for SharingChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enable { master, ports, dynamic, algorithm, internal } => {
                write!(f, "enable sharing {master} grouping {ports}")?;
                if *dynamic {
                    f.write_str(" dynamic")?;
                }
                write!(f, " algorithm {}", algorithm_name(*algorithm))?;
                match internal {
                    Some(index) => write!(f, " internal {index}"),
                    None => Ok(()),
                }
            }
            Self::Disable(master) => write!(f, "disable sharing {master}"),
            Self::Timeout(master, short) => {
                let timeout = if *short { "short" } else { "long" };
                write!(f, "configure sharing {master} lacp timeout {timeout}")
            }
            Self::Activity(master, active) => {
                let mode = if *active { "active" } else { "passive" };
                write!(f, "configure sharing {master} lacp activity-mode {mode}")
            }
            Self::SystemPriority(priority) => write!(f, "configure lacp system-priority {priority}"),
        }
    }
}
