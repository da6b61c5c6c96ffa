//! OSPF: router id, VLANs and their areas, routes of others that are passed on (`configure|enable|disable ospf`).

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::{Config, Refusal, Source, render::Text};
use crate::name::Name;

/// Priority in the election of a designated router (RFC 2328 9.4).
const PRIORITY_DEFAULT: u8 = 1;

/// The protocol's name in refusals.
pub(super) const OSPF: &str = "OSPF";

/// Kind of link that a VLAN is to OSPF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkType {
    /// What the interface is: a broadcast link.
    #[default]
    Auto,
    /// With a designated router.
    Broadcast,
    /// Two routers and nobody else.
    PointToPoint,
}

impl LinkType {
    /// All, with their words.
    pub const ALL: [(&'static str, Self); 3] =
        [("auto", Self::Auto), ("broadcast", Self::Broadcast), ("point-to-point", Self::PointToPoint)];
}

/// Intervals of an OSPF interface in seconds (RFC 2328 appendix C.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OspfTimers {
    /// Between retransmissions.
    pub retransmit_s: u16,
    /// Estimated time on the wire.
    pub transit_s: u16,
    /// Between hellos.
    pub hello_s: u16,
    /// A neighbour that has been silent for as long is gone.
    pub dead_s: u16,
}

impl Default for OspfTimers {
    fn default() -> Self {
        Self { retransmit_s: 5, transit_s: 1, hello_s: 10, dead_s: 40 }
    }
}

/// A VLAN that OSPF runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OspfVlan {
    /// Its area.
    pub area: Ipv4Addr,
    /// What kind of link it is.
    pub link: LinkType,
    /// Announced, without hellos.
    pub passive: bool,
    /// Its intervals.
    pub timers: OspfTimers,
    /// `None`: after its bandwidth.
    pub cost: Option<u16>,
    /// In the election of a designated router.
    pub priority: u8,
}

/// How routes of others are announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OspfExport {
    /// `None`: the protocol's default.
    pub cost: Option<u32>,
    /// As type 1: the way to this router counts too.
    pub type_1: bool,
}

/// OSPF.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ospf {
    /// It runs.
    pub enabled: bool,
    /// `None`: the largest address of the switch.
    pub router_id: Option<Ipv4Addr>,
    /// Where it runs.
    pub vlans: BTreeMap<Name, OspfVlan>,
    /// What else it announces.
    pub exports: BTreeMap<Source, OspfExport>,
}

/// A change of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OspfChange {
    /// `enable ospf`, `disable ospf`
    Enable(bool),
    /// `configure ospf routerid`; `None`: automatic.
    RouterId(Option<Ipv4Addr>),
    /// `configure ospf add vlan`; what else is set of it stays.
    Add {
        /// The VLAN.
        vlan: Name,
        /// Its area.
        area: Ipv4Addr,
        /// What kind of link it is.
        link: LinkType,
        /// Announced, without hellos.
        passive: bool,
    },
    /// `configure ospf delete vlan`
    Remove(Name),
    /// `configure ospf vlan ... timer`
    Timers(Name, OspfTimers),
    /// `configure ospf vlan ... cost`; `None`: automatic.
    Cost(Name, Option<u16>),
    /// `configure ospf vlan ... priority`
    Priority(Name, u8),
    /// `enable ospf export`
    Export(Source, OspfExport),
    /// `disable ospf export`
    NoExport(Source),
}

impl Ospf {
    fn change(&mut self, vlan: &Name) -> Result<&mut OspfVlan, Refusal> {
        self.vlans.get_mut(vlan).ok_or_else(|| Refusal::NotRouted { vlan: vlan.clone(), protocol: OSPF })
    }

    pub(super) fn renamed(&mut self, old: &Name, new: &Name) {
        if let Some(settings) = self.vlans.remove(old) {
            self.vlans.insert(new.clone(), settings);
        }
    }

    pub(super) fn render(&self, out: &mut Text) {
        out.section("OSPF configuration");
        if self.router_id.is_some() {
            out.line(&OspfChange::RouterId(self.router_id));
        }
        for (vlan, settings) in &self.vlans {
            let OspfVlan { area, link, passive, timers, cost, priority } = *settings;
            out.line(&OspfChange::Add { vlan: vlan.clone(), area, link, passive });
            if timers != OspfTimers::default() {
                out.line(&OspfChange::Timers(vlan.clone(), timers));
            }
            if cost.is_some() {
                out.line(&OspfChange::Cost(vlan.clone(), cost));
            }
            if priority != PRIORITY_DEFAULT {
                out.line(&OspfChange::Priority(vlan.clone(), priority));
            }
        }
        for (source, export) in &self.exports {
            out.line(&OspfChange::Export(*source, *export));
        }
        if self.enabled {
            out.line(&OspfChange::Enable(true));
        }
    }
}

