//! Flash: one directory an MSM, with two saved configurations, nvram and the log that outlasts a boot.
//!
//! Reading is done by who asks; it may take as long as the disk does. All writing is the [`writer`]'s.

pub(crate) mod configuration;
pub(crate) mod error;
pub(crate) mod history;
pub(crate) mod nvram;
pub(crate) mod parcel;
mod seal;
mod store;
mod writer;

pub(crate) use writer::Flash;

#[cfg(test)]
mod kill_tests;
