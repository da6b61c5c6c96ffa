//! The receivers' side in user space: attaches the program to every host and reads its maps.

use aya::Ebpf;
use aya::maps::{Array, MapData, MapError, PerCpuArray};
use aya::programs::{Xdp, XdpMode};
use probe_abi::{Flow, FlowState, LATENCY_BUCKETS, StreamState, names};

use super::object::{Plain, chain, load};
use super::{ProbeError, Result};
use crate::bed::{HOST_DEV, Host};

/// Loaded and attached; dropping it detaches.
pub(super) struct Receiver {
    _object: Ebpf,
    flow_state: Array<MapData, Plain<FlowState>>,
    stream_state: Array<MapData, Plain<StreamState>>,
    latency: Array<MapData, u64>,
    flooded: PerCpuArray<MapData, u64>,
    altered: PerCpuArray<MapData, u64>,
    learn: PerCpuArray<MapData, [u64; 2]>,
    phase: Array<MapData, u32>,
}

impl Receiver {
    /// One program on `eth0` of every host of the bed, whether or not a stream ends there: a copy that is flooded to a third
    /// host must be seen.
    pub(super) fn attach(hosts: &[Host], flows: &[Flow]) -> Result<Self> {
        let mut object = load(flows.len() as u32)?;
        let mut numbers: Array<_, u32> = take(&mut object, names::HOSTS)?;
        for host in hosts {
            numbers
                .set(host.spec.ifindex, u32::from(host.spec.number), 0)
                .map_err(|e| map_error(names::HOSTS, &e))?;
        }
        let mut table: Array<_, Plain<Flow>> = take(&mut object, names::FLOWS)?;
        for (number, flow) in flows.iter().enumerate() {
            table.set(number as u32, Plain(*flow), 0).map_err(|e| map_error(names::FLOWS, &e))?;
        }
        let (flow_state, stream_state) =
            (take(&mut object, names::FLOW_STATE)?, take(&mut object, names::STREAM_STATE)?);
        let (latency, phase) = (take(&mut object, names::LATENCY)?, take(&mut object, names::PHASE)?);
        let flooded = take_per_cpu(&mut object, names::FLOODED)?;
        let altered = take_per_cpu(&mut object, names::ALTERED)?;
        let learn = take_per_cpu(&mut object, names::LEARN)?;
        attach(&mut object, hosts)?;
        Ok(Self { _object: object, flow_state, stream_state, latency, flooded, altered, learn, phase })
    }

    pub(super) fn set_phase(&mut self, phase: u32) -> Result<()> {
        self.phase.set(0, phase, 0).map_err(|e| map_error(names::PHASE, &e))
    }

    pub(super) fn flow(&self, number: u32) -> Result<FlowState> {
        self.flow_state.get(&number, 0).map(|state| state.0).map_err(|e| map_error(names::FLOW_STATE, &e))
    }

    pub(super) fn stream(&self, number: u32) -> Result<StreamState> {
        self.stream_state.get(&number, 0).map(|state| state.0).map_err(|e| map_error(names::STREAM_STATE, &e))
    }

    /// Frames by bucket of latency.
    pub(super) fn latency(&self, stream: u32) -> Result<Vec<u64>> {
        let first = stream * LATENCY_BUCKETS;
        let read = |bucket| self.latency.get(&bucket, 0).map_err(|e| map_error(names::LATENCY, &e));
        (first..first + LATENCY_BUCKETS).map(read).collect()
    }

    /// Frames of a stream that other hosts saw.
    pub(super) fn flooded(&self, stream: u32) -> Result<u64> {
        let counts = self.flooded.get(&stream, 0).map_err(|e| map_error(names::FLOODED, &e))?;
        Ok(counts.iter().sum())
    }

    /// Frames of a stream that came to a right host and did not look as they must.
    pub(super) fn altered(&self, stream: u32) -> Result<u64> {
        let counts = self.altered.get(&stream, 0).map_err(|e| map_error(names::ALTERED, &e))?;
        Ok(counts.iter().sum())
    }

    /// Learning frames of a stream so far: at their host, elsewhere.
    pub(super) fn learned(&self, stream: u32) -> Result<(u64, u64)> {
        let counts = self.learn.get(&stream, 0).map_err(|e| map_error(names::LEARN, &e))?;
        Ok(counts.iter().fold((0, 0), |(home, astray), count| (home + count[0], astray + count[1])))
    }
}

fn attach(object: &mut Ebpf, hosts: &[Host]) -> Result<()> {
    let program: &mut Xdp =
        object.program_mut(names::PROG_RX).ok_or_else(|| missing(names::PROG_RX))?.try_into().map_err(
            |e: aya::programs::ProgramError| ProbeError::bpf("taking the receiver as XDP", chain(&e)),
        )?;
    program.load().map_err(|e| ProbeError::bpf("loading the receiver", chain(&e)))?;
    for host in hosts {
        let attached = host.enter(|| program.attach(HOST_DEV, XdpMode::Driver))?;
        attached.map_err(|e| {
            let what = format!(
                "attaching the receiver to {}/{HOST_DEV} (does another probe run on this bed?)",
                host.netns.name()
            );
            ProbeError::bpf(what, chain(&e))
        })?;
    }
    Ok(())
}

fn take<V: aya::Pod>(object: &mut Ebpf, name: &str) -> Result<Array<MapData, V>> {
    let map = object.take_map(name).ok_or_else(|| missing(name))?;
    map.try_into().map_err(|e| map_error(name, &e))
}

fn take_per_cpu<V: aya::Pod>(object: &mut Ebpf, name: &str) -> Result<PerCpuArray<MapData, V>> {
    let map = object.take_map(name).ok_or_else(|| missing(name))?;
    map.try_into().map_err(|e| map_error(name, &e))
}

pub(super) fn missing(name: &str) -> ProbeError {
    ProbeError::bpf(
        format!("looking for {name} in probe-ebpf.o"),
        "it is not there; build it with `cargo xtask build-ebpf`",
    )
}

pub(super) fn map_error(name: &str, error: &MapError) -> ProbeError {
    ProbeError::bpf(format!("map {name}"), chain(error))
}
