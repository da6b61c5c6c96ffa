//! What each pinned map must be. Opening a pin that differs is an error before anything is loaded.

use crate::{
    ControlKey, ControlValue, DOMAINS, FABRIC_BUCKETS_PER_SLOT, FABRICS, FDB_CACHE_ENTRIES, FLOOD_SETS,
    FabricState, FdbCacheEntry, FdbEntry, FdbKey, GateEntry, IFINDEX_LIMIT, Meta, PORTS, PlaneConfig,
    PortCounters, PortEntry, SLOTS, VLANS, VlanEntry,
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
    /// Two u64, [`crate::fdb_gen`]: raised after every change or removal in the FDB. Their sum is the generation.
    pub const FDB_GEN: &str = "FDB_GEN";
    /// See [`crate::FdbCacheEntry`].
    pub const FDB_CACHE: &str = "FDB_CACHE";
    /// u32 by [`crate::fabric_bucket_index`]: the fabric of the bucket.
    pub const FABRIC_BUCKETS: &str = "FABRIC_BUCKETS";
    /// See [`crate::FabricState`].
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

    /// XDP program on every link: tail-calls entry 0 of DISPATCH.
    pub const PROG_DISPATCH: &str = "dispatch";
    /// XDP program: the pipeline.
    pub const PROG_INGRESS: &str = "ingress";
    /// XDP devmap program: flooded copies.
    pub const PROG_EGRESS: &str = "egress";
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
}

const fn array(name: &'static str, value: usize, entries: usize) -> MapSpec {
    MapSpec { name, kind: MapKind::Array, key: 4, value: value as u32, entries: Some(entries as u32) }
}

/// Default capacity of the FDB.
pub const FDB_DEFAULT: u32 = 65_536;
/// Largest capacity of the FDB.
pub const FDB_MAX: u32 = 1_048_576;

/// Every pinned map.
pub const SPECS: [MapSpec; 17] = [
    array(names::META, size_of::<Meta>(), 1),
    array(names::PLANE_CONFIG, size_of::<PlaneConfig>(), 1),
    array(names::PORTS, size_of::<PortEntry>(), IFINDEX_LIMIT as usize),
    array(names::VLANS, size_of::<VlanEntry>(), VLANS),
    array(names::GATES, size_of::<GateEntry>(), DOMAINS * PORTS),
    MapSpec {
        name: names::CONTROL,
        kind: MapKind::Hash,
        key: size_of::<ControlKey>() as u32,
        value: size_of::<ControlValue>() as u32,
        entries: Some(1024),
    },
    MapSpec {
        name: names::FDB,
        kind: MapKind::Hash,
        key: size_of::<FdbKey>() as u32,
        value: size_of::<FdbEntry>() as u32,
        entries: None,
    },
    array(names::FDB_GEN, 8, crate::fdb_gen::ENTRIES as usize),
    MapSpec {
        name: names::FDB_CACHE,
        kind: MapKind::PerCpuArray,
        key: 4,
        value: size_of::<FdbCacheEntry>() as u32,
        entries: Some(FDB_CACHE_ENTRIES),
    },
    array(names::FABRIC_BUCKETS, 4, SLOTS * FABRIC_BUCKETS_PER_SLOT as usize),
    array(names::FABRICS, size_of::<FabricState>(), FABRICS),
    MapSpec {
        name: names::COUNTERS,
        kind: MapKind::PerCpuArray,
        key: 4,
        value: size_of::<PortCounters>() as u32,
        entries: Some(PORTS as u32 + 1),
    },
    MapSpec { name: names::TX, kind: MapKind::DevMap, key: 4, value: 8, entries: Some(PORTS as u32) },
    MapSpec {
        name: names::FLOOD,
        kind: MapKind::ArrayOfMaps,
        key: 4,
        value: 4,
        entries: Some(FLOOD_SETS as u32),
    },
    MapSpec { name: names::DISPATCH, kind: MapKind::ProgArray, key: 4, value: 4, entries: Some(8) },
    MapSpec {
        name: names::CAPTURE,
        kind: MapKind::RingBuf,
        key: 0,
        value: 0,
        entries: Some(crate::CAPTURE_RING),
    },
    MapSpec { name: names::CAPTURE_LOST, kind: MapKind::PerCpuArray, key: 4, value: 8, entries: Some(1) },
];
