//! Frames of the slow protocols: LACPDUs and markers (IEEE 802.1AX-2014 6.4.2.3 and 6.5.3.3).

use serde::{Deserialize, Serialize};

/// Where they go (IEEE 802.3-2018 57A.3).
pub const GROUP: [u8; 6] = [0x01, 0x80, 0xc2, 0, 0, 2];
/// Slow_Protocols_Type.
pub const ETHERTYPE: u16 = 0x8809;
/// Bytes of an Ethernet header without a tag.
const ETHERNET: usize = 14;
/// Bytes of a LACPDU, or marker, behind it.
const LENGTH: usize = 110;
/// Subtypes.
const LACP: u8 = 1;
const MARKER: u8 = 2;
/// Version that is written. What is read may have any: a later one has all that this one has (6.4.12).
const VERSION: u8 = 1;

/// Bits of a port's state (6.4.2.3 m).
pub mod bits {
    /// Speaks first.
    pub const ACTIVITY: u8 = 1;
    /// Wants to hear every second.
    pub const TIMEOUT: u8 = 2;
    /// May be one of several.
    pub const AGGREGATION: u8 = 4;
    /// Is where it belongs.
    pub const SYNCHRONIZATION: u8 = 8;
    /// Takes frames.
    pub const COLLECTING: u8 = 16;
    /// Sends frames.
    pub const DISTRIBUTING: u8 = 32;
    /// Has never heard of its partner.
    pub const DEFAULTED: u8 = 64;
    /// Has not heard of its partner for too long.
    pub const EXPIRED: u8 = 128;
    /// All, by their names.
    pub const ALL: [(u8, &str); 8] = [
        (ACTIVITY, "activity"),
        (TIMEOUT, "timeout"),
        (AGGREGATION, "aggregation"),
        (SYNCHRONIZATION, "synchronization"),
        (COLLECTING, "collecting"),
        (DISTRIBUTING, "distributing"),
        (DEFAULTED, "defaulted"),
        (EXPIRED, "expired"),
    ];
}

/// What one side says of one of its ports. Zero: nothing is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Info {
    /// Priority of the system.
    pub system_priority: u16,
    /// Its address.
    pub system: [u8; 6],
    /// Ports of one key may be one.
    pub key: u16,
    /// Priority of the port.
    pub port_priority: u16,
    /// Its number.
    pub port: u16,
    /// [`bits`].
    pub state: u8,
}

/// Bytes of an [`Info`] on the wire.
pub(super) const INFO: usize = 15;

impl Info {
    pub(super) fn to_bytes(self) -> [u8; INFO] {
        let mut out = [0; INFO];
        out[..2].copy_from_slice(&self.system_priority.to_be_bytes());
        out[2..8].copy_from_slice(&self.system);
        out[8..10].copy_from_slice(&self.key.to_be_bytes());
        out[10..12].copy_from_slice(&self.port_priority.to_be_bytes());
        out[12..14].copy_from_slice(&self.port.to_be_bytes());
        out[14] = self.state;
        out
    }

    pub(super) fn from_bytes(b: [u8; INFO]) -> Self {
        let word = |at: usize| u16::from_be_bytes([b[at], b[at + 1]]);
        Self {
            system_priority: word(0),
            system: [b[2], b[3], b[4], b[5], b[6], b[7]],
            key: word(8),
            port_priority: word(10),
            port: word(12),
            state: b[14],
        }
    }

    /// Whether all of these [`bits`] are set.
    #[must_use]
    pub const fn has(&self, bits: u8) -> bool {
        self.state & bits == bits
    }

    /// Sets or clears these bits.
    pub(super) const fn set(&mut self, bits: u8, on: bool) {
        if on {
            self.state |= bits;
        } else {
            self.state &= !bits;
        }
    }

    /// The same port of the same system, in the same group: all but the state.
    #[must_use]
    pub fn is_same_port(&self, other: &Self) -> bool {
        Self { state: 0, ..*self } == Self { state: 0, ..*other }
    }
}

/// A LACPDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lacpdu {
    /// The sender.
    pub actor: Info,
    /// What the sender knows of the receiver.
    pub partner: Info,
}

