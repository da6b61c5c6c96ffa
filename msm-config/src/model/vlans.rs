//! VLANs: names, tags, members, addresses (`create|configure|delete vlan`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use msm_abi::{Lport, SVIS};

use super::{Config, Facts, Refusal, render::Text};
use crate::name::Name;
use crate::network::{Interface, Interface6};
use crate::port::PortName;
use crate::portlist::{PortList, PortSet};

/// The VLAN of ports that are in no other.
pub const DEFAULT_VLAN: &str = "Default";
/// The VLAN of the management netdev.
pub const MGMT_VLAN: &str = "Mgmt";
/// Largest VLAN id (IEEE 802.1Q-2018 table 9-2).
const VID_MAX: u16 = 4094;
/// VLAN id of [`DEFAULT_VLAN`].
const DEFAULT_TAG: u16 = 1;

/// Longest IP packet into a VLAN that is not told otherwise.
pub const MTU_DEFAULT: u16 = 1500;
/// IPv6 addresses of the switch in one VLAN: some for hosts, some for neighbours, some on the way out.
const ADDRESSES6_MAX: usize = 8;

/// One VLAN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vlan {
    /// Its 802.1Q tag, if it has one.
    pub tag: Option<u16>,
    /// Its id inside: the tag, or one that no other has. 0: not switched.
    pub vid: u16,
    /// Members without tag.
    pub untagged: PortSet,
    /// Members with the tag.
    pub tagged: PortSet,
    /// Address of the switch in it.
    pub interface: Option<Interface>,
    /// IPv6 addresses of the switch in it.
    pub interfaces6: BTreeSet<Interface6>,
    /// Number of its interface to the switch's own stack, below [`SVIS`]: it has one while it has an address.
    pub svi: Option<u16>,
    /// IPv4 packets to the router are forwarded.
    pub forwarding: bool,
    /// IPv6 likewise.
    pub forwarding6: bool,
    /// Longest IP packet sent into it; `None`: [`MTU_DEFAULT`].
    pub ip_mtu: Option<u16>,
}

impl Vlan {
    /// Longest IP packet sent into it.
    #[must_use]
    pub fn mtu(&self) -> u16 {
        self.ip_mtu.unwrap_or(MTU_DEFAULT)
    }

    /// The switch has an address in it.
    #[must_use]
    pub fn has_address(&self) -> bool {
        self.interface.is_some() || !self.interfaces6.is_empty()
    }

    /// Whether a neighbour of that address is in one of its networks.
    #[must_use]
    pub fn reaches(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.interface.is_some_and(|interface| interface.contains(address)),
            IpAddr::V6(address) => self.interfaces6.iter().any(|interface| interface.contains(address)),
        }
    }
}

/// All VLANs. An id, an untagged membership and a network each belong to one at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vlans {
    by_name: BTreeMap<Name, Arc<Vlan>>,
    by_vid: Arc<BTreeMap<u16, Name>>,
    /// VLAN id of a port's untagged frames.
    pvid: Arc<BTreeMap<Lport, u16>>,
}

/// A change of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VlanChange {
    /// `create vlan`
    Create {
        /// Its name.
        name: Name,
        /// Its id inside; `None`: the highest that is free.
        internal: Option<u16>,
    },
    /// `delete vlan`
    Delete(Name),
    /// `configure vlan ... tag`
    Tag(Name, u16),
    /// `configure vlan ... name`
    Rename(Name, Name),
    /// `configure vlan ... add ports`
    Add {
        /// The VLAN.
        vlan: Name,
        /// `None`: all.
        ports: Option<PortList>,
        /// With tag.
        tagged: bool,
    },
    /// `configure vlan ... delete ports`
    Remove {
        /// The VLAN.
        vlan: Name,
        /// `None`: all.
        ports: Option<PortList>,
    },
    /// `configure vlan ... ipaddress`; the number of the interface, `None`: the one it has, or the lowest that is free.
    Address(Name, Interface, Option<u16>),
    /// The same, of IPv6.
    Address6(Name, Interface6, Option<u16>),
    /// `unconfigure vlan ... ipaddress`: this IPv6 address, or all.
    NoAddress(Name, Option<Interface6>),
}

