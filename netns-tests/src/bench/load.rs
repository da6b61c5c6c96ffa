//! The load programs, loaded once: one generator, one set of counters, attached wherever a contender needs them.

use std::time::{Duration, Instant};

use aya::maps::xdp::DevMap;
use aya::maps::{Array, Map, MapData, PerCpuArray, PerCpuValues};
use aya::programs::{SchedClassifier, TcAttachType, TestRun, TestRunAttrs, TestRunOptions, Xdp, XdpMode, tc};
use aya::util::nr_cpus;
use aya::{Ebpf, EbpfLoader};
use probe_abi::{GenIpState, GenState, LOAD_ETHERTYPE, LOAD_FRAME_LEN, SinkNumbered, load_names, names};

use rustix::thread::{CpuSet, sched_setaffinity};

use crate::bed::paths::find_built;
use crate::bed::{HOST_DEV, Host, Netns, Testbed};
use crate::probe::{ProbeError, Result, priority};

/// Live frames of one batch: the switch's NAPI poll takes 64 at most, and a batch must fit its ring.
pub const BATCH: u32 = 64;

/// A netdev inside a namespace.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Where it is.
    pub netns: &'a Netns,
    /// Netdev.
    pub netdev: &'a str,
    /// Its ifindex.
    pub ifindex: u32,
}

impl<'a> Place<'a> {
    /// A host's end.
    pub fn host(host: &'a Host) -> Self {
        Self { netns: &host.netns, netdev: HOST_DEV, ifindex: host.spec.ifindex }
    }

    /// The switch's end of a host's veth.
    pub fn port(bed: &'a Testbed, host: &'a Host) -> Self {
        Self { netns: bed.switch_netns(), netdev: &host.spec.switch_dev, ifindex: host.spec.switch_ifindex }
    }

    /// Runs `work` in the namespace.
    fn inside<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        self.netns.enter(work)?
    }
}

/// Binds the calling thread to one CPU.
fn bind(cpu: usize) -> Result<()> {
    let mut only = CpuSet::new();
    only.set(cpu);
    sched_setaffinity(None, &only).map_err(|e| ProbeError::io(format!("binding a thread to CPU {cpu}"), e))
}

/// Values of probe-abi that user space and the programs share byte by byte.
#[repr(transparent)]
#[derive(Clone, Copy)]
struct Shared<T>(T);
// SAFETY: `repr(C)`, plain integers without implicit padding, asserted to size in probe-abi.
unsafe impl aya::Pod for Shared<GenState> {}
// SAFETY: as above.
unsafe impl aya::Pod for Shared<GenIpState> {}
// SAFETY: as above.
unsafe impl aya::Pod for Shared<SinkNumbered> {}

/// `struct xdp_md` as BPF_PROG_RUN reads it (include/uapi/linux/bpf.h).
fn context(ifindex: u32, frame: usize) -> [u8; 24] {
    let words = [0, frame as u32, 0, ifindex, 0, 0]; // data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex
    let mut bytes = [0; 24];
    bytes.chunks_exact_mut(4).zip(words).for_each(|(chunk, word)| chunk.copy_from_slice(&word.to_ne_bytes()));
    bytes
}

/// The frame of `length` bytes, without FCS, that batches start from; a generator writes what differs.
fn template(length: usize) -> Vec<u8> {
    let mut frame = vec![0; length.max(LOAD_FRAME_LEN)];
    frame[12..14].copy_from_slice(&LOAD_ETHERTYPE.to_be_bytes());
    frame
}

/// Loaded programs. Dropping it detaches all of them.
pub struct Load {
    ebpf: Ebpf,
    urgent: bool,
}

impl Load {
    /// Loads the generators, sinks and the bare redirect of probe-ebpf.o, found beside this program.
    ///
    /// # Errors
    /// `ProbeError::NoObject`; `ProbeError::Bpf` with what the verifier said.
    pub fn new() -> Result<Self> {
        let object = find_built(&["probe-ebpf.o", "bed/probe-ebpf.o"]);
        let object = object.ok_or_else(|| ProbeError::NoObject("target/bed/probe-ebpf.o".into()))?;
        let mut loader = EbpfLoader::new();
        // The probe's own window maps are large and not used here.
        loader.map_max_entries(names::SEEN, 1).map_max_entries(names::FLOW_STATE, 1);
        let ebpf = loader
            .load_file(&object)
            .map_err(|e| ProbeError::bpf(format!("loading {}", object.display()), e))?;
        let mut load = Self { ebpf, urgent: false };
        let xdp = [
            load_names::GEN_DRAW,
            load_names::GEN_LEARN,
            load_names::GEN_IP_DRAW,
            load_names::GEN_NUMBERED,
            load_names::SINK_XDP,
            load_names::SINK_NUMBERED_XDP,
            load_names::BARE,
        ];
        for name in xdp {
            load.xdp(name)?.load().map_err(|e| ProbeError::bpf(format!("loading the program {name}"), e))?;
        }
        let name = load_names::SINK_TC;
        load.tc(name)?.load().map_err(|e| ProbeError::bpf(format!("loading the program {name}"), e))?;
        Ok(load)
    }

