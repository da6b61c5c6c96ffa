//! What each pinned map must be. Opening a pin that differs is an error before anything is loaded.

use crate::{
    ACL_BLOCKS, ACL_LINES, ACL_MACS, ACL_RULES, AclAction, AclBlock, AclLine, AclMacKey, CPU_CLASSES,
    ControlKey, ControlValue, CpuCounters, DOMAINS, EgressEntry, FABRIC_BUCKETS, FABRICS, FLOOD_SETS,
    FabricState, FdbEntry, FdbKey, GROUPS, GateEntry, HOP_GROUPS, HOPS, HopEntry, HopGroup, IFINDEX_LIMIT,
    IPFDB_ENTRIES, LIMIT_KINDS, LPORTS, LearnEntry, LimitEntry, Meta, PORTS, PlaneConfig, PortCounters,
    PortEntry, ROUTE_BLOCKS, ROUTES6_ENTRIES, Route6Key, RouteBlock, ShareEntry, TRAP_RING, TableState,
    VLANS, VlanEntry, tables,
};

/// Names of the maps, of their pins and of the programs. At most 15 characters and without dots (kernel limits).
pub mod names {
    /// See [`crate::Meta`].
    pub const META: &str = "META";
    /// See [`crate::PlaneConfig`].
    pub const PLANE_CONFIG: &str = "PLANE_CONFIG";
    /// See [`crate::PortEntry`].
    pub const PORTS: &str = "PORTS";
    /// See [`crate::VlanEntry`].
    pub const VLANS: &str = "VLANS";
    /// See [`crate::GateEntry`].
    pub const GATES: &str = "GATES";
    /// See [`crate::ControlKey`].
    pub const CONTROL: &str = "CONTROL";
    /// See [`crate::FdbEntry`].
    pub const FDB: &str = "FDB";
    /// u64, raised by the owner after every change or removal in the FDB: read, add one, write. Its top bit marks that a change of the
    /// owner's is under way. Its (wrapping) sum with FDB_MOVES is the FDB's generation, of which the programs' caches are.
    pub const FDB_GEN: &str = "FDB_GEN";
    /// u64, raised by the programs after every change of theirs, by an atomic addition. Apart from the owner's, who cannot add
    /// atomically by bpf(2): a value written back late would take the generation to where caches die no more.
    pub const FDB_MOVES: &str = "FDB_MOVES";
    /// An octet by [`crate::fabric_bucket_index`]: the fabric of the bucket. One value.
    pub const FABRIC_BUCKETS: &str = "FABRIC_BUCKETS";
    /// Every [`crate::FabricState`]. One value.
    pub const FABRICS: &str = "FABRICS";
    /// See [`crate::PortCounters`].
    pub const COUNTERS: &str = "COUNTERS";
    /// Devmap by logical port: the netdev, with the egress program.
    pub const TX: &str = "TX";
    /// Member sets, by [`crate::VlanEntry::flood`]: devmap hashes keyed by logical port.
    pub const FLOOD: &str = "FLOOD";
    /// Ring of [`crate::CaptureRecord`]s, cut off behind the frame.
    pub const CAPTURE: &str = "CAPTURE";
    /// One u64: records that found the ring full.
    pub const CAPTURE_LOST: &str = "CAPTURE_LOST";
    /// Program array; entry 0 is the ingress program.
    pub const DISPATCH: &str = "DISPATCH";
    /// See [`crate::EgressEntry`].
    pub const EGRESS: &str = "EGRESS";
    /// See [`crate::ShareEntry`].
    pub const SHARING: &str = "SHARING";
    /// See [`crate::LimitEntry`]; by [`crate::limit_index`].
    pub const LIMITS: &str = "LIMITS";
    /// u64: the programs' words of LIMITS.
    pub const LIMIT_STATE: &str = "LIMIT_STATE";
    /// See [`crate::LimitEntry`]; by [`crate::CpuClass`].
    pub const CPU_LIMITS: &str = "CPU_LIMITS";
    /// u64: the programs' words of CPU_LIMITS.
    pub const CPU_STATE: &str = "CPU_STATE";
    /// See [`crate::CpuCounters`].
    pub const CPU_COUNTERS: &str = "CPU_COUNTERS";
    /// See [`crate::LearnEntry`].
    pub const LEARN: &str = "LEARN";
    /// u64 by logical port: stations learned less those that moved away (wrapping).
    pub const LEARNED: &str = "LEARNED";
    /// See [`crate::AclBlock`].
    pub const ACL_CLASS: &str = "ACL_CLASS";
    /// See [`crate::AclLine`].
    pub const ACL_BITS: &str = "ACL_BITS";
    /// See [`crate::AclMacKey`].
    pub const ACL_MAC: &str = "ACL_MAC";
    /// See [`crate::AclAction`].
    pub const ACL_ACTIONS: &str = "ACL_ACTIONS";
    /// u64 by [`crate::AclAction::counter`]: frames that the rule decided.
    pub const ACL_HITS: &str = "ACL_HITS";
    /// See [`crate::RouteBlock`].
    pub const ROUTES: &str = "ROUTES";
    /// See [`crate::HopEntry`].
    pub const HOPS: &str = "HOPS";
    /// See [`crate::HopGroup`].
    pub const HOP_GROUPS: &str = "HOP_GROUPS";
    /// [`crate::Neighbour`] by IPv4 address, as a number.
    pub const IPFDB: &str = "IPFDB";
    /// [`crate::Neighbour`] by IPv6 address.
    pub const IPFDB6: &str = "IPFDB6";
    /// See [`crate::Route6Key`].
    pub const ROUTES6: &str = "ROUTES6";
    /// See [`crate::TableState`].
    pub const TABLES: &str = "TABLES";
    /// Ring of [`crate::TrapRecord`]s, cut off behind the frame.
    pub const TRAP_LACP: &str = "TRAP_LACP";