impl Vlans {
    pub(super) fn factory(facts: &Facts) -> Self {
        let default = Vlan {
            tag: Some(DEFAULT_TAG),
            vid: DEFAULT_TAG,
            untagged: facts.ports.clone(),
            ..Vlan::default()
        };
        let [default_name, mgmt_name] = [DEFAULT_VLAN, MGMT_VLAN].map(own_name);
        Self {
            by_vid: Arc::new([(DEFAULT_TAG, default_name.clone())].into()),
            by_name: [(default_name, Arc::new(default)), (mgmt_name, Arc::default())].into(),
            pvid: Arc::new(facts.ports.iter().map(|lport| (*lport, DEFAULT_TAG)).collect()),
        }
    }

    /// By name, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Arc<Vlan>)> {
        self.by_name.iter()
    }

    /// The VLAN of that name.
    #[must_use]
    pub fn get(&self, name: &Name) -> Option<&Arc<Vlan>> {
        self.by_name.get(name)
    }

    /// Its name as it was first given.
    #[must_use]
    pub fn name_of(&self, vid: u16) -> Option<&Name> {
        self.by_vid.get(&vid)
    }

    /// VLAN id of a port's untagged frames.
    #[must_use]
    pub fn pvid(&self, lport: Lport) -> Option<u16> {
        self.pvid.get(&lport).copied()
    }

    /// The management VLAN's address.
    #[must_use]
    pub fn management(&self) -> Option<Interface> {
        self.by_name.get(&own_name(MGMT_VLAN)).and_then(|vlan| vlan.interface)
    }

    fn existing(&self, name: &Name) -> Result<&Arc<Vlan>, Refusal> {
        self.by_name.get(name).ok_or_else(|| Refusal::NoVlan(name.clone()))
    }

    fn switched(&self, name: &Name) -> Result<&Arc<Vlan>, Refusal> {
        match self.existing(name)? {
            vlan if vlan.vid == 0 => Err(Refusal::NotSwitched(own_name(MGMT_VLAN))),
            vlan => Ok(vlan),
        }
    }

    fn change(&mut self, name: &Name) -> Result<&mut Vlan, Refusal> {
        let vlan = self.by_name.get_mut(name).ok_or_else(|| Refusal::NoVlan(name.clone()))?;
        Ok(Arc::make_mut(vlan))
    }

    /// The name as it was first given.
    fn given(&self, name: &Name) -> Name {
        self.by_name.get_key_value(name).map_or_else(|| name.clone(), |(given, _)| given.clone())
    }

    fn free_vid(&self) -> Result<u16, Refusal> {
        let mut free = VID_MAX;
        for vid in self.by_vid.keys().rev() {
            if *vid < free {
                break;
            }
            free = vid - 1;
        }
        if free == 0 { Err(Refusal::NoVlanLeft) } else { Ok(free) }
    }

    fn taken(&self, tag: u16) -> Result<(), Refusal> {
        match self.by_vid.get(&tag) {
            Some(vlan) => Err(Refusal::TagTaken { tag, vlan: vlan.clone() }),
            None => Ok(()),
        }
    }

    fn create(&mut self, name: &Name, internal: Option<u16>) -> Result<(), Refusal> {
        if let Some((given, _)) = self.by_name.get_key_value(name) {
            return Err(Refusal::VlanExists(given.clone()));
        }
        let vid = match internal {
            Some(vid) => self.taken(vid).map(|()| vid)?,
            None => self.free_vid()?,
        };
        Arc::make_mut(&mut self.by_vid).insert(vid, name.clone());
        self.by_name.insert(name.clone(), Arc::new(Vlan { vid, ..Vlan::default() }));
        Ok(())
    }

    fn delete(&mut self, name: &Name) -> Result<(), Refusal> {
        let vlan = Arc::clone(self.existing(name)?);
        if [DEFAULT_VLAN, MGMT_VLAN].map(own_name).contains(name) {
            return Err(Refusal::VlanStays(self.given(name)));
        }
        self.by_name.remove(name);
        Arc::make_mut(&mut self.by_vid).remove(&vlan.vid);
        self.in_none(&vlan.untagged);
        Ok(())
    }

    /// The VLAN that an operator has put a port into: any but Default, where all ports begin without tag.
    pub(super) fn user(&self, lport: Lport) -> Option<&Name> {
        let default = own_name(DEFAULT_VLAN);
        let uses = |(name, vlan): &(&Name, &Arc<Vlan>)| {
            vlan.tagged.contains(&lport) || (**name != default && vlan.untagged.contains(&lport))
        };
        self.by_name.iter().find(uses).map(|(name, _)| name)
    }

    /// These ports are in Default no more.
    pub(super) fn leave_default(&mut self, ports: &PortSet) {
        if let Some(default) = self.by_name.get_mut(&own_name(DEFAULT_VLAN))
            && !default.untagged.is_disjoint(ports)
        {
            Arc::make_mut(default).untagged.retain(|lport| !ports.contains(lport));
            self.in_none(ports);
        }
    }

    /// These ports are untagged in no VLAN.
    fn in_none(&mut self, ports: &PortSet) {
        if !ports.is_empty() {
            Arc::make_mut(&mut self.pvid).retain(|lport, _| !ports.contains(lport));
        }
    }

    /// An id that another VLAN uses inside only gives way.
    fn tag(&mut self, name: &Name, tag: u16) -> Result<(), Refusal> {
        let vlan = Arc::clone(self.switched(name)?);
        if vlan.vid != tag {
            if let Some(other) = self.by_vid.get(&tag).cloned() {
                if self.existing(&other)?.tag.is_some() {
                    return Err(Refusal::TagTaken { tag, vlan: other });
                }
                let elsewhere = self.free_vid()?;
                self.renumber(&other, elsewhere)?;
            }
            self.renumber(name, tag)?;
        }
        self.change(name)?.tag = Some(tag);
        Ok(())
    }

    fn renumber(&mut self, name: &Name, vid: u16) -> Result<(), Refusal> {
        let given = self.given(name);
        let vlan = self.change(name)?;
        let old = std::mem::replace(&mut vlan.vid, vid);
        let untagged = vlan.untagged.clone();
        Arc::make_mut(&mut self.by_vid).remove(&old);
        Arc::make_mut(&mut self.by_vid).insert(vid, given);
        if !untagged.is_empty() {
            Arc::make_mut(&mut self.pvid).extend(untagged.into_iter().map(|lport| (lport, vid)));
        }
        Ok(())
    }

    fn rename(&mut self, name: &Name, new: &Name) -> Result<(), Refusal> {
        let vlan = Arc::clone(self.existing(name)?);
        if [DEFAULT_VLAN, MGMT_VLAN].map(own_name).contains(name) {
            return Err(Refusal::VlanStays(self.given(name)));
        }
        if name != new && self.by_name.contains_key(new) {
            return Err(Refusal::VlanExists(self.given(new)));
        }
        self.by_name.remove(name);
        Arc::make_mut(&mut self.by_vid).insert(vlan.vid, new.clone());
        self.by_name.insert(new.clone(), vlan);
        Ok(())
    }

    fn add(&mut self, name: &Name, ports: PortSet, tagged: bool) -> Result<(), Refusal> {
        let vlan = self.switched(name)?;
        let vid = vlan.vid;
        if tagged && vlan.tag.is_none() {
            return Err(Refusal::NoTag(self.given(name)));
        }
        if !tagged {
            let elsewhere = |lport: &Lport| self.pvid(*lport).filter(|other| *other != vid);
            if let Some((lport, other)) = ports.iter().find_map(|l| elsewhere(l).map(|other| (*l, other))) {
                let vlan = self.name_of(other).cloned().unwrap_or_else(|| name.clone());
                return Err(Refusal::UntaggedElsewhere { port: PortName::of(lport), vlan });
            }
        }
        let vlan = self.change(name)?;
        for lport in &ports {
            let (to, from) = match tagged {
                true => (&mut vlan.tagged, &mut vlan.untagged),
                false => (&mut vlan.untagged, &mut vlan.tagged),
            };
            from.remove(lport);
            to.insert(*lport);
        }
        for lport in ports {
            if !tagged {
                Arc::make_mut(&mut self.pvid).insert(lport, vid);
            } else if self.pvid.get(&lport) == Some(&vid) {
                Arc::make_mut(&mut self.pvid).remove(&lport);
            }
        }
        Ok(())
    }

    fn remove(&mut self, name: &Name, ports: Option<PortSet>) -> Result<(), Refusal> {
        let given = self.given(name);
        self.switched(name)?;
        let vlan = self.change(name)?;
        let ports = ports.unwrap_or_else(|| vlan.untagged.union(&vlan.tagged).copied().collect());
        let mut untagged = PortSet::new();
        for lport in ports {
            if vlan.untagged.remove(&lport) {
                untagged.insert(lport);
            } else if !vlan.tagged.remove(&lport) {
                return Err(Refusal::NotMember { port: PortName::of(lport), vlan: given });
            }
        }
        self.in_none(&untagged);
        Ok(())
    }

    /// The VLAN whose network overlaps with one that VLAN `name` is to have.
    fn in_the_way<T: Copy>(
        &self,
        name: &Name,
        overlapping: impl Fn(&Vlan) -> Option<T>,
    ) -> Option<(Name, T)> {
        let others = self.by_name.iter().filter(|(other, _)| *other != name);
        others.filter_map(|(other, vlan)| Some((other.clone(), overlapping(vlan)?))).next()
    }

    fn address(&mut self, name: &Name, wanted: Interface, svi: Option<u16>) -> Result<(), Refusal> {
        self.existing(name)?;
        let overlapping = |vlan: &Vlan| vlan.interface.filter(|other| other.overlaps(wanted));
        if let Some((vlan, other)) = self.in_the_way(name, overlapping) {
            return Err(Refusal::Overlap { interface: wanted, vlan, other });
        }
        self.number(name, svi)?;
        self.change(name)?.interface = Some(wanted);
        Ok(())
    }

    fn address6(&mut self, name: &Name, wanted: Interface6, svi: Option<u16>) -> Result<(), Refusal> {
        let has = &self.switched(name)?.interfaces6;
        // Of one address with two lengths the last is meant.
        let same = has.iter().find(|other| other.address == wanted.address).copied();
        if same.is_none() && has.len() == ADDRESSES6_MAX {
            return Err(Refusal::TooMany { what: "IPv6 addresses of a VLAN", most: ADDRESSES6_MAX });
        }
        let overlapping = |vlan: &Vlan| vlan.interfaces6.iter().find(|other| other.overlaps(wanted)).copied();
        if let Some((vlan, other)) = self.in_the_way(name, overlapping) {
            return Err(Refusal::Overlap6 { interface: wanted, vlan, other });
        }
        self.number(name, svi)?;
        let interfaces = &mut self.change(name)?.interfaces6;
        if let Some(same) = same {
            interfaces.remove(&same);
        }
        interfaces.insert(wanted);
        Ok(())
    }

    /// Gives a VLAN an interface, if it has none or is to have this one.
    fn number(&mut self, name: &Name, wanted: Option<u16>) -> Result<(), Refusal> {
        let vlan = self.existing(name)?;
        if vlan.vid == 0 || (vlan.svi.is_some() && (wanted.is_none() || vlan.svi == wanted)) {
            return Ok(());
        }
        let taken: BTreeMap<u16, &Name> =
            self.by_name.iter().filter_map(|(name, vlan)| Some((vlan.svi?, name))).collect();
        let number = match wanted {
            Some(number) => match taken.get(&number) {
                Some(vlan) => return Err(Refusal::InterfaceTaken { number, vlan: (*vlan).clone() }),
                None => number,
            },
            None => (0..SVIS as u16)
                .find(|number| !taken.contains_key(number))
                .ok_or(Refusal::TooMany { what: "VLANs with an address", most: SVIS })?,
        };
        self.change(name)?.svi = Some(number);
        Ok(())
    }

    fn no_address(&mut self, name: &Name, which: Option<Interface6>) -> Result<(), Refusal> {
        let given = self.given(name);
        if !self.existing(name)?.has_address() {
            return Err(Refusal::NoAddress(given));
        }
        let vlan = self.change(name)?;
        match which {
            Some(interface) if !vlan.interfaces6.remove(&interface) => {
                return Err(Refusal::NoAddress6(interface, given));
            }
            Some(_) => {}
            None => {
                vlan.interface = None;
                vlan.interfaces6.clear();
            }
        }
        if !vlan.has_address() {
            vlan.svi = None;
        }
        Ok(())
    }

    /// Routing of one VLAN, or of all that have an address of the family.
    pub(super) fn forward(&mut self, only: Option<&Name>, ipv6: bool, on: bool) -> Result<(), Refusal> {
        let names: Vec<Name> = match only {
            Some(name) => self.switched(name).map(|_| vec![name.clone()])?,
            None => {
                let has =
                    |vlan: &Vlan| if ipv6 { !vlan.interfaces6.is_empty() } else { vlan.interface.is_some() };
                let meant = |vlan: &Vlan| vlan.vid != 0 && (has(vlan) || !on);
                self.by_name.iter().filter(|(_, vlan)| meant(vlan)).map(|(name, _)| name.clone()).collect()
            }
        };
        for name in names {
            let flag = |vlan: &Vlan| if ipv6 { vlan.forwarding6 } else { vlan.forwarding };
            if self.existing(&name).is_ok_and(|vlan| flag(vlan) == on) {
                continue;
            }
            let vlan = self.change(&name)?;
            if ipv6 {
                vlan.forwarding6 = on;
            } else {
                vlan.forwarding = on;
            }
        }
        Ok(())
    }

    /// Longest IP packet of one VLAN.
    pub(super) fn limit(&mut self, name: &Name, mtu: u16) -> Result<(), Refusal> {
        self.switched(name)?;
        self.change(name)?.ip_mtu = Some(mtu).filter(|mtu| *mtu != MTU_DEFAULT);
        Ok(())
    }

    /// The VLAN that has an interface of that number.
    #[must_use]
    pub fn of_interface(&self, number: u16) -> Option<(&Name, &Arc<Vlan>)> {
        self.by_name.iter().find(|(_, vlan)| vlan.svi == Some(number))
    }

    /// The VLAN in whose network a neighbour of that address is.
    #[must_use]
    pub fn reaching(&self, address: IpAddr) -> Option<(&Name, &Arc<Vlan>)> {
        self.by_name.iter().find(|(_, vlan)| vlan.svi.is_some() && vlan.reaches(address))
    }
}

