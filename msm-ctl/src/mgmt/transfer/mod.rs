//! Files and names over the management network: TFTP and DNS, as a client.

mod error;
pub(crate) mod resolve;
pub(crate) mod tftp;

#[cfg(test)]
mod resolve_tests;
#[cfg(test)]
mod tftp_tests;

pub(crate) use error::TransferError;
