//! Names of the switch, DNS client, paging.

use super::Command;
use super::rule::{Rule, given};
use crate::model::{Change, CliChange, DnsChange, SystemChange};

fn system(change: SystemChange) -> Result<Command, String> {
    Ok(Command::Change(Change::System(change)))
}

fn dns(change: DnsChange) -> Result<Command, String> {
    Ok(Command::Change(Change::Dns(change)))
}

fn paging(on: bool) -> Result<Command, String> {
    Ok(Command::Change(Change::Cli(CliChange::Paging(on))))
}

pub(super) const RULES: &[Rule] = &[
    Rule::new("configure snmp sysName <name:text32>", "Name of the switch, which the prompt shows", |a| {
        match given(a.text("name"))? {
            name if name.trim().is_empty() => Err("a name is not empty".to_owned()),
            name => system(SystemChange::Name(name)),
        }
    })
    .default("the chassis' name")
    .example(&["configure snmp sysName core-1"]),
    Rule::new("configure snmp sysLocation <location:text>", "Where the switch is", |a| {
        system(SystemChange::Location(given(a.text("location"))?))
    })
    .example(&["configure snmp sysLocation \"rack 7\""]),
    Rule::new("configure snmp sysContact <contact:text>", "Who answers for the switch", |a| {
        system(SystemChange::Contact(given(a.text("contact"))?))
    })
    .example(&["configure snmp sysContact \"noc@example.com\""]),
    Rule::new("configure dns-client add <ip>", "Adds a name server, the last to be asked", |a| {
        dns(DnsChange::Add(given(a.address("ip"))?))
    })
    .default("none: only addresses are understood")
    .example(&["configure dns-client add 192.0.2.53"]),
    Rule::new("configure dns-client delete <ip>", "Takes a name server away", |a| {
        dns(DnsChange::Delete(given(a.address("ip"))?))
    })
    .example(&["configure dns-client add 192.0.2.53", "configure dns-client delete 192.0.2.53"]),
    Rule::new(
        "configure dns-client default-domain <domain:host>",
        "What is put behind a name without a dot",
        |a| dns(DnsChange::Domain(given(a.text("domain"))?)),
    )
    .default("none")
    .example(&["configure dns-client default-domain example.com"]),
    Rule::new("unconfigure dns-client default-domain", "Nothing is put behind a name without a dot", |_| {
        dns(DnsChange::NoDomain)
    })
    .example(&["unconfigure dns-client default-domain"]),
    Rule::new("enable clipaging", "Long answers stop at each screenful, at a terminal", |_| paging(true))
        .default("enabled")
        .example(&["enable clipaging"]),
    Rule::new("disable clipaging", "Long answers run through", |_| paging(false))
        .example(&["disable clipaging", "enable clipaging"]),
];
