//! Known unicast between I/O modules, stations drawn at random: beside the bare redirect and the Linux bridge.

use anyhow::Result;
use probe_abi::{GenIpState, side};

use super::{acl, four, lines};
use crate::bench::contender::{Contender, Traffic};
use crate::bench::rounds::Compare;
use crate::bench::stage::{BARE, FLOOR, Five, PEERS, Stage, script};

const LONG: usize = 1518;

fn five(stage: &mut Stage<'_>) -> Result<Five> {
    let hosts = four();
    Ok(Five {
        here: stage.here("here", &hosts, &[])?,
        bare: stage.bare(&hosts)?,
        peers: stage.bridges(&hosts)?,
        floor: stage.floor(&hosts)?,
    })
}

/// One series: stations learned, rounds, rows.
fn series(
    stage: &mut Stage<'_>,
    five: &Five,
    name: &str,
    traffic: Traffic,
    stations: u32,
    bars: (Option<f64>, Option<f64>),
) -> Result<()> {
    let contenders = five.contenders(traffic, "bridge");
    for contender in contenders.iter().filter(|c| c.name.starts_with("here") || c.name.starts_with("bridge"))
    {
        learn(stage, contender, stations)?;
    }
    let compare = |peers: &[usize], peer, bar| Compare {
        name: name.to_owned(),
        here: 0,
        peers: peers.to_vec(),
        peer,
        bar,
    };
    let compares = [compare(&[BARE], "bare", bars.0), compare(&PEERS, "bridge", bars.1)];
    stage.rounds(name, &contenders, &compares, Some(FLOOR))
}

fn learn(stage: &mut Stage<'_>, contender: &Contender, stations: u32) -> Result<()> {
    stage.learn(&contender.bed, stations / 2)?;
    stage.settle(contender, (4 * stations).max(1024))
}

/// 64 bytes.
pub(super) fn plain(stage: &mut Stage<'_>) -> Result<()> {
    let five = five(stage)?;
    for (name, stations, bars) in [
        ("16 stations", 16, (Some(0.80), Some(2.3))),
        ("1,024 stations", 1024, (Some(0.60), None)),
        ("60,000 stations", 60_000, (None, None)),
    ] {
        series(stage, &five, name, Traffic::unicast(stations), stations, bars)?;
    }
    Ok(())
}

/// 1,518 bytes.
pub(super) fn long(stage: &mut Stage<'_>) -> Result<()> {
    let five = five(stage)?;
    series(stage, &five, "16 stations, 1,518 bytes", Traffic::unicast(16).long(LONG), 16, (None, None))
}

/// IPv4 frames between 16 stations, of hosts and ports that many rules could be about.
pub(super) fn ip_traffic() -> Traffic {
    Traffic::ip(GenIpState {
        from_side: side(1),
        to_side: side(3),
        from_stations: 8,
        to_stations: 8,
        from_ip: 10 << 24,
        from_hosts: 1 << 24,
        to_ip: 10 << 24,
        to_hosts: 1 << 24,
        port_mask: 0xFFF,
        ..GenIpState::default()
    })
}

/// VLANs beside the one that is used, which is tagged at no port of the hosts'; 100 rules; counters and learning as always.
pub(super) fn full(stage: &mut Stage<'_>) -> Result<()> {
    let five = five(stage)?;
    let mut commands = lines(&[
        "create vlan work",
        "configure vlan work tag 100",
        "configure vlan default delete ports all",
        "configure vlan work add ports all untagged",
    ]);
    for number in 0..10 {
        commands.push(format!("create vlan other{number}"));
        commands.push(format!("configure vlan other{number} tag {}", 200 + number));
        commands.push(format!("configure vlan other{number} add ports all tagged"));
    }
    crate::bench::stage::configure(&five.here, &commands)?;
    script(&five.here, &acl::rules(100))?;
    series(stage, &five, "VLANs, 100 rules", ip_traffic(), 16, (Some(0.80), Some(2.2)))
}
