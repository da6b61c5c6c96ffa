//! The MSM process: round the machine of `msm-proto`, and as it says.

mod actor;
pub(crate) mod board;
pub(crate) mod boot;
mod exhaust;
mod link;
mod revival;
pub(crate) mod run;

pub(crate) use link::random;
