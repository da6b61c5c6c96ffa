//! The command line: its grammar, the server in each MSM, and the client.

mod actions;
pub(crate) mod baseline;
mod capture;
pub(crate) mod client;
mod exchange;
mod files;
mod history;
mod link;
mod messages;
mod output;
mod pager;
mod person;
mod prompt;
mod script;
pub(crate) mod server;
mod session;
pub(crate) mod sessions;
mod shows;
mod text;
mod views;
mod who;
