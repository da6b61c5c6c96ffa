//! The command line: its grammar, the server in each MSM, and the client.

pub(crate) mod client;
pub(crate) mod grammar;
mod link;
mod messages;
mod prompt;
pub(crate) mod server;
mod session;
mod shows;
mod text;
mod views;
