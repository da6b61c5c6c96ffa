//! `log`, `syslog`, `cli-config-logging`.

use super::rule::{Rule, given};
use super::{Action, Command};
use crate::model::{Change, Facility, LogChange, Severity, SyslogHost};

fn change(change: LogChange) -> Result<Command, String> {
    Ok(Command::Change(Change::Log(change)))
}

const FACILITIES: [(&str, Facility); 8] = [
    ("local0", Facility(0)),
    ("local1", Facility(1)),
    ("local2", Facility(2)),
    ("local3", Facility(3)),
    ("local4", Facility(4)),
    ("local5", Facility(5)),
    ("local6", Facility(6)),
    ("local7", Facility(7)),
];

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "configure log target [memory-buffer | nvram] severity [critical | error | warning | notice | info | debug]",
        "Which log lines are kept in memory, and which outlive a boot: of that severity or worse",
        |a| {
            let severity = given(a.which(&Severity::ALL))?;
            change(match a.has("nvram") {
                true => LogChange::Nvram(severity),
                false => LogChange::Memory(severity),
            })
        },
    )
    .default("memory-buffer info, nvram warning")
    .example(&["configure log target nvram severity error"]),
    Rule::new(
        "configure log target memory-buffer number-of-messages <lines:200..20000>",
        "How many log lines are kept in memory",
        |a| change(LogChange::Lines(given(a.number("lines"))?)),
    )
    .default("1000")
    .example(&["configure log target memory-buffer number-of-messages 2000"]),
    Rule::new(
        "configure syslog add <host> {port <port:1..65535>} [local0 | local1 | local2 | local3 | local4 | local5 | local6 | local7] {[critical | error | warning | notice | info | debug]}",
        "Sends log lines of a severity or worse to a syslog host (RFC 5424 over UDP)",
        |a| {
            let facility = given(a.which(&FACILITIES))?;
            let host = SyslogHost::new(a.number("port"), facility, a.which(&Severity::ALL));
            change(LogChange::AddHost(given(a.text("host"))?, host))
        },
    )
    .default("port 514, severity info")
    .example(&["configure syslog add 192.0.2.9 local7 warning"]),
    Rule::new("configure syslog delete <host>", "Sends no more log lines to a syslog host", |a| {
        change(LogChange::DeleteHost(given(a.text("host"))?))
    })
    .example(&["configure syslog add 192.0.2.9 local7", "configure syslog delete 192.0.2.9"]),
    Rule::new("enable syslog", "Log lines are sent to syslog hosts", |_| change(LogChange::Syslog(true)))
        .default("enabled")
        .example(&["enable syslog"]),
    Rule::new("disable syslog", "No log line is sent to any syslog host", |_| change(LogChange::Syslog(false)))
        .example(&["disable syslog"]),
    Rule::new("enable cli-config-logging", "Commands that change the configuration are logged", |_| {
        change(LogChange::Commands(true))
    })
    .default("enabled")
    .example(&["enable cli-config-logging"]),
    Rule::new("disable cli-config-logging", "Commands are not logged", |_| change(LogChange::Commands(false)))
        .example(&["disable cli-config-logging", "enable cli-config-logging"]),
    Rule::new("clear log {nvram}", "Forgets the log lines in memory, or those that outlive a boot", |a| {
        Ok(Command::Act(Action::ClearLog { nvram: a.has("nvram") }))
    })
    .example(&["clear log"]),
];
