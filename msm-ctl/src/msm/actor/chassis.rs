//! What the backplane says, and what follows from it here.

use std::time::{Duration, Instant};

use msm_proto::Input;
use msm_proto::backplane::{Bay, Fabric};
use tracing::info;

use super::Actor;
use crate::backplane::watch::Word;

/// A takeover later than this after the backplane's word has another reason.
const SAME_EVENT: Duration = Duration::from_secs(2);

impl Actor {
    pub(super) fn word(&mut self, word: Word) {
        match word {
            Word::Presence(presence) => self.revival.heard(presence),
            Word::Notice { number, about, trigger } => {
                if about == self.slot.peer() {
                    self.give(Input::PeerFate { trigger });
                }
                // The kill waits for this.
                self.backplane.noted(number);
            }
            Word::Fabrics { all, at } => self.fabrics(all, at),
        }
    }

    fn fabrics(&mut self, all: [Fabric; 4], at: Instant) {
        match self.plane.set_fabrics(all) {
            Ok(writes) if self.plane.writable().is_some() => {
                if writes > 0 {
                    self.programmed(at, writes);
                }
                // What could not be edited is made anew.
                self.bring_up_to_date();
            }
            Ok(_) => self.fabrics_at = Some(at),
            Err(error) => self.behind(&error),
        }
    }

    pub(super) fn fabric_failed(&self) -> bool {
        let all = self.plane.told_of_fabrics();
        all.is_some_and(|all| all[Bay::from(self.slot).index()] == Fabric::Failed)
    }

    /// The tables are what the backplane said of fabrics before this MSM wrote them.
    pub(super) fn fabrics_adopted(&mut self, writes: u64) {
        if let Some(at) = self.fabrics_at.take().filter(|at| writes > 0 && at.elapsed() < SAME_EVENT) {
            self.programmed(at, writes);
        }
    }

    fn programmed(&self, at: Instant, writes: u64) {
        let all = self.plane.told_of_fabrics().unwrap_or_default();
        let bays = Bay::ALL.into_iter().zip(all).filter(|(_, fabric)| *fabric != Fabric::Absent);
        let text: Vec<String> = bays.map(|(bay, fabric)| format!("{bay} {fabric}")).collect();
        info!(
            target: "msm.fabric",
            "I/O modules programmed for fabrics {}: {writes} writes, {} us after the backplane's word",
            text.join(", "),
            at.elapsed().as_micros()
        );
    }
}
