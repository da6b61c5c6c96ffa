//! Maps of one entry, which programs reach by address: no lookup, no branch, one load.
//!
//! A variable in a section `.data.NAME` of its own is such a map; the loader pins it as NAME (see `msm_abi::MapSpec`).

use core::cell::UnsafeCell;

use msm_abi::{FABRIC_BUCKETS, FABRICS as FABRIC_COUNT, FabricState, PlaneConfig};

use super::word::Word;

/// The one value of a map, which the owner changes while programs read it.
#[repr(transparent)]
pub(crate) struct Global<T>(UnsafeCell<T>);

// SAFETY: read by volatile loads of aligned words alone, each of which the owner's writes change whole.
unsafe impl<T> Sync for Global<T> {}

/// One field of a map's one value, by a load of its own.
macro_rules! field {
    ($global:expr, $($field:tt)+) => {
        // SAFETY: an aligned field of a value that lives as long as the program; volatile, since it changes under our eyes.
        unsafe { (&raw const (*$global.0.get())$($field)+).read_volatile() }
    };
}

#[unsafe(link_section = ".data.PLANE_CONFIG")]
#[unsafe(no_mangle)]
static PLANE_CONFIG: Global<PlaneConfig> = Global(UnsafeCell::new(PlaneConfig {
    fdb_age: 0,
    fdb_refresh: 0,
    capture: 0,
    mirror: 0,
    router_mac: 0,
    acl: 0,
    routes: 0,
    pad: [0; 6],
}));

#[unsafe(link_section = ".data.FABRICS")]
#[unsafe(no_mangle)]
static FABRICS: Global<[FabricState; FABRIC_COUNT]> =
    Global(UnsafeCell::new([FabricState { present: 0, programmed: 0 }; FABRIC_COUNT]));

#[unsafe(link_section = ".data.FABRIC_BUCKETS")]
#[unsafe(no_mangle)]
static BUCKETS: Global<[u8; FABRIC_BUCKETS]> = Global(UnsafeCell::new([0; FABRIC_BUCKETS]));

/// Raised by the owner.
#[unsafe(link_section = ".data.FDB_GEN")]
#[unsafe(no_mangle)]
pub(crate) static FDB_GEN: Word = Word::new(0);

/// Raised by the programs.
#[unsafe(link_section = ".data.FDB_MOVES")]
#[unsafe(no_mangle)]
pub(crate) static FDB_MOVES: Word = Word::new(0);

/// PLANE_CONFIG, field by field as a stage asks for it.
pub(crate) mod config {
    use super::PLANE_CONFIG;

    #[inline(always)]
    pub(crate) fn fdb_age() -> u32 {
        field!(PLANE_CONFIG, .fdb_age)
    }
    #[inline(always)]
    pub(crate) fn fdb_refresh() -> u32 {
        field!(PLANE_CONFIG, .fdb_refresh)
    }
    #[inline(always)]
    pub(crate) fn capture() -> u32 {
        field!(PLANE_CONFIG, .capture)
    }
    #[inline(always)]
    pub(crate) fn mirror() -> u32 {
        field!(PLANE_CONFIG, .mirror)
    }
    #[inline(always)]
    pub(crate) fn router_mac() -> u64 {
        field!(PLANE_CONFIG, .router_mac)
    }
    /// Ask once a frame: it is one half of the tables or the other.
    #[inline(always)]
    pub(crate) fn acl() -> u8 {
        field!(PLANE_CONFIG, .acl)
    }
    /// Ask once a frame.
    #[inline(always)]
    pub(crate) fn routes() -> u8 {
        field!(PLANE_CONFIG, .routes)
    }
}

/// The fabric that carries a bucket (`msm_abi::fabric_bucket_index`).
#[inline(always)]
pub(crate) fn fabric(bucket: u32) -> FabricState {
    let number = field!(BUCKETS, [bucket as usize % FABRIC_BUCKETS]);
    let at = usize::from(number);
    if at >= FABRIC_COUNT {
        return FabricState::default();
    }
    FabricState { present: field!(FABRICS, [at].present), programmed: field!(FABRICS, [at].programmed) }
}
