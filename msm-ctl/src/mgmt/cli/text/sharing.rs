//! `show sharing` and `show lacp`: a line a port.

use std::fmt::Write;

use super::super::views::{Lacp, Sharing};

/// Groups and their ports; `*`: used.
pub(super) fn groups(view: &Sharing) -> String {
    let mut text = String::from("Load Sharing Monitor\n");
    let _ = writeln!(
        text,
        "{:<8} {:<8} {:<14} {:<8} {:<9} Flow buckets",
        "Master", "Control", "Algorithm", "Port", "Link"
    );
    for group in &view.groups {
        let control = if group.dynamic { "LACP" } else { "static" };
        let mut head = (group.master.as_str(), control, group.algorithm.as_str());
        for port in &group.ports {
            let used = if port.buckets > 0 { "*" } else { " " };
            let _ = writeln!(
                text,
                "{:<8} {:<8} {:<14} {used}{:<7} {:<9} {}",
                head.0, head.1, head.2, port.port, port.state, port.buckets
            );
            head = ("", "", "");
        }
    }
    let _ = writeln!(text, "Number of load sharing groups: {}  (*) used", view.groups.len());
    text
}

/// LACP: a block a group, a line a port.
pub(super) fn lacp(view: &Lacp) -> String {
    let mut text = format!("LACP system {} priority {}\n", view.system, view.system_priority);
    for group in &view.groups {
        let _ = writeln!(
            text,
            "\nGroup {} key {} timeout {} {}\n{:<7} {:<10} {:<13} {:<18} {:>5} {:>5} {:<9} {:<9} {:>8} {:>8}",
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
            "Actor",
            "Partner",
            "Rx",
            "Tx"
        );
        for port in &group.ports {
            let _ = writeln!(
                text,
                "{:<7} {:<10} {:<13} {:<18} {:>5} {:>5} {:<9} {:<9} {:>8} {:>8}",
                port.port,
                port.receive,
                port.mux,
                port.partner_system,
                port.partner_key,
                port.partner_port,
                letters(&port.actor_state),
                letters(&port.partner_state),
                port.received,
                port.sent
            );
        }
    }
    let _ = writeln!(
        text,
        "\nState: (A) Activity, (T) Short timeout, (G) Aggregation, (S) Synchronization,\n\
         \x20      (C) Collecting, (D) Distributing, (F) Defaulted, (E) Expired"
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
