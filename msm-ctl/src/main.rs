//! The processes of a chassis: backplane, MSM, command line, teardown.

mod backplane;
mod config;
mod mgmt;
mod msm;
mod netlink;
mod preflight;
mod process;
mod switch;
mod task;

fn main() {}
