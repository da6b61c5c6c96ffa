//! TFTP packets (RFC 1350 section 5; OACK: RFC 2347).

use serde::{Deserialize, Serialize};

/// Longest name of a file: a request must fit 512 octets with its options (RFC 2347).
pub const FILE_NAME_MAX: usize = 255;
/// Options in one packet: three are known here, and a peer may know a few more.
const OPTIONS_MAX: usize = 8;
/// Longest text of an ERROR that is kept, in characters.
const TEXT_MAX: usize = 200;

/// Name, in lower case, and value of an option (RFC 2347: names are case-insensitive ASCII).
pub type OptionPair = (String, String);

/// One packet. The bytes of DATA are borrowed: they are most of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// RRQ, mode octet.
    Read {
        /// Name of the file at the server.
        file: String,
        /// What is asked for.
        options: Vec<OptionPair>,
    },
    /// WRQ, mode octet.
    Write {
        /// Name of the file at the server.
        file: String,
        /// What is asked for.
        options: Vec<OptionPair>,
    },
    /// DATA. Fewer bytes than agreed: the last one.
    Data {
        /// Number of the block, modulo 65,536, from 1.
        block: u16,
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// ACK.
    Ack {
        /// Number of the block.
        block: u16,
    },
    /// ERROR.
    Error {
        /// RFC 1350 appendix, RFC 2347 (8).
        code: u16,
        /// For a human: printable, bounded, whatever was sent.
        text: String,
    },
    /// OACK: the options the server takes.
    OptionsAck {
        /// With the server's values.
        options: Vec<OptionPair>,
    },
}

/// What a packet is, without what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// RRQ.
    Read,
    /// WRQ.
    Write,
    /// DATA.
    Data,
    /// ACK.
    Ack,
    /// ERROR.
    Error,
    /// OACK.
    OptionsAck,
}

impl Kind {
    const fn from_opcode(opcode: u16) -> Option<Self> {
        Some(match opcode {
            1 => Self::Read,
            2 => Self::Write,
            3 => Self::Data,
            4 => Self::Ack,
            5 => Self::Error,
            6 => Self::OptionsAck,
            _ => return None,
        })
    }

    const fn opcode(self) -> u16 {
        match self {
            Self::Read => 1,
            Self::Write => 2,
            Self::Data => 3,
            Self::Ack => 4,
            Self::Error => 5,
            Self::OptionsAck => 6,
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Read => "RRQ",
            Self::Write => "WRQ",
            Self::Data => "DATA",
            Self::Ack => "ACK",
            Self::Error => "ERROR",
            Self::OptionsAck => "OACK",
        })
    }
}

/// A datagram is no TFTP packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum PacketError {
    /// No room for an opcode, or for what the opcode needs.
    #[error("{0} bytes are too short for a packet")]
    Short(usize),
    /// Opcodes are 1 to 6.
    #[error("opcode {0} is not known")]
    Opcode(u16),
    /// Bytes after the end of a packet.
    #[error("{kind} has {bytes} bytes after its end")]
    Trailing {
        /// Of the packet.
        kind: Kind,
        /// How many.
        bytes: usize,
    },
    /// A text of it has no end, is empty or is not text.
    #[error("a text of {kind} has no end, is empty, too long or not printable")]
    Text {
        /// Of the packet.
        kind: Kind,
    },
    /// Only octet is taken.
    #[error("its mode is not octet")]
    Mode,
    /// More options than anybody has.
    #[error("{kind} has more than {OPTIONS_MAX} options")]
    Options {
        /// Of the packet.
        kind: Kind,
    },
}

/// A name that a request can carry.
pub(super) fn is_file_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= FILE_NAME_MAX && !name.contains(char::is_control)
}

