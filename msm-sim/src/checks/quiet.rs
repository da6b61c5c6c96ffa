//! A quiet system becomes what is wanted: one master, a ready slave, and tables as the configuration says.

use std::collections::BTreeSet;

use msm_proto::Cause;

use super::{Checks, Law};
use crate::{host::Process, tables::Tables};

impl Checks {
    /// `master` serves, and nothing is going on.
    pub(crate) fn converged(&mut self, master: &Process, tables: &Tables) {
        self.commands.complete(&mut self.found, &master.config, "in quiet");
        self.commands.killers_are_reported(&mut self.found, master);
        let desired: BTreeSet<_> = master.config.iter().copied().collect();
        if desired != tables.in_force {
            let text = format!("wanted is {desired:?}, in force {:?}", tables.in_force);
            self.found.fail(Law::Converges, text);
        }
        for (at, half) in tables.halves.iter().enumerate() {
            if half.present && half.state.is_usable() && !half.programmed {
                self.found.fail(Law::Converges, format!("fabric {at} is there, and not programmed"));
            }
        }
        let recorded: Cause = master.machine.status().history.cause;
        if self.takeovers.recorded.is_some_and(|cause| cause != recorded) {
            let text = format!("{recorded} is recorded, the last failover was {:?}", self.takeovers.recorded);
            self.found.fail(Law::TrueCause, text);
        }
    }
}
