//! The owner's side of the forwarding plane: the pin tree, its links and tables, and how they change hands.
//!
//! [`PinTree`] creates, observes, takes and removes; [`Owner`] writes (differences only); [`Observer`] reads, with file
//! descriptors that the kernel lets read only. Nothing here needs a process to live: what is pinned forwards on.

mod bpf;
mod capture;
mod desired;
mod error;
mod fabric_power;
mod golden;
mod invariants;
mod lock;
mod name;
mod object;
mod observer;
mod owner;
pub mod plane;
mod routing;
pub mod store;
pub mod tables;
mod traps;
mod tree;

pub use capture::{Capture, CapturedFrame};
pub use desired::{
    Changes, Desired, DesiredGroup, DesiredPort, DesiredVlan, Driver, FdbFilter, StaticEntry, Touched,
};
pub use error::{CaptureError, Mismatch, PortFault, TableError, TakeError, TreeError};
pub use fabric_power::FabricPower;
pub use name::{MsmSlot, NameError, OwnerName};
pub use observer::Observer;
pub use owner::Owner;
pub use plane::routes::{RoutePlan, RouteReader};
pub use routing::{
    Gateway, NotAPrefix, Prefix, RouteChanges, RouteFault, RouteTo, RoutesTouched, Routing, Station,
};
pub use traps::{TrappedFrame, Traps};
pub use tree::PinTree;
