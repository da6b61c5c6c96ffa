//! The forwarding plane under test: the built object, loaded without ports, run by BPF_PROG_TEST_RUN.
//!
//! A frame always "comes in" by the loopback netdev, since that is where the kernel lets test runs begin; which logical port
//! that is, each test says. Every devmap entry is the loopback too: test runs stop before transmission, so where a frame
//! would leave by is read from the counters.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use aya::programs::{Program, SchedClassifier, TestRun, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfLoader};
use msm_abi::{
    ControlAction, ControlKey, ControlValue, CpuClass, CpuCounters, DropReason, FABRIC_BUCKETS, FABRICS,
    FDB_DEFAULT, FabricState, FdbEntry, FdbKey, FloodHeader, GateEntry, GateState, LPORTS, Lport, MapSpec,
    PlaneConfig, PortCounters, PortEntry, SPECS, VlanEntry, gate_index, names, port_flags, vlan_flags,
};

/// The netdev of every test frame.
pub(crate) const LOOPBACK: u32 = 1;
pub(crate) const XDP_DROP: u32 = 1;
pub(crate) const XDP_PASS: u32 = 2;
pub(crate) const XDP_REDIRECT: u32 = 4;
pub(crate) const TC_SHOT: u32 = 2;
pub(crate) const TC_REDIRECT: u32 = 7;

/// Ageing time of the default configuration, in stamps: long enough that nothing ages by itself during a test.
pub(crate) const AGE: u32 = 100_000;
pub(crate) const REFRESH: u32 = AGE / 16;

/// What a run did to a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) action: u32,
    pub(crate) frame: Vec<u8>,
    pub(crate) metadata: Vec<u8>,
}

impl Outcome {
    /// The header of a flooded frame.
    pub(crate) fn header(&self) -> FloodHeader {
        FloodHeader::from_wire(u64::from_be_bytes(
            self.metadata.as_slice().try_into().expect("a flood header"),
        ))
    }
}

/// The one value of FABRIC_BUCKETS.
#[repr(transparent)]
struct Buckets([u8; FABRIC_BUCKETS]);

impl Default for Buckets {
    fn default() -> Self {
        Self([0; FABRIC_BUCKETS])
    }
}

pub(crate) struct Plane {
    ebpf: Ebpf,
    /// Open as long as the plane: an outer map holds its inner maps, this keeps the fds simple.
    _members: Vec<OwnedFd>,
    /// Maps in rows, once they were written to.
    mapped: Mutex<BTreeMap<&'static str, Mapped>>,
}

/// The object as `cargo xtask build-ebpf` leaves it, or as MSM_EBPF_OBJECT says.
pub(crate) fn object() -> PathBuf {
    let path = std::env::var_os("MSM_EBPF_OBJECT").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/image/msm-ebpf.o")),
        PathBuf::from,
    );
    assert!(
        path.is_file(),
        "{} is missing: build it by `cargo xtask build-ebpf`, or name another in MSM_EBPF_OBJECT",
        path.display()
    );
    path
}

impl Plane {
    /// A plane in which nothing is configured but VLAN 0's absence: every frame is dropped.
    pub(crate) fn bare(fdb_capacity: u32) -> Self {
        let object = object();
        let mut ebpf = EbpfLoader::new()
            .map_max_entries(names::FDB, fdb_capacity)
            .load_file(&object)
            .unwrap_or_else(|e| panic!("loading {} (are you root?): {e}", object.display()));
        for name in [names::PROG_DISPATCH, names::PROG_INGRESS, names::PROG_EGRESS, names::PROG_EGRESS_TEST] {
            xdp(&mut ebpf, name).load().unwrap_or_else(|e| panic!("verifying {name}: {e:?}"));
        }
        tcx(&mut ebpf).load().unwrap_or_else(|e| panic!("verifying {}: {e:?}", names::PROG_TCX));
        Self { ebpf, _members: Vec::new(), mapped: Mutex::default() }
    }

    /// Ports 1:1, 1:2 (slot 0) and 2:1, 2:2 (slot 1) untagged in VLAN 1, fabric A present, frames come in by 1:1.
    pub(crate) fn new() -> Self {
        Self::with_fdb(FDB_DEFAULT)
    }