    /// From now on generators run before every ordinary process of their CPU: what else the machine does is not the switch's.
    pub fn urgent(&mut self) {
        self.urgent = true;
    }

    fn missing(what: &str) -> ProbeError {
        ProbeError::bpf(
            format!("looking for {what} in probe-ebpf.o"),
            "it is not there; build it with `cargo xtask build-ebpf`",
        )
    }

    fn xdp(&mut self, name: &str) -> Result<&mut Xdp> {
        let program = self.ebpf.program_mut(name).ok_or_else(|| Self::missing(name))?;
        program.try_into().map_err(|e| ProbeError::bpf(format!("using {name} as XDP"), e))
    }

    fn tc(&mut self, name: &str) -> Result<&mut SchedClassifier> {
        let program = self.ebpf.program_mut(name).ok_or_else(|| Self::missing(name))?;
        program.try_into().map_err(|e| ProbeError::bpf(format!("using {name} as classifier"), e))
    }

    fn map(&self, name: &str) -> Result<&Map> {
        self.ebpf.map(name).ok_or_else(|| Self::missing(name))
    }

    fn map_mut(&mut self, name: &str) -> Result<&mut Map> {
        self.ebpf.map_mut(name).ok_or_else(|| Self::missing(name))
    }

    /// Attaches an XDP program, native mode, until this value is dropped.
    ///
    /// # Errors
    /// `ProbeError::Bpf`, for example when the netdev has a program already.
    pub fn attach(&mut self, program: &str, place: Place<'_>) -> Result<()> {
        let what = format!("attaching {program} to {} in {}", place.netdev, place.netns.name());
        let xdp = self.xdp(program)?;
        let attach =
            || xdp.attach_to_if_index(place.ifindex, XdpMode::Driver).map_err(|e| ProbeError::bpf(what, e));
        place.inside(attach).map(|_| ())
    }

    /// Attaches the classifier sink at tcx ingress, until this value is dropped.
    ///
    /// # Errors
    /// `ProbeError::Bpf`.
    pub fn attach_tcx_sink(&mut self, place: Place<'_>) -> Result<()> {
        let what = format!("attaching {} to {} in {}", load_names::SINK_TC, place.netdev, place.netns.name());
        let classifier = self.tc(load_names::SINK_TC)?;
        let options = tc::TcAttachOptions::TcxOrder(aya::programs::LinkOrder::default());
        let attach = || {
            let attached = classifier.attach_with_options(place.netdev, TcAttachType::Ingress, options);
            attached.map_err(|e| ProbeError::bpf(what, e))
        };
        place.inside(attach).map(|_| ())
    }

    /// Points the bare redirect at a netdev: a devmap resolves an ifindex in the namespace of the calling thread.
    ///
    /// # Errors
    /// `ProbeError::Bpf`.
    pub fn aim_bare(&mut self, place: Place<'_>) -> Result<()> {
        const WHAT: &str = "aiming the bare redirect";
        let map = self.map_mut(load_names::BARE_TX)?;
        let mut devmap = DevMap::try_from(map).map_err(|e| ProbeError::bpf(WHAT, e))?;
        place.inside(|| devmap.set(0, place.ifindex, None, 0).map_err(|e| ProbeError::bpf(WHAT, e)))
    }

    /// Gives every CPU's generator the same orders. Their random numbers differ.
    ///
    /// # Errors
    /// `ProbeError::Bpf`.
    pub fn order(&mut self, state: GenState) -> Result<()> {
        let one = |cpu: u64| Shared(GenState { random: state.random ^ cpu << 32, ..state });
        self.order_each(load_names::GEN, one)
    }

    /// The same for the generator of IPv4 frames.
    ///
    /// # Errors
    /// `ProbeError::Bpf`.
    pub fn order_ip(&mut self, state: GenIpState) -> Result<()> {
        let one = |cpu: u64| Shared(GenIpState { random: state.random ^ cpu << 32, ..state });
        self.order_each(load_names::GEN_IP, one)
    }

