//! Fabric: each MSM's half of the switching capacity. A frame that crosses I/O modules is hashed to one.

use crate::port::SLOTS;

/// Fabrics of the largest chassis (MSM slots A to D).
pub const FABRICS: usize = 4;
/// Flow buckets of one ingress I/O slot.
pub const FABRIC_BUCKETS_PER_SLOT: u32 = 64;

/// FABRICS' one value has one of each MSM slot (A = 0).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FabricState {
    /// 1 while the module is in its slot.
    pub present: u32,
    /// 1 while its switching logic is programmed.
    pub programmed: u32,
}
const _: () = assert!(size_of::<FabricState>() == 8);

/// Octets of FABRIC_BUCKETS' one value: the fabric of every bucket, by [`fabric_bucket_index`].
pub const FABRIC_BUCKETS: usize = SLOTS * FABRIC_BUCKETS_PER_SLOT as usize;

/// Index in FABRIC_BUCKETS of flow bucket `bucket` of ingress slot `slot`.
#[inline(always)]
pub const fn fabric_bucket_index(slot: u8, bucket: u32) -> u32 {
    (slot as u32 % SLOTS as u32) * FABRIC_BUCKETS_PER_SLOT + (bucket & (FABRIC_BUCKETS_PER_SLOT - 1))
}

/// Hash of a flow, from the FDB keys of its two stations. The same in the programs and in user space.
#[inline(always)]
pub const fn flow_hash(source: u64, destination: u64) -> u64 {
    let x = (source ^ destination.rotate_left(23)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x ^ (x >> 29)
}

/// Flow bucket of a [`flow_hash`].
#[inline(always)]
pub const fn flow_bucket(hash: u64) -> u32 {
    (hash >> 58) as u32
}
