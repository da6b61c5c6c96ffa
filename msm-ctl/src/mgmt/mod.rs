//! Management: command line, log, passwords, transfers.

#[expect(dead_code, unused_imports, reason = "the command comes with the grammar")]
pub(crate) mod capture;
pub(crate) mod cli;
pub(crate) mod log;
pub(crate) mod password;
pub(crate) mod settings;
pub(crate) mod transfer;