    pub(crate) fn with_fdb(capacity: u32) -> Self {
        let mut plane = Self::bare(capacity);
        plane.config(PlaneConfig { fdb_age: AGE, fdb_refresh: REFRESH, ..PlaneConfig::default() });
        plane.vlan(1, 0, &ALL, &[]);
        plane.fabric(0, FabricState { present: 1, programmed: 1 });
        for lport in ALL {
            plane.set(names::TX, &u32::from(lport), &plane.devmap_value());
        }
        plane.come_in_by(P11);
        plane
    }

    fn devmap_value(&self) -> [u32; 2] {
        [LOOPBACK, self.program_fd(names::PROG_EGRESS) as u32]
    }

    pub(crate) fn program_fd(&self, name: &str) -> RawFd {
        let fd = match self.ebpf.program(name).expect("a program of the object") {
            Program::Xdp(program) => program.fd(),
            Program::SchedClassifier(program) => program.fd(),
            other => panic!("unexpected kind of program: {other:?}"),
        };
        fd.expect("loaded").as_fd().as_raw_fd()
    }

    pub(crate) fn fd(&self, map: &str) -> RawFd {
        use aya::maps::Map;
        let map = self
            .ebpf
            .map(map)
            .or_else(|| self.ebpf.map(&format!(".data.{map}")))
            .unwrap_or_else(|| panic!("the object has no map {map}"));
        match map {
            Map::Array(m)
            | Map::PerCpuArray(m)
            | Map::HashMap(m)
            | Map::LpmTrie(m)
            | Map::RingBuf(m)
            | Map::DevMap(m)
            | Map::ProgramArray(m)
            | Map::ArrayOfMaps(m) => m.fd().as_fd().as_raw_fd(),
            other => panic!("unexpected kind of map: {other:?}"),
        }
    }

    /// Takes a map out, for aya's own reader of it.
    pub(crate) fn take(&mut self, map: &str) -> aya::maps::Map {
        self.ebpf.take_map(map).unwrap_or_else(|| panic!("the object has no map {map}"))
    }

    /// Frames that a capture had no room for.
    pub(crate) fn captures_lost(&self) -> u64 {
        let mut values = vec![0u64; possible_cpus()];
        bpf_map(BPF_MAP_LOOKUP_ELEM, self.fd(names::CAPTURE_LOST), &0u32, values.as_mut_ptr())
            .expect("a count");
        values.iter().sum()
    }

    pub(crate) fn set<K, V>(&self, map: &str, key: &K, value: &V) {
        bpf_map(BPF_MAP_UPDATE_ELEM, self.fd(map), key, (&raw const *value).cast_mut())
            .unwrap_or_else(|e| panic!("writing {map}: {e}"));
    }

    /// The same of bytes, as the typed tables make them.
    pub(crate) fn set_bytes(&self, map: &str, key: &[u8], value: &[u8]) {
        if let Some(spec) = SPECS.iter().find(|spec| spec.name == map && spec.row > 1) {
            let index = u32::from_ne_bytes(key.try_into().expect("an array's key"));
            let mut mapped = self.mapped.lock().expect("no writer panicked");
            let mapped = mapped.entry(spec.name).or_insert_with(|| Mapped::new(self.fd(map), spec));
            return mapped.write(index as usize * value.len(), value);
        }
        bpf_map(BPF_MAP_UPDATE_ELEM, self.fd(map), &key[0], value.as_ptr().cast_mut())
            .unwrap_or_else(|e| panic!("writing {map}: {e}"));
    }

    pub(crate) fn delete_bytes(&self, map: &str, key: &[u8]) -> bool {
        bpf_map(BPF_MAP_DELETE_ELEM, self.fd(map), &key[0], std::ptr::null_mut::<u8>()).is_ok()
    }

    /// Frames that an access rule decided.
    pub(crate) fn acl_hits(&self, counter: u32) -> u64 {
        let mut values = vec![0u64; possible_cpus()];
        bpf_map(BPF_MAP_LOOKUP_ELEM, self.fd(names::ACL_HITS), &counter, values.as_mut_ptr())
            .expect("counters");
        values.iter().sum()
    }

    pub(crate) fn get<K, V: Default>(&self, map: &str, key: &K) -> Option<V> {
        let mut value = V::default();
        bpf_map(BPF_MAP_LOOKUP_ELEM, self.fd(map), key, &raw mut value).ok().map(|()| value)
    }

