//! Routing protocols. The daemon's own words are read as far as they are known; what is missing is left blank.

use std::fmt::Write;

use msm_config::command::{Protocol, RoutingShow};
use serde_json::{Map, Value};

use super::super::views::Routing;
use super::rows;

/// State, then what was asked for.
pub(super) fn routing(view: &Routing, protocol: Protocol, what: RoutingShow) -> String {
    let mut text = state(view);
    if view.pid.is_none() {
        return text;
    }
    match (protocol, what) {
        (Protocol::Ospf, RoutingShow::Summary) => ospf(&mut text, &view.data),
        (Protocol::Ospf, RoutingShow::Neighbors) => ospf_neighbors(&mut text, &view.data),
        (Protocol::Ospf, RoutingShow::Interfaces) => ospf_interfaces(&mut text, &view.data),
        (Protocol::Bgp, RoutingShow::Neighbors) => bgp_neighbors(&mut text, &view.data),
        (Protocol::Bgp, _) => bgp(&mut text, &view.data),
        (Protocol::Rip, _) => text.push_str(view.data["text"].as_str().unwrap_or_default()),
    }
    text
}

fn state(view: &Routing) -> String {
    let daemon = match (view.enabled, view.pid) {
        (false, _) => "Disabled".to_owned(),
        (true, None) => "Enabled, not running".to_owned(),
        (true, Some(pid)) => format!("Enabled, pid {pid}, {} restarts", view.restarts),
    };
    let mut text = rows(&[(&view.protocol.to_uppercase(), daemon)]);
    if let Some(fault) = &view.fault {
        let _ = writeln!(text, "! {fault}");
    }
    text
}

/// A value as it stands in a column.
fn word(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn table<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.get(key).and_then(Value::as_object).into_iter().flatten()
}

fn ospf(text: &mut String, data: &Value) {
    text.push_str(&rows(&[("Router id", word(&data["routerId"]))]));
    let _ =
        writeln!(text, "{:<16} {:>10} {:>10} {:>6} {:>6}", "Area", "Interfaces", "Neighbors", "SPF", "LSAs");
    for (area, about) in table(data, "areas") {
        let _ = writeln!(
            text,
            "{area:<16} {:>10} {:>10} {:>6} {:>6}",
            word(&about["areaIfActiveCounter"]),
            word(&about["nbrFullAdjacentCounter"]),
            word(&about["spfExecutedCounter"]),
            word(&about["lsaNumber"])
        );
    }
}

fn ospf_neighbors(text: &mut String, data: &Value) {
    let _ =
        writeln!(text, "{:<16} {:<16} {:<20} {:>8} Interface", "Neighbor id", "Address", "State", "Changes");
    for (id, neighbors) in table(data, "neighbors") {
        for about in neighbors.as_array().into_iter().flatten() {
            let address =
                [&about["ifaceAddress"], &about["address"]].into_iter().find(|value| !value.is_null());
            let _ = writeln!(
                text,
                "{id:<16} {:<16} {:<20} {:>8} {}",
                word(address.unwrap_or(&Value::Null)),
                word(&about["nbrState"]),
                word(&about["stateChangeCounter"]),
                word(&about["ifaceName"])
            );
        }
    }
}

fn ospf_interfaces(text: &mut String, data: &Value) {
    let _ = writeln!(
        text,
        "{:<10} {:<18} {:<16} {:<14} {:>6} {:>6} {:>6} {:>9}",
        "Netdev", "Address", "Area", "State", "Cost", "Hello", "Dead", "Neighbors"
    );
    for (netdev, about) in table(data, "interfaces") {
        let hello = about["timerMsecs"].as_u64().map_or_else(|| "-".to_owned(), |ms| (ms / 1000).to_string());
        let _ = writeln!(
            text,
            "{netdev:<10} {:<18} {:<16} {:<14} {:>6} {hello:>6} {:>6} {:>9}",
            format!("{}/{}", word(&about["ipAddress"]), word(&about["ipAddressPrefixlen"])),
            word(&about["area"]),
            word(&about["state"]),
            word(&about["cost"]),
            word(&about["timerDeadSecs"]),
            word(&about["nbrAdjacentCount"])
        );
    }
}

fn bgp(text: &mut String, data: &Value) {
    let data = &data["ipv4Unicast"];
    text.push_str(&rows(&[("Router id", word(&data["routerId"])), ("AS number", word(&data["as"]))]));
    let _ = writeln!(
        text,
        "{:<16} {:>10} {:<14} {:>10} {:>10} Uptime",
        "Neighbor", "AS", "State", "Received", "Sent"
    );
    for (address, about) in table(data, "peers") {
        let _ = writeln!(
            text,
            "{address:<16} {:>10} {:<14} {:>10} {:>10} {}",
            word(&about["remoteAs"]),
            word(&about["state"]),
            word(&about["pfxRcd"]),
            word(&about["pfxSnt"]),
            word(&about["peerUptime"])
        );
    }
}

fn bgp_neighbors(text: &mut String, data: &Value) {
    let _ = writeln!(
        text,
        "{:<16} {:>10} {:<16} {:<14} {:>11} {:>7}",
        "Neighbor", "AS", "Router id", "State", "Established", "Dropped"
    );
    for (address, about) in data.as_object().unwrap_or(&Map::new()) {
        let _ = writeln!(
            text,
            "{address:<16} {:>10} {:<16} {:<14} {:>11} {:>7}",
            word(&about["remoteAs"]),
            word(&about["remoteRouterId"]),
            word(&about["bgpState"]),
            word(&about["connectionsEstablished"]),
            word(&about["connectionsDropped"])
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_that_does_not_run_says_so() {
        let mut view = Routing {
            protocol: "ospf".into(),
            enabled: false,
            pid: None,
            restarts: 0,
            held: false,
            supervisor: None,
            lines_sent: 0,
            found_equal: 0,
            fault: None,
            data: Value::Null,
        };
        let shown = |view: &Routing| routing(view, Protocol::Ospf, RoutingShow::Neighbors);
        assert_eq!(shown(&view), "OSPF:             Disabled\n");
        (view.enabled, view.fault) = (true, Some("no FRR".into()));
        assert_eq!(shown(&view), "OSPF:             Enabled, not running\n! no FRR\n");
        view.pid = Some(7);
        view.data = serde_json::json!({"neighbors": {"1.1.1.1": [{"ifaceAddress": "10.0.0.2", "nbrState": "Full/DR", "ifaceName": "v1"}]}});
        let line = "1.1.1.1          10.0.0.2         Full/DR                     - v1\n";
        assert!(shown(&view).ends_with(line), "{}", shown(&view));
    }
}