/// A marker that asks to be sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// Port of who asks.
    pub port: u16,
    /// Its system.
    pub system: [u8; 6],
    /// Its number.
    pub transaction: u32,
}

/// What can come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pdu {
    /// See there.
    Lacp(Lacpdu),
    /// To be answered.
    Marker(Marker),
    /// The answer to one. This switch asks none.
    MarkerResponse(Marker),
}

/// Not a frame of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Cut off.
    #[error("a slow protocol's frame of {0} bytes; a LACPDU has 124")]
    Short(usize),
    /// Another protocol's.
    #[error("a frame to another address or of another type")]
    Foreign,
    /// Not LACP and not a marker.
    #[error("slow protocol {0} is not spoken here")]
    Subtype(u8),
    /// Its fields are not where they should be.
    #[error("a field of {length} bytes where {wanted} belong")]
    Length {
        /// Found.
        length: u8,
        /// Wanted.
        wanted: u8,
    },
    /// Neither a question nor an answer.
    #[error("a marker of type {0}")]
    MarkerType(u8),
}

fn header(source: [u8; 6]) -> Vec<u8> {
    let mut out = Vec::with_capacity(ETHERNET + LENGTH);
    out.extend(GROUP);
    out.extend(source);
    out.extend(ETHERTYPE.to_be_bytes());
    out
}

impl Lacpdu {
    /// As an Ethernet frame.
    #[must_use]
    pub fn encode(&self, source: [u8; 6]) -> Vec<u8> {
        let mut out = header(source);
        out.extend([LACP, VERSION]);
        for (kind, info) in [(1, self.actor), (2, self.partner)] {
            out.extend([kind, 20]);
            out.extend(info.to_bytes());
            out.extend([0; 3]);
        }
        // Collector: no frame waits here.
        out.extend([3, 16]);
        out.resize(ETHERNET + LENGTH, 0);
        out
    }
}

impl Marker {
    /// The answer, as an Ethernet frame.
    #[must_use]
    pub fn respond(&self, source: [u8; 6]) -> Vec<u8> {
        let mut out = header(source);
        out.extend([MARKER, VERSION, 2, 16]);
        out.extend(self.port.to_be_bytes());
        out.extend(self.system);
        out.extend(self.transaction.to_be_bytes());
        out.resize(ETHERNET + LENGTH, 0);
        out
    }
}

impl Pdu {
    /// Reads an Ethernet frame.
    ///
    /// # Errors
    /// What it is instead.
    pub fn decode(frame: &[u8]) -> Result<Self, PacketError> {
        let (header, body) = frame.split_first_chunk::<ETHERNET>().ok_or(PacketError::Short(frame.len()))?;
        if header[..6] != GROUP || header[12..] != ETHERTYPE.to_be_bytes() {
            return Err(PacketError::Foreign);
        }
        let subtype = *body.first().ok_or(PacketError::Short(frame.len()))?;
        if subtype != LACP && subtype != MARKER {
            return Err(PacketError::Subtype(subtype));
        }
        let body = body.first_chunk::<LENGTH>().ok_or(PacketError::Short(frame.len()))?;
        let length = |at: usize, wanted: u8| match body[at] {
            length if length == wanted => Ok(()),
            length => Err(PacketError::Length { length, wanted }),
        };
        if subtype == MARKER {
            length(3, 16)?;
            let marker = Marker {
                port: u16::from_be_bytes([body[4], body[5]]),
                system: [body[6], body[7], body[8], body[9], body[10], body[11]],
                transaction: u32::from_be_bytes([body[12], body[13], body[14], body[15]]),
            };
            return match body[2] {
                1 => Ok(Self::Marker(marker)),
                2 => Ok(Self::MarkerResponse(marker)),
                other => Err(PacketError::MarkerType(other)),
            };
        }
        length(3, 20)?;
        length(23, 20)?;
        let info = |at: usize| {
            let mut bytes = [0; INFO];
            bytes.copy_from_slice(&body[at..at + INFO]);
            Info::from_bytes(bytes)
        };
        Ok(Self::Lacp(Lacpdu { actor: info(4), partner: info(24) }))
    }
}
