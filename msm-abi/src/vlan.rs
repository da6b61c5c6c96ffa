//! VLANs: membership by logical port.

use crate::port::{Lport, PORTS};

/// Size of the VLAN tables, indexed by VLAN id.
pub const VLANS: usize = 4096;

/// Places for member sets in FLOOD: one for each VLAN, and as many again, so that a VLAN can always be given a fresh one.
pub const FLOOD_SETS: usize = 8192;

/// Bits of [`VlanEntry::flags`].
pub mod vlan_flags {
    /// The VLAN exists.
    pub const EXISTS: u16 = 1;
    /// IPv4 frames to the router's address are forwarded.
    pub const ROUTED: u16 = 2;
    /// IPv6 likewise.
    pub const ROUTED6: u16 = 4;
    /// A member takes no XDP frames, or is mirrored: floods go by the tcx entry.
    pub const SLOW_FLOOD: u16 = 8;
}

/// VLANS: array by VLAN id.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VlanEntry {
    /// [`vlan_flags`].
    pub flags: u16,
    /// Index in FLOOD of its member set. VLANs of equal members share one. A write of this entry changes the set at once, where
    /// a write of FLOOD waits for a grace period.
    pub flood: u16,
    /// Loop protection domain whose gates hold for this VLAN; 0 = none.
    pub domain: u32,
    /// The port of its interface ([`crate::svi_lport`]); 0 = it has none.
    pub svi: Lport,
    /// Longest IP packet that is sent into it.
    pub mtu: u16,
    /// Zero.
    pub pad: u32,
    /// Bit `lport`: an untagged member.
    pub untagged: [u64; PORTS / 64],
    /// Bit `lport`: a tagged member.
    pub tagged: [u64; PORTS / 64],
}
const _: () = assert!(size_of::<VlanEntry>() == 272);

impl Default for VlanEntry {
    fn default() -> Self {
        Self {
            flags: 0,
            flood: 0,
            domain: 0,
            svi: 0,
            mtu: 0,
            pad: 0,
            untagged: [0; PORTS / 64],
            tagged: [0; PORTS / 64],
        }
    }
}

impl VlanEntry {
    /// True if `lport`, less than [`PORTS`], sends and takes this VLAN without a tag.
    #[inline(always)]
    pub const fn is_untagged(&self, lport: Lport) -> bool {
        bit(&self.untagged, lport)
    }
    /// True if `lport`, less than [`PORTS`], sends and takes this VLAN with a tag.
    #[inline(always)]
    pub const fn is_tagged(&self, lport: Lport) -> bool {
        bit(&self.tagged, lport)
    }
}

#[inline(always)]
const fn bit(set: &[u64; PORTS / 64], lport: Lport) -> bool {
    // Masked, not compared: the verifier does not always see that a comparison made elsewhere holds for this index.
    set[lport as usize / 64 % set.len()] >> (lport % 64) & 1 == 1
}
