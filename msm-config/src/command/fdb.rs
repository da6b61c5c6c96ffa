//! `fdb` and `fdbentry`.

use super::rule::{Rule, given};
use super::show::stations;
use super::{Action, Command};
use crate::model::{Change, FdbChange, Place};

fn change(change: FdbChange) -> Result<Command, String> {
    Ok(Command::Change(Change::Fdb(change)))
}

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "configure fdb agingtime <seconds:agingtime>",
        "Age at which a learned station is forgotten; 0 is never",
        |a| change(FdbChange::Aging(given(a.number("seconds"))?)),
    )
    .default("300")
    .example(&["configure fdb agingtime 600"]),
    Rule::new(
        "create fdbentry <mac> vlan <vlan> [blackhole | port <port>]",
        "Places a station: frames to it are dropped, or leave by this port",
        |a| {
            let place = a.port("port").map_or(Place::Blackhole, Place::Port);
            change(FdbChange::Create { mac: given(a.mac("mac"))?, vlan: given(a.name("vlan"))?, place })
        },
    )
    .example(&[
        "create fdbentry 02:00:00:00:00:99 vlan Default blackhole",
        "create fdbentry 02:00:00:00:00:98 vlan Default port 1:1",
    ]),
    Rule::new("delete fdbentry <mac> vlan <vlan>", "Forgets where a station was placed", |a| {
        change(FdbChange::Delete { mac: given(a.mac("mac"))?, vlan: given(a.name("vlan"))? })
    })
    .example(&[
        "create fdbentry 02:00:00:00:00:99 vlan Default blackhole",
        "delete fdbentry 02:00:00:00:00:99 vlan Default",
    ]),
    Rule::new("clear fdb {vlan <vlan> | ports <portlist>}", "Forgets learned stations", |a| {
        Ok(Command::Act(Action::ClearFdb(stations(a))))
    })
    .default("all")
    .example(&["clear fdb"]),
];
