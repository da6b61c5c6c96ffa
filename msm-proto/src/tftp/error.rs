//! Why a transfer ended without the file, and what to do about it.

use serde::{Deserialize, Serialize};

use super::packet::{FILE_NAME_MAX, Kind, PacketError};

/// Why a transfer failed. The message does not name server and file: who asked knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum TftpError {
    /// The request could not carry this name.
    #[error("a file name has 1 to {FILE_NAME_MAX} bytes and no control characters; give another")]
    FileName,
    /// The server announced, or sent, more than the caller takes; or the caller has more to send than is taken.
    #[error("the file has more than {limit} bytes, the most that is taken; name a smaller file")]
    TooLarge {
        /// In bytes.
        limit: usize,
    },
    /// Nothing at all was heard.
    #[error(
        "the server does not answer; see that a TFTP server runs there, and that it can be reached (a firewall must let its answers in from any port)"
    )]
    NoAnswer,
    /// It answered first, and then no longer.
    #[error("the server stopped answering after {bytes} bytes; look at the path to it, then try again")]
    Stalled {
        /// Of the file, that were transferred.
        bytes: usize,
    },
    /// It answers, but the whole would take too long.
    #[error(
        "only {bytes} bytes in {seconds} s, the most a transfer may take; use a faster path or a smaller file"
    )]
    TooSlow {
        /// Of the file, that were transferred.
        bytes: usize,
        /// That it took.
        seconds: u64,
    },
    /// The server said ERROR.
    #[error("the server refuses: {} (error {code}{}{text}); {}", meaning(*code), if text.is_empty() { "" } else { ": " }, cure(*code))]
    Refused {
        /// RFC 1350 appendix.
        code: u16,
        /// What it wrote, made printable.
        text: String,
    },
    /// What it sent is no TFTP packet.
    #[error("the server sent what is no TFTP packet: {0}; see what listens on that port")]
    Garbage(PacketError),
    /// A packet that no server sends at this point.
    #[error("the server sent {kind}, which has no place there; use another TFTP server")]
    Unexpected {
        /// Of the packet.
        kind: Kind,
    },
    /// An OACK after the transfer began.
    #[error("the server changed the options in mid-transfer; use another TFTP server")]
    OptionsChanged,
    /// An option in the OACK that was not asked for, or twice.
    #[error("the server answered the option \"{name}\", which was not asked for; use another TFTP server")]
    UnaskedOption {
        /// Of the option, cut.
        name: String,
    },
    /// A value that the option cannot have.
    #[error("the server answered the option {name}={asked} with \"{value}\"; use another TFTP server")]
    BadOption {
        /// Of the option.
        name: String,
        /// Our value.
        asked: String,
        /// Its value, cut.
        value: String,
    },
    /// A block with more bytes than agreed.
    #[error("the server sent a block of more than the {agreed} bytes agreed; use another TFTP server")]
    BlockTooLong {
        /// In bytes.
        agreed: usize,
    },
    /// A block, or an acknowledgement, from the future.
    #[error("the server went on to block {got} when {expected} was due; use another TFTP server")]
    BlockSkipped {
        /// Number due.
        expected: u16,
        /// Number that came.
        got: u16,
    },
    /// The size it announced (option tsize) is not what it sent.
    #[error(
        "the server announced {announced} bytes and sent {sent}; if the file was being changed, try again"
    )]
    SizeLie {
        /// By the OACK.
        announced: u64,
        /// Until the lie was seen.
        sent: u64,
    },
}

impl TftpError {
    /// What the server is told of it, if it is to be told.
    pub(super) fn notice(&self) -> Option<(u16, &'static str)> {
        Some(match self {
            Self::FileName | Self::NoAnswer | Self::Refused { .. } => return None,
            Self::TooLarge { .. } => (3, "file too large"),
            Self::Stalled { .. } | Self::TooSlow { .. } => (0, "given up"),
            Self::SizeLie { .. } => (0, "size differs from tsize"),
            Self::UnaskedOption { .. } | Self::BadOption { .. } => (8, "option was not asked for so"),
            Self::Garbage(_) | Self::Unexpected { .. } | Self::OptionsChanged => (4, "unexpected packet"),
            Self::BlockTooLong { .. } => (4, "block larger than agreed"),
            Self::BlockSkipped { .. } => (4, "block out of order"),
        })
    }
}

/// RFC 1350 appendix, RFC 2347.
fn meaning(code: u16) -> &'static str {
    match code {
        0 => "see its text",
        1 => "file not found",
        2 => "access violation",
        3 => "disk full or allocation exceeded",
        4 => "illegal operation",
        5 => "unknown transfer",
        6 => "file already exists",
        7 => "no such user",
        8 => "options not taken",
        _ => "a code that no RFC has",
    }
}

fn cure(code: u16) -> &'static str {
    match code {
        1 => "check the name, and the folder that the server serves",
        2 => "check the file's rights at the server (many let only existing files be written)",
        3 => "make room there",
        6 => "give another name",
        _ => "look at the server's log",
    }
}
