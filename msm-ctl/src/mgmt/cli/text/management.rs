//! Accounts, sessions, memory, names, syslog.

use std::fmt::Write;

use super::super::views::{Accounts, Dns, Memory, Sessions, Syslog};
use super::{capital, rows};

/// In the manual's columns.
pub(super) fn accounts(view: &Accounts) -> String {
    // Logins are counted from the issue on that brings them.
    let mut text =
        format!("{:>32} {:<6} {:>7} {:>6} User Type\n", "User Name", "Access", "LoginOK", "Failed");
    for account in &view.accounts {
        let access = if account.access == "admin" { "R/W" } else { "RO" };
        let _ = writeln!(
            text,
            "{:>32} {access:<6} {:>7} {:>6} {}{}",
            account.name,
            0,
            0,
            capital(&account.access),
            if account.password { "" } else { " (no password)" }
        );
    }
    text
}

pub(super) fn sessions(view: &Sessions) -> String {
    let mut text = format!("Sessions of MSM-{}\n", view.slot.to_uppercase());
    let _ = writeln!(
        text,
        "{:>6} {:<22} {:<16} {:<6} {:<6} {:>8} {:>9}",
        "#", "Connected", "User", "Type", "Access", "Pid", "Commands"
    );
    for row in &view.sessions {
        let _ = writeln!(
            text,
            "{:>6} {:<22} {:<16} {:<6} {:<6} {:>8} {:>9}",
            row.number,
            row.since,
            row.user,
            row.from,
            if row.access == "admin" { "R/W" } else { "RO" },
            row.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
            row.commands
        );
    }
    text
}

pub(super) fn memory(view: &Memory) -> String {
    let fdb = view
        .fdb
        .map_or_else(|| "no tables yet".to_owned(), |fdb| format!("{} of {}", fdb.used, fdb.capacity));
    rows(&[
        ("MSM", format!("MSM-{}, pid {}", view.slot.to_uppercase(), view.pid)),
        ("Resident", format!("{} kB", view.resident_kb)),
        ("Most resident", format!("{} kB", view.peak_kb)),
        ("Virtual", format!("{} kB", view.virtual_kb)),
        ("Threads", view.threads.to_string()),
        ("FDB entries", fdb),
        ("VLANs", format!("{} of {}", view.vlans.used, view.vlans.capacity)),
    ])
}

pub(super) fn dns(view: &Dns) -> String {
    let servers = if view.servers.is_empty() { "none".to_owned() } else { view.servers.join(", ") };
    rows(&[
        ("Name servers", servers),
        ("Default domain", view.domain.clone().unwrap_or_else(|| "none".to_owned())),
    ])
}

pub(super) fn syslog(view: &Syslog) -> String {
    let mut text = rows(&[("Syslog", if view.enabled { "Enabled" } else { "Disabled" }.to_owned())]);
    if view.hosts.is_empty() {
        text.push_str("No syslog hosts; add one with configure syslog add\n");
        return text;
    }
    let _ = writeln!(text, "{:<32} {:>5} {:<8} Severity", "Host", "Port", "Facility");
    for host in &view.hosts {
        let _ = writeln!(text, "{:<32} {:>5} {:<8} {}", host.host, host.port, host.facility, host.severity);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::super::views::{Account, SyslogHost, Table};
    use super::*;

    #[test]
    fn accounts_have_the_manuals_columns() {
        let account = |name: &str, access: &str, password| Account {
            name: name.into(),
            access: access.into(),
            password,
        };
        let view =
            Accounts { accounts: vec![account("admin", "admin", true), account("guest", "user", false)] };
        let text = accounts(&view);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("User Name Access LoginOK Failed User Type"), "{text}");
        assert!(
            lines[1].contains("admin R/W          0      0 Admin") && !lines[1].contains("no password"),
            "{text}"
        );
        assert!(lines[2].contains("guest RO           0      0 User (no password)"), "{text}");
    }

    #[test]
    fn what_is_empty_is_said_in_words() {
        assert!(dns(&Dns { servers: vec![], domain: None }).contains("Name servers:     none\n"));
        let mut view = Syslog { enabled: true, hosts: vec![] };
        assert!(syslog(&view).contains("No syslog hosts"));
        let host = SyslogHost {
            host: "10.0.0.9".into(),
            port: 514,
            facility: "local7".into(),
            severity: "info".into(),
        };
        view.hosts.push(host);
        assert!(syslog(&view).contains("  514 local7   info\n"), "{}", syslog(&view));
        let vlans = Table { used: 1, capacity: 4094 };
        let memory_of = Memory {
            slot: "a".into(),
            pid: 7,
            resident_kb: 1,
            peak_kb: 2,
            virtual_kb: 3,
            threads: 4,
            fdb: None,
            vlans,
        };
        assert!(memory(&memory_of).contains("FDB entries:      no tables yet\n"));
        assert!(
            sessions(&Sessions { slot: "a".into(), sessions: vec![] }).starts_with("Sessions of MSM-A\n")
        );
    }
}
