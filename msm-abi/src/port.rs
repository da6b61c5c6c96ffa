//! Ports: the only place (with the devmaps) where an ifindex is known.

/// I/O slots of the largest chassis (BD6816).
pub const SLOTS: usize = 16;
/// Ports of one I/O module.
pub const PORTS_PER_SLOT: usize = 64;
/// Logical ports of a chassis.
pub const PORTS: usize = SLOTS * PORTS_PER_SLOT;
/// First ifindex that the port table has no room for: it is indexed directly, a hash would cost 18 ns a frame.
pub const IFINDEX_LIMIT: u32 = 65_536;

/// A logical port: `(slot - 1) * 64 + (port - 1)`; `3:2` is 129.
pub type Lport = u16;
/// "No port".
pub const NO_LPORT: Lport = u16::MAX;

/// Bits of [`PortEntry::flags`].
pub mod port_flags {
    /// The entry is in use; an all-zero entry is no port.
    pub const VALID: u16 = 1;
    /// The port is enabled; frames from and to a disabled port are dropped and counted.
    pub const ENABLED: u16 = 2;
}

/// PORTS: array by ifindex. What the programs must know of the netdev that a frame came in by, or leaves by.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortEntry {
    /// Logical port.
    pub lport: Lport,
    /// VLAN of untagged frames; 0 = untagged frames are dropped.
    pub pvid: u16,
    /// [`port_flags`].
    pub flags: u16,
    /// I/O slot, from 0.
    pub slot: u8,
    /// Zero.
    pub pad: u8,
}
const _: () = assert!(size_of::<PortEntry>() == 8 && align_of::<PortEntry>() == 2);