/// The VLAN as it was first named, if a routing protocol can run in it.
pub(super) fn routable(config: &Config, vlan: &Name) -> Result<Name, Refusal> {
    let found = config.vlans.get(vlan).ok_or_else(|| Refusal::NoVlan(vlan.clone()))?;
    if found.vid == 0 {
        return Err(Refusal::NotSwitched(vlan.clone()));
    }
    Ok(config.vlans.name_of(found.vid).unwrap_or(vlan).clone())
}

pub(super) fn apply(config: &mut Config, change: &OspfChange) -> Result<(), Refusal> {
    let given = match change {
        OspfChange::Add { vlan, .. } => Some(routable(config, vlan)?),
        _ => None,
    };
    let ospf = Arc::make_mut(&mut config.ospf);
    match change {
        OspfChange::Enable(enabled) => ospf.enabled = *enabled,
        OspfChange::RouterId(id) => ospf.router_id = *id,
        OspfChange::Add { vlan, area, link, passive } => {
            let (area, link, passive) = (*area, *link, *passive);
            let new = OspfVlan {
                area,
                link,
                passive,
                timers: OspfTimers::default(),
                cost: None,
                priority: PRIORITY_DEFAULT,
            };
            let settings = ospf.vlans.entry(given.unwrap_or_else(|| vlan.clone())).or_insert(new);
            *settings = OspfVlan { area, link, passive, ..*settings };
        }
        OspfChange::Remove(vlan) => {
            ospf.change(vlan)?;
            ospf.vlans.remove(vlan);
        }
        OspfChange::Timers(vlan, timers) => ospf.change(vlan)?.timers = *timers,
        OspfChange::Cost(vlan, cost) => ospf.change(vlan)?.cost = *cost,
        OspfChange::Priority(vlan, priority) => ospf.change(vlan)?.priority = *priority,
        OspfChange::Export(source, export) => {
            ospf.exports.insert(*source, *export);
        }
        OspfChange::NoExport(source) => {
            ospf.exports.remove(source);
        }
    }
    Ok(())
}

impl fmt::Display for OspfChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enable(true) => f.write_str("enable ospf"),
            Self::Enable(false) => f.write_str("disable ospf"),
            Self::RouterId(None) => f.write_str("configure ospf routerid automatic"),
            Self::RouterId(Some(id)) => write!(f, "configure ospf routerid {id}"),
            Self::Add { vlan, area, link, passive } => {
                write!(f, "configure ospf add vlan \"{vlan}\" area {area}")?;
                match link {
                    LinkType::Auto => {}
                    LinkType::Broadcast => f.write_str(" link-type broadcast")?,
                    LinkType::PointToPoint => f.write_str(" link-type point-to-point")?,
                }
                f.write_str(if *passive { " passive" } else { "" })
            }
            Self::Remove(vlan) => write!(f, "configure ospf delete vlan \"{vlan}\""),
            Self::Timers(vlan, OspfTimers { retransmit_s, transit_s, hello_s, dead_s }) => {
                write!(
                    f,
                    "configure ospf vlan \"{vlan}\" timer {retransmit_s} {transit_s} {hello_s} {dead_s}"
                )
            }
            Self::Cost(vlan, None) => write!(f, "configure ospf vlan \"{vlan}\" cost automatic"),
            Self::Cost(vlan, Some(cost)) => write!(f, "configure ospf vlan \"{vlan}\" cost {cost}"),
            Self::Priority(vlan, priority) => {
                write!(f, "configure ospf vlan \"{vlan}\" priority {priority}")
            }
            Self::Export(source, OspfExport { cost, type_1 }) => {
                write!(f, "enable ospf export {source}")?;
                if let Some(cost) = cost {
                    write!(f, " cost {cost}")?;
                }
                f.write_str(if *type_1 { " ase-type-1" } else { "" })
            }
            Self::NoExport(source) => write!(f, "disable ospf export {source}"),
        }
    }
}
