//! The fixed envelope of every T-sync message. It never changes; what it carries may.
//!
//! Fields are optional on the wire because prost turns an absent one into 0: absence is refused by name instead.

use prost::Message as _;

/// Protocol number of T-sync.
pub const PROTOCOL: u32 = 1;
/// Largest record on the wire. SEQPACKET takes 208 KiB with the kernel's default buffers; half leaves room for a second.
pub const FRAME_MAX: usize = 128 * 1024;

/// A message as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Epoch of the owner that the sender knows; 0 = none.
    pub epoch: u64,
    /// Counts a connection's messages, from 1.
    pub sequence: u64,
    /// Number of the subsystem.
    pub subsystem: u32,
    /// Classifier within the subsystem.
    pub subtype: u32,
    /// Version of the payload.
    pub version: u32,
    /// Encoded body.
    pub payload: Vec<u8>,
}

/// Bytes that are no message, or one that this software cannot understand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Longer than any message.
    #[error("message of {0} bytes is longer than {FRAME_MAX}")]
    TooLong(usize),
    /// Not protobuf.
    #[error("{what} cannot be decoded: {why}")]
    Broken {
        /// Which part.
        what: &'static str,
        /// What the decoder said.
        why: String,
    },
    /// A field that has no safe default is absent, or has a value that is not defined.
    #[error("{what} has no valid {field}")]
    Field {
        /// Which message.
        what: &'static str,
        /// Which field.
        field: &'static str,
    },
    /// Another protocol.
    #[error("protocol {0} is not T-sync")]
    Protocol(u32),
    /// A message classifier that is not known here: the manual's `invalid subtype`.
    #[error("invalid subtype: subsystem {subsystem} subtype {subtype} version {version}")]
    InvalidSubtype {
        /// Number of the subsystem.
        subsystem: u32,
        /// Classifier.
        subtype: u32,
        /// Version of the payload.
        version: u32,
    },
}

#[derive(Clone, PartialEq, prost::Message)]
struct Wire {
    #[prost(uint32, optional, tag = "1")]
    protocol: Option<u32>,
    #[prost(uint64, optional, tag = "2")]
    epoch: Option<u64>,
    #[prost(uint64, optional, tag = "3")]
    sequence: Option<u64>,
    #[prost(uint32, optional, tag = "4")]
    subsystem: Option<u32>,
    #[prost(uint32, optional, tag = "5")]
    subtype: Option<u32>,
    #[prost(uint32, optional, tag = "6")]
    version: Option<u32>,
    #[prost(bytes = "vec", optional, tag = "7")]
    payload: Option<Vec<u8>>,
}

impl Envelope {
    /// Bytes for one SEQPACKET record.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        let bytes = Wire {
            protocol: Some(PROTOCOL),
            epoch: Some(self.epoch),
            sequence: Some(self.sequence),
            subsystem: Some(self.subsystem),
            subtype: Some(self.subtype),
            version: Some(self.version),
            payload: Some(self.payload),
        }
        .encode_to_vec();
        debug_assert!(bytes.len() <= FRAME_MAX, "a message of {} bytes was built", bytes.len());
        bytes
    }

    /// Reads one record. Never panics, never allocates more than the record's own length.
    ///
    /// # Errors
    /// [`DecodeError`], naming the field.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        const WHAT: &str = "envelope";
        let field = |field| DecodeError::Field { what: WHAT, field };
        if bytes.len() > FRAME_MAX {
            return Err(DecodeError::TooLong(bytes.len()));
        }
        let wire = Wire::decode(bytes).map_err(|e| DecodeError::Broken { what: WHAT, why: e.to_string() })?;
        let protocol = wire.protocol.ok_or(field("protocol"))?;
        if protocol != PROTOCOL {
            return Err(DecodeError::Protocol(protocol));
        }
        // 0 is UNSPECIFIED: what an older or broken sender leaves out.
        let set = |value: Option<u32>, name| value.filter(|v| *v != 0).ok_or(field(name));
        Ok(Self {
            epoch: wire.epoch.ok_or(field("epoch"))?,
            sequence: wire.sequence.ok_or(field("sequence"))?,
            subsystem: set(wire.subsystem, "subsystem")?,
            subtype: set(wire.subtype, "subtype")?,
            version: set(wire.version, "version")?,
            payload: wire.payload.ok_or(field("payload"))?,
        })
    }
}
