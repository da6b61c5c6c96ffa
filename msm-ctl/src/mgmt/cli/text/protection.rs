//! `show cpu-protection` and `show mirroring`.

use std::fmt::Write;

use super::super::views::{CpuProtection, Mirroring};

pub(super) fn cpu(view: &CpuProtection) -> String {
    let mut text = format!(
        "{:<11} {:>10} {:>14} {:>14} {:>14}\n",
        "Class", "Rate (pps)", "Passed", "Over the rate", "No room"
    );
    for class in &view.classes {
        let mark = if class.configured { '*' } else { ' ' };
        let _ = writeln!(
            text,
            "{:<10}{mark} {:>10} {:>14} {:>14} {:>14}",
            class.class, class.rate_pps, class.passed, class.limited, class.full
        );
    }
    text.push_str("* not the default\n");
    text
}

pub(super) fn mirroring(view: &Mirroring) -> String {
    let Some(monitor) = &view.monitor else { return "Mirroring is off.\n".to_owned() };
    let mut text = format!("Copies go to port {monitor}.\n");
    for port in &view.ports {
        let what = match (port.ingress, port.egress) {
            (true, true) => "ingress and egress",
            (true, false) => "ingress",
            _ => "egress",
        };
        let _ = writeln!(text, "  port {:<6} {what}", port.port);
    }
    text
}
