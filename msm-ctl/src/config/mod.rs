//! The chassis file. The running configuration is `msm_config`'s.

pub(crate) mod chassis;
