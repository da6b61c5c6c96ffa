//! What can happen to a transfer, and what it wants done.

use serde::{Deserialize, Serialize};

use super::error::TftpError;

/// What can happen. Every variant is serialisable: a run is a list of these with their times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// First input, once.
    Start,
    /// A datagram came from the server's address. What other addresses send is not for us.
    Datagram {
        /// The UDP port it came from.
        port: u16,
        /// Its payload; cut after [`super::DATAGRAM_ROOM`] bytes.
        bytes: Vec<u8>,
    },
    /// The time of [`super::Transfer::deadline`] has come.
    Tick,
}

/// What the transfer wants done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// Send a datagram to the server's address.
    Send {
        /// To this UDP port.
        port: u16,
        /// Its payload.
        bytes: Vec<u8>,
    },
    /// The end, once: the bytes of the file that was read, or none after a write.
    Done(Result<Vec<u8>, TftpError>),
}

/// In the order in which they are to be carried out.
pub type Outputs = Vec<Output>;
