//! Protocols: adapters round the engines of `msm-proto`. They decide nothing.

pub(crate) mod lacp;
pub(crate) mod packet;
pub(crate) mod traps;
