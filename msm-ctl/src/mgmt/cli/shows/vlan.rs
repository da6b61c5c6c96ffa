//! `show vlan`

use msm_config::name::Name;
use msm_config::port::PortName;
use msm_config::portlist::PortSet;

use super::super::server::Desk;
use super::super::views;
use super::{no_vlan, ports::state};
use crate::msm::board::Board;

/// `show vlan`, all or one.
pub(super) fn vlans(only: Option<&Name>, desk: &Desk, board: &Board) -> Result<views::Vlans, String> {
    let config = &board.config.config;
    if let Some(name) = only.filter(|name| config.vlans.get(name).is_none()) {
        return Err(no_vlan(name));
    }
    let disabled = &config.ports.disabled;
    let state_of = |lport: &u16| {
        let device = config.ports.netdev(config.facts(), *lport).and_then(|netdev| desk.view.get(netdev));
        state(device.as_ref(), !disabled.contains(lport))
    };
    // Of a port once, not of each VLAN it is in.
    let active: PortSet =
        config.facts().ports.iter().copied().filter(|lport| state_of(lport) == "active").collect();
    let names = |ports: &PortSet| ports.iter().map(|lport| PortName::of(*lport).to_string()).collect();
    let vlans: Vec<_> = config
        .vlans
        .iter()
        .filter(|(name, _)| only.is_none_or(|only| only == *name))
        .map(|(name, vlan)| {
            let members: PortSet = vlan.untagged.union(&vlan.tagged).copied().collect();
            views::Vlan {
                name: name.to_string(),
                vid: vlan.vid,
                tag: vlan.tag,
                address: vlan
                    .interface
                    .map(|interface| format!("{}/{}", interface.address, interface.prefix)),
                netdev: if vlan.vid == 0 { desk.chassis.mgmt.clone() } else { None },
                untagged: names(&vlan.untagged),
                tagged: names(&vlan.tagged),
                active: names(&members.intersection(&active).copied().collect()),
                disabled: names(&members.intersection(disabled).copied().collect()),
            }
        })
        .collect();
    Ok(views::Vlans { count: vlans.len(), vlans })
}
