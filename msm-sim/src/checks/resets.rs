//! Nobody resets a healthy master: a sick slave cannot.

use msm_proto::Slot;

use super::{Checks, Law};
use crate::{MS, host::Process};

/// Time on its way to the backplane and back, and for two kicks that are late.
const SLACK: u64 = 250 * MS;

impl Checks {
    /// The backplane kills the process in `slot`. `owns`: it has the tree, and serves.
    pub(crate) fn resets(&mut self, now: u64, slot: Slot, process: &Process, owns: bool) {
        self.totals.resets += 1;
        let timeout = process.machine.status().options.watchdog;
        let window = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX).saturating_add(SLACK);
        if owns && !process.truth.is_wanted_down() && !process.truth.stood_still(now.saturating_sub(window)) {
            let text = format!("the backplane resets {slot}, a healthy master: {:?}", process.truth);
            self.found.fail(Law::HealthyMaster, text);
        }
    }
}
