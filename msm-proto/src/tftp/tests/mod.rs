//! The client against servers of every kind, in virtual time.

mod hostile;
mod loss;
mod packets;
mod random;
mod server;
mod time;
mod transfers;
mod world;
