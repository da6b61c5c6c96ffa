//! Management: command line, log, passwords, file transfer.

pub(crate) mod cli;
#[expect(dead_code, unused_imports, reason = "the commands that set it come with the grammar")]
pub(crate) mod log;
#[cfg_attr(not(test), expect(dead_code, reason = "accounts come with the grammar"))]
pub(crate) mod password;
pub(crate) mod transfer;
