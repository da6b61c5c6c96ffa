//! Routing: hosts, prefixes and next hops. None names a port: the FDB says where a neighbour is.

/// Blocks of ROUTES in each half: 256 for the first two octets, and one for each longer prefix's /16 and /24.
pub const ROUTE_BLOCKS: u32 = 16_384;
/// IPv6 prefixes.
pub const ROUTES6_ENTRIES: u32 = 65_536;
/// Hosts in IPFDB, and in IPFDB6.
pub const IPFDB_ENTRIES: u32 = 65_536;
/// Next hops.
pub const HOPS: u32 = 4096;
/// Groups of next hops of equal cost.
pub const HOP_GROUPS: u32 = 1024;
/// Next hops of a group at most.
pub const HOP_GROUP_MEMBERS: usize = 16;

/// ROUTES: array of blocks, `half * ROUTE_BLOCKS + block`; the first octet names the block, the second the entry (as in
/// [`crate::AclBlock`]). An entry is [`ROUTE_BLOCK`] with a block, or a [`RouteTarget`].
pub type RouteBlock = [u32; 256];
/// In an entry of a [`RouteBlock`]: the other bits are a block, counted from the half's first.
pub const ROUTE_BLOCK: u32 = 1 << 31;

/// What a route says, in the bits 28 to 30 of its entry; the lower 28 are an index.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteKind {
    /// There is none: to the stack, which says so to the sender.
    None = 0,
    /// By the next hop of this index in HOPS.
    Hop = 1,
    /// By one of the next hops of this index in HOP_GROUPS.
    Group = 2,
    /// A network of ours, of which IPFDB does not know the host yet: to the stack, which asks for it.
    Connected = 3,
    /// An address of ours, or a broadcast address of a network of ours: to the stack.
    Local = 4,
    /// Dropped.
    Blackhole = 5,
}

/// An entry that is no block: `kind << 28 | index`. 0 is [`RouteKind::None`].
#[inline(always)]
pub const fn route(kind: RouteKind, index: u32) -> u32 {
    (kind as u32) << 28 | index & 0x0FFF_FFFF
}
/// [`RouteKind`] of an entry, as number.
#[inline(always)]
pub const fn route_kind(entry: u32) -> u32 {
    entry >> 28 & 7
}
/// Index of an entry.
#[inline(always)]
pub const fn route_index(entry: u32) -> u32 {
    entry & 0x0FFF_FFFF
}

/// Where a neighbour is: `MAC << 16 | VLAN id`, as [`crate::FdbKey`]; 0 = not known. The value of IPFDB and IPFDB6.
pub type Neighbour = u64;

/// HOPS: array by index. The programs read `neighbour` alone; the rest tells a new owner what the index stands for.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HopEntry {
    /// [`Neighbour`]; 0 = to the stack, which asks for it.
    pub neighbour: u64,
    /// The gateway; an IPv4 address in the last four octets, behind ::ffff.
    pub gateway: [u8; 16],
    /// VLAN that it is in; 0 = the index is free.
    pub vid: u16,
    /// Zero.
    pub pad: [u8; 6],
}
const _: () = assert!(size_of::<HopEntry>() == 32);

/// HOP_GROUPS: array by index. A member that is not resolved sends its flows to the stack.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HopGroup {
    /// Members; 0 = the index is free.
    pub count: u32,
    /// Indices in HOPS; those past `count` repeat the others, so that a flow's low bits choose.
    pub hops: [u32; HOP_GROUP_MEMBERS],
}
const _: () = assert!(size_of::<HopGroup>() == 68);

impl Default for HopGroup {
    fn default() -> Self {
        Self { count: 0, hops: [0; HOP_GROUP_MEMBERS] }
    }
}

/// ROUTES6: longest-prefix trie; the value is a route entry (u32).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Route6Key {
    /// Bits of the prefix.
    pub len: u32,
    /// The address.
    pub address: [u8; 16],
}
const _: () = assert!(size_of::<Route6Key>() == 20);

/// Bits of [`crate::PlaneConfig::routes`].
pub mod routes_active {
    /// Which half of ROUTES is in force.
    pub const HALF: u8 = 1;
}

/// TABLES: array by [`tables`]. What a new owner must know of a table set to see that it is as it should be, without reading all of it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableState {
    /// Digest of what the half in force was made of; 0 = nothing.
    pub digest: u64,
    /// Times it was replaced.
    pub generation: u64,
    /// Blocks, classes and rules (or routes) in force.
    pub used: [u32; 4],
}
const _: () = assert!(size_of::<TableState>() == 32);

/// Indices of TABLES.
pub mod tables {
    /// The access list.
    pub const ACL: u32 = 0;
    /// ROUTES.
    pub const ROUTES: u32 = 1;
    /// Number of entries.
    pub const ENTRIES: u32 = 2;
}
