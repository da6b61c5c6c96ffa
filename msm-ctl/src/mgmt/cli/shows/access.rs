//! `show access-list`

use std::fmt::Display;

use msm_config::model::{ACCESS_RULES_MAX, AccessRule, Matches};
use msm_config::name::Name;
use msm_config::portlist::PortList;

use super::super::server::Desk;
use super::super::views;
use crate::msm::board::Board;

/// All rules, or one.
pub(super) fn lists(only: Option<&Name>, desk: &Desk, board: &Board) -> Result<views::AccessLists, String> {
    let access = &board.config.config.access;
    if let Some(name) = only.filter(|name| access.get(name).is_none()) {
        return Err(format!("there is no access list \"{name}\"; see show access-list"));
    }
    let hits = match &board.observer {
        Some(observer) => observer.acl_hits().map_err(|error| error.to_string())?,
        None => Default::default(),
    };
    let rules = access
        .iter()
        .filter(|(name, _)| only.is_none_or(|only| only == *name))
        .map(|(name, rule)| {
            let hits = desk.hits_baseline.since(rule, hits.get(&rule.counter).copied().unwrap_or(0));
            row(name, rule, hits)
        })
        .collect();
    Ok(views::AccessLists { rules, count: access.len(), capacity: ACCESS_RULES_MAX })
}

fn or_any(value: Option<impl Display>) -> String {
    value.map_or_else(|| "any".to_owned(), |value| value.to_string())
}

fn range(ports: Option<(u16, u16)>) -> String {
    match ports {
        Some((low, high)) if low != high => format!("{low}-{high}"),
        ports => or_any(ports.map(|(port, _)| port)),
    }
}

fn row(name: &Name, rule: &AccessRule, hits: u64) -> views::AccessRule {
    let mut row = views::AccessRule {
        name: name.to_string(),
        precedence: rule.precedence,
        action: if rule.permit { "permit" } else { "deny" }.to_owned(),
        kind: "mac".to_owned(),
        source: String::new(),
        destination: String::new(),
        source_port: String::new(),
        destination_port: String::new(),
        ethertype: String::new(),
        ports: or_any(rule.ports.as_ref().map(PortList::of)),
        hits,
    };
    match rule.matches {
        Matches::Ip { protocol, destination, source, destination_port, source_port } => {
            row.kind = match protocol {
                None => "ip".to_owned(),
                Some(1) => "icmp".to_owned(),
                Some(6) => "tcp".to_owned(),
                Some(17) => "udp".to_owned(),
                Some(other) => other.to_string(),
            };
            (row.source, row.destination) = (or_any(source), or_any(destination));
            (row.source_port, row.destination_port) = (range(source_port), range(destination_port));
        }
        Matches::Mac { destination, source, ethertype } => {
            (row.source, row.destination) = (or_any(source), or_any(destination));
            row.ethertype = or_any(ethertype.map(|ethertype| format!("0x{ethertype:04x}")));
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use msm_config::model::{Config, Facts, script};
    use std::sync::Arc;

    #[test]
    fn rows_are_in_order_and_say_what_a_rule_is() {
        let facts = Facts {
            ports: [0, 1].into(),
            netdevs: Default::default(),
            sys_name: "t".into(),
            options: msm_proto::Options::default(),
        };
        let lines = "create access-list b tcp destination 10.0.0.0/8 ip-port 80 source any ip-port range 1 9 permit ports 1:1 precedence 2\n\
                     create access-list a mac destination any source any ethertype 0x806 deny precedence 1\n";
        let config =
            Config::factory(&Arc::new(facts)).with(&script(lines).expect("commands")).expect("lawful");
        let rows: Vec<_> = config.access.iter().map(|(name, rule)| row(name, rule, 7)).collect();
        let ethernet = (rows[0].kind.as_str(), rows[0].ethertype.as_str(), rows[0].ports.as_str());
        assert_eq!(ethernet, ("mac", "0x0806", "any"));
        let tcp = &rows[1];
        assert_eq!(
            (tcp.kind.as_str(), tcp.destination.as_str(), tcp.ports.as_str()),
            ("tcp", "10.0.0.0/8", "1:1")
        );
        assert_eq!((tcp.source_port.as_str(), tcp.destination_port.as_str(), tcp.hits), ("1-9", "80", 7));
    }
}
