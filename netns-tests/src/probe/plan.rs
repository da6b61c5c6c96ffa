//! Flows of a probe: their numbers, stations and frames, and which CPU sends them.

use std::collections::BTreeMap;
use std::sync::Arc;

use probe_abi::{Flow, Kind, MAX_FLOWS, MAX_STREAMS};

use super::frame::{FCS, Template, stations};
use super::{ProbeError, Result, Stations, StreamSpec};
use crate::bed::Testbed;

/// RFC 2544: shortest and longest frame of Ethernet.
const FRAME_LENGTHS: std::ops::RangeInclusive<u16> = 64..=1518;

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

    /// Learning frames of a flow: from the destination, from the source.
    pub(super) fn learning(&self, flow: usize) -> [Template; 2] {
        let number = (self.first_flow as usize + flow) as u16;
        [Kind::LearnDestination, Kind::LearnSource].map(|kind| {
            Template::new(kind, number, (FCS + probe_abi::FRAME_MIN) as u16, self.hosts, self.stations[flow])
        })
    }
}

/// Numbers the flows. The receiver's table is in the order of the streams.
pub(super) fn plan(bed: &Testbed, specs: Vec<StreamSpec>) -> Result<(Vec<Stream>, Vec<Flow>)> {
    let mut streams = Vec::new();
    let mut flows = Vec::new();
    let refuse =
        |spec: &StreamSpec, reason: String| Err(ProbeError::Spec { stream: spec.name.clone(), reason });
    for spec in specs {
        let place = |name: &str| bed.hosts().iter().position(|host| host.spec.name == name);
        let (Some(from), Some(to)) = (place(&spec.from), place(&spec.to)) else {
            return refuse(&spec, format!("the bed has no hosts {} and {}", spec.from, spec.to));
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
        let hosts = (bed.hosts()[from].spec.number, bed.hosts()[to].spec.number);
        let ways: Vec<_> =
            (0..spec.flows).map(|flow| stations(first_flow as u16 + flow, hosts.0, hosts.1)).collect();
        let frames = ways
            .iter()
            .zip(first_flow as u16..)
            .map(|(&way, flow)| Template::new(Kind::Numbered, flow, spec.frame_len, hosts, way))
            .collect();
        flows.extend(ways.iter().map(|_| Flow { stream: number, from: hosts.0, to: hosts.1, pad: [0; 2] }));
        streams.push(Stream { spec, number, first_flow, from, to, frames, stations: ways, hosts });
    }
    if streams.is_empty() {
        return Err(ProbeError::Spec {
            stream: "-".into(),
            reason: "a probe has at least one stream".into(),
        });
    }
    Ok((streams, flows))
}

/// Which streams a CPU sends: all that share a sending or a receiving host, so that no ring is fed by two CPUs. With two, a
/// ring fills on one while the other, which polls it, is away. The groups go to the least loaded CPU, largest first.
pub(super) fn by_cpu(streams: &[Arc<Stream>], cpus: &[usize]) -> BTreeMap<usize, Vec<usize>> {
    let ways: Vec<_> = streams.iter().map(|stream| (stream.from, stream.to, stream.spec.pps)).collect();
    share_out(&ways, cpus)
}

/// The same for streams as (sending host, receiving host, rate).
fn share_out(ways: &[(usize, usize, u32)], cpus: &[usize]) -> BTreeMap<usize, Vec<usize>> {
    // Union by relabelling: a probe has at most MAX_STREAMS streams.
    let mut group: Vec<usize> = (0..ways.len()).collect();
    for a in 0..ways.len() {
        for b in 0..a {
            if ways[a].0 == ways[b].0 || ways[a].1 == ways[b].1 {
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
        let ways = [(1, 3, 100), (3, 1, 100), (4, 3, 1), (2, 1, 1)];
        let shared = share_out(&ways, &[0, 1]);
        let mut sets: Vec<_> =
            shared.into_values().map(|mut streams| (streams.sort_unstable(), streams).1).collect();
        sets.sort();
        assert_eq!(sets, [vec![0, 2], vec![1, 3]]);
        // h1 to h2 sends from h1 as well: a chain keeps all of it together.
        assert_eq!(share_out(&[(1, 3, 9), (1, 2, 9), (4, 2, 9)], &[0, 1]).len(), 1);
        assert_eq!(share_out(&ways, &[5]).into_keys().collect::<Vec<_>>(), [5]);
    }
}
