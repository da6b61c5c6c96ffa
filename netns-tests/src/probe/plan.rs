//! Flows of a probe: their numbers, stations and frames, and which CPU sends them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use probe_abi::{Flow, Home, Kind, MAX_FLOWS, MAX_STREAMS};

use super::frame::{FCS, TTL, Template, UDP_PORT, Way, station, stations};
use super::{ProbeError, Result, Stations, StreamSpec};
use crate::bed::Testbed;

/// RFC 2544: shortest and longest frame of Ethernet.
const FRAME_LENGTHS: std::ops::RangeInclusive<u16> = 64..=1518;

/// A second place where frames arrive, or begin later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Other {
    /// Place of its host in the bed, and the host's number.
    pub place: usize,
    host: u8,
    tag: u16,
    own_station: bool,
}

/// One stream, ready to be sent.
#[derive(Debug)]
pub(super) struct Stream {
    pub spec: StreamSpec,
    /// Its place in the probe.
    pub number: u32,
    /// Global number of its first flow.
    pub first_flow: u32,
    /// Places of its hosts in the bed.
    pub from: usize,
    pub to: usize,
    /// Where its frames may arrive as well.
    pub second: Option<Other>,
    /// Place where its frames begin once its station has moved.
    pub from_later: Option<usize>,
    /// A flow each.
    pub frames: Vec<Template>,
    pub stations: Vec<Stations>,
    hosts: (u8, u8),
}

impl Stream {
    /// Frames of a flow among the first `sent` of the stream, which go round robin.
    pub(super) fn sent_of_flow(&self, sent: u64, flow: u16) -> u64 {
        let flows = u64::from(self.spec.flows);
        (sent + flows - 1 - u64::from(flow)) / flows
    }

    /// Hosts that it sends from.
    pub(super) fn sources(&self) -> impl Iterator<Item = usize> {
        std::iter::once(self.from).chain(self.from_later)
    }

    /// Hosts that it sends from, or that teach the switch their stations.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        self.sources().chain([self.to]).chain(self.second.map(|second| second.place))
    }

    /// Number of a flow in its addresses.
    fn address_number(&self, flow: usize) -> u16 {
        address_number(&self.spec, self.first_flow, flow)
    }

    /// Learning frames of all its flows.
    pub(super) fn learning_frames(&self) -> u64 {
        (0..usize::from(self.spec.flows)).map(|flow| self.learning(flow).len() as u64).sum()
    }

    /// Learning frames of a flow and the places that send them: from the destination, from the source, from the second destination if
    /// it is a station of its own.
    pub(super) fn learning(&self, flow: usize) -> Vec<(usize, Template)> {
        let number = (self.first_flow as usize + flow) as u16;
        let shortest = (FCS + probe_abi::FRAME_MIN) as u16;
        let there = Way { port: UDP_PORT, ..way(&self.spec, self.first_flow, flow, self.hosts) };
        let shape = &self.spec.shape;
        let back = |station: [u8; 6], tag: u16| Way {
            macs: Stations { from: station, to: shape.router.unwrap_or(self.stations[flow].from) },
            networks: (there.networks.1, there.networks.0),
            tag,
            ..there
        };
        let first = back(self.stations[flow].to, shape.tag_at_end);
        let mut frames = vec![
            (self.to, Template::new(Kind::LearnDestination, number, shortest, &first)),
            (self.from, Template::new(Kind::LearnSource, number, shortest, &there)),
        ];
        if let Some(second) = self.second.filter(|second| second.own_station) {
            let way = back(station(self.address_number(flow), second.host), second.tag);
            frames.push((second.place, Template::new(Kind::LearnDestination, number, shortest, &way)));
        }
        frames
    }
}

fn address_number(spec: &StreamSpec, first_flow: u32, flow: usize) -> u16 {
    spec.shape.first.unwrap_or(first_flow as u16) + flow as u16
}

