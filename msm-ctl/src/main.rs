//! Stub.
mod netlink;

fn main() {}
