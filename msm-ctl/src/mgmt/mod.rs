//! Management: command line, log, passwords, transfers.

pub(crate) mod capture;
pub(crate) mod cli;
pub(crate) mod log;
pub(crate) mod password;
pub(crate) mod settings;
pub(crate) mod transfer;
