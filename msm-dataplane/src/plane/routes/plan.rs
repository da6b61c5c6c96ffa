//! Planning on another thread: reading and compiling takes long with many routes, writing what differs does not.

use super::Routes;
use crate::{Routing, TableError, store::Kernel};

/// What an owner hands to a thread that plans: descriptors that cannot write.
#[derive(Debug)]
pub struct RouteReader {
    store: Kernel,
    turn: u64,
}

/// What must be written for routing to be as was asked for.
#[derive(Debug)]
pub struct RoutePlan {
    pub(crate) routes: Routes,
    pub(crate) turn: u64,
}

impl RouteReader {
    pub(crate) const fn new(store: Kernel, turn: u64) -> Self {
        Self { store, turn }
    }

    /// Reads the tables and compiles the routes; writes nothing. Takes 0.1 s with 100,000 routes, and a grace period.
    ///
    /// # Errors
    /// What the kernel says, or what no table could hold.
    pub fn plan(self, routing: &Routing) -> Result<RoutePlan, TableError> {
        let mut routes = Routes::plan(&self.store, routing)?;
        routes.settle();
        Ok(RoutePlan { routes, turn: self.turn })
    }
}
