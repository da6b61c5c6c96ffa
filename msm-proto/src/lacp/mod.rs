//! LACP (IEEE 802.1AX-2014 6.4): which ports of a group are used, agreed with the switch at their other ends.
//!
//! Every group has one aggregator. Its ports are those that hear one and the same partner; if they hear several, those of the partner that
//! the group has already, else of the one that the first port hears.

mod events;
mod packet;
mod state;
#[cfg(test)]
mod tests;
mod timers;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use events::{Config, GroupConfig, Input, Output, Port};
pub use packet::{ETHERTYPE, GROUP, Info, Lacpdu, Marker, PacketError, Pdu, bits};
pub use state::{Counters, Mux, Rx};

use crate::time::Time;
use packet::INFO;
use state::{EXPORT, PortState};

/// Priority of every port: who is used is not decided by it, since all may be.
const PORT_PRIORITY: u16 = 0x8000;
/// Version of what [`Output::Replicate`] has.
const REPLICA: u8 = 1;
/// Bytes in front of the ports there: version, key, number of ports.
const REPLICA_HEAD: usize = 4;

/// What `show lacp` shows of a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortStatus {
    /// Key of its group.
    pub key: u16,
    /// Receive machine.
    pub rx: Rx,
    /// Mux machine.
    pub mux: Mux,
    /// What this side says.
    pub actor: Info,
    /// What the other side said.
    pub partner: Info,
    /// Frames.
    pub counters: Counters,
}

#[derive(Debug, Default)]
struct Group {
    ports: BTreeMap<Port, PortState>,
    /// System and key of the partner.
    partner: Option<(u16, [u8; 6], u16)>,
    /// What was replicated last.
    replicated: Vec<u8>,
}

/// See the file's first line.
#[derive(Debug, Default)]
pub struct Lacp {
    config: Config,
    groups: BTreeMap<u16, Group>,
    links: BTreeSet<Port>,
    collecting: BTreeSet<Port>,
    distributing: BTreeSet<Port>,
}

/// What is said of a port before anything is known of its partner.
fn actor(config: &Config, key: u16, group: &GroupConfig, port: Port) -> Info {
    let mut info = Info {
        system_priority: config.priority,
        system: config.system,
        key,
        port_priority: PORT_PRIORITY,
        port: port.wrapping_add(1),
        state: bits::AGGREGATION,
    };
    info.set(bits::ACTIVITY, group.active);
    info.set(bits::TIMEOUT, group.short);
    info
}

impl Lacp {
    /// Takes what happened at `now`, which never goes back; gives what is to be done.
    pub fn step(&mut self, now: Time, input: Input) -> Vec<Output> {
        let mut outputs = Vec::new();
        // A frame concerns its own group; all else may concern all.
        let mut only = None;
        match input {
            Input::Config(config) => self.configure(now, config),
            Input::Links(links) => {
                for (number, port) in self.groups.values_mut().flat_map(|group| &mut group.ports) {
                    port.link(now, links.contains(number));
                }
                self.links = links;
            }
            Input::Pdu { port: number, pdu } => {
                let found = self.groups.iter_mut().find(|(_, group)| group.ports.contains_key(&number));
                let Some((key, port)) =
                    found.and_then(|(key, group)| Some((*key, group.ports.get_mut(&number)?)))
                else {
                    return outputs;
                };
                only = Some(key);
                match pdu {
                    Pdu::Lacp(pdu) => port.receive(now, &pdu),
                    Pdu::Marker(marker) if port.rx != Rx::Disabled => {
                        port.counters.markers += 1;
                        let frame = marker.respond(self.config.system);
                        outputs.push(Output::Send { port: number, frame });
                    }
                    Pdu::Marker(_) | Pdu::MarkerResponse(_) => {}
                }
            }
            Input::Tick => {}
        }
        self.settle(now, only, &mut outputs);
        outputs
    }

