//! The switch seen from outside: a testbed of network namespaces, a probe that counts numbered frames, and what they
//! measure.
//!
//! Nothing here imports the product. It is met as its users meet it: a binary, sockets, files and wires.

pub mod bed;
pub mod bench;
pub mod probe;
pub mod report;
pub mod trial;

pub use probe::object_path;
