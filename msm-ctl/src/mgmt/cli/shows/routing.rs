//! `show ospf`, `show bgp`, `show rip`: what FRR's daemons say, and how they are.

use msm_config::command::{Protocol, RoutingShow};
use serde_json::{Value, json};

use super::super::server::Desk;
use super::super::views;
use crate::msm::board::Board;
use crate::routing::{Daemon, Report, Vty};

/// What to ask for.
fn question(protocol: Protocol, what: RoutingShow) -> &'static str {
    match (protocol, what) {
        (Protocol::Ospf, RoutingShow::Summary) => "show ip ospf json",
        (Protocol::Ospf, RoutingShow::Neighbors) => "show ip ospf neighbor detail json",
        (Protocol::Ospf, RoutingShow::Interfaces) => "show ip ospf interface json",
        (Protocol::Bgp, RoutingShow::Summary | RoutingShow::Interfaces) => "show bgp summary json",
        (Protocol::Bgp, RoutingShow::Neighbors) => "show bgp neighbors json",
        (Protocol::Rip, _) => "show ip rip status",
    }
}

/// Reads a file and asks the daemon, if it runs.
pub(super) fn routing(protocol: Protocol, what: RoutingShow, desk: &Desk, board: &Board) -> views::Routing {
    let config = &board.config.config;
    let (name, daemon, enabled) = match protocol {
        Protocol::Ospf => ("ospf", Daemon::Ospfd, config.ospf.enabled),
        Protocol::Bgp => ("bgp", Daemon::Bgpd, config.bgp.enabled),
        Protocol::Rip => ("rip", Daemon::Ripd, config.rip.enabled),
    };
    let place = desk.chassis.routing();
    let report = if enabled { Report::read(&place.report()) } else { None };
    let running = report.as_ref().and_then(|report| report.daemons.get(&daemon)).copied().unwrap_or_default();
    let page = desk.routing.page();
    let mut fault = page.fault.filter(|_| enabled);
    let data = match running.pid {
        None => Value::Null,
        Some(_) => ask(&place.vty(daemon), question(protocol, what)).unwrap_or_else(|error| {
            fault.get_or_insert(error);
            Value::Null
        }),
    };
    views::Routing {
        protocol: name.to_owned(),
        enabled,
        pid: running.pid,
        restarts: running.restarts,
        held: running.held,
        supervisor: report.map(|report| report.supervisor),
        lines_sent: page.sent.get(&daemon).copied().unwrap_or(0),
        found_equal: page.equal.get(&daemon).copied().unwrap_or(0),
        fault,
        data,
    }
}

fn ask(vty: &std::path::Path, question: &str) -> Result<Value, String> {
    let said =
        Vty::connect(vty).and_then(|mut vty| vty.command(question)).map_err(|error| error.to_string())?;
    Ok(serde_json::from_str(&said).unwrap_or_else(|_| json!({ "text": said })))
}
