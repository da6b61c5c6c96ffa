//! The command line: its grammar, the server in each MSM, and the client.

mod actions;
pub(crate) mod client;
mod files;
mod link;
mod messages;
mod prompt;
pub(crate) mod server;
mod session;
mod shows;
mod text;
mod views;
mod who;
