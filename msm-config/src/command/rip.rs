//! `rip`.

use super::rule::{Rule, given};
use super::{Command, Protocol, RoutingShow, Show};
use crate::model::{Change, RipChange, Source};

/// What RIP can pass on.
const SOURCES: [(&str, Source); 4] =
    [("direct", Source::Direct), ("static", Source::Static), ("ospf", Source::Ospf), ("bgp", Source::Bgp)];

fn change(change: RipChange) -> Result<Command, String> {
    Ok(Command::Change(Change::Rip(change)))
}

pub(super) const RULES: &[Rule] = &[
    Rule::new("enable rip", "Starts RIP version 2; needs FRR (apt-get install frr)", |_| {
        change(RipChange::Enable(true))
    })
    .default("disabled")
    .example(&[
        "configure vlan Default ipaddress 10.1.2.3/24",
        "configure rip add vlan Default",
        "enable rip",
    ]),
    Rule::new("disable rip", "Ends RIP; its routes go", |_| change(RipChange::Enable(false)))
        .example(&["disable rip"]),
    Rule::new("configure rip add vlan <vlan>", "Runs RIP in a VLAN", |a| {
        change(RipChange::Add(given(a.name("vlan"))?))
    })
    .default("none")
    .example(&["configure rip add vlan Default"]),
    Rule::new("configure rip delete vlan <vlan>", "Takes a VLAN out of RIP", |a| {
        change(RipChange::Remove(given(a.name("vlan"))?))
    })
    .example(&["configure rip add vlan Default", "configure rip delete vlan Default"]),
    Rule::new("configure rip updatetime <seconds:5..3600>", "Seconds between updates", |a| {
        change(RipChange::Update(given(a.number("seconds"))?))
    })
    .default("30")
    .example(&["configure rip updatetime 10"]),
    Rule::new(
        "configure rip routetimeout <seconds:5..86400>",
        "Seconds after which a route that was not heard of is dead",
        |a| change(RipChange::Timeout(given(a.number("seconds"))?)),
    )
    .default("180")
    .example(&["configure rip routetimeout 60"]),
    Rule::new(
        "configure rip garbagetime <seconds:5..86400>",
        "Seconds for which a dead route is announced as dead",
        |a| change(RipChange::Garbage(given(a.number("seconds"))?)),
    )
    .default("120")
    .example(&["configure rip garbagetime 60"]),
    Rule::new(
        "enable rip export [direct | static | ospf | bgp] {cost <cost:0..16>}",
        "Announces routes of others in RIP",
        |a| change(RipChange::Export(given(a.which(&SOURCES))?, a.number("cost"))),
    )
    .default("none; cost 1")
    .example(&["enable rip export static cost 2"]),
    Rule::new(
        "disable rip export [direct | static | ospf | bgp]",
        "Announces routes of others in RIP no more",
        |a| change(RipChange::NoExport(given(a.which(&SOURCES))?)),
    )
    .example(&["disable rip export static"]),
    Rule::new("show rip", "State of RIP, its VLANs and its neighbors", |_| {
        Ok(Command::Show(Show::Routing(Protocol::Rip, RoutingShow::Summary)))
    })
    .example(&["show rip"]),
];
