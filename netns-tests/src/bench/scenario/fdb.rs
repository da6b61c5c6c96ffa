//! Many stations, sources and destinations drawn uniformly: against the same table with a thousand of them.

use anyhow::Result;

use super::four;
use crate::bed::{BedOptions, SwitchKind};
use crate::bench::contender::{Contender, Traffic};
use crate::bench::rounds::Compare;
use crate::bench::stage::{Receiver, Stage};

/// The largest table that the product has.
const CAPACITY: u32 = 1_048_576;
/// Two fewer thousands than the table holds: the hosts' own addresses need room as well.
const STATIONS: [(u32, &str, Option<f64>); 3] =
    [(1024, "1k stations", None), (65_536, "64k stations", None), (1_000_000, "1M stations", Some(0.5))];

/// 1k, 64k, 1M.
pub(super) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let hosts = four();
    let options = BedOptions {
        switch: SwitchKind::Msm,
        hosts: hosts.clone(),
        fdb_capacity: Some(CAPACITY),
        ..BedOptions::default()
    };
    let bed = stage.bed_with("here", options)?;
    stage.receive(&bed, Receiver::Xdp)?;
    let floor = stage.floor(&hosts)?;
    let mut contenders = Vec::new();
    for (stations, name, _) in STATIONS.iter().rev() {
        let contender =
            Contender { name: (*name).into(), bed: bed.clone(), traffic: Traffic::unicast(*stations) };
        stage.learn(&bed, stations / 2)?;
        stage.settle(&contender, 4 * stations)?;
        contenders.insert(0, contender);
    }
    contenders.push(Contender { name: "floor".into(), bed: floor, traffic: Traffic::unicast(1024) });
    let compares = STATIONS.iter().enumerate().skip(1).map(|(here, (_, name, bar))| Compare {
        name: (*name).to_owned(),
        here,
        peers: vec![0],
        peer: "here, 1k",
        bar: *bar,
    });
    stage.rounds("stations at random", &contenders, &compares.collect::<Vec<_>>(), Some(3))
}
