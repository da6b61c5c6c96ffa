//! `show access-list`: a table.

use std::fmt::Write;

use super::super::views::AccessLists;

/// A line a rule.
pub(super) fn table(view: &AccessLists) -> String {
    let mut text = format!(
        "{:<5} {:<20} {:<6} {:<5} {:<24} {:<24} {:<10} {:>12}\n",
        "Prec", "Name", "Action", "Kind", "Source", "Destination", "Ports", "Hits"
    );
    for rule in &view.rules {
        let with = |address: &str, port: &str| match port {
            "" | "any" => address.to_owned(),
            port => format!("{address}:{port}"),
        };
        let kind = match rule.ethertype.as_str() {
            "" | "any" => &rule.kind,
            ethertype => ethertype,
        };
        let _ = writeln!(
            text,
            "{:<5} {:<20} {:<6} {kind:<5} {:<24} {:<24} {:<10} {:>12}",
            rule.precedence,
            rule.name,
            rule.action,
            with(&rule.source, &rule.source_port),
            with(&rule.destination, &rule.destination_port),
            rule.ports,
            rule.hits
        );
    }
    let _ = writeln!(
        text,
        "\nRules: {} of {}; what none of them matches is permitted",
        view.count, view.capacity
    );
    text
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
                "\n100   web                  permit tcp   any                      192.0.2.80/32:80"
            ),
            "{text}"
        );
        assert!(text.ends_with("Rules: 1 of 4096; what none of them matches is permitted\n"), "{text}");
    }
}
