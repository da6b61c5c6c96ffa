//! The header that a flooded frame carries, in its metadata area, from the ingress to the egress program.

/// Version of [`FloodHeader`]; an egress program passes what it does not know only if there is no header at all.
pub const HEADER_VERSION: u16 = 0x4D01;

/// Eight bytes in front of the frame. Unicast carries none and the egress program returns at once.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FloodHeader {
    /// [`HEADER_VERSION`].
    pub version: u16,
    /// VLAN the frame was classified to.
    pub vid: u16,
    /// Logical port it came in by.
    pub lport: u16,
    /// 1 if the frame still carries its 802.1Q tag.
    pub tagged: u16,
}
const _: () = assert!(size_of::<FloodHeader>() == 8);