    fn order_each<T: aya::Pod>(&mut self, map: &str, one: impl Fn(u64) -> T) -> Result<()> {
        const WHAT: &str = "giving the generator its orders";
        let failed = |e: aya::maps::MapError| ProbeError::bpf(WHAT, e);
        let cpus = nr_cpus().map_err(|(path, e)| ProbeError::io(format!("counting CPUs in {path}"), e))?;
        let values = PerCpuValues::try_from((0..cpus as u64).map(one).collect::<Vec<_>>());
        let values = values.map_err(|e| ProbeError::io(WHAT, e))?;
        let mut map = PerCpuArray::<&mut MapData, T>::try_from(self.map_mut(map)?).map_err(failed)?;
        map.set(0, values, 0).map_err(failed)
    }

    /// Runs a generator over `frames` frames out of `place`, on `cpu`; returns how long the call took. The milliseconds that the call
    /// needs to make its pages are in it: run for long enough.
    ///
    /// # Errors
    /// `ProbeError::Bpf`: EINVAL if the netdev has neither XDP nor GRO, EINTR after a signal.
    pub fn generate(&self, program: &str, place: Place<'_>, frames: u32, cpu: usize) -> Result<Duration> {
        self.generate_long(program, place, frames, cpu, LOAD_FRAME_LEN, BATCH)
    }

    /// The same with frames of `length` bytes, without FCS, in batches of `batch`.
    ///
    /// # Errors
    /// As [`Load::generate`].
    pub fn generate_long(
        &self,
        program: &str,
        place: Place<'_>,
        frames: u32,
        cpu: usize,
        length: usize,
        batch: u32,
    ) -> Result<Duration> {
        let what = format!("running {program} out of {} in {}", place.netdev, place.netns.name());
        let loaded = self.ebpf.program(program).ok_or_else(|| Self::missing(program))?;
        let xdp: &Xdp =
            loaded.try_into().map_err(|e| ProbeError::bpf(format!("using {program} as XDP"), e))?;
        let frame = template(length);
        let context = context(place.ifindex, frame.len());
        place.inside(|| {
            bind(cpu)?;
            if self.urgent {
                priority::raise(priority::SENDER);
            }
            let mut options = TestRunOptions::new();
            options.data_in = Some(&frame);
            options.ctx_in = Some(&context);
            options.repeat = frames;
            options.attrs = TestRunAttrs::new().xdp_live_frames(batch);
            let started = Instant::now();
            xdp.test_run(options).map_err(|e| ProbeError::bpf(what, e))?;
            Ok(started.elapsed())
        })
    }

    /// Frames that `sink` and `sink_tc` took so far, over all CPUs.
    ///
    /// # Errors
    /// `ProbeError::Bpf`.
    pub fn taken(&self) -> Result<u64> {
        let failed = |e: aya::maps::MapError| ProbeError::bpf("reading the sink's count", e);
        let map = PerCpuArray::<&MapData, u64>::try_from(self.map(load_names::SINK)?).map_err(failed)?;
        Ok(map.get(&0, 0).map_err(failed)?.iter().sum())
    }

    /// What the numbering generator on `cpu` sent so far: the number that comes next.
    ///
    /// # Errors
    /// `ProbeError::Bpf`.
    pub fn numbered_sent(&self, cpu: usize) -> Result<u64> {
        let failed = |e: aya::maps::MapError| ProbeError::bpf("reading the generator's number", e);
        let map = PerCpuArray::<&MapData, Shared<GenState>>::try_from(self.map(load_names::GEN)?)
            .map_err(failed)?;
        Ok(map.get(&0, 0).map_err(failed)?.get(cpu).map_or(0, |state| state.0.next))
    }

    /// Lets the numbering sink begin at 0 again.
    ///
    /// # Errors
    /// `ProbeError::Bpf`.
    pub fn forget_numbers(&mut self) -> Result<()> {
        let failed = |e: aya::maps::MapError| ProbeError::bpf("clearing the numbered sink", e);
        let map = self.map_mut(load_names::SINK_NUMBERED)?;
        let mut map = Array::<&mut MapData, Shared<SinkNumbered>>::try_from(map).map_err(failed)?;
        map.set(0, Shared(SinkNumbered::default()), 0).map_err(failed)
    }

    /// What the numbering sink saw so far.
    ///
    /// # Errors
    /// `ProbeError::Bpf`.
    pub fn numbered_taken(&self) -> Result<SinkNumbered> {
        let failed = |e: aya::maps::MapError| ProbeError::bpf("reading the numbered sink", e);
        let map = Array::<&MapData, Shared<SinkNumbered>>::try_from(self.map(load_names::SINK_NUMBERED)?)
            .map_err(failed)?;
        Ok(map.get(&0, 0).map_err(failed)?.0)
    }
}
