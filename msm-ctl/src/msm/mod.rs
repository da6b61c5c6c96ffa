//! The MSM process: round the machine of `msm-proto`, and as it says.

pub(crate) mod board;
mod link;
