//! Load-sharing groups as the forwarding plane is to have them: which of their ports are used. Pure.

use std::collections::{BTreeMap, BTreeSet};

use msm_abi::{ControlAction, ControlKey, ControlValue, CpuClass, Lport};
use msm_config::Config;
use msm_dataplane::{Desired, DesiredGroup, Touched};

/// IEEE 802.3-2018 57A.3: where LACP and marker frames go to.
pub(crate) const SLOW_PROTOCOLS: [u8; 6] = [0x01, 0x80, 0xc2, 0, 0, 2];

/// What is known of ports at this moment.
pub(crate) struct Live<'a> {
    /// Whether a port's netdev is there, is up and has a carrier.
    pub(crate) up: &'a dyn Fn(Lport) -> bool,
    /// Ports that LACP collects by.
    pub(crate) collecting: &'a BTreeSet<Lport>,
    /// Ports that LACP distributes by.
    pub(crate) distributing: &'a BTreeSet<Lport>,
}

/// The groups of a configuration.
pub(super) fn groups(config: &Config, live: &Live<'_>) -> BTreeMap<Lport, DesiredGroup> {
    let group = |(master, group): (&Lport, &msm_config::model::Group)| {
        let used = |lport: &&Lport| {
            !config.ports.disabled.contains(*lport)
                && (live.up)(**lport)
                && (group.dynamic.is_none() || live.distributing.contains(*lport))
        };
        let wanted = DesiredGroup {
            index: group.index,
            algorithm: group.algorithm,
            members: group.members.iter().copied().collect(),
            active: group.members.iter().filter(used).copied().collect(),
        };
        (*master, wanted)
    };
    config.sharing.groups.iter().map(group).collect()
}

/// Whether LACP keeps a port from taking frames: it does not collect by it (IEEE 802.1AX-2014 6.4.15).
pub(super) fn closed(config: &Config, live: &Live<'_>, lport: Lport) -> bool {
    let group = config.sharing.master(lport).and_then(|master| config.sharing.groups.get(&master));
    group.is_some_and(|group| group.dynamic.is_some()) && !live.collecting.contains(&lport)
}

/// Makes groups and their ports in `desired` what they are now; what changed.
pub(super) fn follow(desired: &mut Desired, config: &Config, live: &Live<'_>) -> Touched {
    let mut touched = Touched { groups: follow_groups(desired, config, live), ..Touched::default() };
    for lport in config.sharing.groups.values().flat_map(|group| &group.members) {
        let closed = closed(config, live, *lport);
        if let Some(port) = desired.ports.get_mut(lport).filter(|port| port.closed != closed) {
            port.closed = closed;
            touched.ports.insert(*lport);
        }
    }
    touched
}

/// Makes the groups of `desired` what they are now; those that changed.
pub(super) fn follow_groups(desired: &mut Desired, config: &Config, live: &Live<'_>) -> BTreeSet<Lport> {
    let wanted = groups(config, live);
    let keys = desired.groups.keys().chain(wanted.keys());
    let touched = keys.filter(|key| desired.groups.get(key) != wanted.get(key)).copied().collect();
    desired.groups = wanted;
    touched
}

/// Frames that LACP takes, if it runs.
pub(super) fn control(config: &Config) -> Option<(ControlKey, ControlValue)> {
    let runs = config.sharing.groups.values().any(|group| group.dynamic.is_some());
    let key = ControlKey { mac: SLOW_PROTOCOLS, ..ControlKey::default() };
    runs.then_some((key, ControlValue { action: ControlAction::Trap as u32, class: CpuClass::Lacp as u32 }))
}
