//! The contract between the forwarding plane and its owner: names, keys and values of every BPF map, and the header
//! that a frame carries inside the switch.
//!
//! Everything here is `repr(C)`, without implicit padding, and asserted to its size. A change of any of it is a new
//! [`ABI_VERSION`].
#![no_std]
#![forbid(unsafe_code)]

mod capture;
mod control;
mod counters;
mod fabric;
mod fdb;
mod frame;
mod gate;
mod meta;
mod port;
mod spec;
mod vlan;

pub use capture::{CAPTURE_RING, CAPTURE_SNAP, CaptureDirection, CaptureHeader, CaptureRecord, capture_of};
pub use control::{ControlAction, ControlKey, ControlValue};
pub use counters::{DropReason, PortCounters};
pub use fabric::{
    FABRIC_BUCKETS_PER_SLOT, FABRICS, FabricState, fabric_bucket_index, flow_bucket, flow_hash,
};
pub use fdb::{FDB_CACHE_ENTRIES, FdbCacheEntry, FdbEntry, FdbKey, STAMP_SHIFT, fdb_gen, stamp};
pub use frame::{FloodHeader, HEADER_VERSION, header_flags};
pub use gate::{DOMAINS, GateEntry, GateState, gate_index};
pub use meta::{Meta, PlaneConfig};
pub use port::{IFINDEX_LIMIT, Lport, NO_LPORT, PORTS, PORTS_PER_SLOT, PortEntry, SLOTS, port_flags};
pub use spec::{FDB_DEFAULT, FDB_MAX, MapKind, MapSpec, SPECS, names};
pub use vlan::{FLOOD_SETS, VLANS, VlanEntry, vlan_flags};

/// Version of everything in this crate. Stored in META; a tree of another version is refused by name.
pub const ABI_VERSION: u32 = 2;
