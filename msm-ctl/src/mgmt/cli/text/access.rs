//! `show access-list`: two lines a rule.

use std::fmt::Write;

use super::super::views::{AccessLists, AccessRule};
use super::wrapped;

/// Who a rule is and what it has done, then what it looks for.
pub(super) fn table(view: &AccessLists) -> String {
    let mut text = format!("{:<5} {:<32} {:<6} {:<8} {:>16}\n", "Prec", "Name", "Action", "Kind", "Hits");
    for rule in &view.rules {
        let kind = match rule.ethertype.as_str() {
            "" | "any" => &rule.kind,
            ethertype => ethertype,
        };
        let _ = writeln!(
            text,
            "{:<5} {:<32} {:<6} {kind:<8} {:>16}",
            rule.precedence, rule.name, rule.action, rule.hits
        );
        text.push_str(&wrapped("      ", &matches(rule)));
    }
    let _ = writeln!(
        text,
        "\nRules: {} of {}; what none of them matches is permitted",
        view.count, view.capacity
    );
    text
}

/// `any to 192.0.2.80/32 port 80, by ports 1:1-1:4`
fn matches(rule: &AccessRule) -> String {
    let with = |address: &str, port: &str| match port {
        "" | "any" => address.to_owned(),
        port => format!("{address} port {port}"),
    };
    let source = with(&rule.source, &rule.source_port);
    let destination = with(&rule.destination, &rule.destination_port);
    let by = match rule.ports.as_str() {
        "any" => String::new(),
        ports => format!(", by ports {ports}"),
    };
    format!("{source} to {destination}{by}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mgmt::cli::views::AccessRule;

    #[test]
    fn a_rule_has_a_line() {
        let rule = AccessRule {
            name: "web".into(),
            precedence: 100,
            action: "permit".into(),
            kind: "tcp".into(),
            source: "any".into(),
            destination: "192.0.2.80/32".into(),
            source_port: "any".into(),
            destination_port: "80".into(),
            ethertype: String::new(),
            ports: "any".into(),
            hits: 7,
        };
        let text = table(&AccessLists { rules: vec![rule], count: 1, capacity: 4096 });
        assert!(
            text.contains(
                "\n100   web                              permit tcp                     7\n      any to 192.0.2.80/32 port 80\n"
            ),
            "{text}"
        );
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.ends_with("Rules: 1 of 4096; what none of them matches is permitted\n"), "{text}");
    }
}
