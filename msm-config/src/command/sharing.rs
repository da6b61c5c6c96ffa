//! `sharing` and `lacp`.

use super::Command;
use super::rule::{Rule, given};
use crate::model::{ALGORITHMS, Change, SharingChange};

fn change(change: SharingChange) -> Result<Command, String> {
    Ok(Command::Change(Change::Sharing(change)))
}

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "enable sharing <master:port> grouping <portlist> {dynamic} {algorithm [address-based | port-based | round-robin]} {internal <index:0..511>}",
        "Makes up to 8 ports one, of any I/O modules. The master stands for all of them in VLANs and stations; the others leave VLAN Default, and \
         must not be in use elsewhere. dynamic: LACP says which of them are used",
        |a| {
            change(SharingChange::Enable {
                master: given(a.port("master"))?,
                ports: given(a.ports("portlist"))?,
                dynamic: a.has("dynamic"),
                algorithm: a.which(&ALGORITHMS).unwrap_or_default(),
                internal: a.number("index"),
            })
        },
    )
    .default("none; address-based: by MAC addresses, and by those of IP where there are any")
    .example(&["enable sharing 1:1 grouping 1:1,2:1 algorithm address-based"]),
    Rule::new(
        "disable sharing <master:port>",
        "Ends a group: the master keeps its VLANs, the other ports are in none",
        |a| change(SharingChange::Disable(given(a.port("master"))?)),
    )
    .example(&["enable sharing 1:1 grouping 1:1-1:2", "disable sharing 1:1"]),
    Rule::new(
        "configure sharing <master:port> lacp timeout [long | short]",
        "How often the partner is to speak: every 30 seconds, gone after 90, or every second, gone after 3",
        |a| change(SharingChange::Timeout(given(a.port("master"))?, a.has("short"))),
    )
    .default("long")
    .example(&["enable sharing 1:1 grouping 1:1-1:2 dynamic", "configure sharing 1:1 lacp timeout short"]),
    Rule::new(
        "configure sharing <master:port> lacp activity-mode [active | passive]",
        "Whether LACP speaks before it is spoken to",
        |a| change(SharingChange::Activity(given(a.port("master"))?, a.has("active"))),
    )
    .default("active")
    .example(&[
        "enable sharing 1:1 grouping 1:1-1:2 dynamic",
        "configure sharing 1:1 lacp activity-mode passive",
    ]),
    Rule::new(
        "configure lacp system-priority <priority:0..65535>",
        "Priority of the switch in LACP: the lower of the two decides which ports are used",
        |a| change(SharingChange::SystemPriority(given(a.number("priority"))?)),
    )
    .default("32768")
    .example(&["configure lacp system-priority 100"]),
];
