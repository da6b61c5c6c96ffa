//! The pipeline as a reader of IEEE 802.1Q, RFC 1812 and RFC 8200 would write it, in plain Rust over plain collections: what made-up frames are
//! compared with.
//!
//! It shares definitions with the product (msm-abi, what an access list means, where a route table leads), no code of the programs.
#![allow(dead_code, unused_imports, reason = "each of the programs that include it uses a part")]

mod copies;
mod frame;
mod router;
mod switch;
mod tables;

pub(crate) use frame::{Entry, Frame};
pub(crate) use router::checksum;
pub(crate) use switch::{Outcome, Trapped, Verdict, flow_flags};
pub(crate) use tables::{Seen, Station, Switch};
