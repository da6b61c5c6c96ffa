//! `show`: reading.

use super::rule::Rule;
use super::{Command, FdbSelection, RouteSelection, Show};
use crate::grammar::Arguments;
use crate::model::Severity;

fn show(what: Show) -> Result<Command, String> {
    Ok(Command::Show(what))
}

/// Which stations a line names.
pub(super) fn stations(a: &Arguments) -> FdbSelection {
    FdbSelection { mac: a.mac("mac"), vlan: a.name("vlan"), ports: a.ports("portlist") }
}

/// Which routes, hosts or neighbours a line names.
pub(super) fn routed(a: &Arguments) -> RouteSelection {
    RouteSelection { address: a.ip("address"), vlan: a.name("vlan") }
}

pub(super) const RULES: &[Rule] = &[
    Rule::new("show switch", "Name, address, kind and state of the chassis", |_| show(Show::Switch))
        .example(&["show switch"]),
    Rule::new("show version", "Versions of the images and of the tables", |_| show(Show::Version))
        .example(&["show version"]),
    Rule::new("show configuration", "The running configuration, as the commands that make it", |_| {
        show(Show::Configuration)
    })
    .example(&["create vlan red", "show configuration"]),
    Rule::new("show msm-failover", "Both MSMs, failover options and replication", |_| show(Show::Failover))
        .example(&["show msm-failover"]),
    Rule::new("show vlan {detail | <vlan>}", "VLANs: tags, addresses, members", |a| {
        show(Show::Vlan { name: a.name("vlan"), detail: a.has("detail") || a.name("vlan").is_some() })
    })
    .default("a line a VLAN")
    .example(&["show vlan", "show vlan detail", "show vlan Default"]),
    Rule::new(
        "show ports {<portlist>} {detail}",
        "Ports, their drivers, faults and counters; detail: limits, addresses learned and bytes too",
        |a| show(Show::Ports { list: a.ports("portlist"), detail: a.has("detail") }),
    )
    .default("all ports, a line each")
    .example(&["show ports 1:*", "show ports 1:1 detail"]),
    Rule::new("show mirroring", "Monitor port and mirrored ports", |_| show(Show::Mirroring))
        .example(&["show mirroring"]),
    Rule::new(
        "show cpu-protection",
        "Frames for the control plane by class: rate, passed, over the rate, without room",
        |_| show(Show::CpuProtection),
    )
    .example(&["show cpu-protection"]),
    Rule::new(
        "show [sharing | ports sharing]",
        "Load-sharing groups: their ports, and which of them are used",
        |_| show(Show::Sharing),
    )
    .example(&["enable sharing 1:1 grouping 1:1-1:2", "show sharing", "show ports sharing"]),
    Rule::new("show lacp", "LACP: this switch and its partners, port by port", |_| show(Show::Lacp))
        .example(&["enable sharing 1:1 grouping 1:1-1:2 dynamic", "show lacp"]),
    Rule::new(
        "show fdb {<mac> | vlan <vlan> | ports <portlist>}",
        "Stations and the ports they are on",
        |a| show(Show::Fdb(stations(a))),
    )
    .default("all stations")
    .example(&["show fdb", "show fdb vlan Default"]),
    Rule::new(
        "show iproute {<address:anyip> | vlan <vlan>}",
        "Routes: all, those that lead to an address, or those into a VLAN",
        |a| show(Show::Routes(routed(a))),
    )
    .default("all")
    .example(&["configure vlan Default ipaddress 10.1.2.3/24", "show iproute", "show iproute 10.1.2.9"]),
    Rule::new(
        "show ipfdb {<address:anyip> | vlan <vlan>}",
        "Hosts that packets are sent to without a route",
        |a| show(Show::Hosts(routed(a))),
    )
    .default("all")
    .example(&["show ipfdb", "show ipfdb vlan Default"]),
    Rule::new(
        "show iparp {<address:anyip> | vlan <vlan>}",
        "Neighbours, of ARP and of neighbour discovery",
        |a| show(Show::Neighbours(routed(a))),
    )
    .default("all")
    .example(&["show iparp", "show iparp vlan Default"]),
    Rule::new("show ipconfig {vlan <vlan>}", "The switch's addresses, and what is routed", |a| {
        show(Show::IpConfig(a.name("vlan")))
    })
    .default("all VLANs with an address")
    .example(&["configure vlan Default ipaddress 10.1.2.3/24", "show ipconfig"]),
    Rule::new(
        "show log {nvram} {[critical | error | warning | notice | info | debug]}",
        "Log lines, newest first: those in memory, or those that outlive a boot; of a severity or worse",
        |a| show(Show::Log { nvram: a.has("nvram"), severity: a.which(&Severity::ALL) }),
    )
    .default("the lines in memory, all severities")
    .example(&["show log warning", "show log nvram"]),
    Rule::new("show accounts", "Accounts and what they may do", |_| show(Show::Accounts))
        .example(&["show accounts"]),
    Rule::new("show session", "Who is connected, from where, since when", |_| show(Show::Session))
        .example(&["show session"]),
    Rule::new("show memory", "Memory of this MSM and of the tables", |_| show(Show::Memory))
        .example(&["show memory"]),
    Rule::new("show dns-client", "Name servers and default domain", |_| show(Show::Dns))
        .example(&["show dns-client"]),
    Rule::new("show syslog", "Syslog hosts and what was sent to them", |_| show(Show::Syslog))
        .example(&["show syslog"]),
];
