//! RIP: where it runs, its intervals, routes of others that are passed on (`configure|enable|disable rip`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::{Config, Refusal, Source, ospf::routable, render::Text};
use crate::name::Name;

/// The protocol's name in refusals.
pub(super) const RIP: &str = "RIP";

/// RIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rip {
    /// It runs.
    pub enabled: bool,
    /// Where it runs.
    pub vlans: BTreeSet<Name>,
    /// Between updates.
    pub update_s: u32,
    /// A route that was not heard of for as long is dead.
    pub timeout_s: u32,
    /// A dead route is announced as dead for as long.
    pub garbage_s: u32,
    /// What else it announces, and at which cost.
    pub exports: BTreeMap<Source, Option<u8>>,
}

impl Default for Rip {
    /// RFC 2453 3.8.
    fn default() -> Self {
        Self {
            enabled: false,
            vlans: BTreeSet::new(),
            update_s: 30,
            timeout_s: 180,
            garbage_s: 120,
            exports: BTreeMap::new(),
        }
    }
}

/// A change of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RipChange {
    /// `enable rip`, `disable rip`
    Enable(bool),
    /// `configure rip add vlan`
    Add(Name),
    /// `configure rip delete vlan`
    Remove(Name),
    /// `configure rip updatetime`
    Update(u32),
    /// `configure rip routetimeout`
    Timeout(u32),
    /// `configure rip garbagetime`
    Garbage(u32),
    /// `enable rip export`; `None`: at the protocol's default cost.
    Export(Source, Option<u8>),
    /// `disable rip export`
    NoExport(Source),
}

impl Rip {
    pub(super) fn renamed(&mut self, old: &Name, new: &Name) {
        if self.vlans.remove(old) {
            self.vlans.insert(new.clone());
        }
    }

    pub(super) fn render(&self, out: &mut Text) {
        out.section("RIP configuration");
        let factory = Self::default();
        if self.update_s != factory.update_s {
            out.line(&RipChange::Update(self.update_s));
        }
        if self.timeout_s != factory.timeout_s {
            out.line(&RipChange::Timeout(self.timeout_s));
        }
        if self.garbage_s != factory.garbage_s {
            out.line(&RipChange::Garbage(self.garbage_s));
        }
        for vlan in &self.vlans {
            out.line(&RipChange::Add(vlan.clone()));
        }
        for (source, cost) in &self.exports {
            out.line(&RipChange::Export(*source, *cost));
        }
        if self.enabled {
            out.line(&RipChange::Enable(true));
        }
    }
}

pub(super) fn apply(config: &mut Config, change: &RipChange) -> Result<(), Refusal> {
    let given = match change {
        RipChange::Add(vlan) => Some(routable(config, vlan)?),
        _ => None,
    };
    let rip = Arc::make_mut(&mut config.rip);
    match change {
        RipChange::Enable(enabled) => rip.enabled = *enabled,
        RipChange::Add(vlan) => {
            rip.vlans.insert(given.unwrap_or_else(|| vlan.clone()));
        }
        RipChange::Remove(vlan) => {
            if !rip.vlans.remove(vlan) {
                return Err(Refusal::NotRouted { vlan: vlan.clone(), protocol: RIP });
            }
        }
        RipChange::Update(seconds) => rip.update_s = *seconds,
        RipChange::Timeout(seconds) => rip.timeout_s = *seconds,
        RipChange::Garbage(seconds) => rip.garbage_s = *seconds,
        RipChange::Export(source, cost) => {
            rip.exports.insert(*source, *cost);
        }
        RipChange::NoExport(source) => {
            rip.exports.remove(source);
        }
    }
    Ok(())
}

impl fmt::Display for RipChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enable(true) => f.write_str("enable rip"),
            Self::Enable(false) => f.write_str("disable rip"),
            Self::Add(vlan) => write!(f, "configure rip add vlan \"{vlan}\""),
            Self::Remove(vlan) => write!(f, "configure rip delete vlan \"{vlan}\""),
            Self::Update(seconds) => write!(f, "configure rip updatetime {seconds}"),
            Self::Timeout(seconds) => write!(f, "configure rip routetimeout {seconds}"),
            Self::Garbage(seconds) => write!(f, "configure rip garbagetime {seconds}"),
            Self::Export(source, None) => write!(f, "enable rip export {source}"),
            Self::Export(source, Some(cost)) => write!(f, "enable rip export {source} cost {cost}"),
            Self::NoExport(source) => write!(f, "disable rip export {source}"),
        }
    }
}
