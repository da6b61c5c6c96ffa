//! The backplane: powers MSM slots and watches them. It holds no forwarding state.

pub(crate) mod lock;
pub(crate) mod messages;
pub(crate) mod power;
