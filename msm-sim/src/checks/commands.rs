//! An acknowledged command is never lost, one that is answered as not applied never there, and none is done twice.

use std::collections::{BTreeMap, BTreeSet};

use msm_proto::{Answer, CommandId, Outcome, Role, Slot};

use super::{Found, Law, Totals};
use crate::{
    host::{Config, PANICS, Process},
    index,
    tree::{Instance, Tree},
};

#[derive(Default)]
pub(crate) struct Commands {
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
}

impl Commands {
    pub(crate) fn asked(&mut self, id: CommandId) {
        *self.open.entry(id).or_default() += 1;
        self.not_applied.remove(&id);
    }

    pub(crate) fn answered(
        &mut self,
        found: &mut Found,
        totals: &mut Totals,
        slot: Slot,
        (id, answer): (CommandId, &Answer),
        tree: &Tree,
        processes: &[Option<Process>; 2],
    ) {
        let Some(open) = self.open.get_mut(&id) else { return }; // a failover's answer
        if *open == 0 {
            return found.fail(Law::Answers, format!("{id:?} answered twice"));
        }
        *open -= 1;
        let config =
            processes[index(slot)].as_ref().map(|process| process.config.clone()).unwrap_or_default();
        match answer {
            Answer::Outcome(Outcome::Done(_)) => {
                if !config.contains(&id) {
                    found.fail(Law::Acknowledged, format!("{id:?} answered as done and not in force"));
                }
                let who = processes[index(slot)].as_ref().map(|process| process.instance);
                totals.acknowledged += 1;
                // One that has released the tree repeats what it did.
                if !who.is_some_and(|who| tree.owns(who)) {
                    return;
                }
                self.acknowledged.insert(id, who);
                self.complete(found, &config, "an answer");
                // Law 5: without a slave that has it, META says so before the answer.
                let slave = processes[index(slot.peer())].as_ref();
                let ready = tree.meta.and_then(|meta| meta.ready);
                if let Some(slave) = slave.filter(|_| ready == Some(slot.peer()))
                    && slave.machine.role() == Role::Slave
                {
                    let has = slave.machine.status().generation;
                    let generation = tree.meta.map_or(0, |meta| meta.generation);
                    if has < generation {
                        let peer = slot.peer();
                        let text = format!(
                            "{id:?} answered; META calls {peer} ready with generation {generation}, it has {has}"
                        );
                        found.fail(Law::Acknowledged, text);
                    }
                }
            }
            Answer::Outcome(Outcome::Failed(_)) => {
                if config.contains(&id) || self.acknowledged.contains_key(&id) {
                    found.fail(Law::Acknowledged, format!("{id:?} answered as rolled back and in force"));
                }
                self.not_applied.insert(id);
            }
            // A repeat of a command may be refused where the first one is in force.
            Answer::Refused(_) | Answer::Elsewhere(_) => {}
        }
    }

    /// An apply begins.
    pub(crate) fn applies(&mut self, found: &mut Found, slot: Slot, id: CommandId, redo: bool) {
        let [new, again] = &self.killers;
        if again.contains(&id) || new.contains(&id) && !redo {
            let text = format!("{slot} applies {id:?} (redo: {redo}), of which a master died");
            found.fail(Law::Acknowledged, text);
        }
    }

    /// The apply ends its process.
    pub(crate) fn ends_its_master(&mut self, id: CommandId, redo: bool) {
        self.killers[usize::from(redo)].insert(id);
    }

    /// Who asks for a command of which masters died reads that it is not applied.
    pub(crate) fn killers_are_reported(&mut self, found: &mut Found, master: &Process) {
        for id in self.killers.clone().iter().flatten() {
            let outcome = master.machine.outcome(*id);
            // What ended its master by chance may be done.
            let done = matches!(outcome, Some(Outcome::Done(_))) && id.0 < PANICS;
            if !done && !matches!(outcome, Some(Outcome::Failed(_))) {
                found.fail(Law::Answers, format!("{id:?} ended a master and is known as {outcome:?}"));
            }
        }
    }

    /// Nothing acknowledged is missing, nothing is there twice, nothing refused is there.
    pub(crate) fn complete(&self, found: &mut Found, config: &Config, when: &str) {
        let set: BTreeSet<_> = config.iter().copied().collect();
        if set.len() != config.len() {
            found.fail(Law::Acknowledged, format!("a command is applied twice ({when}): {config:?}"));
        }
        let lost: Vec<_> = self.acknowledged.keys().filter(|id| !set.contains(id)).collect();
        if !lost.is_empty() {
            found.fail(Law::Acknowledged, format!("acknowledged commands are lost ({when}): {lost:?}"));
        }
        let killers: Vec<_> = set.iter().filter(|id| id.0 >= PANICS).collect();
        if !killers.is_empty() {
            let text = format!("commands that end their process are in force: {killers:?}");
            found.fail(Law::Acknowledged, text);
        }
        let ghosts: Vec<_> = self.not_applied.intersection(&set).collect();
        if !ghosts.is_empty() {
            let text = format!("commands that were answered as not applied are in force: {ghosts:?}");
            found.fail(Law::Acknowledged, text);
        }
    }

    /// The owner died.
    pub(crate) fn owner_died(&mut self, owner: Instance, tree: &Tree) {
        self.tried = tree.meta.and_then(|meta| meta.trying).map(|trying| (trying.id, owner));
    }

    /// META could not be read: nobody can know what was tried.
    pub(crate) fn blind(&mut self) {
        self.tried = None;
    }

    /// A new master serves; `flash`: with its own configuration (whether it may is another checker's).
    pub(crate) fn serves(
        &mut self,
        found: &mut Found,
        totals: &mut Totals,
        slot: Slot,
        process: &Process,
        flash: bool,
    ) {
        if let Some((tried, by)) = self.tried.take() {
            totals.given_up += 1;
            match process.machine.outcome(tried) {
                // Its apply had ended, and the slave has read so.
                Some(Outcome::Done(_)) => {}
                // It may have been applied and acknowledged by the master before that one, whose word of it was lost:
                // a double failure, told in the log.
                Some(Outcome::Failed(_)) if self.acknowledged.get(&tried) != Some(&Some(by)) => {
                    self.acknowledged.remove(&tried);
                }
                Some(Outcome::Failed(_)) => {
                    let text =
                        format!("{tried:?} is given up, and the master that tried it answered it as done");
                    found.fail(Law::Acknowledged, text);
                }
                None => {
                    let text =
                        format!("{slot} does not know what became of {tried:?}, tried by a dead master");
                    found.fail(Law::Answers, text);
                }
            }
        }
        if flash {
            self.killers = Default::default();
            // Unsaved configuration is lawfully gone.
            self.acknowledged.clear();
        }
    }
}
