//! The maps, as `msm_abi::SPECS` has them. Who may write which is said there.

use aya_ebpf::btf_maps::{
    Array, ArrayOfMaps, DevMap, DevMapHash, HashMap, PerCpuArray, ProgramArray, RingBuf,
};
use aya_ebpf::macros::btf_map;
use msm_abi::{
    CAPTURE_RING, CaptureRecord, ControlKey, DOMAINS, FABRIC_BUCKETS_PER_SLOT, FABRICS as FABRIC_COUNT,
    FDB_CACHE_ENTRIES, FDB_DEFAULT, FLOOD_SETS, FabricState, FdbCacheEntry, FdbKey, GateEntry, IFINDEX_LIMIT,
    Meta, PORTS as PORT_COUNT, PlaneConfig, PortCounters, PortEntry, SLOTS, VLANS as VLAN_COUNT, VlanEntry,
    fdb_gen,
};

use super::word::Word;

/// Room for members in a member set's template. The owner makes the real ones: a devmap hash may have any size.
const FLOOD_TEMPLATE: usize = 64;
/// Exceptions to the default actions of control addresses.
const CONTROL_ENTRIES: usize = 1024;

// META is not read by any program; it is here so that the object makes every map of a tree.
#[btf_map]
pub(crate) static META: Array<Meta, 1> = Array::new();
#[btf_map]
pub(crate) static PLANE_CONFIG: Array<PlaneConfig, 1> = Array::new();
#[btf_map]
pub(crate) static PORTS: Array<PortEntry, { IFINDEX_LIMIT as usize }> = Array::new();
#[btf_map]
pub(crate) static VLANS: Array<VlanEntry, VLAN_COUNT> = Array::new();
#[btf_map]
pub(crate) static GATES: Array<GateEntry, { DOMAINS * PORT_COUNT }> = Array::new();
/// A `msm_abi::ControlValue`: the action is the lower half of the word.
#[btf_map]
pub(crate) static CONTROL: HashMap<ControlKey, Word, CONTROL_ENTRIES> = HashMap::new();
/// A `msm_abi::FdbEntry`. The loader sets the capacity.
#[btf_map]
pub(crate) static FDB: HashMap<FdbKey, Word, { FDB_DEFAULT as usize }> = HashMap::new();
#[btf_map]
pub(crate) static FDB_GEN: Array<Word, { fdb_gen::ENTRIES as usize }> = Array::new();
#[btf_map]
pub(crate) static FDB_CACHE: PerCpuArray<FdbCacheEntry, { FDB_CACHE_ENTRIES as usize }> = PerCpuArray::new();
#[btf_map]
pub(crate) static FABRIC_BUCKETS: Array<u32, { SLOTS * FABRIC_BUCKETS_PER_SLOT as usize }> = Array::new();
#[btf_map]
pub(crate) static FABRICS: Array<FabricState, FABRIC_COUNT> = Array::new();
#[btf_map]
pub(crate) static COUNTERS: PerCpuArray<PortCounters, { PORT_COUNT + 1 }> = PerCpuArray::new();
#[btf_map]
pub(crate) static TX: DevMap<PORT_COUNT> = DevMap::new();
#[btf_map]
pub(crate) static FLOOD: ArrayOfMaps<DevMapHash<FLOOD_TEMPLATE>, FLOOD_SETS> = ArrayOfMaps::new();
#[btf_map]
pub(crate) static DISPATCH: ProgramArray<8> = ProgramArray::new();
#[btf_map]
pub(crate) static CAPTURE: RingBuf<CaptureRecord, { CAPTURE_RING as usize }> = RingBuf::new();
#[btf_map]
pub(crate) static CAPTURE_LOST: PerCpuArray<u64, 1> = PerCpuArray::new();
/// Where a record is put together; not pinned, nobody else has a use for it.
#[btf_map]
pub(crate) static CAPTURE_RECORD: PerCpuArray<CaptureRecord, 1> = PerCpuArray::new();
