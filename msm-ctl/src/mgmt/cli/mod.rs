//! The command line: its grammar, the server in each MSM, and the client.

pub(crate) mod grammar;
