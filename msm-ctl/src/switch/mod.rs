//! The switch: what the owner makes of the forwarding plane.

mod desired;
mod names;
pub(crate) mod plane;
pub(crate) mod ports;
pub(crate) mod sweeper;
