//! The backplane: powers MSM slots and watches them. It holds no forwarding state.

pub(crate) mod lock;
mod messages;
pub(crate) mod paths;
mod power;
pub(crate) mod run;
pub(crate) mod spawn;
pub(crate) mod teardown;
pub(crate) mod watch;
