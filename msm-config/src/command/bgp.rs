//! `bgp`.

use std::net::Ipv4Addr;

use super::rule::{Rule, given};
use super::{Command, Protocol, RoutingShow, Show};
use crate::grammar::Arguments;
use crate::model::{Announced, BgpChange, Change, Source};

/// What BGP can pass on.
const SOURCES: [(&str, Source); 4] =
    [("direct", Source::Direct), ("static", Source::Static), ("ospf", Source::Ospf), ("rip", Source::Rip)];

fn change(change: BgpChange) -> Result<Command, String> {
    Ok(Command::Change(Change::Bgp(change)))
}

fn neighbor(a: &Arguments) -> Result<Ipv4Addr, String> {
    let address: Ipv4Addr = given(a.address("address"))?;
    let host = !address.is_unspecified() && !address.is_multicast() && !address.is_broadcast();
    if host { Ok(address) } else { Err(format!("{address} is no neighbor's address")) }
}

fn announced(a: &Arguments) -> Result<Announced, String> {
    Ok((given(a.address("network"))?, given(a.prefix("mask"))?))
}

fn show(what: RoutingShow) -> Result<Command, String> {
    Ok(Command::Show(Show::Routing(Protocol::Bgp, what)))
}

pub(super) const RULES: &[Rule] = &[
    Rule::new("enable bgp", "Starts BGP; needs FRR (apt-get install frr)", |_| {
        change(BgpChange::Enable(true))
    })
    .default("disabled")
    .example(&["configure bgp AS-number 65001", "configure bgp routerid 10.0.0.1", "enable bgp"]),
    Rule::new("disable bgp", "Ends BGP; its routes go", |_| change(BgpChange::Enable(false)))
        .example(&["disable bgp"]),
    Rule::new(
        "configure bgp AS-number <number:1..4294967295>",
        "Gives BGP its autonomous system; while BGP is disabled",
        |a| change(BgpChange::AsNumber(given(a.number("number"))?)),
    )
    .default("none")
    .example(&["configure bgp AS-number 65001"]),
    Rule::new("configure bgp routerid [automatic | <id:ip>]", "Gives BGP its router id", |a| {
        change(BgpChange::RouterId(a.address("id")))
    })
    .default("automatic: the largest address of the switch")
    .example(&["configure bgp routerid 10.0.0.1"]),
    Rule::new(
        "configure bgp add network <network:ip> <mask>",
        "Announces a network in BGP, whether there is a route to it or not",
        |a| change(BgpChange::AddNetwork(announced(a)?)),
    )
    .default("none")
    .example(&["configure bgp add network 10.9.0.0 255.255.0.0"]),
    Rule::new(
        "configure bgp delete network <network:ip> <mask>",
        "Announces a network in BGP no more",
        |a| change(BgpChange::RemoveNetwork(announced(a)?)),
    )
    .example(&["configure bgp add network 10.9.0.0 16", "configure bgp delete network 10.9.0.0 16"]),
    Rule::new(
        "create bgp neighbor <address:ip> remote-AS-number <number:1..4294967295> {multi-hop}",
        "Names a neighbor; it is talked to once it is enabled",
        |a| {
            change(BgpChange::Create {
                address: neighbor(a)?,
                remote_as: given(a.number("number"))?,
                multihop: a.has("multi-hop"),
            })
        },
    )
    .default("none")
    .example(&["create bgp neighbor 10.1.2.4 remote-AS-number 65002"]),
    Rule::new("delete bgp neighbor <address:ip>", "Forgets a neighbor", |a| {
        change(BgpChange::Delete(neighbor(a)?))
    })
    .example(&["create bgp neighbor 10.1.2.4 remote-AS-number 65002", "delete bgp neighbor 10.1.2.4"]),
    Rule::new("enable bgp neighbor <address:ip>", "Talks to a neighbor", |a| {
        change(BgpChange::EnableNeighbor(neighbor(a)?, true))
    })
    .default("disabled")
    .example(&["create bgp neighbor 10.1.2.4 remote-AS-number 65002", "enable bgp neighbor 10.1.2.4"]),
    Rule::new("disable bgp neighbor <address:ip>", "Talks to a neighbor no more", |a| {
        change(BgpChange::EnableNeighbor(neighbor(a)?, false))
    })
    .example(&["create bgp neighbor 10.1.2.4 remote-AS-number 65002", "disable bgp neighbor 10.1.2.4"]),
    Rule::new(
        "configure bgp neighbor <address:ip> timer keep-alive <keepalive:1..21845> hold-time <hold:3..65535>",
        "Intervals of a neighbor in seconds; the smaller hold time of both ends holds",
        |a| {
            let (keepalive, hold) = (given(a.number("keepalive"))?, given(a.number("hold"))?);
            change(BgpChange::Timers(neighbor(a)?, keepalive, hold))
        },
    )
    .default("60 and 180")
    .example(&[
        "create bgp neighbor 10.1.2.4 remote-AS-number 65002",
        "configure bgp neighbor 10.1.2.4 timer keep-alive 3 hold-time 9",
    ]),
    Rule::new(
        "configure bgp neighbor <address:ip> [next-hop-self | no-next-hop-self]",
        "Whether this switch is the next hop of what it announces to a neighbor of its own AS",
        |a| change(BgpChange::NextHopSelf(neighbor(a)?, a.has("next-hop-self"))),
    )
    .default("no-next-hop-self")
    .example(&[
        "create bgp neighbor 10.1.2.4 remote-AS-number 65001",
        "configure bgp neighbor 10.1.2.4 next-hop-self",
    ]),
    Rule::new("enable bgp export [direct | static | ospf | rip]", "Announces routes of others in BGP", |a| {
        change(BgpChange::Export(given(a.which(&SOURCES))?, true))
    })
    .default("none")
    .example(&["enable bgp export static"]),
    Rule::new(
        "disable bgp export [direct | static | ospf | rip]",
        "Announces routes of others in BGP no more",
        |a| change(BgpChange::Export(given(a.which(&SOURCES))?, false)),
    )
    .example(&["disable bgp export static"]),
    Rule::new("show bgp", "State of BGP", |_| show(RoutingShow::Summary)).example(&["show bgp"]),
    Rule::new("show bgp neighbor", "Neighbors of BGP and their states", |_| show(RoutingShow::Neighbors))
        .example(&["show bgp neighbor"]),
];
