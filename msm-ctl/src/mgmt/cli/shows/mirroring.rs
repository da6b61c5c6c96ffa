//! `show mirroring`

use msm_config::port::PortName;

use super::super::views;
use crate::msm::board::Board;

/// `show mirroring`
pub(super) fn mirroring(board: &Board) -> views::Mirroring {
    let mirroring = &board.config.config.mirroring;
    let row = |lport: u16| views::Mirrored {
        port: PortName::of(lport).to_string(),
        ingress: mirroring.received.contains(&lport),
        egress: mirroring.sent.contains(&lport),
    };
    views::Mirroring {
        monitor: mirroring.monitor.map(|lport| PortName::of(lport).to_string()),
        ports: mirroring.ports().into_iter().map(row).collect(),
    }
}
