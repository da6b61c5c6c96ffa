//! The maps, as `msm_abi::SPECS` has them, but for those of one entry (global.rs). Who may write which is said there.

use aya_ebpf::btf_maps::{
    Array, ArrayOfMaps, DevMap, DevMapHash, HashMap, LpmTrie, PerCpuArray, ProgramArray, RingBuf,
};
use aya_ebpf::macros::btf_map;
use msm_abi::{
    ACL_BLOCKS, ACL_LINES, ACL_MACS, ACL_RULES, AclAction, AclMacKey, CAPTURE_RING, CPU_CLASSES,
    CaptureRecord, ControlKey, CpuCounters, DOMAINS, EgressEntry, FDB_DEFAULT, FLOOD_SETS, FdbKey, GROUPS,
    GateEntry, HOP_GROUPS as HOP_GROUP_COUNT, HOPS as HOP_COUNT, HopEntry, HopGroup, IFINDEX_LIMIT,
    IPFDB_ENTRIES, LIMIT_KINDS, LPORTS, LearnEntry, LimitEntry, Meta, PORTS as PORT_COUNT, PortCounters,
    PortEntry, ROUTE_BLOCKS, ROUTES6_ENTRIES, RouteBlock, ShareEntry, TRAP_RING, TableState, TrapRecord,
    VLANS as VLAN_COUNT, VlanEntry, tables,
};

use super::word::Word;

/// Room for members in a member set's template. The owner makes the real ones: a devmap hash may have any size.
const FLOOD_TEMPLATE: usize = 64;
/// Exceptions to the default actions of control addresses.
const CONTROL_ENTRIES: usize = 1024;
/// BPF_F_MMAPABLE: the owner writes parts of a value (`msm_abi::MapSpec::row`).
const MAPPABLE: usize = 1 << 10;
/// Entries of all blocks of a half of ACL_CLASS.
pub(crate) const ACL_ENTRIES: usize = 256 * ACL_BLOCKS as usize;
/// Words of a half of ACL_BITS.
pub(crate) const ACL_BITS_WORDS: usize = 4 * ACL_LINES as usize;

// META is not read by any program; it is here so that the object makes every map of a tree.
#[btf_map]
pub(crate) static META: Array<Meta, 1> = Array::new();
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
pub(crate) static COUNTERS: PerCpuArray<PortCounters, { LPORTS + 1 }> = PerCpuArray::new();
#[btf_map]
pub(crate) static TX: DevMap<LPORTS> = DevMap::new();
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

#[btf_map]
pub(crate) static EGRESS: Array<EgressEntry, LPORTS> = Array::new();
#[btf_map]
pub(crate) static SHARING: Array<ShareEntry, GROUPS> = Array::new();
#[btf_map]
pub(crate) static LIMITS: Array<LimitEntry, { PORT_COUNT * LIMIT_KINDS }> = Array::new();
#[btf_map]
pub(crate) static LIMIT_STATE: Array<Word, { PORT_COUNT * LIMIT_KINDS }> = Array::new();
#[btf_map]
pub(crate) static CPU_LIMITS: Array<LimitEntry, CPU_CLASSES> = Array::new();
#[btf_map]
pub(crate) static CPU_STATE: Array<Word, CPU_CLASSES> = Array::new();
#[btf_map]
pub(crate) static CPU_COUNTERS: PerCpuArray<CpuCounters, CPU_CLASSES> = PerCpuArray::new();
#[btf_map]
pub(crate) static LEARN: Array<LearnEntry, PORT_COUNT> = Array::new();
#[btf_map]
pub(crate) static LEARNED: Array<Word, PORT_COUNT> = Array::new();
#[btf_map]
pub(crate) static ACL_CLASS: Array<[u16; ACL_ENTRIES], 2, MAPPABLE> = Array::new();
#[btf_map]
pub(crate) static ACL_BITS: Array<[u64; ACL_BITS_WORDS], 2, MAPPABLE> = Array::new();
#[btf_map]
pub(crate) static ACL_MAC: HashMap<AclMacKey, u32, { ACL_MACS as usize }> = HashMap::new();
#[btf_map]
pub(crate) static ACL_ACTIONS: Array<[AclAction; ACL_RULES], 2, MAPPABLE> = Array::new();
#[btf_map]
pub(crate) static ACL_HITS: PerCpuArray<u64, ACL_RULES> = PerCpuArray::new();
#[btf_map]
pub(crate) static ROUTES: Array<RouteBlock, { 2 * ROUTE_BLOCKS as usize }> = Array::new();
#[btf_map]
pub(crate) static HOPS: Array<HopEntry, { HOP_COUNT as usize }> = Array::new();
#[btf_map]
pub(crate) static HOP_GROUPS: Array<HopGroup, { HOP_GROUP_COUNT as usize }> = Array::new();
/// A `msm_abi::Neighbour`, as IPFDB6's.
#[btf_map]
pub(crate) static IPFDB: HashMap<u32, Word, { IPFDB_ENTRIES as usize }> = HashMap::new();
#[btf_map]
pub(crate) static IPFDB6: HashMap<[u8; 16], Word, { IPFDB_ENTRIES as usize }> = HashMap::new();
#[btf_map]
pub(crate) static ROUTES6: LpmTrie<[u8; 16], u32, { ROUTES6_ENTRIES as usize }> = LpmTrie::new();
// Read by owners alone.
#[btf_map]
pub(crate) static TABLES: Array<TableState, { tables::ENTRIES as usize }> = Array::new();
#[btf_map]
pub(crate) static TRAP_LACP: RingBuf<TrapRecord, { TRAP_RING as usize }> = RingBuf::new();
/// Where a record is put together; not pinned.
#[btf_map]
pub(crate) static TRAP_RECORD: PerCpuArray<TrapRecord, 1> = PerCpuArray::new();
