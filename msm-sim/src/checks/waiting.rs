//! Who asks a living process is answered.

use std::collections::BTreeSet;

use msm_proto::CommandId;

use super::{Found, Law};
use crate::tree::Instance;

#[derive(Default)]
pub(crate) struct Waiting(BTreeSet<(Instance, CommandId)>);

impl Waiting {
    pub(crate) fn begins(&mut self, who: Instance, id: CommandId) {
        self.0.insert((who, id));
    }

    pub(crate) fn ends(&mut self, who: Instance, id: CommandId) {
        self.0.remove(&(who, id));
    }

    /// Its clients read an end of file.
    pub(crate) fn died(&mut self, who: Instance) {
        self.0.retain(|(instance, _)| *instance != who);
    }

    pub(crate) fn on(&self, who: Instance) -> bool {
        self.0.range((who, CommandId(0))..=(who, CommandId(u64::MAX))).next().is_some()
    }

    /// Every time limit has passed.
    pub(crate) fn nobody_waits(&mut self, found: &mut Found) {
        if !self.0.is_empty() {
            found.fail(Law::Answers, format!("who waits for an answer of a living process: {:?}", self.0));
        }
        self.0.clear();
    }
}