    /// XDP program on every link: tail-calls entry 0 of DISPATCH.
    pub const PROG_DISPATCH: &str = "dispatch";
    /// XDP program: the pipeline.
    pub const PROG_INGRESS: &str = "ingress";
    /// XDP devmap program: flooded copies.
    pub const PROG_EGRESS: &str = "egress";
    /// tcx program on every port's netdev: the same pipeline, for ports whose driver is tcx and for what XDP cannot do.
    pub const PROG_TCX: &str = "tcx_ingress";
    /// The egress body as an ordinary XDP program, since the kernel does not test-run devmap programs.
    pub const PROG_EGRESS_TEST: &str = "egress_test";
}

/// Kind of a map, with the kernel's number.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapKind {
    /// BPF_MAP_TYPE_HASH
    Hash = 1,
    /// BPF_MAP_TYPE_ARRAY
    Array = 2,
    /// BPF_MAP_TYPE_PROG_ARRAY
    ProgArray = 3,
    /// BPF_MAP_TYPE_PERCPU_ARRAY
    PerCpuArray = 6,
    /// BPF_MAP_TYPE_LPM_TRIE
    LpmTrie = 11,
    /// BPF_MAP_TYPE_ARRAY_OF_MAPS
    ArrayOfMaps = 12,
    /// BPF_MAP_TYPE_DEVMAP
    DevMap = 14,
    /// BPF_MAP_TYPE_RINGBUF
    RingBuf = 27,
}

/// One map's definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapSpec {
    /// Name of map and pin.
    pub name: &'static str,
    /// Kind.
    pub kind: MapKind,
    /// Bytes of a key.
    pub key: u32,
    /// Bytes of a value (per CPU where the kind says so).
    pub value: u32,
    /// Entries; `None` = chosen at creation (the FDB's capacity).
    pub entries: Option<u32>,
    /// One value, which programs reach by address: a data section `.data.NAME` of the object, and by that name a map of it.
    pub section: bool,
    /// Entries in one value of the kernel's map, which then has fewer and larger ones (`entries / row` of `value * row` bytes), and may be mapped
    /// (BPF_F_MMAPABLE), since no system call writes a part of a value: programs look up the row and reach its entries by address. Mostly 1.
    pub row: u32,
}

const fn array(name: &'static str, value: usize, entries: usize) -> MapSpec {
    MapSpec {
        name,
        kind: MapKind::Array,
        key: 4,
        value: value as u32,
        entries: Some(entries as u32),
        section: false,
        row: 1,
    }
}

/// Rows of `row` entries, which programs reach by address.
const fn rows(name: &'static str, value: usize, rows: usize, row: usize) -> MapSpec {
    MapSpec { row: row as u32, ..array(name, value, rows * row) }
}

/// A map of one value, which programs reach by address.
const fn global(name: &'static str, value: usize) -> MapSpec {
    MapSpec { section: true, ..array(name, value, 1) }
}

const fn percpu(name: &'static str, value: usize, entries: usize) -> MapSpec {
    MapSpec {
        name,
        kind: MapKind::PerCpuArray,
        key: 4,
        value: value as u32,
        entries: Some(entries as u32),
        section: false,
        row: 1,
    }
}

const fn table(name: &'static str, kind: MapKind, key: usize, value: usize, entries: u32) -> MapSpec {
    MapSpec {
        name,
        kind,
        key: key as u32,
        value: value as u32,
        entries: Some(entries),
        section: false,
        row: 1,
    }
}

