//! The command line as its users meet it: a person at a terminal, scripts, other accounts, files. Needs root.

#[path = "../common/mod.rs"]
mod common;

mod access;
mod accounts;
mod bad_input;
mod examples;
mod flash;
mod routing;
mod syslog;
mod transcript;
mod transfer;
