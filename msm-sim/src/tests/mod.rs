//! Scenarios: what is wanted of the machines, case by case, in virtual time; and the simulator itself.

mod broken;
mod failover;
mod killers;
mod repeat;
mod replication;
pub(crate) mod scenario;
mod synchronize;
