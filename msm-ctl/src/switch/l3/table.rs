//! Routing on its way into the tables: what the feed has told, and what of it is not yet there.
//!
//! The first time all tables are read and all routes are compiled, on a thread of its own; what comes meanwhile waits. After that it costs by
//! what changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use msm_dataplane::{Owner, RouteChanges, RouteFault, RoutePlan, RoutesTouched, Routing};
use tracing::{info, warn};

use super::feed::{Part, Update};

/// Blocks of routes that are brought up to date in one go: less than a millisecond.
const BLOCKS: usize = 512;

/// What is to be done next.
pub(crate) enum Next {
    /// Everything is in the tables, or on its way.
    Nothing,
    /// The tables may not be changed yet: look again soon.
    Later,
    /// This, on a thread that may wait.
    Plan(Box<dyn FnOnce() -> Result<RoutePlan, String> + Send>),
}

/// See the file's first line.
#[derive(Default)]
pub(crate) struct Routes {
    routing: Option<Arc<Routing>>,
    /// All of it is to be looked at.
    whole: bool,
    /// Since when all of it is being planned.
    planning: Option<Instant>,
    /// What came while all of it was being planned.
    waiting: Vec<Part>,
    /// What is not yet in the tables.
    untold: RoutesTouched,
    /// The next change would have to write what this one has written: that is done when nothing else is.
    behind: bool,
    /// Everything goes out of the tables first; then this comes, once it is known.
    discarding: Option<Option<Arc<Routing>>>,
    /// What the tables have no room for, as it was last said.
    faults: BTreeMap<RouteFault, u32>,
}

impl Routes {
    /// Nothing is known of the tables.
    pub(crate) fn forget(&mut self) {
        self.whole = self.routing.is_some();
        self.planning = None;
    }

    /// Everything is taken out of the tables before anything is put in again.
    pub(crate) fn discard(&mut self) {
        *self =
            Self { routing: Some(Arc::default()), whole: true, discarding: Some(None), ..Self::default() };
    }

    /// Takes what the feed tells.
    pub(crate) fn hear(&mut self, update: Update) {
        if let Some(next) = &mut self.discarding {
            match (update, next) {
                (Update::Whole(routing), next) => *next = Some(routing.into()),
                (Update::Part(part), Some(next)) => {
                    // All of it is put into the tables later.
                    part.apply(Arc::make_mut(next), &mut RoutesTouched::default());
                }
                (Update::Part(_), None) => {}
            }
            return;
        }
        match update {
            Update::Whole(routing) => {
                *self = Self { routing: Some(routing.into()), whole: true, ..Self::default() };
            }
            Update::Part(part) if self.planning.is_some() => self.waiting.push(part),
            Update::Part(part) => self.take(part),
        }
    }

    fn take(&mut self, part: Part) {
        if let Some(routing) = &mut self.routing {
            part.apply(Arc::make_mut(routing), &mut self.untold);
        }
    }

    /// Puts into the tables what is not there.
    pub(crate) fn apply(&mut self, owner: &mut Owner) -> Result<Next, String> {
        let Some(routing) = self.routing.as_ref().filter(|_| self.planning.is_none()) else {
            return Ok(Next::Nothing);
        };
        if self.whole {
            let reader = owner.route_reader().map_err(|error| error.to_string())?;
            self.planning = Some(Instant::now());
            let routing = Arc::clone(routing);
            return Ok(Next::Plan(Box::new(move || {
                reader.plan(&routing).map_err(|error| error.to_string())
            })));
        }
        if self.untold.is_empty() && !self.behind {
            return Ok(Next::Nothing);
        }
        if !owner.routes_settled() {
            return Ok(Next::Later);
        }
        if self.untold.is_empty() {
            self.behind = owner.routes_catch_up(BLOCKS).map_err(|error| error.to_string())?;
            return Ok(if self.behind { Next::Later } else { Next::Nothing });
        }
        let changes =
            owner.reconcile_routes_part(routing, &self.untold).map_err(|error| error.to_string())?;
        self.untold = RoutesTouched::default();
        self.note(changes);
        Ok(if self.behind { Next::Later } else { Next::Nothing })
    }

    /// Puts into the tables what was planned, and then what came meanwhile.
    pub(crate) fn install(
        &mut self,
        plan: Result<RoutePlan, String>,
        owner: &mut Owner,
    ) -> Result<Next, String> {
        let Some(begun) = self.planning.take() else {
            // It was of another handle, or of other routes.
            return self.apply(owner);
        };
        for part in std::mem::take(&mut self.waiting) {
            self.take(part);
        }
        let changes = owner.install_routes(plan?).map_err(|error| error.to_string())?;
        self.whole = false;
        let (routes, hosts) = self.routing.as_ref().map_or((0, 0), |is| (is.routes.len(), is.hosts.len()));
        let took = begun.elapsed().as_millis();
        info!(target: "msm.l3", "{routes} routes and {hosts} hosts: {} writes, after {took} ms", changes.writes);
        self.note(changes);
        if let Some(Some(next)) = self.discarding.take() {
            (self.routing, self.whole) = (Some(next), true);
        }
        self.apply(owner)
    }

    fn note(&mut self, changes: RouteChanges) {
        // Who has written nothing has nothing to catch up with: an adoption writes nothing at all.
        self.behind |= changes.writes > 0;
        for (fault, count) in changes.faults.iter().filter(|(fault, _)| !self.faults.contains_key(fault)) {
            warn!(target: "msm.l3", "{count} routes or hosts are left to the stack, which is slow: {fault}");
        }
        self.faults = changes.faults;
    }
}
