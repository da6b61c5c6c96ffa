//! Stations: their age, and those that an operator has placed (`configure fdb`, `create|delete fdbentry`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{Config, Refusal, render::Text};
use crate::mac::Mac;
use crate::name::Name;
use crate::port::PortName;
use crate::portlist::Missing;

/// The manual's.
const AGING_DEFAULT_S: u32 = 300;
/// Entries that an operator may create: they are typed, and travel in one snapshot.
const STATIC_MAX: usize = 4096;

/// Where frames to a placed station go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere.
    Blackhole,
    /// Out of this port.
    Port(PortName),
}

/// Key of a placed station.
pub type Static = (Name, Mac);

/// Stations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fdb {
    /// Age at which a learned station is forgotten; 0 = never.
    pub aging_s: u32,
    /// Placed stations, by VLAN.
    pub entries: BTreeMap<Static, Place>,
}

impl Default for Fdb {
    fn default() -> Self {
        Self { aging_s: AGING_DEFAULT_S, entries: BTreeMap::new() }
    }
}

/// A change of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FdbChange {
    /// `configure fdb agingtime`
    Aging(u32),
    /// `create fdbentry`
    Create {
        /// The station.
        mac: Mac,
        /// Its VLAN.
        vlan: Name,
        /// Where it is.
        place: Place,
    },
    /// `delete fdbentry`
    Delete {
        /// The station.
        mac: Mac,
        /// Its VLAN.
        vlan: Name,
    },
}

impl Fdb {
    /// What uses a VLAN here.
    pub(super) fn user_of(&self, vlan: &Name) -> Option<String> {
        self.entries.keys().find(|(name, _)| name == vlan).map(|(_, mac)| format!("fdbentry {mac}"))
    }

    /// Stations placed on ports of a VLAN.
    pub(super) fn placed<'a>(&'a self, vlan: &'a Name) -> impl Iterator<Item = (Mac, PortName)> + 'a {
        self.entries.iter().filter_map(move |((name, mac), place)| match place {
            Place::Port(port) if name == vlan => Some((*mac, *port)),
            _ => None,
        })
    }

    pub(super) fn renamed(&mut self, old: &Name, new: &Name) {
        let entries = std::mem::take(&mut self.entries).into_iter();
        self.entries = entries
            .map(|((vlan, mac), place)| ((if vlan == *old { new.clone() } else { vlan }, mac), place))
            .collect();
    }

    pub(super) fn render(&self, out: &mut Text) {
        out.section("FDB Configuration");
        if self.aging_s != AGING_DEFAULT_S {
            out.line(&FdbChange::Aging(self.aging_s));
        }
        for ((vlan, mac), place) in &self.entries {
            out.line(&FdbChange::Create { mac: *mac, vlan: vlan.clone(), place: *place });
        }
    }
}

pub(super) fn apply(config: &mut Config, change: &FdbChange) -> Result<(), Refusal> {
    let facts = Arc::clone(config.facts());
    let (vlans, sharing) = (Arc::clone(&config.vlans), Arc::clone(&config.sharing));
    let fdb = Arc::make_mut(&mut config.fdb);
    match change {
        FdbChange::Aging(seconds) => fdb.aging_s = *seconds,
        FdbChange::Create { mac, vlan, place } => {
            let found = vlans.get(vlan).ok_or_else(|| Refusal::NoVlan(vlan.clone()))?;
            if found.vid == 0 {
                return Err(Refusal::NotSwitched(vlan.clone()));
            }
            if let Place::Port(port) = place {
                if !facts.ports.contains(&port.lport()) {
                    return Err(Refusal::NoPort(Missing::Port(*port)));
                }
                sharing.whole(port.lport())?;
                if !found.untagged.contains(&port.lport()) && !found.tagged.contains(&port.lport()) {
                    return Err(Refusal::NotMember { port: *port, vlan: vlan.clone() });
                }
            }
            let given = vlans.name_of(found.vid).unwrap_or(vlan).clone();
            fdb.entries.insert((given, *mac), *place);
            if fdb.entries.len() > STATIC_MAX {
                return Err(Refusal::TooMany { what: "static entries", most: STATIC_MAX });
            }
        }
        FdbChange::Delete { mac, vlan } => {
            if fdb.entries.remove(&(vlan.clone(), *mac)).is_none() {
                return Err(Refusal::NoEntry(*mac));
            }
        }
    }
    Ok(())
}

impl fmt::Display for FdbChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aging(seconds) => write!(f, "configure fdb agingtime {seconds}"),
            Self::Create { mac, vlan, place: Place::Blackhole } => {
                write!(f, "create fdbentry {mac} vlan \"{vlan}\" blackhole")
            }
            Self::Create { mac, vlan, place: Place::Port(port) } => {
                write!(f, "create fdbentry {mac} vlan \"{vlan}\" port {port}")
            }
            Self::Delete { mac, vlan } => write!(f, "delete fdbentry {mac} vlan \"{vlan}\""),
        }
    }
}
