//! `vlan`.

use super::Command;
use super::rule::{Rule, given};
use crate::grammar::Arguments;
use crate::model::{Change, VlanChange};
use crate::name::Name;
use crate::network::Interface;

fn change(change: VlanChange) -> Result<Command, String> {
    Ok(Command::Change(Change::Vlan(change)))
}

fn vlan(a: &Arguments) -> Result<Name, String> {
    given(a.name("vlan"))
}

fn interface(a: &Arguments) -> Result<Interface, String> {
    match (a.interface("address"), a.address("address"), a.prefix("mask")) {
        (Some(interface), _, None) => Ok(interface),
        (Some(_), _, Some(_)) => Err("the prefix length is given twice; leave out the mask".to_owned()),
        (None, Some(address), Some(prefix)) => Interface::new(address, prefix).map_err(|e| e.to_string()),
        (None, _, _) => Err("a mask is missing; as 10.0.0.1/24 or 10.0.0.1 255.255.255.0".to_owned()),
    }
}

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "create vlan <vlan> {internal <id:1..4094>}",
        "Creates a VLAN without members; its id inside the switch is chosen unless given",
        |a| change(VlanChange::Create { name: vlan(a)?, internal: a.number("id") }),
    )
    .default("Default, tag 1, has all ports; ids inside are given from 4094 down")
    .example(&["create vlan red"]),
    Rule::new(
        "delete vlan <vlan>",
        "Deletes a VLAN; ports that were untagged there are in no VLAN then",
        |a| change(VlanChange::Delete(vlan(a)?)),
    )
    .example(&["create vlan red", "delete vlan red"]),
    Rule::new("configure vlan <vlan> tag <tag:1..4094>", "Gives a VLAN its 802.1Q tag", |a| {
        change(VlanChange::Tag(vlan(a)?, given(a.number("tag"))?))
    })
    .default("none: the VLAN has untagged members only")
    .example(&["create vlan red", "configure vlan red tag 10"]),
    Rule::new("configure vlan <vlan> name <new:name>", "Renames a VLAN", |a| {
        change(VlanChange::Rename(vlan(a)?, given(a.name("new"))?))
    })
    .example(&["create vlan red", "configure vlan red name blue"]),
    Rule::new(
        "configure vlan <vlan> add ports [all | <portlist>] {[tagged | untagged]}",
        "Makes ports members of a VLAN; a port is an untagged member of one VLAN at most",
        |a| change(VlanChange::Add { vlan: vlan(a)?, ports: a.ports("portlist"), tagged: a.has("tagged") }),
    )
    .default("untagged")
    .example(&[
        "create vlan red",
        "configure vlan Default delete ports 1:1",
        "configure vlan red add ports 1:1",
        "configure vlan red tag 10",
        "configure vlan red add ports 1:2 tagged",
    ]),
    Rule::new("configure vlan <vlan> delete ports [all | <portlist>]", "Takes ports out of a VLAN", |a| {
        change(VlanChange::Remove { vlan: vlan(a)?, ports: a.ports("portlist") })
    })
    .example(&["configure vlan Default delete ports 1:1"]),
    Rule::new(
        "configure vlan <vlan> ipaddress [<address:ipaddress> {<mask>} | <address6:ip6address>] {interface <number:0..511>}",
        "Gives the switch an address in a VLAN, one of IPv4 and several of IPv6; in VLAN Mgmt, on the management netdev",
        |a| {
            let (vlan, number) = (vlan(a)?, a.number("number"));
            change(match a.interface6("address6") {
                Some(address) => VlanChange::Address6(vlan, address, number),
                None => VlanChange::Address(vlan, interface(a)?, number),
            })
        },
    )
    .default("none; the number of the interface is the lowest that is free")
    .example(&[
        "configure vlan Mgmt ipaddress 192.0.2.1/24",
        "configure vlan Default ipaddress 10.1.2.3 255.255.255.0",
        "configure vlan Default ipaddress 2001:db8:1::1/64",
    ]),
    Rule::new(
        "unconfigure vlan <vlan> ipaddress {<address6:ip6address>}",
        "Takes the switch's addresses out of a VLAN: all, or one of IPv6",
        |a| change(VlanChange::NoAddress(vlan(a)?, a.interface6("address6"))),
    )
    .example(&[
        "configure vlan Default ipaddress 10.1.2.3 255.255.255.0",
        "unconfigure vlan Default ipaddress",
    ]),
];