/// Default capacity of the FDB.
pub const FDB_DEFAULT: u32 = 65_536;
/// Largest capacity of the FDB.
pub const FDB_MAX: u32 = 1_048_576;

/// Every pinned map.
pub const SPECS: [MapSpec; 39] = [
    array(names::META, size_of::<Meta>(), 1),
    global(names::PLANE_CONFIG, size_of::<PlaneConfig>()),
    array(names::PORTS, size_of::<PortEntry>(), IFINDEX_LIMIT as usize),
    array(names::VLANS, size_of::<VlanEntry>(), VLANS),
    array(names::GATES, size_of::<GateEntry>(), DOMAINS * PORTS),
    MapSpec {
        name: names::CONTROL,
        kind: MapKind::Hash,
        key: size_of::<ControlKey>() as u32,
        value: size_of::<ControlValue>() as u32,
        entries: Some(1024),
        section: false,
        row: 1,
    },
    MapSpec {
        name: names::FDB,
        kind: MapKind::Hash,
        key: size_of::<FdbKey>() as u32,
        value: size_of::<FdbEntry>() as u32,
        entries: None,
        section: false,
        row: 1,
    },
    global(names::FDB_GEN, 8),
    global(names::FDB_MOVES, 8),
    global(names::FABRIC_BUCKETS, FABRIC_BUCKETS),
    global(names::FABRICS, FABRICS * size_of::<FabricState>()),
    MapSpec {
        name: names::COUNTERS,
        kind: MapKind::PerCpuArray,
        key: 4,
        value: size_of::<PortCounters>() as u32,
        entries: Some(LPORTS as u32 + 1),
        section: false,
        row: 1,
    },
    MapSpec {
        name: names::TX,
        kind: MapKind::DevMap,
        key: 4,
        value: 8,
        entries: Some(LPORTS as u32),
        section: false,
        row: 1,
    },
    MapSpec {
        name: names::FLOOD,
        kind: MapKind::ArrayOfMaps,
        key: 4,
        value: 4,
        entries: Some(FLOOD_SETS as u32),
        section: false,
        row: 1,
    },
    MapSpec {
        name: names::DISPATCH,
        kind: MapKind::ProgArray,
        key: 4,
        value: 4,
        entries: Some(8),
        section: false,
        row: 1,
    },
    MapSpec {
        name: names::CAPTURE,
        kind: MapKind::RingBuf,
        key: 0,
        value: 0,
        entries: Some(crate::CAPTURE_RING),
        section: false,
        row: 1,
    },
    MapSpec {
        name: names::CAPTURE_LOST,
        kind: MapKind::PerCpuArray,
        key: 4,
        value: 8,
        entries: Some(1),
        section: false,
        row: 1,
    },
    array(names::EGRESS, size_of::<EgressEntry>(), LPORTS),
    array(names::SHARING, size_of::<ShareEntry>(), GROUPS),
    array(names::LIMITS, size_of::<LimitEntry>(), PORTS * LIMIT_KINDS),
    array(names::LIMIT_STATE, 8, PORTS * LIMIT_KINDS),
    array(names::CPU_LIMITS, size_of::<LimitEntry>(), CPU_CLASSES),
    array(names::CPU_STATE, 8, CPU_CLASSES),
    percpu(names::CPU_COUNTERS, size_of::<CpuCounters>(), CPU_CLASSES),
    array(names::LEARN, size_of::<LearnEntry>(), PORTS),
    array(names::LEARNED, 8, PORTS),
    rows(names::ACL_CLASS, size_of::<AclBlock>(), 2, ACL_BLOCKS as usize),
    rows(names::ACL_BITS, size_of::<AclLine>(), 2, ACL_LINES as usize),
    table(names::ACL_MAC, MapKind::Hash, size_of::<AclMacKey>(), 4, ACL_MACS),
    rows(names::ACL_ACTIONS, size_of::<AclAction>(), 2, ACL_RULES),
    percpu(names::ACL_HITS, 8, ACL_RULES),
    array(names::ROUTES, size_of::<RouteBlock>(), 2 * ROUTE_BLOCKS as usize),
    array(names::HOPS, size_of::<HopEntry>(), HOPS as usize),
    array(names::HOP_GROUPS, size_of::<HopGroup>(), HOP_GROUPS as usize),
    table(names::IPFDB, MapKind::Hash, 4, 8, IPFDB_ENTRIES),
    table(names::IPFDB6, MapKind::Hash, 16, 8, IPFDB_ENTRIES),
    table(names::ROUTES6, MapKind::LpmTrie, size_of::<Route6Key>(), 4, ROUTES6_ENTRIES),
    array(names::TABLES, size_of::<TableState>(), tables::ENTRIES as usize),
    table(names::TRAP_LACP, MapKind::RingBuf, 0, 0, TRAP_RING),
];
