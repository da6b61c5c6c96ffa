//! What the pipeline asks of a frame. There are two kinds: as XDP sees it, and as tcx does. No rule of the switch is in either.

use msm_abi::{DropReason, EgressEntry, Lport};

use super::classify::Vlan;

/// A number as it stands on the wire, big-endian.
pub(crate) trait Wire: Sized {
    /// Reads from `at`, of any alignment.
    ///
    /// # Safety
    /// `at .. at + size_of::<Self>()` lies inside the packet or its metadata, by a comparison that the verifier sees.
    unsafe fn load(at: usize) -> Self;
    /// Writes to `at`, of any alignment.
    ///
    /// # Safety
    /// As for [`Wire::load`].
    unsafe fn store(self, at: usize);
}

/// What a frame that goes to all members of a VLAN must be told.
#[derive(Clone, Copy)]
pub(crate) struct Flood {
    pub(crate) vlan: Vlan,
    /// The logical port that it came in by.
    pub(crate) from: Lport,
    /// It has a tag.
    pub(crate) tagged: bool,
    /// [`msm_abi::header_flags`]: state of its fabric, its I/O slot and its load-sharing bucket.
    pub(crate) flags: u16,
}

/// A frame.
pub(crate) trait Frame {
    /// True for XDP: what it cannot do, it hands to the tcx entry of the port.
    const FAST: bool;

    /// Netdev that it came in by.
    fn ingress_ifindex(&self) -> u32;
    /// Its bytes, without FCS; a tag beside it included.
    fn len(&self) -> u64;
    /// Before anything else is asked: puts away what a frame may bring along that is none of ours, and its headers in reach.
    fn prepare(&mut self) -> Result<(), DropReason>;
    /// The tag that stands beside the frame, not in it.
    fn side_tag(&self) -> Option<u16>;
    /// The EtherType of a frame whose tag is beside it or is none, where `behind` stands in its place: a tag of another kind beside it comes first.
    fn kind(&self, behind: u16) -> u16;
    /// The big-endian number `at` bytes into the frame; `None` behind what is in reach.
    fn load<T: Wire>(&self, at: usize) -> Option<T>;
    /// Writes a big-endian number `at` bytes into the frame; `None` behind what is in reach.
    fn store<T: Wire>(&mut self, at: usize, value: T) -> Option<()>;
    /// Copies its first `len` bytes to `to`; says how many. `None` if there are not so many, or not so much room.
    fn copy<const N: usize>(&self, len: u64, to: &mut [u8; N]) -> Option<u64>;
    /// Takes its tag away.
    fn pop_tag(&mut self) -> Result<(), DropReason>;
    /// Gives it the tag of VLAN `vid`.
    fn push_tag(&mut self, vid: u16) -> Result<(), DropReason>;
    /// Changes the VLAN id of its tag; the priority stays.
    fn set_vid(&mut self, vid: u16) -> Result<(), DropReason>;
    /// Bytes of the longest IP packet that it becomes on the wire, if it is one of `packet` bytes, of this EtherType and at this place.
    fn longest_packet(&self, packet: u32, place: (u16, usize)) -> u32;
    /// Hands it to the netdev of `to`.
    fn send(&mut self, to: Lport, egress: EgressEntry) -> Result<(), DropReason>;
    /// Hands copies of it to all members of its VLAN but the one it came in by.
    fn flood(&mut self, flood: &Flood) -> Result<(), DropReason>;
    /// Hands a copy of it, as it is, to the netdev that mirrored frames go to.
    fn mirror(&mut self, to: EgressEntry);
}
