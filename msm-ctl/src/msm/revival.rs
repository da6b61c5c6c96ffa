//! Starts a dead backplane again: when `msm-proto` says that it is this MSM's turn.

use std::sync::Arc;
use std::time::Instant;

use msm_proto::Role;
use tracing::{info, warn};

use crate::backplane::spawn;
use crate::backplane::watch::Presence;
use crate::config::chassis::Chassis;
use crate::process::Process;

/// See the file's first line.
pub(super) struct Revival {
    chassis: Arc<Chassis>,
    /// Since when it is gone, or was last started; and how often it was.
    gone: Option<(Instant, u32)>,
}

impl Revival {
    /// Nothing is known of the backplane yet.
    pub(super) fn new(chassis: Arc<Chassis>) -> Self {
        Self { chassis, gone: None }
    }

    /// What the watch on the backplane says.
    pub(super) fn heard(&mut self, presence: Presence) {
        self.gone = match presence {
            Presence::Here => None,
            Presence::Gone => Some((Instant::now(), 0)),
        };
    }

    /// When this MSM, in this role, is to start it.
    pub(super) fn due(&self, role: Role) -> Option<Instant> {
        let (since, tries) = self.gone?;
        Some(since + role.revives_backplane_after(tries)?)
    }

    /// Starts it if it is time.
    pub(super) fn revive(&mut self, role: Role, now: Instant) {
        if self.due(role).is_none_or(|due| due > now) {
            return;
        }
        self.gone = self.gone.map(|(_, tries)| (now, tries.saturating_add(1)));
        match spawn::backplane(&self.chassis) {
            Ok(mut child) => {
                info!(target: "msm.backplane", "backplane started as pid {}", child.id());
                if let Ok(process) = Process::open(child.id()) {
                    tokio::spawn(async move {
                        // The pidfd is readable: the wait that follows does not wait.
                        let _ = process.dead().await;
                        let _ = child.wait();
                    });
                }
            }
            Err(error) => warn!(target: "msm.backplane", "{error}"),
        }
    }
}
