//! Inputs go into an MSM's machine, and its outputs are carried out: at once, or as effects that take time.

use msm_proto::{Answer, CommandId, Input, MetaView, Outcome, Output, Slot, Time, backplane::BackplaneInput};

use crate::{
    broken::Broken,
    host, index,
    tree::Instance,
    world::{Event, World},
};

/// What it is, without all of a large record.
pub(crate) fn short(what: &impl std::fmt::Debug) -> String {
    let mut text = format!("{what:?}");
    text.truncate(text.floor_char_boundary(600));
    text
}

impl World {
    pub(crate) fn input(&mut self, slot: Slot, input: Input) {
        let now = Time(self.now);
        if self.processes[index(slot)].is_none() {
            return;
        }
        if !matches!(input, Input::Frame { .. } | Input::Tick) {
            self.note(|| format!("{slot} < {}", short(&input)));
        }
        self.digest.word(self.now ^ slot as u64);
        self.digest.variant(&input);
        let recorded = self.verbose || self.process(slot).is_replayed();
        let process = self.processes[index(slot)].as_mut().expect("it was there above");
        // A client waits for an answer as long as the process lives.
        if let Input::Command { id, .. } | Input::Synchronize { id, .. } | Input::RunFailover { id } = &input
        {
            self.checks.waiting.begins(process.instance, *id);
        }
        if recorded {
            process.inputs.push((now, input.clone()));
        }
        let outputs = process.machine.step(now, input);
        if recorded {
            process.outputs.extend(outputs.iter().cloned());
        }
        let instance = process.instance;
        for output in outputs {
            self.digest.variant(&output);
            let does = !matches!(output, Output::Log { .. });
            let dies = does
                && (self.faults.crashes > 0 && self.random.range(0, 1000) < self.faults.crashes
                    || self.faults.crashes_now(slot));
            if dies {
                return self.kill(slot);
            }
            // A reset ends the process in the middle of them.
            if self.lives(slot, instance) {
                self.output(slot, instance, output);
            }
        }
        if let Some(process) = self.processes[index(slot)].as_ref() {
            self.checks.msm_has_an_exit(slot, process);
        }
    }

    fn output(&mut self, slot: Slot, instance: Instance, output: Output) {
        if !matches!(output, Output::Send { .. }) {
            self.note(|| format!("{slot} > {}", short(&output)));
        }
        match output {
            Output::Send { session, channel, bytes } => self.send(slot, session, channel, bytes),
            Output::Disconnect { session } => {
                if let Some(link) = self.link.take_if(|link| link.ends[index(slot)].0 == session) {
                    self.half_close(link, slot.peer(), 0);
                    self.wire();
                }
            }
            Output::SetReady { slot: ready, generation, trying } => {
                self.tree.writes(&mut self.checks.found, instance, "META");
                let keep = self.broken == Broken::MetaStaysReady && ready.is_none();
                let before = self.tree.meta.and_then(|meta| meta.ready);
                let ready = if keep { before } else { ready };
                if !keep {
                    let peer = self.process(slot).machine.status().peer;
                    self.checks.takeovers.ready = ready.and(peer).map(|peer| peer.identity.instance);
                }
                let trying = trying.filter(|_| self.broken != Broken::TriesUnmarked);
                self.tree.meta = Some(MetaView { ready, generation, trying });
            }
            Output::Answer { id, answer } => self.answer(slot, instance, id, answer),
            Output::Replay { record } => {
                self.change(slot, &record);
            }
            Output::State { bytes } => self.states[index(slot)].push(bytes),
            Output::ResetSelf { .. } => self.kill(slot),
            Output::Suspect { .. } if self.broken == Broken::SickSlaveResets => {
                self.resets_unasked(slot.peer());
            }
            Output::Suspect { keepalive } => {
                let delay = self.jitter(self.frame_delay);
                self.tell_backplane(delay, BackplaneInput::Suspect { by: slot, keepalive });
            }
            Output::DiagnosticsFailed { text } => {
                let delay = self.jitter(self.frame_delay);
                self.tell_backplane(delay, BackplaneInput::DiagnosticsFailed { slot, text });
            }
            Output::Freeze | Output::Thaw | Output::Log { .. } => {}
            Output::Subscribe { .. } | Output::Unsubscribe { .. } => {}
            Output::Items { .. } | Output::Delta { .. } => {}
            effect => {
                let when = self.now + self.jitter(self.effect_delay);
                let now = self.now;
                let process = self.process(slot);
                // Each is carried out after those before it.
                process.effects_until = process.effects_until.max(when);
                process.effects += 1;
                let delay = process.effects_until - now;
                self.at(delay, Event::Effect(slot, instance, effect));
            }
        }
    }

    fn answer(&mut self, slot: Slot, instance: Instance, id: CommandId, answer: Answer) {
        let checks = &mut self.checks;
        checks.waiting.ends(instance, id);
        checks.parcels.answered(&mut checks.found, &mut checks.totals, slot.peer(), id, &answer);
        checks.commands.answered(
            &mut checks.found,
            &mut checks.totals,
            slot,
            (id, &answer),
            &self.tree,
            &self.processes,
        );
        let process = self.process(slot);
        if let Some(options) = process.asked.remove(&id)
            && matches!(answer, Answer::Outcome(Outcome::Done(_)))
        {
            process.acknowledged = options;
            self.checks.takeovers.options(options);
        }
        self.answers.entry(id).or_default().push(answer);
    }

    /// The record changes the configuration of `slot`; which it is of.
    pub(crate) fn change(&mut self, slot: Slot, record: &[u8]) -> Option<CommandId> {
        let id = host::whole(record);
        match id {
            Some(id) => self.process(slot).config.push(id),
            None => {
                let text = format!("{slot} has half of a record: {} bytes", record.len());
                self.checks.found.fail(crate::Law::Acknowledged, text);
            }
        }
        id
    }
}
