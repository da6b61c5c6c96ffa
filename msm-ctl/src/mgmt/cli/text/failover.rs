//! `show msm-failover`. No sample of the original is known; the fields are those of its manual, "Displaying Hitless Failover Statistics".

use std::fmt::Write;

use super::capital;
use crate::mgmt::cli::views;

pub(super) fn failover(view: &views::Failover) -> String {
    let mut text = String::new();
    for msm in &view.msm {
        let role = capital(&msm.role);
        let name = slot(&msm.slot);
        let _ = match msm.pid {
            0 => writeln!(text, "{name}: {role}"),
            pid => {
                writeln!(text, "{name}: {role:<9}{} image   {}   pid {pid}", capital(&msm.image), msm.version)
            }
        };
    }
    let mut row = |label: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "{:<28} {value}", format!("{label}:"));
        }
    };
    let milliseconds = |value: u64| if value == 0 { String::new() } else { format!("{value} milliseconds") };
    row("Cause of last MSM failover", &view.cause);
    row("Failover link action", &view.link_action);
    row("Preserve state", &view.preserve_state);
    row("Slave configuration", &view.slave_config);
    row("Failover timeout", &format!("{} seconds", view.timeout_s));
    row("ESRP failover mode", &esrp(view));
    row("System recovery level", &view.recovery_level);
    row("Routing protocols", &view.routing);
    row("Watchdog timeout", &milliseconds(view.watchdog_ms));
    row("Keepalive timeout", &milliseconds(view.keepalive_ms));
    let owner = view.owner.as_ref();
    row(
        "Owner of the tables",
        &owner.map_or("none".to_owned(), |o| format!("{} epoch {}", slot(&o.slot), o.epoch)),
    );
    row("Ready to take over", &view.ready_slot.as_deref().map_or("none".to_owned(), slot));
    let fabrics = view.fabrics.iter().map(|fabric| format!("{} {}", slot(&fabric.slot), fabric.state));
    row("Switch fabric", &fabrics.collect::<Vec<_>>().join(", "));
    if let Some(note) = &view.note {
        let _ = writeln!(text, "{note}");
    }
    let _ = writeln!(
        text,
        "\n{:<15} {:<16} {:<15} {:<16} Current reason",
        "Subsystem", "Old state", "Old reason", "Current state"
    );
    for row in &view.subsystems {
        let _ = writeln!(
            text,
            "{:<15} {:<16} {:<15} {:<16} {}",
            row.name, row.old_state, row.old_reason, row.state, row.reason
        );
    }
    text
}

fn slot(letter: &str) -> String {
    format!("MSM-{}", letter.to_uppercase())
}

/// The time belongs to the one mode that has one.
fn esrp(view: &views::Failover) -> String {
    let mode = &view.esrp_failover_mode;
    if mode.starts_with("remain") {
        format!("{mode}, reelect {} seconds", view.reelect_s)
    } else {
        mode.clone()
    }
}
