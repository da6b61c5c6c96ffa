//! The switch: what the owner makes of the forwarding plane.

mod acl;
mod desired;
mod drivers;
mod fabrics;
pub(crate) mod groups;
pub(crate) mod l3;
pub(crate) mod management;
mod names;
pub(crate) mod plane;
pub(crate) mod ports;
pub(crate) mod sweeper;
pub(crate) mod takeover;
