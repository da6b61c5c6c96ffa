//! What was acknowledged is in force, whoever dies: configuration commands under kill -9, and how many a second. Needs root.

#[path = "../common/mod.rs"]
mod common;

mod exceptions;
mod kills;
mod rates;
mod script;
mod stale;
mod tables;
