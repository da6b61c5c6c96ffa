//! The configuration and its language: what a command line may say, what it means, and the configuration that it changes.
//!
//! Pure: no sockets, no files, no clock. The running configuration is data; rendering it gives the commands that make it.
#![forbid(unsafe_code)]
