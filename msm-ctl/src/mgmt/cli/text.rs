//! Answers as people read them, in the manual's layout.

use std::fmt::Write;

use serde::de::DeserializeOwned;
use serde_json::Value;

use msm_config::Command;
use msm_config::command::Show;

use super::views;

/// The text of an answer to `line`. Data of a newer server that this client cannot lay out is printed as it came.
pub(super) fn render(line: &str, data: &Value) -> String {
    let text = match msm_config::parse(line) {
        Ok(Command::Show(Show::Switch)) => read(data).map(|view| switch(&view)),
        Ok(Command::Show(Show::Version)) => read(data).map(|view| version(&view)),
        Ok(Command::Show(Show::Failover)) => read(data).map(|view| failover(&view)),
        Ok(Command::Show(Show::Fdb(_))) => read(data).map(|view| fdb(&view)),
        Ok(Command::Show(Show::Ports(_))) => read(data).map(|view| ports(&view)),
        Ok(Command::Show(Show::Log { .. })) => read(data).map(|view| log(&view)),
        _ => read(data).map(|done: views::Done| match done.message.as_str() {
            "" => String::new(),
            message => format!("{message}\n"),
        }),
    };
    text.unwrap_or_else(|| format!("{data:#}\n"))
}

fn read<T: DeserializeOwned>(data: &Value) -> Option<T> {
    T::deserialize(data).ok()
}

/// Rows of label and value, the value at column 19 as on the original.
fn rows(rows: &[(&str, String)]) -> String {
    let mut text = String::new();
    for (label, value) in rows {
        let line =
            if label.is_empty() { String::new() } else { format!("{:<17} {value}", format!("{label}:")) };
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn switch(view: &views::Switch) -> String {
    let gap = || ("", String::new());
    rows(&[
        ("SysName", view.sys_name.clone()),
        ("System MAC", view.system_mac.clone()),
        gap(),
        ("Platform", view.platform.clone()),
        gap(),
        ("Recovery Mode", view.recovery_mode.clone()),
        gap(),
        ("Current Time", view.current_time.clone()),
        ("Timezone", "GMT Offset: 0 minutes, name is GMT.".to_owned()),
        ("Boot Time", view.boot_time.clone()),
        gap(),
        ("FDB Aging Time", aging(view.agingtime_s)),
        ("Config", if view.unsaved { "modified, not saved" } else { "unchanged" }.to_owned()),
        ("EW Version", view.version.clone()),
        ("Answered by", format!("MSM-{} ({})", view.slot.to_uppercase(), view.role)),
    ])
}

fn version(view: &views::Version) -> String {
    let mut text = format!("Chassis : {}\n", view.platform);
    for msm in &view.msm {
        let _ = writeln!(
            text,
            "MSM-{}   : {} image, version {}",
            msm.slot.to_uppercase(),
            msm.image,
            msm.version
        );
    }
    let _ = write!(text, "Map ABI : {}\nKernel  : {}\n", view.map_abi, view.kernel);
    text
}

fn failover(view: &views::Failover) -> String {
    let mut text = String::new();
    for msm in &view.msm {
        let role = capital(&msm.role);
        let name = format!("MSM-{}:", msm.slot.to_uppercase());
        let _ = match msm.pid {
            0 => writeln!(text, "{name} {role}"),
            pid => {
                writeln!(text, "{name} {role:<9}{} image   {}   pid {pid}", capital(&msm.image), msm.version)
            }
        };
    }
    let row = |text: &mut String, label: &str, value: &str| {
        let _ = writeln!(text, "{:<28} {value}", format!("{label}:"));
    };
    row(&mut text, "Cause of last MSM failover", &view.cause);
    row(&mut text, "Failover link action", &view.link_action);
    row(&mut text, "Preserve state", &view.preserve_state);
    row(&mut text, "Slave configuration", &view.slave_config);
    row(&mut text, "Failover timeout", &format!("{} seconds", view.timeout_s));
    row(&mut text, "ESRP failover mode", &view.esrp_failover_mode);
    let owner = view
        .owner
        .as_ref()
        .map_or("none".to_owned(), |o| format!("MSM-{} epoch {}", o.slot.to_uppercase(), o.epoch));
    row(&mut text, "Owner of the tables", &owner);
    let ready =
        view.ready_slot.as_ref().map_or("none".to_owned(), |slot| format!("MSM-{}", slot.to_uppercase()));
    row(&mut text, "Ready to take over", &ready);
    let _ = writeln!(
        text,
        "\n{:<15} {:<16} {:<14} {:<16} Current reason",
        "Subsystem", "Old state", "Old reason", "Current state"
    );
    for row in &view.subsystems {
        let _ = writeln!(
            text,
            "{:<15} {:<16} {:<14} {:<16} {}",
            row.name, row.old_state, row.old_reason, row.state, row.reason
        );
    }
    text
}

fn fdb(view: &views::Fdb) -> String {
    let mut text = format!("{:<7} {:<17} {:<14} {:>6} {:<6} Port\n", "Index", "Mac", "Vlan", "Age", "Flags");
    for (index, entry) in view.entries.iter().enumerate() {
        let flags: String = entry
            .flags
            .iter()
            .map(|flag| match flag.as_str() {
                "dynamic" => 'd',
                "static" => 's',
                "blackhole" => 'b',
                _ => '?',
            })
            .collect();
        let vlan = format!("{}({:04})", entry.vlan, entry.vid);
        let _ = writeln!(
            text,
            "{index:<7} {:<17} {vlan:<14} {:>6} {flags:<6} {}",
            entry.mac, entry.age_s, entry.port
        );
    }
    let count = |flag: &str| view.entries.iter().filter(|e| e.flags.iter().any(|f| f == flag)).count();
    let _ = write!(
        text,
        "\nFlags : d - Dynamic, s - Static, b - Blackhole\nTotal: {} Static: {} Dyn: {}  Capacity: {}\nFDB Aging time: {}\n",
        view.count,
        count("static"),
        count("dynamic"),
        view.capacity,
        aging(view.agingtime_s)
    );
    text
}

fn ports(view: &views::Ports) -> String {
    let mut text = format!(
        "{:<6} {:<15} {:<9} {:>12} {:>12} {:>10} {:>10}\n",
        "Port", "Netdev", "State", "Rx frames", "Tx frames", "Flooded", "Dropped"
    );
    for port in &view.ports {
        let dropped: u64 = port.drops.values().sum();
        let _ = writeln!(
            text,
            "{:<6} {:<15} {:<9} {:>12} {:>12} {:>10} {dropped:>10}",
            port.port, port.netdev, port.state, port.rx_frames, port.tx_frames, port.flooded
        );
        for fault in &port.faults {
            let _ = writeln!(text, "       ! {fault}");
        }
        for (reason, frames) in &port.drops {
            let _ = writeln!(text, "       dropped {reason}: {frames}");
        }
    }
    text
}

fn log(view: &views::Log) -> String {
    view.lines.iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{line}");
        text
    })
}

fn aging(seconds: u32) -> String {
    if seconds == 0 { "never".to_owned() } else { format!("{seconds} seconds") }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
