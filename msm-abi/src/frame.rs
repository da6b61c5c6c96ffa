//! The header that a flooded frame carries, in its metadata area, from the ingress to the egress program.

/// Version of [`FloodHeader`]; an egress program passes what it does not know only if there is no header at all.
pub const HEADER_VERSION: u16 = 0x4D03;

/// Bits of [`FloodHeader::flags`].
pub mod header_flags {
    /// The frame still carries its 802.1Q tag.
    pub const TAGGED: u16 = 1;
    /// The fabric of its flow bucket is absent: only members in the I/O slot it came in by may send it.
    pub const FABRIC_ABSENT: u16 = 2;
    /// The fabric of its flow bucket is not programmed: likewise.
    pub const FABRIC_UNPROGRAMMED: u16 = 4;
    /// It was routed: it may leave by the port it came in by.
    pub const ROUTED: u16 = 8;
    /// Where the I/O slot that it came in by stands: four bits.
    pub const SLOT_SHIFT: u16 = 4;
    /// Where its load-sharing bucket stands: six bits.
    pub const BUCKET_SHIFT: u16 = 8;
}

/// Eight bytes in front of the frame. Unicast carries none and the egress program returns at once.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FloodHeader {
    /// [`HEADER_VERSION`].
    pub version: u16,
    /// VLAN the frame was classified to.
    pub vid: u16,
    /// Logical port it came in by: its group's, if it has one.
    pub lport: u16,
    /// [`header_flags`].
    pub flags: u16,
}
const _: () = assert!(size_of::<FloodHeader>() == 8);

impl FloodHeader {
    /// The header as the eight bytes in front of the frame, read as one big-endian number: the programs write it with
    /// one store.
    #[inline(always)]
    pub const fn to_wire(self) -> u64 {
        (self.version as u64) << 48 | (self.vid as u64) << 32 | (self.lport as u64) << 16 | self.flags as u64
    }
    /// The reverse of [`FloodHeader::to_wire`].
    #[inline(always)]
    pub const fn from_wire(word: u64) -> Self {
        Self {
            version: (word >> 48) as u16,
            vid: (word >> 32) as u16,
            lport: (word >> 16) as u16,
            flags: word as u16,
        }
    }
}
