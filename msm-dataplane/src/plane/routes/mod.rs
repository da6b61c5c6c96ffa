//! Routing tables: hosts, routes and next hops, by differences.

pub mod lookup;