fn own_name(text: &str) -> Name {
    text.parse().expect("a name of our own is a name")
}

/// What needs a VLAN.
fn user_of(config: &Config, name: &Name) -> Option<String> {
    config
        .fdb
        .user_of(name)
        .or_else(|| config.ospf.vlans.contains_key(name).then(|| "ospf".to_owned()))
        .or_else(|| config.rip.vlans.contains(name).then(|| "rip".to_owned()))
}

pub(super) fn apply(config: &mut Config, change: &VlanChange) -> Result<(), Refusal> {
    let facts = Arc::clone(config.facts());
    let resolve = |ports: &PortList| ports.resolve(&facts.ports).map_err(Refusal::NoPort);
    if let VlanChange::Delete(name) = change
        && let Some(user) = user_of(config, name)
    {
        return Err(Refusal::VlanInUse { vlan: name.clone(), user });
    }
    if let VlanChange::Rename(name, new) = change {
        Arc::make_mut(&mut config.vlans).rename(name, new)?;
        Arc::make_mut(&mut config.fdb).renamed(name, new);
        Arc::make_mut(&mut config.ospf).renamed(name, new);
        Arc::make_mut(&mut config.rip).renamed(name, new);
        return Ok(());
    }
    let sharing = Arc::clone(&config.sharing);
    let whole = |ports: &PortSet| ports.iter().try_for_each(|lport| sharing.whole(*lport));
    let vlans = Arc::make_mut(&mut config.vlans);
    match change {
        VlanChange::Create { name, internal } => vlans.create(name, *internal),
        VlanChange::Delete(name) => vlans.delete(name),
        VlanChange::Tag(name, tag) => vlans.tag(name, *tag),
        VlanChange::Rename(..) => Ok(()),
        VlanChange::Add { vlan, ports, tagged } => {
            let ports = match ports {
                Some(ports) => resolve(ports)?,
                None => facts.ports.iter().copied().filter(|lport| !sharing.is_hidden(*lport)).collect(),
            };
            whole(&ports)?;
            if let Some(monitor) = config.mirroring.monitor.filter(|monitor| ports.contains(monitor)) {
                let (port, user) = (PortName::of(monitor), "mirroring, as the monitor port".to_owned());
                return Err(Refusal::PortInUse { port, user });
            }
            vlans.add(vlan, ports, *tagged)
        }
        VlanChange::Remove { vlan, ports } => {
            let ports = ports.as_ref().map(resolve).transpose()?;
            ports.as_ref().map_or(Ok(()), whole)?;
            vlans.remove(vlan, ports)?;
            let members = vlans.existing(vlan)?;
            let stays = |lport| members.untagged.contains(&lport) || members.tagged.contains(&lport);
            match config.fdb.placed(vlan).find(|(_, port)| !stays(port.lport())) {
                Some((mac, port)) => Err(Refusal::PortInUse { port, user: format!("fdbentry {mac}") }),
                None => Ok(()),
            }
        }
        VlanChange::Address(vlan, interface, svi) => vlans.address(vlan, *interface, *svi),
        VlanChange::Address6(vlan, interface, svi) => vlans.address6(vlan, *interface, *svi),
        VlanChange::NoAddress(vlan, which) => vlans.no_address(vlan, *which),
    }
}

