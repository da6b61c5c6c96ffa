//! Routing protocols: FRR's daemons under a supervisor process of their own, which no failover touches.
//!
//! The master makes their configuration out of ours and sends what differs ([`follow`]); the supervisor keeps them running
//! ([`supervisor`]). Between the two are files below the run directory ([`place`]): they outlive everybody.

mod compare;
mod daemon;
mod ears;
pub(crate) mod end;
pub(crate) mod follow;
mod grace;
mod hold;
mod install;
pub(crate) mod ledger;
mod lines;
mod lsa;
mod orders;
pub(crate) mod place;
mod report;
mod restart;
mod sockets;
pub(crate) mod supervisor;
mod text;
mod vty;
mod zapi;

pub(crate) use daemon::Daemon;
pub(crate) use install::{NotInstalled, installed};
pub(crate) use report::{Report, Running};
pub(crate) use vty::Vty;
