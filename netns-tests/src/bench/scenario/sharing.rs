//! To stations behind a load-sharing group of four ports in two modules, against the same switch without the group.

use anyhow::Result;
use probe_abi::{GenIpState, side};

use super::lines;
use crate::bed::HostSpec;
use crate::bench::contender::{Contender, Traffic};
use crate::bench::rounds::Compare;
use crate::bench::stage::Stage;

/// h1 and h2 in module 1, the group's ports in modules 2 and 3.
fn hosts() -> Vec<HostSpec> {
    vec![
        HostSpec::new(1, 1, 1),
        HostSpec::new(2, 1, 2),
        HostSpec::new(3, 2, 1),
        HostSpec::new(4, 2, 2),
        HostSpec::new(5, 3, 1),
        HostSpec::new(6, 3, 2),
    ]
}

fn traffic() -> Traffic {
    Traffic::ip(GenIpState {
        from_side: side(1),
        to_side: side(3),
        from_stations: 8,
        to_stations: 8,
        from_ip: 10 << 24,
        from_hosts: 1024,
        to_ip: 11 << 24,
        to_hosts: 1024,
        port_mask: 0xFF,
        ..GenIpState::default()
    })
}

/// The group, and none.
pub(super) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let group = lines(&["enable sharing 2:1 grouping 2:1-2:2,3:1-3:2 algorithm address-based"]);
    let shared = stage.here("here", &hosts(), &group)?;
    let alone = stage.here("alone", &hosts(), &[])?;
    let bare = stage.bare(&hosts())?;
    let floor = stage.floor(&hosts())?;
    let one = |name: &str, bed| Contender { name: name.into(), bed, traffic: traffic() };
    let contenders = [
        one("here, group of 4", shared),
        one("here, no group", alone),
        one("bare", bare),
        one("floor", floor),
    ];
    for contender in &contenders[..2] {
        stage.learn(&contender.bed, 8)?;
        stage.settle(contender, 4096)?;
    }
    let compare =
        |peer, name| Compare { name: "group of 4".into(), here: 0, peers: vec![peer], peer: name, bar: None };
    let compares = [compare(1, "here, no group"), compare(2, "bare")];
    stage.rounds("load sharing", &contenders, &compares, Some(3))
}