impl Vlans {
    /// Default gives up its ports before others take them.
    pub(super) fn render(&self, facts: &Facts, out: &mut Text) {
        out.section("Config information for VLANs");
        let default = own_name(DEFAULT_VLAN);
        let (name, vlan) =
            self.by_name.get_key_value(&default).map_or((&default, None), |(n, v)| (n, Some(v)));
        let gone: PortSet = facts
            .ports
            .iter()
            .filter(|lport| vlan.is_some_and(|v| !v.untagged.contains(lport) && !v.tagged.contains(lport)))
            .copied()
            .collect();
        if !gone.is_empty() {
            out.line(&VlanChange::Remove { vlan: name.clone(), ports: Some(PortList::of(&gone)) });
        }
        if let Some(tag) = vlan.and_then(|vlan| vlan.tag).filter(|tag| *tag != DEFAULT_TAG) {
            out.line(&VlanChange::Tag(name.clone(), tag));
        }
        // All ids are taken before the first tag is given: no id inside has to give way while this is read.
        let others = || self.by_name.iter().filter(|(name, vlan)| vlan.vid != 0 && **name != default);
        for (name, vlan) in others() {
            out.line(&VlanChange::Create { name: name.clone(), internal: Some(vlan.vid) });
        }
        if let Some(vlan) = vlan {
            members(out, name, &vlan.tagged, true);
        }
        for (name, vlan) in others() {
            if let Some(tag) = vlan.tag {
                out.line(&VlanChange::Tag(name.clone(), tag));
            }
            members(out, name, &vlan.untagged, false);
            members(out, name, &vlan.tagged, true);
        }
        for (name, vlan) in &self.by_name {
            if let Some(interface) = vlan.interface {
                out.line(&VlanChange::Address(name.clone(), interface, vlan.svi));
            }
            for interface in &vlan.interfaces6 {
                out.line(&VlanChange::Address6(name.clone(), *interface, vlan.svi));
            }
        }
    }
}

