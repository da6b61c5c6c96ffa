//! The configuration and its language: what a command line may say, what it means, and the configuration that it changes.
//!
//! Pure: no sockets, no files, no clock. The running configuration is data; rendering it gives the commands that make it.
#![forbid(unsafe_code)]

pub mod area;
pub mod command;
pub mod docs;
pub mod grammar;
pub mod ipv4net;
pub mod mac;
pub mod model;
pub mod name;
pub mod netdev;
pub mod network;
pub mod network6;
pub mod options;
pub mod port;
pub mod portlist;
pub mod prefix;

pub use command::{Command, parse};
pub use model::{Change, Config, Facts, Refusal, Running};

/// Longest command line in bytes.
pub const LINE_MAX: usize = 4096;
/// Longest configuration as text: 4,000 VLANs with all their settings are under 1 MiB.
pub const TEXT_MAX: usize = 2 * 1024 * 1024;
