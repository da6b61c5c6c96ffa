//! Ports: the only place (with the devmaps) where an ifindex is known.

/// I/O slots of the largest chassis (BD6816).
pub const SLOTS: usize = 16;
/// Ports of one I/O module.
pub const PORTS_PER_SLOT: usize = 64;
/// Ports of a chassis on its I/O modules.
pub const PORTS: usize = SLOTS * PORTS_PER_SLOT;
/// VLANs that may have an address: each has a port to the switch's own IP stack.
pub const SVIS: usize = 512;
/// All logical ports: those of the I/O modules, then those of the stack.
pub const LPORTS: usize = PORTS + SVIS;
/// First ifindex that the port table has no room for: it is indexed directly, a hash would cost 18 ns a frame.
pub const IFINDEX_LIMIT: u32 = 65_536;

/// A logical port: `(slot - 1) * 64 + (port - 1)`; `3:2` is 129. From [`PORTS`] on, a port of the stack ([`svi_lport`]).
pub type Lport = u16;
/// "No port".
pub const NO_LPORT: Lport = u16::MAX;

/// The logical port of the `number`th VLAN interface, below [`SVIS`].
#[inline(always)]
pub const fn svi_lport(number: u16) -> Lport {
    PORTS as u16 + number
}

/// Bits of [`PortEntry::flags`].
pub mod port_flags {
    /// The entry is in use; an all-zero entry is no port.
    pub const VALID: u16 = 1;
    /// The port is enabled; frames from and to a disabled port are dropped and counted.
    pub const ENABLED: u16 = 2;
    /// The inner end of a VLAN's interface: what comes in is from the switch's own stack, of VLAN `pvid`, untagged. It is a member of that
    /// VLAN, nothing is learned from it, and neither access lists nor gates hold for it.
    pub const SVI: u16 = 4;
    /// A member of a load-sharing group; `logical` is the group's.
    pub const GROUPED: u16 = 8;
    /// LIMITS has a rate for it.
    pub const LIMITED: u16 = 16;
    /// LEARN has a limit for it.
    pub const LEARN_LIMITED: u16 = 32;
    /// What it receives is mirrored: its frames go by the tcx entry.
    pub const MIRRORED: u16 = 64;
    /// Its driver is tcx: there is no XDP program. Without this bit a frame at the tcx entry was handed on by the XDP program, and is counted
    /// already.
    pub const TCX: u16 = 128;
    /// Nothing that comes in by it is taken but frames to control addresses.
    pub const CLOSED: u16 = 256;
}

/// PORTS: array by ifindex. What the programs must know of the netdev that a frame came in by, or leaves by.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortEntry {
    /// Logical port.
    pub lport: Lport,
    /// The port that VLANs, FDB and gates know: the master of its load-sharing group, else `lport`.
    pub logical: Lport,
    /// VLAN of untagged frames; 0 = untagged frames are dropped.
    pub pvid: u16,
    /// [`port_flags`].
    pub flags: u16,
    /// I/O slot, from 0. Of a port of the stack: 255.
    pub slot: u8,
    /// Zero.
    pub pad: [u8; 7],
}
const _: () = assert!(size_of::<PortEntry>() == 16 && align_of::<PortEntry>() == 2);

/// Bits of [`EgressEntry::flags`].
pub mod egress_flags {
    /// A load-sharing group: which member, SHARING says at `group`. About the logical port; all other bits are about the netdev.
    pub const SHARED: u16 = 1;
    /// The netdev takes no XDP frames (no NDO_XMIT): its frames go by the tcx entry of the port they came in by.
    pub const SLOW: u16 = 2;
    /// What it sends is mirrored: its frames go by the tcx entry of the port they came in by.
    pub const MIRRORED: u16 = 4;
}

/// EGRESS: array by logical port. What must be known of a port to send by it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EgressEntry {
    /// Its netdev, for the tcx entry; 0 = none, or the port is disabled.
    pub ifindex: u32,
    /// [`egress_flags`].
    pub flags: u16,
    /// Index in SHARING.
    pub group: u16,
}
const _: () = assert!(size_of::<EgressEntry>() == 8);
