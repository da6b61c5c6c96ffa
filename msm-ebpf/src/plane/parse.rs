//! Parsing: the Ethernet header with one 802.1Q tag, and IP headers for the stages that ask for them.

use msm_abi::DropReason;

use super::frame::Frame;

/// TPID of an 802.1Q tag.
pub(crate) const TPID: u16 = 0x8100;
/// Where the tag stands, or would.
pub(crate) const TAG_AT: usize = 12;
/// The VLAN id's bits of a tag.
pub(crate) const VID_MASK: u16 = 0x0FFF;

const SOURCE_AT: usize = 6;
const TCI_AT: usize = 14;
/// Where the payload begins, without a tag and behind one.
pub(crate) const PAYLOAD_AT: usize = 14;
pub(crate) const TAGGED_PAYLOAD_AT: usize = 18;
const GROUP: u64 = 1 << 40;
const BROADCAST: u64 = 0xFFFF_FFFF_FFFF;

/// EtherTypes.
pub(crate) mod ethertype {
    pub(crate) const IPV4: u16 = 0x0800;
    pub(crate) const ARP: u16 = 0x0806;
    pub(crate) const IPV6: u16 = 0x86DD;
}

/// IP protocols.
pub(crate) mod protocol {
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(crate) const ICMPV6: u8 = 58;
    pub(crate) const OSPF: u8 = 89;
}

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
    #[inline(always)]
    pub(crate) fn is_broadcast(self) -> bool {
        self.0 == BROADCAST
    }
    #[inline(always)]
    pub(crate) fn octets(self) -> [u8; 6] {
        let octets = self.0.to_be_bytes();
        [octets[2], octets[3], octets[4], octets[5], octets[6], octets[7]]
    }
}

/// What the stages read of a frame.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    pub(crate) destination: Mac,
    pub(crate) source: Mac,
    /// The tag's priority, DEI and VLAN id, if it has one. VLAN id 0 is a tag with a priority only.
    pub(crate) tci: Option<u16>,
    /// What is behind the tag.
    pub(crate) ethertype: u16,
    /// Where that is.
    pub(crate) payload: usize,
}

/// Two loads for the Ethernet header, one for a tag.
#[inline(always)]
pub(crate) fn header<F: Frame>(frame: &F) -> Result<Header, DropReason> {
    let behind: u64 = frame.load(SOURCE_AT).ok_or(DropReason::Truncated)?;
    let front: u64 = frame.load(0).ok_or(DropReason::Truncated)?;
    let (tci, ethertype, payload) = if F::FAST && behind as u16 == TPID {
        // The EtherType behind the tag must be there too.
        let tag: u32 = frame.load(TCI_AT).ok_or(DropReason::Truncated)?;
        (Some((tag >> 16) as u16), tag as u16, TAGGED_PAYLOAD_AT)
    } else {
        (frame.side_tag(), frame.kind(behind as u16), PAYLOAD_AT)
    };
    Ok(Header { destination: Mac(front >> 16), source: Mac(behind >> 16), tci, ethertype, payload })
}

/// An IPv4 header, whatever it says.
#[derive(Clone, Copy)]
pub(crate) struct Ip4 {
    /// Version to flags, as one number.
    front: u64,
    /// TTL to source.
    middle: u64,
    pub(crate) destination: u32,
}

impl Ip4 {
    /// `None` if it is cut off, or none.
    #[inline(always)]
    pub(crate) fn load<F: Frame>(frame: &F, at: usize) -> Option<Self> {
        let front: u64 = frame.load(at)?;
        let middle: u64 = frame.load(at + 8)?;
        let destination: u32 = frame.load(at + 16)?;
        let ip = Self { front, middle, destination };
        (front >> 60 == 4 && ip.header_len() >= 20).then_some(ip)
    }
    #[inline(always)]
    pub(crate) fn header_len(&self) -> u32 {
        (self.front >> 56) as u32 % 16 * 4
    }
    #[inline(always)]
    pub(crate) fn total(&self) -> u32 {
        (self.front >> 32) as u32 & 0xFFFF
    }
    /// A later fragment: no ports.
    #[inline(always)]
    pub(crate) fn is_later_fragment(&self) -> bool {
        self.front & 0x1FFF != 0
    }
    #[inline(always)]
    pub(crate) fn ttl(&self) -> u8 {
        (self.middle >> 56) as u8
    }
    #[inline(always)]
    pub(crate) fn protocol(&self) -> u8 {
        (self.middle >> 48) as u8
    }
    #[inline(always)]
    pub(crate) fn source(&self) -> u32 {
        self.middle as u32
    }
    /// Of a header without options.
    #[inline(always)]
    pub(crate) fn checksum_is_good(&self) -> bool {
        let words = |x: u64| (x >> 48) + (x >> 32 & 0xFFFF) + (x >> 16 & 0xFFFF) + (x & 0xFFFF);
        let sum = words(self.front) + words(self.middle) + words(u64::from(self.destination));
        let sum = (sum & 0xFFFF) + (sum >> 16);
        (sum & 0xFFFF) + (sum >> 16) == 0xFFFF
    }
    /// The four octets from the TTL on, with a TTL one lower and the checksum that goes with it (RFC 1141).
    #[inline(always)]
    pub(crate) fn one_hop_on(&self) -> u32 {
        let word = (self.middle >> 32) as u32;
        let sum = (word & 0xFFFF) + 0x100;
        let sum = sum + u32::from(sum >= 0xFFFF);
        (word - 0x0100_0000) & 0xFFFF_0000 | sum & 0xFFFF
    }
}

/// An IPv6 address: its upper and its lower half.
pub(crate) type Address6 = (u64, u64);

/// An IPv6 header.
#[derive(Clone, Copy)]
pub(crate) struct Ip6 {
    front: u64,
    pub(crate) source: Address6,
    pub(crate) destination: Address6,
}

impl Ip6 {
    /// `None` if it is cut off, or none.
    #[inline(always)]
    pub(crate) fn load<F: Frame>(frame: &F, at: usize) -> Option<Self> {
        let front: u64 = frame.load(at)?;
        let source = (frame.load(at + 8)?, frame.load(at + 16)?);
        let destination = (frame.load(at + 24)?, frame.load(at + 32)?);
        (front >> 60 == 6).then_some(Self { front, source, destination })
    }
    #[inline(always)]
    pub(crate) fn payload_len(&self) -> u32 {
        (self.front >> 16) as u32 & 0xFFFF
    }
    #[inline(always)]
    pub(crate) fn next_header(&self) -> u8 {
        (self.front >> 8) as u8
    }
    #[inline(always)]
    pub(crate) fn hop_limit(&self) -> u8 {
        self.front as u8
    }
}

/// Bytes of the headers that each segment of a packet has, IP's and that behind it: of what is not known, TCP's longest.
#[inline(always)]
pub(crate) fn headers<F: Frame>(frame: &F, (kind, payload): (u16, usize)) -> u32 {
    const LONGEST: u32 = 60;
    let (ip, at) = if kind == ethertype::IPV4 { (20, 8) } else { (40, 5) };
    let next = frame.load::<u16>(payload + at).unwrap_or(0) as u8;
    let behind = if next == protocol::TCP {
        frame.load::<u16>(payload + ip + 12).map_or(LONGEST, |word| u32::from(word >> 12) * 4)
    } else if next == protocol::UDP {
        8
    } else {
        LONGEST
    };
    ip as u32 + behind
}
