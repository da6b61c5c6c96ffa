//! META: what observers read; PLANE_CONFIG: what the programs read.

/// META: array of one. A copy for observers: the truth about the owner is the directory's name.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// [`crate::ABI_VERSION`].
    pub abi_version: u32,
    /// Owner's MSM slot, 1 = A; 0 = none yet.
    pub owner_slot: u8,
    /// Slot of the slave that may take over hitlessly, 1 = A; 0 = none.
    pub ready_slot: u8,
    /// Zero.
    pub pad: [u8; 2],
    /// Number of takeovers since the tree was created, from 1.
    pub epoch: u64,
    /// Configuration generation last acknowledged by the ready slave (or applied, without one).
    pub generation: u64,
    /// Kernel time (ns, CLOCK_MONOTONIC) at which the owner was committed.
    pub committed_ns: u64,
    /// Generation of the inherited redo record that the owner is applying, 0 = none. Whoever finds it after the owner's death
    /// does not try that record again.
    pub trying: u64,
    /// Id of that record's command; nothing while `trying` is 0.
    pub trying_id: u64,
}
const _: () = assert!(size_of::<Meta>() == 48);

/// PLANE_CONFIG: array of one.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlaneConfig {
    /// FDB ageing time in stamps ([`crate::stamp()`]); 0 = never.
    pub fdb_age: u32,
    /// A seen station's stamp is written again when it is older than this: age / 16, at least 1.
    pub fdb_refresh: u32,
    /// The port whose frames are recorded ([`crate::capture_of`]); 0 = none.
    pub capture: u32,
    /// Where mirrored frames go: a logical port plus one; 0 = nowhere.
    pub mirror: u32,
    /// The router's MAC address in the lower 48 bits; 0 = none.
    pub router_mac: u64,
    /// [`crate::acl_active`].
    pub acl: u8,
    /// [`crate::routes_active`].
    pub routes: u8,
    /// Zero.
    pub pad: [u8; 6],
}
const _: () = assert!(size_of::<PlaneConfig>() == 32);