/// How a flow's numbered frames go.
fn way(spec: &StreamSpec, first_flow: u32, flow: usize, hosts: (u8, u8)) -> Way {
    let shape = &spec.shape;
    let number = address_number(spec, first_flow, flow);
    let ends = stations(number, hosts.0, hosts.1);
    Way {
        macs: Stations { from: ends.from, to: shape.router.unwrap_or(ends.to) },
        number,
        networks: (hosts.0, shape.network.unwrap_or(hosts.1)),
        tag: shape.tag,
        ipv6: shape.ipv6,
        port: if shape.udp_port == 0 { UDP_PORT } else { shape.udp_port },
    }
}

/// What the receiver must know of a flow.
fn known(
    stream: u32,
    spec: &StreamSpec,
    number: u16,
    hosts: (u8, u8),
    second: Option<Other>,
    from_too: u8,
) -> Flow {
    let ttl = TTL - u8::from(spec.shape.router.is_some());
    let first = Home { mac: station(number, hosts.1), tag: spec.shape.tag_at_end, host: hosts.1, ttl };
    let second = second.map_or(Home::default(), |other| {
        let owner = if other.own_station { other.host } else { hosts.1 };
        Home { mac: station(number, owner), tag: other.tag, host: other.host, ttl }
    });
    Flow { stream, from: hosts.0, from_too, pad: [0; 2], homes: [first, second] }
}

/// Numbers the flows. The receiver's table is in the order of the streams.
pub(super) fn plan(bed: &Testbed, specs: Vec<StreamSpec>) -> Result<(Vec<Stream>, Vec<Flow>)> {
    let mut streams = Vec::new();
    let mut flows = Vec::new();
    let refuse =
        |spec: &StreamSpec, reason: String| Err(ProbeError::Spec { stream: spec.name.clone(), reason });
    for spec in specs {
        let place = |name: &str| bed.hosts().iter().position(|host| host.spec.name == name);
        let number_of = |place: usize| bed.hosts()[place].spec.number;
        let (Some(from), Some(to)) = (place(&spec.from), place(&spec.to)) else {
            return refuse(&spec, format!("the bed has no hosts {} and {}", spec.from, spec.to));
        };
        let second = spec.shape.second.as_ref().map(|second| {
            let found = place(&second.host);
            found.map(|place| Other {
                place,
                host: number_of(place),
                tag: second.tag,
                own_station: second.own_station,
            })
        });
        let from_later = spec.shape.from_later.as_deref().map(place);
        let from_too = spec.shape.from_too.as_deref().map(place);
        let (Some(second), Some(from_later), Some(from_too)) =
            (flatten(second), flatten(from_later), flatten(from_too))
        else {
            return refuse(&spec, format!("the bed does not have all hosts of {:?}", spec.shape));
        };
        if from == to || spec.flows == 0 || spec.pps == 0 || !FRAME_LENGTHS.contains(&spec.frame_len) {
            let limits = "from and to differ, flows and pps are at least 1, frame_len is 64 to 1518";
            return refuse(&spec, format!("{limits}; it is {spec:?}"));
        }
        let number = streams.len() as u32;
        let first_flow = flows.len() as u32;
        if number >= MAX_STREAMS || first_flow + u32::from(spec.flows) > MAX_FLOWS {
            return refuse(&spec, format!("a probe has at most {MAX_STREAMS} streams and {MAX_FLOWS} flows"));
        }
        let hosts = (number_of(from), number_of(to));
        let (mut frames, mut ends) = (Vec::new(), Vec::new());
        for flow in 0..usize::from(spec.flows) {
            let way = way(&spec, first_flow, flow, hosts);
            frames.push(Template::new(
                Kind::Numbered,
                (first_flow as usize + flow) as u16,
                spec.frame_len,
                &way,
            ));
            ends.push(stations(way.number, hosts.0, hosts.1));
            flows.push(known(number, &spec, way.number, hosts, second, from_too.map_or(0, number_of)));
        }
        streams.push(Stream {
            spec,
            number,
            first_flow,
            from,
            to,
            second,
            from_later,
            frames,
            stations: ends,
            hosts,
        });
    }
    if streams.is_empty() {
        return Err(ProbeError::Spec {
            stream: "-".into(),
            reason: "a probe has at least one stream".into(),
        });
    }
    Ok((streams, flows))
}

