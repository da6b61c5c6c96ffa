//! `show sharing` and `show lacp`: a line a port.

use std::fmt::Write;

use super::super::views::Sharing;

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
