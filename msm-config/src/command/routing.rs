//! `ipforwarding`, `iproute`, `iparp`, `ip-mtu`.

use std::net::IpAddr;

use super::rule::{Rule, given};
use super::show::routed;
use super::{Action, Command};
use crate::grammar::Arguments;
use crate::model::{Change, METRIC_DEFAULT, RoutingChange};
use crate::network::Network;

fn change(change: RoutingChange) -> Result<Command, String> {
    Ok(Command::Change(Change::Routing(change)))
}

fn forwarding(a: &Arguments, on: bool) -> Result<Command, String> {
    change(RoutingChange::Forwarding { on, ipv6: a.has("ipv6"), vlan: a.name("vlan") })
}

fn network(a: &Arguments) -> Result<Network, String> {
    match (a.network("network"), a.address("network"), a.prefix("mask")) {
        (Some(network), _, None) => Ok(network),
        (Some(_), _, Some(_)) => Err("the prefix length is given twice; leave out the mask".to_owned()),
        (None, Some(address), Some(len)) => Network::new(address.into(), len).map_err(|e| e.to_string()),
        (None, _, _) => Err("a mask is missing; as 10.1.0.0/16 or 10.1.0.0 255.255.0.0".to_owned()),
    }
}

/// Network and gateway of a line.
fn route(a: &Arguments) -> Result<(Network, Option<IpAddr>), String> {
    let gateway = a.ip("gateway");
    let network = match (a.has("default"), gateway) {
        (true, Some(gateway)) => Network::default_of(gateway),
        (true, None) => Network::DEFAULT,
        (false, _) => network(a)?,
    };
    Ok((network, gateway))
}

fn add(a: &Arguments) -> Result<Command, String> {
    let (network, gateway) = route(a)?;
    change(RoutingChange::Add { network, gateway, metric: a.number("metric").unwrap_or(METRIC_DEFAULT) })
}

fn delete(a: &Arguments) -> Result<Command, String> {
    let (network, gateway) = route(a)?;
    change(RoutingChange::Delete { network, gateway })
}

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "enable ipforwarding {ipv6} {vlan <vlan>}",
        "Routes what comes from a VLAN, or from all that have an address",
        |a| forwarding(a, true),
    )
    .default("off")
    .example(&["configure vlan Default ipaddress 10.1.2.3/24", "enable ipforwarding", "enable ipforwarding ipv6 vlan Default"]),
    Rule::new(
        "disable ipforwarding {ipv6} {vlan <vlan>}",
        "Routes nothing that comes from a VLAN, or from any",
        |a| forwarding(a, false),
    )
    .example(&["enable ipforwarding vlan Default", "disable ipforwarding vlan Default"]),
    Rule::new(
        "configure ip-mtu <mtu:1280..3498> vlan <vlan>",
        "Longest IP packet that is routed into a VLAN; 1280 is the least that IPv6 allows",
        |a| change(RoutingChange::Mtu(given(a.name("vlan"))?, given(a.number("mtu"))?)),
    )
    .default("1500")
    .example(&["configure ip-mtu 1400 vlan Default"]),
    Rule::new(
        "configure iproute add [default | <network> {<mask>}] <gateway:anyip> {<metric:1..65535>}",
        "Adds a static route. It is in force while the gateway is in a VLAN's network; several gateways of one metric share the load",
        add,
    )
    .default("metric 1")
    .example(&[
        "configure vlan Default ipaddress 10.1.2.3/24",
        "configure iproute add 10.9.0.0/16 10.1.2.9",
        "configure iproute add 10.8.0.0 255.255.0.0 10.1.2.9 20",
        "configure iproute add default 10.1.2.1",
    ]),
    Rule::new(
        "configure iproute add blackhole [default | <network> {<mask>}]",
        "Adds a route by which packets are dropped without a word",
        add,
    )
    .example(&["configure iproute add blackhole 10.9.0.0/16"]),
    Rule::new(
        "configure iproute delete [default | <network> {<mask>}] <gateway:anyip>",
        "Deletes a static route",
        delete,
    )
    .example(&["configure iproute add 10.9.0.0/16 10.1.2.9", "configure iproute delete 10.9.0.0/16 10.1.2.9"]),
    Rule::new(
        "configure iproute delete blackhole [default | <network> {<mask>}]",
        "Deletes a route by which packets are dropped",
        delete,
    )
    .example(&["configure iproute add blackhole 10.9.0.0/16", "configure iproute delete blackhole 10.9.0.0/16"]),
    Rule::new(
        "configure iparp add <address:anyip> <mac>",
        "Places a neighbour: its address is not asked for. An IPv6 address is a neighbour of neighbour discovery",
        |a| change(RoutingChange::Place(given(a.ip("address"))?, given(a.mac("mac"))?)),
    )
    .example(&[
        "configure vlan Default ipaddress 10.1.2.3/24",
        "configure iparp add 10.1.2.9 02:00:00:00:00:99",
    ]),
    Rule::new("configure iparp delete <address:anyip>", "Forgets where a neighbour was placed", |a| {
        change(RoutingChange::Forget(given(a.ip("address"))?))
    })
    .example(&["configure iparp add 10.1.2.9 02:00:00:00:00:99", "configure iparp delete 10.1.2.9"]),
    Rule::new(
        "configure iparp timeout <minutes:0..32767>",
        "Minutes for which a neighbour that nothing is sent to is remembered; 0 is always",
        |a| change(RoutingChange::Timeout(given(a.number("minutes"))?)),
    )
    .default("20")
    .example(&["configure iparp timeout 5"]),
    Rule::new(
        "clear iparp {<address:anyip> | vlan <vlan>}",
        "Forgets neighbours that were learned: they are asked for again",
        |a| Ok(Command::Act(Action::ClearArp(routed(a)))),
    )
    .default("all")
    .example(&["clear iparp", "clear iparp vlan Default"]),
];
