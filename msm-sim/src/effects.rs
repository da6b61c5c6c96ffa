//! Effects that an MSM's machine asked for happen. Their results come later: a crash can fall between.

use msm_proto::{ConfigSource, Input, Output, Refusal, Slot, Takeover};

use crate::{
    broken::Broken,
    checks::Serving,
    faults::{CommitFault, Faults},
    host::{self, decode, encode, fails},
    index,
    tree::Instance,
    world::{Event, World},
};

impl World {
    pub(crate) fn effect(&mut self, slot: Slot, instance: Instance, effect: Output) {
        let result = match effect {
            Output::Observe if self.broken == Broken::ForgetsResults => {
                self.process(slot).effects -= 1;
                return;
            }
            Output::Observe => {
                let hides = Faults::one(&mut self.faults.meta_hides);
                if hides {
                    self.checks.takeovers.misled(instance);
                    self.checks.commands.blind();
                }
                let meta = self.tree.meta.filter(|_| !hides);
                Input::Observed { name: self.tree.name, meta }
            }
            Output::Create => {
                let created = self.tree.create(&mut self.checks.found, slot, instance);
                if created.is_ok() {
                    self.checks.takeovers.owns(instance);
                }
                Input::Owned(created)
            }
            Output::Commit { from } => Input::Owned(self.commit(from, slot, instance)),
            Output::Reopen { name } if Faults::one(&mut self.faults.reopens_fail) => {
                Input::Owned(Err(Refusal::Failed(format!("cannot open {name}"))))
            }
            Output::Reopen { name } => {
                let reopened = self.tree.reopen(&mut self.checks.found, name, instance);
                // What it was told meanwhile it can do now.
                if let Some(told) = self.process(slot).fabrics.filter(|_| reopened.is_ok()) {
                    self.tables.program(told);
                }
                Input::Owned(reopened)
            }
            Output::Release => {
                let name = self.tree.name.expect("an owner releases a tree");
                self.tree.release(instance, self.broken == Broken::OwnerKeepsItsHandle);
                Input::Released { name }
            }
            Output::Serve { takeover } => {
                self.serve(slot, instance, takeover);
                Input::Serving
            }
            Output::Apply { id, record, redo } => {
                if self.faults.apply_hangs {
                    return;
                }
                self.tree.writes(&mut self.checks.found, instance, "tables");
                self.checks.commands.applies(&mut self.checks.found, slot, id, redo);
                if host::kills(id, redo) || std::mem::take(&mut self.faults.apply_kills) {
                    // Half of it may be in the tables.
                    if self.random.chance(50) {
                        self.tables.apply(id);
                    }
                    self.checks.totals.killed += 1;
                    self.checks.commands.ends_its_master(id, redo);
                    return self.kill(slot);
                }
                if fails(id) || id.0 >= host::PANICS || Faults::one(&mut self.faults.applies_fail) {
                    // What an attempt before left is rolled back too.
                    self.tables.in_force.remove(&id);
                    Input::Applied { id, result: Err("planned to fail".into()) }
                } else {
                    self.change(slot, &record);
                    self.tables.apply(id);
                    Input::Applied { id, result: Ok(String::new()) }
                }
            }
            Output::TakeSnapshot => Input::Snapshot { bytes: encode(&self.process(slot).config) },
            Output::Load { .. } if Faults::one(&mut self.faults.loads_fail) => {
                Input::Loaded(Err("planned to fail".into()))
            }
            Output::Load { bytes } => {
                self.process(slot).config = decode(&bytes);
                Input::Loaded(Ok(()))
            }
            Output::StoreFlash { .. } if self.faults.flash_hangs => return,
            Output::StoreFlash { .. } if self.faults.flash_full => {
                Input::FlashStored(Err("no space left".into()))
            }
            Output::StoreFlash { bytes } => {
                self.flash[index(slot)] = self.checks.parcels.stores(&mut self.checks.found, slot, &bytes);
                Input::FlashStored(Ok(()))
            }
            Output::CheckHardware if self.faults.hardware_fails => {
                Input::HardwareChecked(Err("ABI 2, expected 1".into()))
            }
            Output::CheckHardware => Input::HardwareChecked(Ok(())),
            Output::NextItems { subsystem } => Input::Items { subsystem, bytes: Vec::new(), last: true },
            other => unreachable!("{other:?} has no result"),
        };
        let delay = self.jitter(self.effect_delay);
        self.at(delay, Event::Input(slot, instance, result));
    }

    fn commit(
        &mut self,
        from: msm_proto::OwnerName,
        slot: Slot,
        instance: Instance,
    ) -> Result<msm_proto::OwnerName, Refusal> {
        self.checks.takeovers.committed(instance);
        if self.broken == Broken::TwoMasters {
            self.tree.lock = None;
        }
        let found = &mut self.checks.found;
        let fault = self.faults.commit.take();
        if let Some(CommitFault::Before(refusal)) = fault {
            return Err(refusal);
        }
        let name = self.tree.take(found, from, slot, instance)?;
        self.checks.takeovers.owns(instance);
        if fault.is_some() {
            self.tree.release(instance, false);
            return Err(Refusal::Failed("cannot open FDB".into()));
        }
        Ok(name)
    }

    /// It is master: tables become what its configuration says, and what the takeover does not keep goes.
    fn serve(&mut self, slot: Slot, instance: Instance, takeover: Takeover) {
        let decision = match takeover {
            Takeover::Failover(decision) => Some(decision),
            Takeover::Cold | Takeover::Adopted => None,
        };
        let flash = decision.is_none_or(|decision| decision.configuration == ConfigSource::Flash);
        if flash {
            self.process(slot).config.clear();
        }
        self.serves.push((slot, takeover));
        let before = self.tables.clone();
        if let Some(mut decision) = decision {
            decision.keep_l2 &= self.broken != Broken::TakeoverFlushes;
            self.tables.follow(&decision);
        }
        let broken = self.broken;
        let process = self.processes[index(slot)].as_mut().expect("it serves");
        process.serves = true;
        process.acknowledged = process.machine.status().options;
        let desired = process.config.iter().copied().collect();
        let differences = self.tables.differences(&desired) as u64;
        self.tables.adopt(&process.config, broken == Broken::TakeoverWrites);
        if let Some(told) = process.fabrics.filter(|_| broken != Broken::LeavesFabric) {
            self.tables.program(told);
        }
        let past = self.checks.takeovers.before(instance);
        let living = self.processes[index(slot.peer())].as_ref();
        let living = living.filter(|peer| Some(peer.instance) == past).map(|peer| self.fallen(peer, false));
        let process = self.processes[index(slot)].as_ref().expect("it serves");
        let serving = Serving {
            slot,
            process,
            peer: self.processes[index(slot.peer())].as_ref(),
            takeover,
            before: &before,
            after: &self.tables,
            differences,
            flash: self.options,
            living,
        };
        let checks = &mut self.checks;
        checks.takeovers.serves(&mut checks.found, &mut checks.totals, &serving);
        checks.commands.serves(&mut checks.found, &mut checks.totals, slot, process, flash);
    }
}
