//! `access-list`.

use super::rule::{Rule, given};
use super::{Action, Command, Show};
use crate::grammar::Arguments;
use crate::model::{AccessChange, Change, Matches, NewRule};

fn change(change: AccessChange) -> Result<Command, String> {
    Ok(Command::Change(Change::Access(change)))
}

fn create(a: &Arguments, matches: Matches) -> Result<Command, String> {
    let rule = NewRule {
        matches,
        ports: a.ports("portlist"),
        permit: a.has("permit"),
        precedence: a.number("precedence"),
        counter: a.number("counter"),
    };
    change(AccessChange::Create(given(a.name("name"))?, rule))
}

/// One port, or first and last.
fn ports(a: &Arguments, [one, low, high]: [&str; 3]) -> Result<Option<(u16, u16)>, String> {
    match (a.number(one), a.number::<u16>(low), a.number::<u16>(high)) {
        (Some(port), _, _) => Ok(Some((port, port))),
        (None, Some(low), Some(high)) if low > high => {
            Err(format!("range {low} {high} ends before it begins; the lower port comes first"))
        }
        (None, Some(low), Some(high)) => Ok(Some((low, high))),
        _ => Ok(None),
    }
}

fn ip(a: &Arguments, protocol: Option<u8>) -> Result<Command, String> {
    let matches = Matches::Ip {
        protocol,
        destination: a.ipv4_net("destination"),
        source: a.ipv4_net("source"),
        destination_port: ports(a, ["to-port", "to-first", "to-last"])?,
        source_port: ports(a, ["from-port", "from-first", "from-last"])?,
    };
    create(a, matches)
}

const PRECEDENCE: &str = "any port; behind all others; a counter that is free";

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "create access-list <name> ip {protocol <protocol:0..255>} destination [any | <destination:ipv4net>] \
         source [any | <source:ipv4net>] [permit | deny] {ports [any | <portlist>]} \
         {precedence <precedence:1..25600>} {counter <counter:0..4095>}",
        "Permits or denies IPv4 frames that come in by these ports; the rule with the smallest precedence that matches decides, \
         and what no rule matches is permitted",
        |a| ip(a, a.number("protocol")),
    )
    .default(PRECEDENCE)
    .example(&[
        "create access-list no-ospf ip protocol 89 destination any source any deny ports 1:1 precedence 10",
        "create access-list lab ip destination 192.0.2.0/24 source 198.51.100.0/24 permit precedence 20",
    ]),
    Rule::new(
        "create access-list <name> icmp destination [any | <destination:ipv4net>] source [any | <source:ipv4net>] \
         [permit | deny] {ports [any | <portlist>]} {precedence <precedence:1..25600>} {counter <counter:0..4095>}",
        "Permits or denies ICMP",
        |a| ip(a, Some(1)),
    )
    .default(PRECEDENCE)
    .example(&["create access-list no-ping icmp destination 192.0.2.0/24 source any deny"]),
    Rule::new(
        "create access-list <name> [tcp | udp] \
         destination [any | <destination:ipv4net>] {ip-port [any | <to-port:0..65535> | range <to-first:0..65535> <to-last:0..65535>]} \
         source [any | <source:ipv4net>] {ip-port [any | <from-port:0..65535> | range <from-first:0..65535> <from-last:0..65535>]} \
         [permit | deny] {ports [any | <portlist>]} {precedence <precedence:1..25600>} {counter <counter:0..4095>}",
        "Permits or denies TCP or UDP, of these ports of the protocol; a fragment but the first has no such port",
        |a| ip(a, Some(if a.has("tcp") { 6 } else { 17 })),
    )
    .default(PRECEDENCE)
    .example(&[
        "create access-list web tcp destination 192.0.2.80 ip-port 80 source any permit precedence 100",
        "create access-list no-low-ports tcp destination any ip-port range 0 1023 source any deny precedence 200",
    ]),
    Rule::new(
        "create access-list <name> mac destination [any | <destination:anymac>] source [any | <source:anymac>] \
         {ethertype <ethertype>} [permit | deny] {ports [any | <portlist>]} {precedence <precedence:1..25600>} {counter <counter:0..4095>}",
        "Permits or denies frames by MAC addresses, and by what is in them, behind an 802.1Q tag",
        |a| {
            let matches = Matches::Mac {
                destination: a.mac("destination"),
                source: a.mac("source"),
                ethertype: a.number("ethertype"),
            };
            create(a, matches)
        },
    )
    .default(PRECEDENCE)
    .example(&["create access-list no-arp mac destination any source 02:00:00:00:00:99 ethertype 0x0806 deny ports 1:1-1:2"]),
    Rule::new("delete access-list [all | <name>]", "Deletes a rule, or all of them", |a| {
        change(a.name("name").map_or(AccessChange::DeleteAll, AccessChange::Delete))
    })
    .example(&[
        "create access-list no-ping icmp destination any source any deny",
        "delete access-list no-ping",
    ]),
    Rule::new("show access-list {<name>}", "Rules in the order in which they are looked at, with their hits", |a| {
        Ok(Command::Show(Show::AccessList(a.name("name"))))
    })
    .default("all rules")
    .example(&["show access-list"]),
    Rule::new("clear access-list counters", "Hits of all rules begin at 0 where they are shown", |_| {
        Ok(Command::Act(Action::ClearAccessCounters))
    })
    .example(&["clear access-list counters"]),
];
