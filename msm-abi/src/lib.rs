//! The contract between the forwarding plane and its owner: names, keys and values of every BPF map, and the header
//! that a frame carries inside the switch.
//!
//! Everything here is `repr(C)`, without implicit padding, and asserted to its size. A change of any of it is a new
//! [`ABI_VERSION`].
#![no_std]
#![forbid(unsafe_code)]

mod acl;
mod capture;
mod control;
mod counters;
mod fabric;
mod fdb;
mod frame;
mod gate;
mod limit;
mod meta;
mod port;
mod route;
mod sharing;
mod spec;
mod trap;
mod vlan;

pub use acl::{
    ACL_ABSENT_IP, ACL_ABSENT_L4, ACL_BLOCK, ACL_BLOCKS, ACL_CLASSES, ACL_HEAD, ACL_LINES, ACL_MACS,
    ACL_RULES, ACL_VECTOR, ACL_WORDS, AclAction, AclBlock, AclLine, AclMacKey, acl_active, acl_blocks,
    acl_stride,
};
pub use capture::{CAPTURE_RING, CAPTURE_SNAP, CaptureDirection, CaptureHeader, CaptureRecord, capture_of};
pub use control::{ControlAction, ControlKey, ControlValue};
pub use counters::{DropReason, PortCounters};
pub use fabric::{
    FABRIC_BUCKETS, FABRIC_BUCKETS_PER_SLOT, FABRICS, FabricState, fabric_bucket_index, flow_bucket,
    flow_hash,
};
pub use fdb::{FdbEntry, FdbKey, STAMP_SHIFT, stamp};
pub use frame::{FloodHeader, HEADER_VERSION, header_flags};
pub use gate::{DOMAINS, GateEntry, GateState, gate_index};
pub use limit::{
    CPU_CLASSES, CpuClass, CpuCounters, LIMIT_KINDS, LIMIT_UNITS, LearnEntry, LimitEntry, LimitKind,
    learn_flags, limit_index,
};
pub use meta::{Meta, PlaneConfig};
pub use port::{
    EgressEntry, IFINDEX_LIMIT, LPORTS, Lport, NO_LPORT, PORTS, PORTS_PER_SLOT, PortEntry, SLOTS, SVIS,
    egress_flags, port_flags, svi_lport,
};
pub use route::{
    HOP_GROUP_MEMBERS, HOP_GROUPS, HOPS, HopEntry, HopGroup, IPFDB_ENTRIES, Neighbour, ROUTE_BLOCK,
    ROUTE_BLOCKS, ROUTES6_ENTRIES, Route6Key, RouteBlock, RouteKind, TableState, route, route_index,
    route_kind, routes_active, tables,
};
pub use sharing::{Algorithm, GROUP_BUCKETS, GROUP_PORTS, GROUPS, ShareEntry, share_bucket, share_buckets};
pub use spec::{FDB_DEFAULT, FDB_MAX, MapKind, MapSpec, SPECS, names};
pub use trap::{TRAP_RING, TRAP_SNAP, TrapHeader, TrapRecord};
pub use vlan::{FLOOD_SETS, VLANS, VlanEntry, vlan_flags};

/// Version of everything in this crate. Stored in META; a tree of another version is refused by name.
pub const ABI_VERSION: u32 = 4;