    pub(crate) fn delete<K>(&self, map: &str, key: &K) -> bool {
        bpf_map(BPF_MAP_DELETE_ELEM, self.fd(map), key, std::ptr::null_mut::<u8>()).is_ok()
    }

    // What the owner would write.

    pub(crate) fn config(&self, config: PlaneConfig) {
        self.set(names::PLANE_CONFIG, &0u32, &config);
    }

    pub(crate) fn port(&self, entry: PortEntry) {
        self.set(names::PORTS, &LOOPBACK, &entry);
    }

    /// Frames come in by (and, in the egress test, leave by) `lport`, whose untagged VLAN is 1.
    pub(crate) fn come_in_by(&self, lport: Lport) {
        self.port(port_entry(lport));
    }

    pub(crate) fn vlan(&mut self, vid: u16, domain: u32, untagged: &[Lport], tagged: &[Lport]) -> VlanEntry {
        let mut entry = VlanEntry { flags: vlan_flags::EXISTS, flood: vid, domain, ..VlanEntry::default() };
        untagged.iter().for_each(|&lport| entry.untagged[usize::from(lport) / 64] |= 1 << (lport % 64));
        tagged.iter().for_each(|&lport| entry.tagged[usize::from(lport) / 64] |= 1 << (lport % 64));
        self.set(names::VLANS, &u32::from(vid), &entry);
        let members = untagged.iter().chain(tagged).map(|lport| (u32::from(*lport), LOOPBACK));
        self.member_set(vid, &members.collect::<Vec<_>>());
        entry
    }

    /// A member set, of ports by number and netdev.
    pub(crate) fn member_set(&mut self, place: u16, ports: &[(u32, u32)]) {
        let members = devmap_hash(64).expect("making a member set");
        let program = self.program_fd(names::PROG_EGRESS) as u32;
        for (key, ifindex) in ports {
            let mut value = [*ifindex, program];
            bpf_map(BPF_MAP_UPDATE_ELEM, members.as_raw_fd(), key, &raw mut value).expect("adding a member");
        }
        self.set(names::FLOOD, &u32::from(place), &members.as_raw_fd());
        self._members.push(members);
    }

    pub(crate) fn gate(&self, domain: u32, lport: Lport, state: GateState, valid_until_ns: u64) {
        let entry = GateEntry { state: state as u32, pad: 0, valid_until_ns };
        self.set(names::GATES, &gate_index(domain, lport), &entry);
    }

    pub(crate) fn control(&self, mac: [u8; 6], vid: u16, action: ControlAction) {
        let key = ControlKey { mac, vid, ..ControlKey::default() };
        self.set(names::CONTROL, &key, &ControlValue { action: action as u32, class: CpuClass::Stp as u32 });
    }

    pub(crate) fn fabric(&self, fabric: u32, state: FabricState) {
        let mut states: [FabricState; FABRICS] = self.get(names::FABRICS, &0u32).expect("an array's entry");
        states[fabric as usize] = state;
        self.set(names::FABRICS, &0u32, &states);
    }

    pub(crate) fn bucket(&self, bucket: u32, fabric: u8) {
        let mut buckets: Buckets = self.get(names::FABRIC_BUCKETS, &0u32).expect("an array's entry");
        buckets.0[bucket as usize] = fabric;
        self.set(names::FABRIC_BUCKETS, &0u32, &buckets);
    }

    pub(crate) fn station(&self, mac: [u8; 6], vid: u16, entry: FdbEntry) {
        self.set(names::FDB, &FdbKey::new(mac, vid), &entry);
        self.raise();
    }

    pub(crate) fn fdb(&self, mac: [u8; 6], vid: u16) -> Option<FdbEntry> {
        self.get(names::FDB, &FdbKey::new(mac, vid))
    }

    /// Removes a station as the owner does.
    pub(crate) fn forget(&self, mac: [u8; 6], vid: u16) -> bool {
        let there = self.delete(names::FDB, &FdbKey::new(mac, vid));
        self.raise();
        there
    }

    /// Raises the owner's part of the generation.
    pub(crate) fn raise(&self) {
        let part: u64 = self.get(names::FDB_GEN, &0u32).expect("an array's entry");
        self.set(names::FDB_GEN, &0u32, &(part + 1));
    }

    /// How often the programs raised theirs.
    pub(crate) fn raised_by_plane(&self) -> u64 {
        self.get(names::FDB_MOVES, &0u32).expect("an array's entry")
    }

    // What happened.

