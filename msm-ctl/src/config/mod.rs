//! Configuration: the chassis file, the running configuration and its changes.

pub(crate) mod change;
pub(crate) mod chassis;
pub(crate) mod mac;
pub(crate) mod model;
pub(crate) mod options;
pub(crate) mod port;
