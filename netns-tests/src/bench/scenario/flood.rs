//! Broadcast from 16 stations to all other ports, beside the Linux bridge that floods to the same.

use anyhow::Result;

use super::many;
use crate::bench::contender::Traffic;
use crate::bench::rounds::Compare;
use crate::bench::stage::{Five, Stage};

/// Sources.
const STATIONS: u32 = 16;

fn flood(stage: &mut Stage<'_>, ports: u8, bar: Option<f64>) -> Result<()> {
    let hosts = many(ports + 1);
    let here = stage.here("here", &hosts, &[])?;
    let bridges = stage.bridges(&hosts)?;
    let floor = stage.floor(&hosts)?;
    let bare = floor.clone(); // takes no part: one frame is one redirect there
    let traffic = Traffic::broadcast(STATIONS, u32::from(ports));
    let mut contenders = Five { here, bare, peers: bridges, floor }.contenders(traffic, "bridge");
    contenders.remove(1);
    let compare = Compare {
        name: format!("to {ports} port{}", if ports == 1 { "" } else { "s" }),
        here: 0,
        peers: vec![1, 2],
        peer: "bridge",
        bar,
    };
    stage.rounds(&format!("flood {}", compare.name), &contenders, &[compare], Some(3))
}

/// To one port.
pub(super) fn one(stage: &mut Stage<'_>) -> Result<()> {
    flood(stage, 1, None)
}

/// To three ports.
pub(super) fn three(stage: &mut Stage<'_>) -> Result<()> {
    flood(stage, 3, Some(1.7))
}

/// To fifteen ports.
pub(super) fn fifteen(stage: &mut Stage<'_>) -> Result<()> {
    flood(stage, 15, Some(2.2))
}
