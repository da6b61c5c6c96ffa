//! The processes of a chassis: backplane, MSM, command line, teardown.

mod backplane;
mod config;
mod mgmt;
mod netlink;
mod preflight;
mod process;
mod task;

fn main() {}
