//! `show sharing` and `show lacp`

use msm_config::model::algorithm_name;
use msm_config::port::PortName;

use super::super::server::Desk;
use super::super::views;
use super::ports::state;
use crate::msm::board::Board;
use crate::protocols::lacp;
use msm_config::mac::Mac;
use msm_proto::lacp::{Info, PortStatus, bits};

/// Groups as they are configured, and as the tables use them.
pub(super) fn sharing(desk: &Desk, board: &Board) -> Result<views::Sharing, String> {
    let config = &board.config.config;
    let mut groups = Vec::new();
    for (master, group) in &config.sharing.groups {
        let share = match &board.observer {
            Some(observer) => observer.sharing(group.index).map_err(|error| error.to_string())?,
            None => Default::default(),
        };
        let port = |lport: &u16| {
            let device = config.ports.netdev(config.facts(), *lport).and_then(|n| desk.view.get(n));
            let buckets = share.buckets.iter().filter(|bucket| *bucket == lport).count();
            views::SharePort {
                port: PortName::of(*lport).to_string(),
                state: state(device.as_ref(), !config.ports.disabled.contains(lport)).to_owned(),
                buckets: if share.active > 0 { buckets } else { 0 },
            }
        };
        groups.push(views::ShareGroup {
            master: PortName::of(*master).to_string(),
            index: group.index,
            algorithm: algorithm_name(group.algorithm).to_owned(),
            dynamic: group.dynamic.is_some(),
            ports: group.members.iter().map(port).collect(),
        });
    }
    Ok(views::Sharing { groups })
}

/// Groups that speak LACP, and what is said.
pub(super) fn lacp(desk: &Desk, board: &Board) -> views::Lacp {
    let sharing = &board.config.config.sharing;
    let status = lacp::status(&board.lacp);
    let group = |(master, group): (&u16, &msm_config::model::Group)| {
        let lacp = group.dynamic?;
        let ports = group.members.iter().filter_map(|lport| Some(port(*lport, status.get(lport)?)));
        Some(views::LacpGroup {
            master: PortName::of(*master).to_string(),
            key: group.index + 1,
            timeout: if lacp.short { "short" } else { "long" }.to_owned(),
            activity: if lacp.active { "active" } else { "passive" }.to_owned(),
            ports: ports.collect(),
        })
    };
    views::Lacp {
        system: desk.chassis.system_mac.to_string(),
        system_priority: sharing.system_priority,
        groups: sharing.groups.iter().filter_map(group).collect(),
    }
}

fn port(lport: u16, status: &PortStatus) -> views::LacpPort {
    let names = |info: &Info| {
        let set = bits::ALL.iter().filter(|(bit, _)| info.has(*bit));
        set.map(|(_, name)| (*name).to_owned()).collect()
    };
    views::LacpPort {
        port: PortName::of(lport).to_string(),
        receive: format!("{:?}", status.rx).to_lowercase(),
        mux: format!("{:?}", status.mux).to_lowercase(),
        actor_state: names(&status.actor),
        partner_system: Mac(status.partner.system).to_string(),
        partner_key: status.partner.key,
        partner_port: status.partner.port,
        partner_state: names(&status.partner),
        received: status.counters.received,
        sent: status.counters.sent,
        markers: status.counters.markers,
    }
}