    pub(crate) fn counters(&self, index: u32) -> PortCounters {
        let mut values = vec![PortCounters::default(); possible_cpus()];
        bpf_map(BPF_MAP_LOOKUP_ELEM, self.fd(names::COUNTERS), &index, values.as_mut_ptr())
            .expect("counters");
        let mut sum = PortCounters::default();
        for value in &values {
            sum.rx_frames += value.rx_frames;
            sum.rx_bytes += value.rx_bytes;
            sum.tx_frames += value.tx_frames;
            sum.tx_bytes += value.tx_bytes;
            sum.flooded += value.flooded;
            sum.tx_flood_copies += value.tx_flood_copies;
            sum.learned += value.learned;
            sum.learn_full += value.learn_full;
            sum.to_cpu += value.to_cpu;
            sum.routed += value.routed;
            sum.slow += value.slow;
            sum.drops.iter_mut().zip(value.drops).for_each(|(sum, drops)| *sum += drops);
        }
        sum
    }

    /// What went to the control plane in a class.
    pub(crate) fn cpu(&self, class: CpuClass) -> CpuCounters {
        let mut values = vec![CpuCounters::default(); possible_cpus()];
        bpf_map(BPF_MAP_LOOKUP_ELEM, self.fd(names::CPU_COUNTERS), &(class as u32), values.as_mut_ptr())
            .expect("counters");
        values.iter().fold(CpuCounters::default(), |sum, cpu| CpuCounters {
            passed: sum.passed + cpu.passed,
            limited: sum.limited + cpu.limited,
            full: sum.full + cpu.full,
        })
    }

    /// Frames dropped at `index` of COUNTERS, by reason.
    pub(crate) fn drops(&self, index: impl Into<u32>) -> Vec<(DropReason, u64)> {
        let counters = self.counters(index.into());
        DropReason::ALL
            .iter()
            .map(|&(reason, _)| (reason, counters.drops[reason as usize]))
            .filter(|&(_, count)| count != 0)
            .collect()
    }

    /// Runs `program` once on `frame`, which has `metadata` in front.
    pub(crate) fn run_program(&self, program: &str, frame: &[u8], metadata: &[u8]) -> Outcome {
        let (outcome, _) = self.run_repeated(program, frame, metadata, 1);
        outcome
    }

    /// The pipeline, once.
    pub(crate) fn run(&self, frame: &[u8]) -> Outcome {
        self.run_program(names::PROG_INGRESS, frame, &[])
    }

    /// The pipeline's tcx entry, once: its action, and the frame without a tag beside it (which a test run does not show).
    pub(crate) fn run_tcx(&self, frame: &[u8]) -> (u32, Vec<u8>) {
        let program: &SchedClassifier =
            self.ebpf.program(names::PROG_TCX).expect("the tcx program").try_into().expect("a classifier");
        let mut output = vec![0; frame.len() + 64];
        let result = program
            .test_run(TestRunOptions {
                data_in: Some(frame),
                data_out: Some(&mut output),
                ..TestRunOptions::default()
            })
            .unwrap_or_else(|e| panic!("running {} bytes at tcx: {e}", frame.len()));
        output.truncate(result.data_size_out as usize);
        (result.return_value, output)
    }

    /// Runs `repeat` times on the same frame; also says how long one took on average.
    pub(crate) fn run_repeated(
        &self,
        program: &str,
        frame: &[u8],
        metadata: &[u8],
        repeat: u32,
    ) -> (Outcome, std::time::Duration) {
        let program: &Xdp =
            self.ebpf.program(program).expect("a program of the object").try_into().expect("XDP");
        let input = [metadata, frame].concat();
        let context = md([0, input.len() as u32, metadata.len() as u32]);
        let (mut output, mut context_out) = (vec![0; input.len() + 64], [0; 24]);
        let result = program
            .test_run(TestRunOptions {
                data_in: Some(&input),
                data_out: Some(&mut output),
                ctx_in: Some(&context),
                ctx_out: Some(&mut context_out),
                repeat,
                ..TestRunOptions::default()
            })
            .unwrap_or_else(|e| {
                panic!("running {} bytes with {} of metadata: {e}", frame.len(), metadata.len())
            });
        output.truncate(result.data_size_out as usize);
        let start = u32::from_ne_bytes(context_out[0..4].try_into().expect("data")) as usize;
        let frame = output.split_off(start);
        (Outcome { action: result.return_value, frame, metadata: output }, result.duration)
    }
}

