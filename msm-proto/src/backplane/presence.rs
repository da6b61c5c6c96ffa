//! Processes come and go: start, hello, death, and the start that follows.

use super::{
    Backplane,
    events::{BackplaneOutput, Bay, Fabric},
    state::{Process, Start},
};
use crate::{roles::Level, slot::Slot, time::Time};

impl Backplane {
    /// Starts what is due.
    pub(super) fn power(&mut self, now: Time, slot: Slot) {
        let msm = self.msm(slot);
        match msm.start {
            Start::Due(at) if now >= at => {
                msm.asked(now);
                self.out.push(BackplaneOutput::Start { slot });
            }
            Start::Asked(until) if now >= until => {
                self.start_failed(now, slot, "no process came of its start");
            }
            _ => {}
        }
    }

    pub(super) fn running(&mut self, now: Time, slot: Slot, pid: u32) {
        let msm = self.msm(slot);
        if msm.process.is_some() {
            return;
        }
        msm.process = Some(Process::new(pid, now));
        msm.start = Start::None;
        if msm.empty {
            self.log(Level::Warning, format!("MSM {slot} (pid {pid}) runs in an empty bay: it is killed"));
            self.evict(now, slot);
        }
    }

    pub(super) fn start_failed(&mut self, now: Time, slot: Slot, why: &str) {
        let msm = self.msm(slot);
        if !matches!(msm.start, Start::Asked(_)) {
            return;
        }
        let wait = msm.start_failed(now).as_millis();
        self.log(Level::Warning, format!("MSM {slot}: {why}; next try in {wait} ms"));
    }

    pub(super) fn here(&mut self, now: Time, slot: Slot, pid: u32) {
        match &mut self.msm(slot).process {
            Some(process) if process.pid == pid => process.introduce(),
            Some(process) if process.introduced || process.doom.is_some() => {
                let known = process.pid;
                self.msm(slot).claimant = Some(pid);
                let text =
                    format!("pid {pid} says that it is MSM {slot}, which is pid {known}: it has to wait");
                return self.log(Level::Warning, text);
            }
            // Who gets as far as this holds the slot's lock: what was started beside it ends by itself.
            _ => {
                let mut process = Process::new(pid, now);
                process.introduce();
                self.msm(slot).process = Some(process);
                self.msm(slot).start = Start::None;
            }
        }
        if self.msm(slot).empty {
            self.log(Level::Warning, format!("MSM {slot} (pid {pid}) runs in an empty bay: it is killed"));
            return self.evict(now, slot);
        }
        // Its card works again. What it lost, the owner has been told to program.
        let fabric = &mut self.fabrics[Bay::from(slot).index()];
        if *fabric == Fabric::Reset {
            *fabric = Fabric::Present;
        }
        self.tell(slot);
        self.ask(now, slot);
    }

    pub(super) fn died(&mut self, now: Time, slot: Slot, pid: u32) {
        let msm = self.msm(slot);
        msm.claimant.take_if(|claimant| *claimant == pid);
        let Some(process) = msm.process.take_if(|process| process.pid == pid) else { return };
        let wait = msm.ended(now, &process);
        self.arbitration.take_if(|held| held.concerns(slot));
        self.pardon(slot.peer());
        let next =
            wait.map_or_else(String::new, |wait| format!("; started again in {} ms", wait.as_millis()));
        self.log(Level::Warning, format!("MSM {slot} (pid {pid}) is dead{next}"));
        // It ended before it was killed: what its reset does to the fabric is done all the same.
        if let Some(state) = process.doom.and_then(|doom| doom.fabric) {
            self.set_fabric(slot.into(), state);
        }
        if let Some(request) = process.doom.and_then(|doom| doom.request) {
            self.removed(request, slot);
        }
        // Who waited takes its place.
        let empty = self.msm(slot).empty;
        match self.msm(slot).process.as_ref().map(|process| process.pid) {
            Some(pid) if empty => {
                self.log(
                    Level::Warning,
                    format!("MSM {slot} (pid {pid}) runs in an empty bay: it is killed"),
                );
                self.evict(now, slot);
            }
            Some(_) => self.tell(slot),
            None => {}
        }
    }
}