impl<'a> Packet<'a> {
    /// Reads one datagram.
    ///
    /// # Errors
    /// [`PacketError`], saying what is wrong with it.
    pub fn decode(datagram: &'a [u8]) -> Result<Self, PacketError> {
        let short = || PacketError::Short(datagram.len());
        let (opcode, rest) = number(datagram).ok_or_else(short)?;
        let kind = Kind::from_opcode(opcode).ok_or(PacketError::Opcode(opcode))?;
        Ok(match kind {
            Kind::Read => {
                let (file, options) = request(kind, rest)?;
                Self::Read { file, options }
            }
            Kind::Write => {
                let (file, options) = request(kind, rest)?;
                Self::Write { file, options }
            }
            Kind::Data => {
                let (block, bytes) = number(rest).ok_or_else(short)?;
                Self::Data { block, bytes }
            }
            Kind::Ack => {
                let (block, rest) = number(rest).ok_or_else(short)?;
                if !rest.is_empty() {
                    return Err(PacketError::Trailing { kind, bytes: rest.len() });
                }
                Self::Ack { block }
            }
            Kind::Error => {
                let (code, rest) = number(rest).ok_or_else(short)?;
                // Forgiving: it is the one packet that is for a human, and the last one anyway.
                let text = rest.split(|byte| *byte == 0).next().unwrap_or_default();
                Self::Error { code, text: printable(text) }
            }
            Kind::OptionsAck => Self::OptionsAck { options: options(kind, rest)? },
        })
    }

    /// As sent.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.kind().opcode().to_be_bytes().to_vec();
        let mut text = |text: &str| {
            out.extend_from_slice(text.as_bytes());
            out.push(0);
        };
        match self {
            Self::Read { file, options } | Self::Write { file, options } => {
                text(file);
                text("octet");
                options.iter().for_each(|(name, value)| {
                    text(name);
                    text(value);
                });
            }
            Self::OptionsAck { options } => options.iter().for_each(|(name, value)| {
                text(name);
                text(value);
            }),
            Self::Data { block, bytes } => {
                out.extend_from_slice(&block.to_be_bytes());
                out.extend_from_slice(bytes);
            }
            Self::Ack { block } => out.extend_from_slice(&block.to_be_bytes()),
            Self::Error { code, text } => {
                out.extend_from_slice(&code.to_be_bytes());
                out.extend_from_slice(text.as_bytes());
                out.push(0);
            }
        }
        out
    }

    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Read { .. } => Kind::Read,
            Self::Write { .. } => Kind::Write,
            Self::Data { .. } => Kind::Data,
            Self::Ack { .. } => Kind::Ack,
            Self::Error { .. } => Kind::Error,
            Self::OptionsAck { .. } => Kind::OptionsAck,
        }
    }
}

fn number(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u16::from_be_bytes(*number), rest))
}

fn request(kind: Kind, bytes: &[u8]) -> Result<(String, Vec<OptionPair>), PacketError> {
    let (file, rest) = text(kind, bytes)?;
    if !is_file_name(file) {
        return Err(PacketError::Text { kind });
    }
    let (mode, rest) = text(kind, rest)?;
    if !mode.eq_ignore_ascii_case("octet") {
        return Err(PacketError::Mode);
    }
    Ok((file.to_owned(), options(kind, rest)?))
}

fn options(kind: Kind, mut bytes: &[u8]) -> Result<Vec<OptionPair>, PacketError> {
    let mut options = Vec::new();
    while !bytes.is_empty() {
        let (name, rest) = text(kind, bytes)?;
        let (value, rest) = text(kind, rest)?;
        bytes = rest;
        if options.len() == OPTIONS_MAX {
            return Err(PacketError::Options { kind });
        }
        options.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    Ok(options)
}

/// A text up to its NUL, and what follows.
fn text(kind: Kind, bytes: &[u8]) -> Result<(&str, &[u8]), PacketError> {
    let error = PacketError::Text { kind };
    let Some(end) = bytes.iter().position(|byte| *byte == 0) else { return Err(error) };
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| error.clone())?;
    if text.is_empty() || text.len() > FILE_NAME_MAX || text.contains(char::is_control) {
        return Err(error);
    }
    Ok((text, &bytes[end + 1..]))
}

/// What a stranger wrote, fit for a terminal and a log.
fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .take(TEXT_MAX)
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect()
}