fn tcx(ebpf: &mut Ebpf) -> &mut SchedClassifier {
    ebpf.program_mut(names::PROG_TCX).expect("the tcx program").try_into().expect("a classifier")
}

fn xdp<'a>(ebpf: &'a mut Ebpf, name: &str) -> &'a mut Xdp {
    ebpf.program_mut(name)
        .unwrap_or_else(|| panic!("the object has no program {name}"))
        .try_into()
        .expect("an XDP program")
}

pub(crate) const P11: Lport = 0;
pub(crate) const P12: Lport = 1;
pub(crate) const P21: Lport = 64;
pub(crate) const P22: Lport = 65;
pub(crate) const ALL: [Lport; 4] = [P11, P12, P21, P22];
pub(crate) const NO_PORT: u32 = LPORTS as u32;

/// A valid, enabled port with untagged VLAN 1.
pub(crate) fn port_entry(lport: Lport) -> PortEntry {
    PortEntry {
        lport,
        logical: lport,
        pvid: 1,
        flags: port_flags::VALID | port_flags::ENABLED,
        slot: (lport / 64) as u8,
        pad: [0; 7],
    }
}

/// An `xdp_md` with the packet's offsets.
fn md([data_meta, data_end, data]: [u32; 3]) -> [u8; 24] {
    let mut md = [0; 24];
    for (field, value) in md.chunks_exact_mut(4).zip([data, data_end, data_meta]) {
        field.copy_from_slice(&value.to_ne_bytes());
    }
    md
}

/// Kernel time of the programs' stamps, ns.
pub(crate) fn now_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

pub(crate) fn now_stamp() -> u32 {
    msm_abi::stamp(now_ns())
}

fn possible_cpus() -> usize {
    static CPUS: OnceLock<usize> = OnceLock::new();
    *CPUS.get_or_init(|| aya::util::nr_cpus().expect("the number of possible CPUs"))
}

// bpf(2), as far as the tests need it: aya's typed maps would want its own marker trait on every value.

const BPF_MAP_CREATE: libc::c_long = 0;
const BPF_MAP_LOOKUP_ELEM: libc::c_long = 1;
const BPF_MAP_UPDATE_ELEM: libc::c_long = 2;
const BPF_MAP_DELETE_ELEM: libc::c_long = 3;
const BPF_MAP_TYPE_DEVMAP_HASH: u32 = 25;

#[repr(C)]
struct MapElement {
    fd: u32,
    pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

fn bpf_map<K, V>(command: libc::c_long, fd: RawFd, key: &K, value: *mut V) -> io::Result<()> {
    let element =
        MapElement { fd: fd as u32, pad: 0, key: (&raw const *key) as u64, value: value as u64, flags: 0 };
    // SAFETY: key and value are as large as the map's, which the callers take from msm-abi's definitions.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, &raw const element, size_of::<MapElement>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// A map whose values hold more than one entry each, mapped whole: where its owner writes entries.
struct Mapped {
    start: *mut u8,
    len: usize,
}

// SAFETY: shared memory, valid on any thread until it is dropped.
unsafe impl Send for Mapped {}

impl Mapped {
    fn new(fd: RawFd, spec: &MapSpec) -> Self {
        let len = spec.value as usize * spec.entries.expect("an array") as usize;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, at an address of the kernel's choice.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), len, protection, libc::MAP_SHARED, fd, 0) };
        assert_ne!(start, libc::MAP_FAILED, "mapping {}: {}", spec.name, io::Error::last_os_error());
        Self { start: start.cast(), len }
    }

    fn write(&self, at: usize, bytes: &[u8]) {
        assert!(at + bytes.len() <= self.len, "behind the last entry");
        let to = self.start.wrapping_add(at);
        // SAFETY: within the mapping.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the mapping of `new`.
        unsafe { libc::munmap(self.start.cast(), self.len) };
    }
}

fn devmap_hash(entries: u32) -> io::Result<OwnedFd> {
    let attributes = [BPF_MAP_TYPE_DEVMAP_HASH, 4, 8, entries, 0];
    // SAFETY: a valid, initialised attribute block of the given length.
    let fd = unsafe {
        libc::syscall(libc::SYS_bpf, BPF_MAP_CREATE, attributes.as_ptr(), size_of_val(&attributes))
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just gave us this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}
