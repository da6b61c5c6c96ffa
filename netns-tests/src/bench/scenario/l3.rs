//! Routed frames, beside Linux `ip_forward` with the same routes.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::rc::Rc;

use anyhow::Result;
use probe_abi::{GenIpState, TO_ROUTES, route, side};

use super::{four, lines};
use crate::bed::{HOST_DEV, SwitchKind, Testbed};
use crate::bench::contender::Traffic;
use crate::bench::rounds::Compare;
use crate::bench::stage::{BARE, FLOOR, Five, PEERS, Receiver, Stage, ip_batch, run};

/// System MAC of a bed's chassis, which Linux's ports get as well: one generator speaks to both.
const ROUTER: u64 = 0x02e0_2b00_0001;
/// 10.2.0.1, 10.2.0.2, ...: hosts, and next hops.
const HOSTS: u32 = 16;
const FIRST_HOST: u32 = u32::from_be_bytes([10, 2, 0, 1]);
/// Next hops that routes take turns in.
const HOPS: u32 = 4;

/// Addresses and neighbours: h1 in 10.1/16, h3 in 10.2/16 with all hosts' addresses.
fn address_hosts(bed: &Testbed) -> Result<()> {
    let mut right: Vec<String> = vec![format!("addr flush dev {HOST_DEV}")];
    for host in 0..HOSTS {
        right.push(format!("addr add {}/16 dev {HOST_DEV}", Ipv4Addr::from(FIRST_HOST + host)));
    }
    right.push("route add default via 10.2.0.254".into());
    ip_batch(&bed.host("h3")?.netns, &right)?;
    let left = ["addr flush dev eth0", "addr add 10.1.0.1/16 dev eth0", "route add default via 10.1.0.254"];
    ip_batch(&bed.host("h1")?.netns, &lines(&left))
}

/// `count` different prefixes as lines of `ip -batch`, and how many numbers the generator draws them from.
fn routes(count: u32) -> (Vec<String>, u32) {
    let mut known = BTreeSet::new();
    let mut lines = Vec::new();
    let mut index = 0;
    while lines.len() < count as usize {
        let (address, length) = route(index);
        if known.insert((address, length)) {
            let hop = Ipv4Addr::from(FIRST_HOST + index % HOPS);
            lines.push(format!("route add {}/{length} via {hop}", Ipv4Addr::from(address)));
        }
        index += 1;
    }
    (lines, index)
}

fn router_here(stage: &mut Stage<'_>) -> Result<Rc<Testbed>> {
    let commands = lines(&[
        "create vlan left",
        "create vlan right",
        "configure vlan default delete ports all",
        "configure vlan left add ports 1:1",
        "configure vlan right add ports 2:1",
        "configure vlan left ipaddress 10.1.0.254/16",
        "configure vlan right ipaddress 10.2.0.254/16",
        "enable ipforwarding",
    ]);
    let bed = stage.here("here", &four(), &commands)?;
    address_hosts(&bed)?;
    Ok(bed)
}

/// Linux with the same addresses; GRO makes its veths poll, as it does under the bridge.
fn router_linux(stage: &mut Stage<'_>, label: &str, receiver: Receiver) -> Result<Rc<Testbed>> {
    let bed = stage.bed(label, SwitchKind::None, &four())?;
    stage.receive(&bed, receiver)?;
    let netns = bed.switch_netns();
    let mut script = Vec::new();
    for (host, address) in [("h1", "10.1.0.254/16"), ("h3", "10.2.0.254/16")] {
        let dev = &bed.host(host)?.spec.switch_dev;
        script.push(format!("link set {dev} address 02:e0:2b:00:00:01"));
        script.push(format!("addr add {address} dev {dev}"));
        run(netns, "ethtool", &["-K", dev, "gro", "on"])?;
    }
    ip_batch(netns, &script)?;
    run(netns, "sysctl", &["-qw", "net.ipv4.ip_forward=1"])?;
    address_hosts(&bed)?;
    Ok(bed)
}

fn traffic(to_ip: u32, to_hosts: u32, to_kind: u32) -> Traffic {
    Traffic::ip(GenIpState {
        from_side: side(1),
        to_side: ROUTER,
        from_stations: 1,
        to_stations: 0,
        from_ip: u32::from_be_bytes([10, 1, 0, 1]),
        from_hosts: 1,
        to_ip,
        to_hosts,
        to_kind,
        port_mask: 0xFF,
        ..GenIpState::default()
    })
}

fn measure(stage: &mut Stage<'_>, name: &str, count: u32, bar: f64) -> Result<()> {
    let five = Five {
        here: router_here(stage)?,
        bare: stage.bare(&four())?,
        peers: [router_linux(stage, "rttc", Receiver::Tcx)?, router_linux(stage, "rtxd", Receiver::Xdp)?],
        floor: stage.floor(&four())?,
    };
    let traffic = if count == 0 {
        traffic(FIRST_HOST, HOSTS, 0)
    } else {
        let (lines, drawn) = routes(count);
        for bed in [&five.here, &five.peers[0], &five.peers[1]] {
            ip_batch(bed.switch_netns(), &lines)?;
        }
        traffic(0, drawn, TO_ROUTES)
    };
    let contenders = five.contenders(traffic, "ip_forward");
    for index in [0, PEERS[0], PEERS[1]] {
        stage.settle(&contenders[index], 2000)?;
    }
    let compare = |peers: &[usize], peer, bar| Compare {
        name: name.to_owned(),
        here: 0,
        peers: peers.to_vec(),
        peer,
        bar,
    };
    let compares = [compare(&PEERS, "ip_forward", Some(bar)), compare(&[BARE], "bare", None)];
    stage.rounds(&format!("L3, {name}"), &contenders, &compares, Some(FLOOR))
}

/// To hosts that IPFDB knows.
pub(super) fn hosts(stage: &mut Stage<'_>) -> Result<()> {
    measure(stage, "16 hosts", 0, 2.2)
}

/// By one prefix.
pub(super) fn one(stage: &mut Stage<'_>) -> Result<()> {
    measure(stage, "1 route", 1, 2.2)
}

/// By a thousand prefixes.
pub(super) fn thousand(stage: &mut Stage<'_>) -> Result<()> {
    measure(stage, "1,000 routes", 1000, 2.2)
}

/// By a hundred thousand prefixes.
pub(super) fn hundred_thousand(stage: &mut Stage<'_>) -> Result<()> {
    measure(stage, "100,000 routes", 100_000, 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_differ_and_hold_what_is_drawn() {
        let (lines, drawn) = routes(100_000);
        assert_eq!(lines.len(), 100_000);
        assert!((100_000..110_000).contains(&drawn), "{drawn}");
        let mut blocks = BTreeSet::new();
        for index in 0..drawn {
            let (address, length) = route(index);
            let mask = u32::MAX << (32 - length);
            assert_eq!(address & !mask, 0, "no bits behind the prefix");
            assert_eq!(probe_abi::route_host(index, 0xABCD) & mask, address);
            blocks.insert(address >> 16);
            if length > 24 {
                blocks.insert(address >> 8 | 1 << 30);
            }
        }
        assert!(blocks.len() < 14_000, "{} blocks: a direct-indexed table would not hold them", blocks.len());
    }
}
