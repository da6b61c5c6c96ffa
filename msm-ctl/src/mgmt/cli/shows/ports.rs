//! `show ports`

use std::collections::BTreeMap;

use msm_abi::{DropReason, LimitKind, Lport, PortCounters, port_flags};
use msm_config::model::{self, Config};
use msm_config::port::PortName;
use msm_config::portlist::PortList;

use super::super::server::Desk;
use super::super::views;
use super::no_port;
use crate::msm::board::Board;
use crate::netlink::{self, Limits, Netdev};
use crate::protocols::lacp;
use msm_dataplane::{Driver, tables};

/// `show ports`
pub(super) fn ports(list: Option<&PortList>, desk: &Desk, board: &Board) -> Result<views::Ports, String> {
    let wanted = list.map(|list| list.resolve(&board.config.config.facts().ports));
    let wanted = wanted.transpose().map_err(no_port)?;
    let counters = match &board.observer {
        Some(observer) => observer.counters().map_err(|e| e.to_string())?,
        None => BTreeMap::new(),
    };
    let config = &board.config.config;
    let lacp = lacp::status(&board.lacp);
    let ports = config
        .facts()
        .ports
        .iter()
        .filter(|lport| wanted.as_ref().is_none_or(|wanted| wanted.contains(lport)))
        .map(|lport| {
            let netdev = config.ports.netdev(config.facts(), *lport);
            let device = netdev.and_then(|netdev| desk.view.get(netdev));
            let driver = driver(config.ports.driver(*lport), board, *lport, device.as_ref());
            let tagged = config.vlans.iter().any(|(_, vlan)| vlan.tagged.contains(lport));
            let limits =
                Limits { tagged, ..Limits::of(if driver == "tcx" { Driver::Tcx } else { Driver::Xdp }) };
            let found = netdev.map(|netdev| netlink::faults(&desk.view, netdev, &limits));
            let mut faults: Vec<String> =
                found.into_iter().flatten().map(|fault| fault.to_string()).collect();
            for fault in board.faults.get(lport).into_iter().flatten() {
                if !faults.contains(fault) {
                    faults.push(fault.clone());
                }
            }
            let counters = desk.baseline.since(*lport, &counters.get(lport).copied().unwrap_or_default());
            let enabled = !config.ports.disabled.contains(lport);
            let row = port(
                PortName::of(*lport),
                netdev.unwrap_or_default(),
                device.as_ref(),
                enabled,
                faults,
                &counters,
            );
            let lacp = lacp.get(lport).map(|status| format!("{:?}", status.mux).to_lowercase());
            configured(config, *lport, views::Port { driver, lacp, ..row })
        })
        .collect();
    Ok(views::Ports { ports })
}

/// A row with what is configured of its port.
fn configured(config: &Config, lport: Lport, row: views::Port) -> views::Port {
    let master = config.sharing.master(lport);
    // A group learns as its master does.
    let learner = master.unwrap_or(lport);
    let rate = |(word, kind): &(&str, LimitKind)| {
        config.ports.rates.get(&(lport, *kind)).map(|rate| ((*word).to_owned(), *rate))
    };
    views::Port {
        driver_configured: config.ports.driver(lport).to_string(),
        group: master.map(|master| PortName::of(master).to_string()),
        learn_limit: config.ports.learning.get(&learner).copied(),
        learn_locked: config.ports.locked.contains(&learner),
        flood_limits: model::FLOODS.iter().filter_map(rate).collect(),
        ..row
    }
}

/// The driver in use: as configured, or what the tables say of `auto`.
fn driver(configured: model::Driver, board: &Board, lport: Lport, device: Option<&Netdev>) -> String {
    let running = || {
        let entry = tables::ports::get(board.observer.as_ref()?.store(), device?.ifindex).ok()?;
        let is_port = entry.lport == lport && entry.flags & port_flags::VALID != 0;
        is_port.then_some(if entry.flags & port_flags::TCX != 0 { "tcx" } else { "xdp" })
    };
    match configured {
        model::Driver::Auto => running().unwrap_or("tcx").to_owned(),
        other => other.to_string(),
    }
}

/// One row.
fn port(
    name: PortName,
    netdev: &str,
    device: Option<&Netdev>,
    enabled: bool,
    faults: Vec<String>,
    counters: &PortCounters,
) -> views::Port {
    let drops = DropReason::ALL
        .into_iter()
        .map(|(reason, text)| (text.to_owned(), counters.drops[reason as usize]))
        .filter(|(_, frames)| *frames > 0)
        .collect();
    views::Port {
        port: name.to_string(),
        netdev: netdev.to_owned(),
        ifindex: device.map_or(0, |device| device.ifindex),
        state: state(device, enabled).to_owned(),
        faults,
        carrier_changes: device.map_or(0, |device| device.carrier_changes),
        rx_frames: counters.rx_frames,
        rx_bytes: counters.rx_bytes,
        tx_frames: counters.tx_frames,
        tx_bytes: counters.tx_bytes,
        flooded: counters.flooded,
        tx_flood_copies: counters.tx_flood_copies,
        learned: counters.learned,
        learn_full: counters.learn_full,
        slow: counters.slow,
        driver: String::new(),
        driver_configured: String::new(),
        group: None,
        lacp: None,
        learn_limit: None,
        learn_locked: false,
        flood_limits: BTreeMap::new(),
        drops,
    }
}

/// `active`, `ready` (no carrier), `disabled` (by an operator, or its link is set down), `absent`.
pub(super) fn state(device: Option<&Netdev>, enabled: bool) -> &'static str {
    match device {
        None => "absent",
        Some(device) if !device.admin_up || !enabled => "disabled",
        Some(device) if device.carrier => "active",
        Some(_) => "ready",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_port_row_has_the_documented_shape() {
        let mut counters = PortCounters { rx_frames: 7, ..PortCounters::default() };
        counters.drops[DropReason::Hairpin as usize] = 3;
        let device = Netdev { ifindex: 1001, admin_up: true, carrier: true, ..Netdev::default() };
        let row = port(PortName::of(0), "s1p1", Some(&device), true, vec!["text".into()], &counters);
        let row = serde_json::to_value(row).expect("JSON");
        assert_eq!(row["port"], "1:1");
        assert_eq!(row["netdev"], "s1p1");
        assert_eq!(row["ifindex"], 1001);
        assert_eq!(row["state"], "active");
        assert_eq!(row["faults"], json!(["text"]));
        assert_eq!(row["rx_frames"], 7);
        assert_eq!(row["drops"], json!({"hairpin": 3}));
        for (admin_up, carrier, enabled, expected) in
            [(true, false, true, "ready"), (false, false, true, "disabled"), (true, true, false, "disabled")]
        {
            let device = Netdev { admin_up, carrier, ..device.clone() };
            assert_eq!(state(Some(&device), enabled), expected);
        }
        let row = port(PortName::of(0), "s1p1", None, true, Vec::new(), &counters);
        assert_eq!((row.state.as_str(), row.ifindex), ("absent", 0));
    }
}
