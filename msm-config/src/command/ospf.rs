//! `ospf`.

use super::rule::{Rule, given};
use super::{Command, Protocol, RoutingShow, Show};
use crate::grammar::Arguments;
use crate::model::{Change, LinkType, OspfChange, OspfExport, OspfTimers, Source};
use crate::name::Name;

/// What OSPF can pass on.
const SOURCES: [(&str, Source); 4] =
    [("direct", Source::Direct), ("static", Source::Static), ("rip", Source::Rip), ("bgp", Source::Bgp)];

fn change(change: OspfChange) -> Result<Command, String> {
    Ok(Command::Change(Change::Ospf(change)))
}

fn vlan(a: &Arguments) -> Result<Name, String> {
    given(a.name("vlan"))
}

fn show(what: RoutingShow) -> Result<Command, String> {
    Ok(Command::Show(Show::Routing(Protocol::Ospf, what)))
}

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "enable ospf",
        "Starts OSPF; needs FRR (apt-get install frr), which runs under a supervisor of its own: no failover touches it",
        |_| change(OspfChange::Enable(true)),
    )
    .default("disabled")
    .example(&[
        "configure vlan Default ipaddress 10.1.2.3/24",
        "configure ospf add vlan Default area 0.0.0.0",
        "enable ospf",
    ]),
    Rule::new("disable ospf", "Ends OSPF; its routes go", |_| change(OspfChange::Enable(false)))
        .example(&["disable ospf"]),
    Rule::new("configure ospf routerid [automatic | <id:ip>]", "Gives OSPF its router id", |a| {
        change(OspfChange::RouterId(a.address("id")))
    })
    .default("automatic: the largest address of the switch")
    .example(&["configure ospf routerid 10.0.0.1"]),
    Rule::new(
        "configure ospf add vlan <vlan> area <area:ip> {link-type [auto | broadcast | point-to-point]} {passive}",
        "Runs OSPF in a VLAN; a passive one is announced and not spoken in",
        |a| {
            let link = a.which(&LinkType::ALL).unwrap_or_default();
            let area = given(a.address("area"))?;
            change(OspfChange::Add { vlan: vlan(a)?, area, link, passive: a.has("passive") })
        },
    )
    .default("none; link-type auto, which is broadcast; not passive")
    .example(&["configure ospf add vlan Default area 0.0.0.0 link-type point-to-point"]),
    Rule::new("configure ospf delete vlan <vlan>", "Takes a VLAN out of OSPF", |a| {
        change(OspfChange::Remove(vlan(a)?))
    })
    .example(&["configure ospf add vlan Default area 0.0.0.0", "configure ospf delete vlan Default"]),
    Rule::new(
        "configure ospf vlan <vlan> timer <retransmit:1..3600> <transit-delay:1..3600> <hello:1..65535> <dead:1..65535>",
        "Intervals of OSPF in a VLAN in seconds; neighbors must have the same hello and dead",
        |a| {
            let timers = OspfTimers {
                retransmit_s: given(a.number("retransmit"))?,
                transit_s: given(a.number("transit-delay"))?,
                hello_s: given(a.number("hello"))?,
                dead_s: given(a.number("dead"))?,
            };
            match timers.dead_s > timers.hello_s {
                true => change(OspfChange::Timers(vlan(a)?, timers)),
                false => Err("the dead interval must be longer than the hello interval".to_owned()),
            }
        },
    )
    .default("5 1 10 40")
    .example(&[
        "configure ospf add vlan Default area 0.0.0.0",
        "configure ospf vlan Default timer 5 1 1 4",
    ]),
    Rule::new(
        "configure ospf vlan <vlan> cost [automatic | <cost:1..65535>]",
        "Cost of a VLAN's link",
        |a| change(OspfChange::Cost(vlan(a)?, a.number("cost"))),
    )
    .default("automatic: after its bandwidth")
    .example(&["configure ospf add vlan Default area 0.0.0.0", "configure ospf vlan Default cost 20"]),
    Rule::new(
        "configure ospf vlan <vlan> priority <priority:0..255>",
        "Priority in the election of a VLAN's designated router; 0 is never elected",
        |a| change(OspfChange::Priority(vlan(a)?, given(a.number("priority"))?)),
    )
    .default("1")
    .example(&["configure ospf add vlan Default area 0.0.0.0", "configure ospf vlan Default priority 0"]),
    Rule::new(
        "enable ospf export [direct | static | rip | bgp] {cost <cost:0..16777214>} {[ase-type-1 | ase-type-2]}",
        "Announces routes of others in OSPF",
        |a| {
            let export = OspfExport { cost: a.number("cost"), type_1: a.has("ase-type-1") };
            change(OspfChange::Export(given(a.which(&SOURCES))?, export))
        },
    )
    .default("none; cost 20, of BGP 1; ase-type-2")
    .example(&["enable ospf export static cost 10 ase-type-1"]),
    Rule::new(
        "disable ospf export [direct | static | rip | bgp]",
        "Announces routes of others in OSPF no more",
        |a| change(OspfChange::NoExport(given(a.which(&SOURCES))?)),
    )
    .example(&["disable ospf export static"]),
    Rule::new("show ospf", "State of OSPF and of its areas", |_| show(RoutingShow::Summary))
        .example(&["show ospf"]),
    Rule::new("show ospf neighbor", "Neighbors of OSPF and their states", |_| show(RoutingShow::Neighbors))
        .example(&["show ospf neighbor"]),
    Rule::new("show ospf interfaces", "VLANs that OSPF runs in", |_| show(RoutingShow::Interfaces))
        .example(&["show ospf interfaces"]),
];
