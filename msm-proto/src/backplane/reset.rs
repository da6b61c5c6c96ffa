//! A reset: the peer is told why, then the process is killed and its fabric loses what the reason takes.

use super::{
    Backplane,
    events::{BackplaneOutput, Bay, Fabric},
    state::{Doom, Stage, Start},
    timers,
};
use crate::{cause::Trigger, roles::Level, slot::Slot, time::Time};

impl Backplane {
    /// Begins. `fabric`: what becomes of it; `request`: who waits for the death. Nothing if one is under way, or nobody is there.
    pub(super) fn reset(
        &mut self,
        now: Time,
        slot: Slot,
        trigger: Trigger,
        fabric: Option<Fabric>,
        request: Option<u64>,
    ) {
        let number = self.number();
        let told = self.msm(slot.peer()).listens() && trigger != Trigger::ProcessDeath;
        let Some(process) = self.msm(slot).process.as_mut().filter(|process| process.doom.is_none()) else {
            return;
        };
        let stage = Stage::Noticing { number, until: now + timers::NOTICE };
        process.doom = Some(Doom { trigger, fabric, stage, request });
        self.arbitration.take_if(|held| held.concerns(slot));
        if told {
            self.out.push(BackplaneOutput::Notice { to: slot.peer(), number, about: slot, trigger });
        } else {
            self.strike(now, slot);
        }
    }

    /// The peer knows.
    pub(super) fn noted(&mut self, now: Time, by: Slot, noted: u64) {
        let slot = by.peer();
        if let Some(Doom { stage: Stage::Noticing { number, .. }, .. }) = self.msm(slot).doom()
            && *number == noted
        {
            self.strike(now, slot);
        }
    }

    /// The MSM in the other slot is dead. Who was to be reset because it did not hear that one is not at fault for it any more, and is
    /// needed.
    pub(super) fn pardon(&mut self, slot: Slot) {
        let Some(process) = &mut self.msm(slot).process else { return };
        let deaf = |doom: &mut Doom| {
            doom.trigger == Trigger::KeepaliveLoss
                && doom.fabric.is_none()
                && matches!(doom.stage, Stage::Noticing { .. })
        };
        if process.doom.take_if(deaf).is_some() {
            self.log(Level::Warning, format!("MSM {slot} is not reset: MSM {} has died", slot.peer()));
        }
    }

    /// The time of a notice, or of a kill, is over.
    pub(super) fn hasten(&mut self, now: Time, slot: Slot) {
        match self.msm(slot).doom().map(|doom| doom.stage) {
            Some(Stage::Noticing { until, .. }) if now >= until => self.strike(now, slot),
            Some(Stage::Killed { again }) if now >= again => {
                self.log(Level::Error, format!("MSM {slot} was killed and is not dead: it is killed again"));
                if let Some(request) = self.msm(slot).doom().and_then(|doom| doom.request.take()) {
                    self.answer(request, Ok(format!("MSM {slot} is removed; its process does not end")));
                }
                self.strike(now, slot);
            }
            _ => {}
        }
    }

    /// Fabric first: what the process could still write must not find it.
    fn strike(&mut self, now: Time, slot: Slot) {
        let Some(process) = &mut self.msm(slot).process else { return };
        let pid = process.pid;
        let Some(doom) = &mut process.doom else { return };
        doom.stage = Stage::Killed { again: now + timers::KILL };
        if let Some(state) = doom.fabric.take() {
            self.set_fabric(slot.into(), state);
        }
        self.out.push(BackplaneOutput::Kill { slot, pid });
    }

    /// Kills what runs where nothing may run.
    pub(super) fn evict(&mut self, now: Time, slot: Slot) {
        self.reset(now, slot, Trigger::HotRemoval, None, None);
    }

    /// The card of a bay is out, whatever was being done to its process.
    pub(super) fn pull(&mut self, now: Time, bay: Bay, request: u64) {
        let Some(slot) = bay.msm() else {
            self.set_fabric(bay, Fabric::Absent);
            return self.answer(request, Ok(format!("MSM {bay} is removed")));
        };
        self.msm(slot).empty = true;
        self.msm(slot).start = Start::None;
        let Some(process) = &mut self.msm(slot).process else {
            self.set_fabric(bay, Fabric::Absent);
            return self.removed(request, slot);
        };
        match &mut process.doom {
            None => self.reset(now, slot, Trigger::HotRemoval, Some(Fabric::Absent), Some(request)),
            Some(doom) => {
                doom.request = Some(request);
                doom.fabric = Some(Fabric::Absent);
                self.strike(now, slot);
            }
        }
    }
}
