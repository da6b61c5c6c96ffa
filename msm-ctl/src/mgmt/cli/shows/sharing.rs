//! `show sharing`

use msm_config::model::algorithm_name;
use msm_config::port::PortName;

use super::super::server::Desk;
use super::super::views;
use super::ports::state;
use crate::msm::board::Board;

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
