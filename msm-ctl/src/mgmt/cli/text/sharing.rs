//! `show sharing` and `show lacp`.

use std::fmt::Write;

use super::super::views::{Lacp, Sharing};

/// Address of a partner that is not known.
const NOBODY: &str = "00:00:00:00:00:00";
/// Flow buckets of a group.
const BUCKETS: usize = msm_abi::GROUP_BUCKETS;

/// Groups and their ports; `*`: used.
pub(super) fn groups(view: &Sharing) -> String {
    let mut text = format!(
        "Load Sharing Monitor\n{:<8} {:<8} {:<14} {:<8} {:<9} Share of the flows\n",
        "Master", "Control", "Algorithm", "Port", "Link"
    );
    for group in &view.groups {
        let control = if group.dynamic { "LACP" } else { "static" };
        let mut head = (group.master.as_str(), control, group.algorithm.as_str());
        for port in &group.ports {
            let (used, share) = match port.buckets {
                0 => (" ", "none".to_owned()),
                buckets => ("*", format!("{} %", (buckets * 100 + BUCKETS / 2) / BUCKETS)),
            };
            let _ = writeln!(
                text,
                "{:<8} {:<8} {:<14} {used}{:<7} {:<9} {share}",
                head.0, head.1, head.2, port.port, port.state
            );
            head = ("", "", "");
        }
    }
    let _ = writeln!(text, "(*) used\nNumber of load sharing groups: {}", view.groups.len());
    text
}

/// LACP: a block a group, two lines a port.
pub(super) fn lacp(view: &Lacp) -> String {
    let mut text = format!("LACP system {}, priority {}\n", view.system, view.system_priority);
    for group in &view.groups {
        let _ = writeln!(
            text,
            "\nGroup {}, key {}, timeout {}, {}\n{:<6} {:<10} {:<13} {:<18} {:>5} {:>5} {:<7} Theirs",
            group.master,
            group.key,
            group.timeout,
            group.activity,
            "Port",
            "Receive",
            "Mux",
            "Partner",
            "Key",
            "Port",
            "Ours"
        );
        for port in &group.ports {
            // Of nobody there is nothing to be said.
            let known = port.partner_system != NOBODY;
            let (partner, key, number) = match known {
                true => (&*port.partner_system, port.partner_key.to_string(), port.partner_port.to_string()),
                false => ("none", "-".to_owned(), "-".to_owned()),
            };
            let _ = writeln!(
                text,
                "{:<6} {:<10} {:<13} {partner:<18} {key:>5} {number:>5} {:<7} {}\n       LACPDUs received {}, sent {}; markers answered {}",
                port.port,
                port.receive,
                port.mux,
                letters(&port.actor_state),
                if known { letters(&port.partner_state) } else { "-".to_owned() },
                port.received,
                port.sent,
                port.markers
            );
        }
    }
    if view.groups.is_empty() {
        text.push_str("No load sharing group speaks LACP.\n");
        return text;
    }
    text.push_str(
        "\nOurs, theirs: what we say of the port, and the partner of its own:\n\
         (A) Activity, (T) Short timeout, (G) Aggregation, (S) Synchronization,\n\
         (C) Collecting, (D) Distributing, (F) Defaulted, (E) Expired\n",
    );
    text
}

fn letters(state: &[String]) -> String {
    let letter = |name: &String| match name.as_str() {
        "activity" => 'A',
        "timeout" => 'T',
        "aggregation" => 'G',
        "synchronization" => 'S',
        "collecting" => 'C',
        "distributing" => 'D',
        "defaulted" => 'F',
        "expired" => 'E',
        _ => '?',
    };
    state.iter().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::views::{LacpGroup, LacpPort, ShareGroup, SharePort};
    use super::*;

    #[test]
    fn no_line_is_longer_than_a_terminal() {
        let state: Vec<String> = [
            "activity",
            "timeout",
            "aggregation",
            "synchronization",
            "collecting",
            "distributing",
            "expired",
        ]
        .map(str::to_owned)
        .into();
        let port = LacpPort {
            port: "16:64".into(),
            receive: "defaulted".into(),
            mux: "distributing".into(),
            actor_state: state.clone(),
            partner_system: "02:00:00:00:00:01".into(),
            partner_key: 65_535,
            partner_port: 65_535,
            partner_state: state,
            received: 1_000_000_000,
            sent: 1_000_000_000,
            markers: 1_000_000,
        };
        let group = LacpGroup {
            master: "16:64".into(),
            key: 512,
            timeout: "short".into(),
            activity: "passive".into(),
            ports: vec![port],
        };
        let view = Lacp { system: "02:00:00:00:00:02".into(), system_priority: 32_768, groups: vec![group] };
        let text = lacp(&view);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        let port = |port: &str, buckets| SharePort { port: port.into(), state: "disabled".into(), buckets };
        let group = ShareGroup {
            master: "16:64".into(),
            index: 0,
            algorithm: "address-based".into(),
            dynamic: true,
            ports: vec![port("16:63", 0), port("16:64", 64)],
        };
        let text = groups(&Sharing { groups: vec![group] });
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains(" 16:63   disabled  none\n"), "{text}");
        assert!(text.contains("*16:64   disabled  100 %\n"), "{text}");
    }
}