/// `Some(None)` where nothing was asked for, `None` where what was asked for is not there.
fn flatten<T>(asked: Option<Option<T>>) -> Option<Option<T>> {
    match asked {
        None => Some(None),
        Some(found) => found.map(Some),
    }
}

/// A stream's sending hosts, receiving hosts and rate.
type Ends = (BTreeSet<usize>, BTreeSet<usize>, u32);

/// Which streams a CPU sends: all that share a sending or a receiving host, so that no ring is fed by two CPUs. With two, a
/// ring fills on one while the other, which polls it, is away. The groups go to the least loaded CPU, largest first.
pub(super) fn by_cpu(streams: &[Arc<Stream>], cpus: &[usize]) -> BTreeMap<usize, Vec<usize>> {
    let ends = |stream: &Arc<Stream>| {
        let to = std::iter::once(stream.to).chain(stream.second.map(|second| second.place));
        (stream.sources().collect(), to.collect(), stream.spec.pps)
    };
    share_out(&streams.iter().map(ends).collect::<Vec<Ends>>(), cpus)
}

/// The same for ends.
fn share_out(ways: &[Ends], cpus: &[usize]) -> BTreeMap<usize, Vec<usize>> {
    // Union by relabelling: a probe has at most MAX_STREAMS streams.
    let mut group: Vec<usize> = (0..ways.len()).collect();
    for a in 0..ways.len() {
        for b in 0..a {
            if !ways[a].0.is_disjoint(&ways[b].0) || !ways[a].1.is_disjoint(&ways[b].1) {
                let (old, new) = (group[a], group[b]);
                group.iter_mut().filter(|label| **label == old).for_each(|label| *label = new);
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (stream, &label) in group.iter().enumerate() {
        groups.entry(label).or_default().push(stream);
    }
    let rate = |members: &[usize]| -> u64 { members.iter().map(|&stream| u64::from(ways[stream].2)).sum() };
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|members| std::cmp::Reverse(rate(members)));
    let mut load: BTreeMap<usize, u64> = cpus.iter().map(|&cpu| (cpu, 0)).collect();
    let mut sends: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for members in groups {
        let (&cpu, _) = load.iter().min_by_key(|(_, load)| **load).expect("a machine has a CPU");
        *load.entry(cpu).or_default() += rate(&members);
        sends.entry(cpu).or_default().extend(members);
    }
    sends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_that_meet_in_a_ring_are_sent_by_one_cpu() {
        // h1 to h3, h3 to h1, h4 to h3, h2 to h1: two directions, two CPUs.
        let ends = |from: usize, to: usize, pps: u32| -> Ends { ([from].into(), [to].into(), pps) };
        let ways = [ends(1, 3, 100), ends(3, 1, 100), ends(4, 3, 1), ends(2, 1, 1)];
        let shared = share_out(&ways, &[0, 1]);
        let mut sets: Vec<_> =
            shared.into_values().map(|mut streams| (streams.sort_unstable(), streams).1).collect();
        sets.sort();
        assert_eq!(sets, [vec![0, 2], vec![1, 3]]);
        // h1 to h2 sends from h1 as well: a chain keeps all of it together.
        assert_eq!(share_out(&[ends(1, 3, 9), ends(1, 2, 9), ends(4, 2, 9)], &[0, 1]).len(), 1);
        assert_eq!(share_out(&ways, &[5]).into_keys().collect::<Vec<_>>(), [5]);
    }
}