fn members(out: &mut Text, vlan: &Name, ports: &PortSet, tagged: bool) {
    if !ports.is_empty() {
        out.line(&VlanChange::Add { vlan: vlan.clone(), ports: Some(PortList::of(ports)), tagged });
    }
}

fn number(svi: Option<u16>) -> String {
    svi.map_or_else(String::new, |number| format!(" interface {number}"))
}

impl fmt::Display for VlanChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = |ports: &Option<PortList>| ports.as_ref().map_or("all".to_owned(), ToString::to_string);
        match self {
            Self::Create { name, internal: None } => write!(f, "create vlan \"{name}\""),
            Self::Create { name, internal: Some(vid) } => write!(f, "create vlan \"{name}\" internal {vid}"),
            Self::Delete(name) => write!(f, "delete vlan \"{name}\""),
            Self::Tag(name, tag) => write!(f, "configure vlan \"{name}\" tag {tag}"),
            Self::Rename(name, new) => write!(f, "configure vlan \"{name}\" name \"{new}\""),
            Self::Add { vlan, ports, tagged } => {
                let kind = if *tagged { "tagged" } else { "untagged" };
                write!(f, "configure vlan \"{vlan}\" add ports {} {kind}", all(ports))
            }
            Self::Remove { vlan, ports } => {
                write!(f, "configure vlan \"{vlan}\" delete ports {}", all(ports))
            }
            Self::Address(vlan, interface, svi) => {
                write!(f, "configure vlan \"{vlan}\" ipaddress {interface}{}", number(*svi))
            }
            Self::Address6(vlan, interface, svi) => {
                write!(f, "configure vlan \"{vlan}\" ipaddress {interface}{}", number(*svi))
            }
            Self::NoAddress(vlan, None) => write!(f, "unconfigure vlan \"{vlan}\" ipaddress"),
            Self::NoAddress(vlan, Some(which)) => write!(f, "unconfigure vlan \"{vlan}\" ipaddress {which}"),
        }
    }
}
