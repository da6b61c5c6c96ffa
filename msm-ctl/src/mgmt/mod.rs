//! Management: command line and log.

pub(crate) mod cli;
pub(crate) mod log;
