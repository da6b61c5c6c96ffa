//! `show ports`: a line a port, or a block.

use std::fmt::Write;

use super::super::views::{Port, Ports};
use super::wrapped;

/// Copies of floods that another port of the group sends: nothing is lost by them.
const EXPECTED: &str = "other-member";
/// In front of what follows a port's line.
const INDENT: &str = "       ";

/// A line a port, and what is wrong with it below.
pub(super) fn table(view: &Ports) -> String {
    let mut text = format!(
        "{:<6} {:<15} {:<8} {:<6} {:>13} {:>13} {:>12}\n",
        "Port", "Netdev", "State", "Driver", "Rx frames", "Tx frames", "Dropped"
    );
    for port in &view.ports {
        let _ = writeln!(
            text,
            "{:<6} {:<15} {:<8} {:<6} {:>13} {:>13} {:>12}",
            port.port,
            or_none(&port.netdev),
            port.state,
            driver(port),
            port.rx_frames,
            port.tx_frames + port.tx_flood_copies,
            dropped(port)
        );
        if let Some(reasons) = reasons(port) {
            text.push_str(&wrapped(&format!("{INDENT}dropped: "), &reasons));
        }
        for fault in &port.faults {
            text.push_str(&wrapped(&format!("{INDENT}! "), fault));
        }
    }
    if view.ports.iter().any(is_auto) {
        text.push_str("* chosen by auto\n");
    }
    text
}

/// A block a port.
pub(super) fn detail(view: &Ports) -> String {
    let blocks: Vec<String> = view.ports.iter().map(block).collect();
    blocks.join("\n")
}

fn block(port: &Port) -> String {
    let mut text = format!("Port {}\n", port.port);
    let mut row =
        |label: &str, value: &str| text.push_str(&wrapped(&format!("  {:<17} ", format!("{label}:")), value));
    let netdev = match port.ifindex {
        0 => or_none(&port.netdev).to_owned(),
        ifindex => format!("{}, index {ifindex}", port.netdev),
    };
    row("Netdev", &netdev);
    row("State", &format!("{}, {} carrier changes", port.state, port.carrier_changes));
    let chosen = if is_auto(port) { " (chosen by auto)" } else { "" };
    row("Driver", &format!("{}{chosen}", port.driver));
    if let Some(master) = &port.group {
        let lacp = port.lacp.as_ref().map_or_else(String::new, |mux| format!("; LACP {mux}"));
        row("Load sharing", &format!("in the group of port {master}{lacp}"));
    }
    row("Learning", &learning(port));
    let floods: Vec<String> =
        port.flood_limits.iter().map(|(kind, rate)| format!("{kind} {rate} frames/s")).collect();
    row("Flood limits", if floods.is_empty() { "none".to_owned() } else { floods.join(", ") }.as_str());
    row("Received", &format!("{} frames, {} bytes", port.rx_frames, port.rx_bytes));
    row("of them flooded", &port.flooded.to_string());
    if port.slow > 0 {
        row("by tcx", &format!("{} that XDP handed on", port.slow));
    }
    row("Sent", &format!("{} frames, {} bytes", port.tx_frames, port.tx_bytes));
    row("and flooded", &format!("{} copies", port.tx_flood_copies));
    row("Dropped", &dropped(port).to_string());
    if let Some(reasons) = reasons(port) {
        row("for", &reasons);
    }
    for fault in &port.faults {
        row("Fault", fault);
    }
    text
}

fn learning(port: &Port) -> String {
    let limit = match (port.learn_locked, port.learn_limit) {
        (true, Some(limit)) => format!("locked, limit {limit}"),
        (true, None) => "locked".to_owned(),
        (false, Some(limit)) => format!("limit {limit}"),
        (false, None) => "unlimited".to_owned(),
    };
    let full = match port.learn_full {
        0 => String::new(),
        frames => format!(", {frames} not learned since the FDB was full"),
    };
    format!("{limit}; stations learned so far: {}{full}", port.learned)
}

fn is_auto(port: &Port) -> bool {
    port.driver_configured == "auto"
}

fn driver(port: &Port) -> String {
    format!("{}{}", port.driver, if is_auto(port) { "*" } else { "" })
}

fn or_none(netdev: &str) -> &str {
    if netdev.is_empty() { "-" } else { netdev }
}

fn dropped(port: &Port) -> u64 {
    port.drops.iter().filter(|(reason, _)| *reason != EXPECTED).map(|(_, frames)| frames).sum()
}

/// `3 hairpin, 2 not-member`, most first.
fn reasons(port: &Port) -> Option<String> {
    let mut drops: Vec<_> = port.drops.iter().filter(|(reason, _)| *reason != EXPECTED).collect();
    drops.sort_by_key(|(_, frames)| std::cmp::Reverse(**frames));
    let words: Vec<String> = drops.iter().map(|(reason, frames)| format!("{frames} {reason}")).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port() -> Port {
        let row = serde_json::json!({
            "port": "1:1", "netdev": "s1p1", "ifindex": 1001, "state": "active", "carrier_changes": 2,
            "faults": ["tx and tso are on at eth0: what this host sends by TCP or UDP arrives with a wrong checksum; ethtool -K eth0 tx off at the host, or configure the port's driver tcx"],
            "rx_frames": 18_446_744_073_709_u64, "rx_bytes": 100, "tx_frames": 7, "tx_bytes": 700, "flooded": 3, "tx_flood_copies": 5,
            "learned": 4, "learn_full": 0, "slow": 0, "driver": "tcx", "driver_configured": "auto",
            "drops": {"hairpin": 3, "not-member": 40, "other-member": 1000}
        });
        serde_json::from_value(row).expect("a row of an older server")
    }

    #[test]
    fn no_line_is_longer_than_a_terminal() {
        let mut long = port();
        long.learn_limit = Some(16);
        long.learn_locked = true;
        long.flood_limits = [("broadcast".to_owned(), 500), ("unknown-destmac".to_owned(), 10)].into();
        let view = Ports { ports: vec![port(), long] };
        for text in [table(&view), detail(&view)] {
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        }
        let text = detail(&view);
        assert!(
            text.contains("\n  Learning:         locked, limit 16; stations learned so far: 4\n"),
            "{text}"
        );
        assert!(
            text.contains("Flood limits:     broadcast 500 frames/s, unknown-destmac 10 frames/s\n"),
            "{text}"
        );
    }

    #[test]
    fn a_line_says_driver_losses_and_faults() {
        let text = table(&Ports { ports: vec![port()] });
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[1],
            "1:1    s1p1            active   tcx*   18446744073709            12           43"
        );
        assert_eq!(lines[2], "       dropped: 40 not-member, 3 hairpin");
        assert!(lines[3].starts_with("       ! tx and tso are on at eth0"), "{text}");
        assert!(lines[4].starts_with("         "), "{text}");
        assert_eq!(lines.last(), Some(&"* chosen by auto"));
    }
}
