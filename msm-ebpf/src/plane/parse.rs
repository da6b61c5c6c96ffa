//! Parsing: the Ethernet header and one 802.1Q tag.

use msm_abi::DropReason;

use super::access::Packet;

/// TPID of an 802.1Q tag.
pub(crate) const TPID: u16 = 0x8100;
/// Where the tag stands, or would.
pub(crate) const TAG_AT: usize = 12;
/// The VLAN id's bits of a tag.
pub(crate) const VID_MASK: u16 = 0x0FFF;

const SOURCE_AT: usize = 6;
const TCI_AT: usize = 14;
const GROUP: u64 = 1 << 40;

/// An address, in the lower 48 bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mac(pub(crate) u64);

impl Mac {
    #[inline(always)]
    pub(crate) fn is_group(self) -> bool {
        self.0 & GROUP != 0
    }
    #[inline(always)]
    pub(crate) fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// What the stages read of a frame.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    pub(crate) destination: Mac,
    pub(crate) source: Mac,
    /// The tag's priority, DEI and VLAN id, if it has one. VLAN id 0 is a tag with a priority only.
    pub(crate) tci: Option<u16>,
}

/// Two loads for the Ethernet header, one for a tag.
#[inline(always)]
pub(crate) fn header(packet: &Packet) -> Result<Header, DropReason> {
    let behind: u64 = packet.load(SOURCE_AT).ok_or(DropReason::Truncated)?;
    let front: u64 = packet.load(0).ok_or(DropReason::Truncated)?;
    let tci = if behind as u16 == TPID {
        // The EtherType behind the tag must be there too.
        let tag: u32 = packet.load(TCI_AT).ok_or(DropReason::Truncated)?;
        Some((tag >> 16) as u16)
    } else {
        None
    };
    Ok(Header { destination: Mac(front >> 16), source: Mac(behind >> 16), tci })
}
