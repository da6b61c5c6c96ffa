//! Files and names over the management network: TFTP and DNS, as a client.
#![cfg_attr(not(test), expect(dead_code, reason = "upload and download are wired with the commands"))]

mod error;
pub(crate) mod resolve;
pub(crate) mod tftp;

#[cfg(test)]
mod resolve_tests;
#[cfg(test)]
mod tftp_tests;

pub(crate) use error::TransferError;
