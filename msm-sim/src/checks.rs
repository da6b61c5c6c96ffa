//! Checkers, apart from the machines: they see effects, answers and deaths, never a machine's inside.

use std::collections::{BTreeMap, BTreeSet};

use msm_proto::{
    Answer, CommandId, ConfigSource, Decision, Machine, Outcome, Output, Slot, Takeover, Verdict,
};

use crate::{
    host::{Config, PANICS, Process, SYNC},
    index,
    tree::{Instance, Tree},
};

#[derive(Default)]
pub(crate) struct Checks {
    pub(crate) violations: Vec<String>,
    /// Requests without an answer yet.
    open: BTreeMap<CommandId, u64>,
    /// Answered as done, last by whom, and not given up by a lawful restart from flash.
    acknowledged: BTreeMap<CommandId, Option<Instance>>,
    /// Answered as rolled back, or refused: never in force.
    not_applied: BTreeSet<CommandId>,
    /// Commands of which a master died when they were new, and when they were done again, since a lawful restart from flash.
    killers: [BTreeSet<CommandId>; 2],
    /// What META said that a master was trying when it died: its successor knows what became of it.
    tried: Option<(CommandId, Instance)>,
    /// The process that META calls ready: another one in its slot has nothing.
    pub(crate) ready: Option<Instance>,
    /// META called this process ready when the owner died: it has to take over hitlessly if it lives.
    heir: Option<(Slot, Instance)>,
    /// Who waits for an answer, and of which process.
    pub(crate) waiting: BTreeSet<(Instance, CommandId)>,
    pub(crate) synchronized: u64,
    /// Parcels written, and to whose flash.
    pub(crate) stored: BTreeSet<(Slot, CommandId)>,
    pub(crate) hitless: u64,
    /// Commands whose apply ended a master.
    pub(crate) killed: u64,
    /// Commands given up because a master died trying them again.
    pub(crate) given_up: u64,
    pub(crate) acknowledged_total: u64,
    pub(crate) replayed: u64,
}

impl Checks {
    fn fail(&mut self, text: String) {
        self.violations.push(text);
    }

    pub(crate) fn asked(&mut self, id: CommandId) {
        *self.open.entry(id).or_default() += 1;
        self.not_applied.remove(&id);
    }

    pub(crate) fn answered(
        &mut self,
        slot: Slot,
        id: CommandId,
        answer: &Answer,
        tree: &Tree,
        processes: &[Option<Process>; 2],
    ) {
        let Some(open) = self.open.get_mut(&id) else { return }; // a failover's answer
        if *open == 0 {
            return self.fail(format!("{id:?} answered twice"));
        }
        *open -= 1;
        let config =
            processes[index(slot)].as_ref().map(|process| process.config.clone()).unwrap_or_default();
        match answer {
            Answer::Outcome(Outcome::Done(_)) => {
                if !config.contains(&id) {
                    self.fail(format!("{id:?} answered as done and not in force"));
                }
                let who = processes[index(slot)].as_ref().map(|process| process.instance);
                self.acknowledged.insert(id, who);
                self.acknowledged_total += 1;
                self.complete(&config, "an answer");
                // Law 5: without a slave that has it, META says so before the answer.
                let slave = processes[index(slot.peer())].as_ref();
                let ready = tree.meta.and_then(|meta| meta.ready);
                if let Some(slave) = slave.filter(|_| ready == Some(slot.peer())) {
                    let status = slave.machine.status();
                    let generation = tree.meta.map_or(0, |meta| meta.generation);
                    if status.role == msm_proto::Role::Slave && status.generation < generation {
                        self.fail(format!(
                            "{id:?} answered; META calls {} ready with generation {generation}, it has {}",
                            slot.peer(),
                            status.generation
                        ));
                    }
                }
            }
            Answer::Outcome(Outcome::Failed(_)) => {
                if config.contains(&id) || self.acknowledged.contains_key(&id) {
                    self.fail(format!("{id:?} answered as rolled back and in force"));
                }
                self.not_applied.insert(id);
            }
            // A repeat of a command may be refused where the first one is in force.
            Answer::Refused(_) | Answer::Elsewhere(_) => {}
        }
    }

    /// An answer, which may be of a `synchronize` to the flash of `slot`.
    pub(crate) fn synchronized(&mut self, slot: Slot, id: CommandId, answer: &Answer) {
        if id.0 & SYNC != 0 && matches!(answer, Answer::Outcome(Outcome::Done(_))) {
            self.synchronized += 1;
            if !self.stored.contains(&(slot, id)) {
                self.fail(format!("{id:?} answered as done, and {slot} has not written it"));
            }
        }
    }

    /// Nobody waits for ever: called when every time limit has passed.
    pub(crate) fn nobody_waits(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        if !waiting.is_empty() {
            self.fail(format!("who waits for an answer of a living process: {waiting:?}"));
        }
    }

    /// An apply begins.
    pub(crate) fn applies(&mut self, slot: Slot, id: CommandId, redo: bool) {
        let [new, again] = &self.killers;
        if again.contains(&id) || new.contains(&id) && !redo {
            self.fail(format!("{slot} applies {id:?} (redo: {redo}), of which a master died"));
        }
    }