    /// Goes on where another stopped: with its configuration, what it had replicated (the last of each group), and the links of now. The
    /// partner hears at once what it has heard before.
    pub fn resume<'a>(
        now: Time,
        config: Config,
        replicas: impl IntoIterator<Item = &'a [u8]>,
        links: BTreeSet<Port>,
    ) -> (Self, Vec<Output>) {
        let mut lacp = Self::default();
        lacp.configure(now, config);
        for replica in replicas {
            lacp.import(now, replica);
        }
        for group in lacp.groups.values_mut() {
            group.partner = group.ports.values().filter(|port| port.selected).find_map(PortState::group);
        }
        // What was used is used on, unless its link went.
        let mut outputs = lacp.step(now, Input::Links(links));
        if !outputs.iter().any(|output| matches!(output, Output::Distribute(_))) {
            outputs.insert(0, Output::Distribute(lacp.distributing.clone()));
        }
        if !outputs.iter().any(|output| matches!(output, Output::Collect(_))) {
            outputs.insert(0, Output::Collect(lacp.collecting.clone()));
        }
        (lacp, outputs)
    }

    fn configure(&mut self, now: Time, config: Config) {
        self.groups.retain(|key, _| config.groups.contains_key(key));
        for (key, wanted) in &config.groups {
            let group = self.groups.entry(*key).or_default();
            group.ports.retain(|port, _| wanted.ports.contains(port));
            for number in &wanted.ports {
                let actor = actor(&config, *key, wanted, *number);
                let port = group.ports.entry(*number).or_insert_with(|| PortState::new(actor));
                port.reconfigure(actor);
                port.link(now, self.links.contains(number));
            }
        }
        self.config = config;
    }

    /// Lets every machine go as far as it can: those of one group, or all.
    fn settle(&mut self, now: Time, only: Option<u16>, outputs: &mut Vec<Output>) {
        let mut frames = Vec::new();
        let concerned = self.groups.iter_mut().filter(|(key, _)| only.is_none_or(|only| only == **key));
        for (key, group) in concerned {
            for port in group.ports.values_mut() {
                port.age(now);
                // What is not selected any more leaves before it is chosen again.
                if !port.selected {
                    port.mux(now, false);
                }
            }
            group.select();
            let ready = !group.ports.values().any(|port| port.selected && port.waits());
            for (number, port) in &mut group.ports {
                port.mux(now, ready);
                port.period(now);
                if let Some(pdu) = port.transmit(now) {
                    frames.push(Output::Send { port: *number, frame: pdu.encode(self.config.system) });
                }
            }
            let replica = group.export(*key);
            if replica != group.replicated {
                outputs.push(Output::Replicate(replica.clone()));
                group.replicated = replica;
            }
        }
        let least = |mux: Mux| -> BTreeSet<Port> {
            self.ports().filter(|(_, _, port)| port.mux >= mux).map(|(_, number, _)| number).collect()
        };
        let (collecting, distributing) = (least(Mux::Collecting), least(Mux::Distributing));
        if collecting != self.collecting {
            self.collecting = collecting;
            outputs.push(Output::Collect(self.collecting.clone()));
        }
        if distributing != self.distributing {
            self.distributing = distributing;
            outputs.push(Output::Distribute(self.distributing.clone()));
        }
        outputs.append(&mut frames);
    }

    fn ports(&self) -> impl Iterator<Item = (u16, Port, &PortState)> {
        self.groups
            .iter()
            .flat_map(|(key, group)| group.ports.iter().map(move |(number, port)| (*key, *number, port)))
    }

    /// When [`Input::Tick`] is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.ports().filter_map(|(_, _, port)| port.deadline()).min()
    }

    /// Ports that frames leave by.
    #[must_use]
    pub fn distributing(&self) -> &BTreeSet<Port> {
        &self.distributing
    }

    /// Ports whose frames are taken.
    #[must_use]
    pub fn collecting(&self) -> &BTreeSet<Port> {
        &self.collecting
    }

    /// All that has been replicated, for one who has not heard it.
    pub fn replicas(&self) -> impl Iterator<Item = Vec<u8>> {
        self.groups.iter().map(|(key, group)| group.export(*key))
    }

    /// Key of the group that a replica is of: of two, the later one holds.
    #[must_use]
    pub fn replica_key(replica: &[u8]) -> Option<u16> {
        match replica {
            [REPLICA, high, low, ..] => Some(u16::from_be_bytes([*high, *low])),
            _ => None,
        }
    }

    fn import(&mut self, now: Time, replica: &[u8]) {
        let Some(group) = Self::replica_key(replica).and_then(|key| self.groups.get_mut(&key)) else {
            return;
        };
        let ports = replica.get(REPLICA_HEAD..).unwrap_or_default();
        for bytes in ports.as_chunks::<EXPORT>().0 {
            if let Some(port) = group.ports.get_mut(&u16::from_be_bytes([bytes[0], bytes[1]])) {
                port.import(now, bytes);
            }
        }
    }

    /// What is to be shown, by port.
    #[must_use]
    pub fn status(&self) -> BTreeMap<Port, PortStatus> {
        let one = |(key, number, port): (u16, Port, &PortState)| {
            let status = PortStatus {
                key,
                rx: port.rx,
                mux: port.mux,
                actor: port.actor(),
                partner: port.partner,
                counters: port.counters,
            };
            (number, status)
        };
        self.ports().map(one).collect()
    }
}

impl Group {
    /// Selection logic: see the file's first lines.
    fn select(&mut self) {
        let held = self.partner.filter(|_| self.ports.values().any(|port| port.selected));
        self.partner = held.or_else(|| self.ports.values().find_map(PortState::group));
        for port in self.ports.values_mut() {
            port.selected = port.group().is_some_and(|group| Some(group) == self.partner);
        }
    }

    fn export(&self, key: u16) -> Vec<u8> {
        let mut out = Vec::with_capacity(REPLICA_HEAD + self.ports.len() * (EXPORT + INFO));
        out.push(REPLICA);
        out.extend(key.to_be_bytes());
        // At most 8.
        out.push(u8::try_from(self.ports.len()).unwrap_or(u8::MAX));
        out.extend(self.ports.iter().flat_map(|(number, port)| port.export(*number)));
        out
    }
}
