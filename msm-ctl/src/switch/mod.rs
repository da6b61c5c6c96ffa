//! The switch: what the owner makes of the forwarding plane.

pub(crate) mod desired;
pub(crate) mod sweeper;
