//! Who uses the switch and what it uses: accounts, sessions, memory, names, syslog.

use super::super::server::Desk;
use super::super::views;
use crate::mgmt::log;
use crate::msm::board::Board;

/// `show accounts`
pub(super) fn accounts(board: &Board) -> views::Accounts {
    let accounts = board.config.config.accounts.by_name.iter();
    let accounts = accounts.map(|(name, account)| views::Account {
        name: name.to_string(),
        access: account.access.to_string(),
        password: account.hash.is_some(),
    });
    views::Accounts { accounts: accounts.collect() }
}

/// `show session`
pub(super) fn sessions(desk: &Desk, board: &Board) -> views::Sessions {
    let rows = desk.sessions.rows().into_iter();
    let sessions = rows.map(|(number, row)| views::Session {
        number,
        user: row.who.user(),
        from: "local".to_owned(),
        pid: row.who.pid(),
        access: row.who.access(&board.config.config).to_string(),
        since: log::stamp(row.since),
        commands: row.commands,
    });
    views::Sessions { slot: board.status.identity.slot.to_string(), sessions: sessions.collect() }
}

/// `show memory`
pub(super) fn memory(board: &Board) -> Result<views::Memory, String> {
    let status = std::fs::read_to_string("/proc/self/status")
        .map_err(|error| format!("the kernel does not say how much memory this process has: {error}"))?;
    let number = |name: &str| number_of(&status, name);
    let fdb = match &board.observer {
        Some(observer) => Some(views::Table {
            used: observer.fdb_len().map_err(|e| e.to_string())?.into(),
            capacity: observer.fdb_capacity().into(),
        }),
        None => None,
    };
    Ok(views::Memory {
        slot: board.status.identity.slot.to_string(),
        pid: std::process::id(),
        resident_kb: number("VmRSS"),
        peak_kb: number("VmHWM"),
        virtual_kb: number("VmSize"),
        threads: number("Threads"),
        fdb,
        vlans: views::Table {
            used: board.config.config.vlans.iter().filter(|(_, vlan)| vlan.vid != 0).count() as u64,
            capacity: VLANS,
        },
    })
}

/// VLAN ids that there are (IEEE 802.1Q-2018 table 9-2).
const VLANS: u64 = 4094;

/// A number of /proc/self/status; 0 if it is not there.
fn number_of(status: &str, name: &str) -> u64 {
    let lines = status.lines().filter_map(|line| line.split_once(':'));
    let value = lines.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value);
    value.and_then(|value| value.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// `show dns-client`
pub(super) fn dns(board: &Board) -> views::Dns {
    let dns = &board.config.config.dns;
    views::Dns { servers: dns.servers.iter().map(ToString::to_string).collect(), domain: dns.domain.clone() }
}

/// `show syslog`
pub(super) fn syslog(board: &Board) -> views::Syslog {
    let log = &board.config.config.log;
    let hosts = log.hosts.iter().map(|(name, host)| views::SyslogHost {
        host: name.clone(),
        port: host.port,
        facility: host.facility.to_string(),
        severity: host.severity.to_string(),
    });
    views::Syslog { enabled: log.syslog, hosts: hosts.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_numbers_are_found_by_name() {
        let status = "Name:\tmsm-ctl\nVmRSS:\t   12345 kB\nThreads:\t7\n";
        assert_eq!(
            (number_of(status, "VmRSS"), number_of(status, "Threads"), number_of(status, "Vm")),
            (12345, 7, 0)
        );
    }
}
