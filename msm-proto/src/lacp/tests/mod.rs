mod machines;
mod packets;
mod pair;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Config, GroupConfig, Info, Input, Lacp, Lacpdu, Output, Pdu, Port, bits};
use crate::time::Time;

/// A system of one group with these ports.
fn config(system: u8, ports: impl IntoIterator<Item = Port>, short: bool) -> Config {
    let group = GroupConfig { ports: ports.into_iter().collect(), active: true, short };
    Config { priority: 0x8000, system: [2, 0, 0, 0, 0, system], groups: BTreeMap::from([(1, group)]) }
}

fn at(milliseconds: u64) -> Time {
    Time(0) + Duration::from_millis(milliseconds)
}

/// The LACPDUs among these, by port.
fn sent(outputs: &[Output]) -> Vec<(Port, Lacpdu)> {
    let one = |output: &Output| match output {
        Output::Send { port, frame } => match Pdu::decode(frame) {
            Ok(Pdu::Lacp(pdu)) => Some((*port, pdu)),
            _ => None,
        },
        _ => None,
    };
    outputs.iter().filter_map(one).collect()
}
