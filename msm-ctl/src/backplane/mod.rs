//! The backplane: powers MSM slots and watches them. It holds no forwarding state.

mod adapter;
pub(crate) mod lock;
mod messages;
pub(crate) mod operate;
pub(crate) mod paths;
pub(crate) mod run;
mod socket;
pub(crate) mod spawn;
pub(crate) mod teardown;
pub(crate) mod watch;
