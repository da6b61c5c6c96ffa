//! What operators do to cards: each wish is answered once.

use super::{
    Backplane, SLOTS,
    events::{BackplaneOutput, Bay, Fabric, Operate},
    state::Start,
};
use crate::{cause::Trigger, slot::Slot, time::Time};

impl Backplane {
    pub(super) fn answer(&mut self, request: u64, result: Result<String, String>) {
        self.out.push(BackplaneOutput::Answer { request, result });
    }

    pub(super) fn operate(&mut self, now: Time, request: u64, what: Operate) {
        match what {
            Operate::Remove(bay) if !self.fills(bay) => {
                self.answer(request, Err(format!("bay {bay} is empty already")));
            }
            Operate::Remove(bay) => self.pull(now, bay, request),
            Operate::Insert(bay) => {
                let result = self.insert(now, bay);
                self.answer(request, result);
            }
            Operate::Reset { slot, hard } => {
                let result = self.reboot(now, slot, hard);
                self.answer(request, result);
            }
            Operate::ResetAll => {
                // The slave first: with nobody to take over, the master's death is no failover.
                let mut slots = SLOTS;
                slots.sort_by_key(|slot| self.msm(*slot).is_master());
                let results = slots.map(|slot| self.reboot(now, slot, false));
                let text = results.map(|result| result.unwrap_or_else(|why| why)).join("; ");
                self.answer(request, Ok(text));
            }
        }
    }

    /// Whether there is a card in the bay. One that is being pulled is not.
    fn fills(&mut self, bay: Bay) -> bool {
        self.has(bay) && bay.msm().is_none_or(|slot| !self.msm(slot).empty)
    }

    fn insert(&mut self, now: Time, bay: Bay) -> Result<String, String> {
        if !self.bays.contains(&bay) {
            return Err(format!("this chassis has no bay {bay}"));
        }
        if self.fills(bay) {
            return Err(format!("there is an MSM in bay {bay} already"));
        }
        let Some(slot) = bay.msm() else {
            self.set_fabric(bay, Fabric::Present);
            return Ok(format!("MSM {bay} is inserted"));
        };
        if self.msm(slot).doom().is_some() {
            return Err(format!("the MSM that was in bay {bay} still ends: try again"));
        }
        self.msm(slot).empty = false;
        self.set_fabric(bay, Fabric::Present);
        if self.msm(slot).process.is_none() {
            self.msm(slot).start = Start::Due(now);
            self.power(now, slot);
        }
        Ok(format!("MSM {slot} is inserted"))
    }

    /// Resets one, and starts it if it is not running.
    fn reboot(&mut self, now: Time, slot: Slot, hard: bool) -> Result<String, String> {
        if !self.fills(slot.into()) {
            return Err(format!("bay {slot} is empty: insert an MSM first"));
        }
        let trigger = if hard { Trigger::HardReset } else { Trigger::ProcessDeath };
        // A fabric that is known to be bad stays so.
        let bad = self.fabrics[Bay::from(slot).index()] == Fabric::Failed;
        let fabric = Some(Fabric::Reset).filter(|_| hard && !bad);
        let msm = self.msm(slot);
        match &msm.process {
            Some(process) if process.doom.is_some() => Err(format!("MSM {slot} is being reset already")),
            Some(_) => {
                self.reset(now, slot, trigger, fabric, None);
                Ok(format!("MSM {slot} is being {}reset", if hard { "hard " } else { "" }))
            }
            None => {
                if let Start::Due(_) = msm.start {
                    msm.start = Start::Due(now);
                }
                if let Some(state) = fabric {
                    self.set_fabric(slot.into(), state);
                }
                self.power(now, slot);
                Ok(format!("MSM {slot} was not running: it is started"))
            }
        }
    }

    /// The process of a card that was pulled is dead.
    pub(super) fn removed(&mut self, request: u64, slot: Slot) {
        let mut text = format!("MSM {slot} is removed");
        if self.msm(slot.peer()).process.is_none() {
            text += "; it was the only one: frames are forwarded, and nobody controls the switch";
        }
        self.answer(request, Ok(text));
    }
}
