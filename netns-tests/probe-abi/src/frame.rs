//! The numbered frame: Ethernet, IPv4, UDP and the payload below, which fits the shortest Ethernet frame.

/// Where the payload begins: Ethernet 14, IPv4 20, UDP 8.
pub const PAYLOAD_OFFSET: usize = 42;
/// The same behind an IPv6 header, which is 20 bytes longer.
pub const PAYLOAD_OFFSET_IPV6: usize = PAYLOAD_OFFSET + 20;
/// A tag, if there is one, is before all of it.
pub const TAG_LEN: usize = 4;
/// Shortest frame without FCS. The payload ends exactly here.
pub const FRAME_MIN: usize = 60;

/// What a frame is for: the payload's first four bytes, big-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Counted.
    Numbered,
    /// Teaches the switch the flow's source station; not counted as traffic.
    LearnSource,
    /// Teaches the switch the flow's destination station: sent the other way.
    LearnDestination,
}

impl Kind {
    const NUMBERED: u32 = 0x6d73_6d01;
    const LEARN_SOURCE: u32 = 0x6d73_6d02;
    const LEARN_DESTINATION: u32 = 0x6d73_6d03;

    /// The magic number on the wire.
    #[inline(always)]
    #[must_use]
    pub const fn magic(self) -> u32 {
        match self {
            Kind::Numbered => Self::NUMBERED,
            Kind::LearnSource => Self::LEARN_SOURCE,
            Kind::LearnDestination => Self::LEARN_DESTINATION,
        }
    }

    /// From the wire; `None` for a frame that is not the probe's.
    #[inline(always)]
    #[must_use]
    pub const fn from_magic(magic: u32) -> Option<Self> {
        match magic {
            Self::NUMBERED => Some(Kind::Numbered),
            Self::LEARN_SOURCE => Some(Kind::LearnSource),
            Self::LEARN_DESTINATION => Some(Kind::LearnDestination),
            _ => None,
        }
    }
}

/// Payload of a frame, 18 bytes, big-endian, at [`PAYLOAD_OFFSET`] or behind what is longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    /// What it is for.
    pub kind: Kind,
    /// Global flow number.
    pub flow: u16,
    /// Number within the flow, from 0.
    pub sequence: u64,
    /// Low half of the sender's CLOCK_MONOTONIC in nanoseconds: latencies below 4.29 s.
    pub sent_low_ns: u32,
}

impl Payload {
    /// Its length.
    pub const LEN: usize = FRAME_MIN - PAYLOAD_OFFSET;

    /// As on the wire.
    #[inline(always)]
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[0..4].copy_from_slice(&self.kind.magic().to_be_bytes());
        bytes[4..6].copy_from_slice(&self.flow.to_be_bytes());
        bytes[6..14].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[14..18].copy_from_slice(&self.sent_low_ns.to_be_bytes());
        bytes
    }

    /// From the wire; `None` for a frame that is not the probe's.
    #[inline(always)]
    #[must_use]
    pub fn from_bytes(b: &[u8; Self::LEN]) -> Option<Self> {
        let kind = Kind::from_magic(u32::from_be_bytes([b[0], b[1], b[2], b[3]]))?;
        Some(Self {
            kind,
            flow: u16::from_be_bytes([b[4], b[5]]),
            sequence: u64::from_be_bytes([b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13]]),
            sent_low_ns: u32::from_be_bytes([b[14], b[15], b[16], b[17]]),
        })
    }
}
const _: () = assert!(Payload::LEN == 18);