    /// The apply ends its process.
    pub(crate) fn ends_its_master(&mut self, id: CommandId, redo: bool) {
        self.killed += 1;
        self.killers[usize::from(redo)].insert(id);
    }

    /// Who asks for a command of which masters died reads that it is not applied.
    pub(crate) fn killers_are_reported(&mut self, master: &Process) {
        for id in self.killers.clone().iter().flatten() {
            let outcome = master.machine.outcome(*id);
            // What ended its master by chance may be done.
            let done = matches!(outcome, Some(Outcome::Done(_))) && id.0 < PANICS;
            if !done && !matches!(outcome, Some(Outcome::Failed(_))) {
                self.fail(format!("{id:?} ended a master and is known as {outcome:?}"));
            }
        }
    }

    /// Nothing acknowledged is missing, nothing is there twice, nothing refused is there.
    pub(crate) fn complete(&mut self, config: &Config, when: &str) {
        let set: BTreeSet<_> = config.iter().copied().collect();
        if set.len() != config.len() {
            self.fail(format!("a command is applied twice ({when}): {config:?}"));
        }
        let lost: Vec<_> = self.acknowledged.keys().filter(|id| !set.contains(id)).collect();
        if !lost.is_empty() {
            let text = format!("acknowledged commands are lost ({when}): {lost:?}");
            self.fail(text);
        }
        let killers: Vec<_> = set.iter().filter(|id| id.0 >= PANICS).collect();
        if !killers.is_empty() {
            self.fail(format!("commands that end their process are in force: {killers:?}"));
        }
        let ghosts: Vec<_> = self.not_applied.intersection(&set).collect();
        if !ghosts.is_empty() {
            let text = format!("commands that were answered as not applied are in force: {ghosts:?}");
            self.fail(text);
        }
    }

    /// A process died; `peer` is the other one.
    pub(crate) fn died(&mut self, slot: Slot, process: &Process, tree: &Tree, peer: Option<&Process>) {
        if self.heir.is_some_and(|(_, heir)| heir == process.instance) {
            self.heir = None;
        }
        let owned = tree.handles.contains(&process.instance);
        if owned {
            self.tried = tree.meta.and_then(|meta| meta.trying).map(|trying| (trying.id, process.instance));
        }
        let ready = tree.meta.and_then(|meta| meta.ready);
        if let Some(peer) = peer.filter(|_| owned && ready == Some(slot.peer())) {
            let status = peer.machine.status();
            let carries = process.options.are_hitless()
                && process.options.recovery != msm_proto::RecoveryLevel::None
                && status.role == msm_proto::Role::Slave
                && self.ready == Some(peer.instance);
            self.heir = carries.then_some((slot.peer(), peer.instance));
        }
    }

    pub(crate) fn serves(&mut self, slot: Slot, process: &Process, takeover: Takeover, flash: bool) {
        let hitless = matches!(takeover, Takeover::Failover(Decision { verdict: Verdict::Hitless, .. }));
        self.hitless += u64::from(hitless);
        if let Some((heir_slot, heir)) = self.heir.take()
            && (heir != process.instance || !hitless)
        {
            self.fail(format!("{slot} serves by {takeover:?}, but {heir_slot} was ready and lives"));
        }
        if let Some((tried, by)) = self.tried.take() {
            self.given_up += 1;
            match process.machine.outcome(tried) {
                // Its apply had ended, and the slave has read so.
                Some(Outcome::Done(_)) => {}
                // It may have been applied and acknowledged by the master before that one, whose word of it was lost:
                // a double failure, told in the log.
                Some(Outcome::Failed(_)) if self.acknowledged.get(&tried) != Some(&Some(by)) => {
                    self.acknowledged.remove(&tried);
                }
                Some(Outcome::Failed(_)) => {
                    self.fail(format!(
                        "{tried:?} is given up, and the master that tried it answered it as done"
                    ));
                }
                None => self
                    .fail(format!("{slot} does not know what became of {tried:?}, tried by a dead master")),
            }
        }
        if flash {
            self.killers = Default::default();
            // Unsaved configuration is lawfully gone.
            self.acknowledged.clear();
            if let Takeover::Failover(decision) = takeover
                && decision.configuration == ConfigSource::Inherited
            {
                self.fail(format!("{slot} says that it inherits and does not"));
            }
        }
    }

    /// DESIGN.md law 6: the recorded inputs give the recorded outputs again.
    pub(crate) fn replays(&mut self, process: &Process) {
        if !process.is_replayed() {
            return;
        }
        self.replayed += 1;
        let identity = process.machine.status().identity;
        let mut machine = Machine::new(identity);
        let mut outputs: Vec<Output> = Vec::new();
        for (now, input) in &process.inputs {
            outputs.extend(machine.step(*now, input.clone()));
        }
        if outputs != process.outputs {
            self.fail("a recorded run replays to other outputs".into());
        }
    }
}
