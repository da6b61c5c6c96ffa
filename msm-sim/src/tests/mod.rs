//! Scenarios: what is wanted of the machines, case by case, in virtual time.

mod failover;
mod killers;
mod replication;
pub(crate) mod scenario;
mod synchronize;
