//! Routing, the control side: interfaces to the stack, static routes and neighbours in the kernel, and what the kernel says of them.

pub(crate) mod names;
