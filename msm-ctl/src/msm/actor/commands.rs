//! Clients' commands: planned, given to the machine, answered.

use std::collections::VecDeque;
use std::sync::Arc;

use msm_config::Running;
use msm_config::command::Damage;
use msm_config::model::Record;
use msm_proto::{Answer, CommandId, Input, Outcome};
use tracing::info;

use super::super::{exhaust, link};
use super::Actor;
use crate::mgmt::cli::server::{Job, Reply, Work};

/// Clients that wait for an answer: as many as may be connected, and those that asked again.
const WAITING: usize = 256;

/// A change that the machine has and that is not applied yet.
struct Plan {
    id: CommandId,
    record: Arc<Record>,
    /// What it will make of the configuration, if all before it are applied as planned.
    after: Option<Running>,
}

/// Changes that are under way, in their order.
#[derive(Default)]
pub(super) struct Plans(VecDeque<Plan>);

impl Plans {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What the plan of this id makes of the configuration, if it is the next and its turn came as planned.
    pub(super) fn planned(&mut self, id: CommandId) -> Option<(Arc<Record>, Running)> {
        let plan = self.0.front_mut().filter(|plan| plan.id == id)?;
        Some((Arc::clone(&plan.record), plan.after.take()?))
    }

    /// The plan of this id is done with: applied as planned, or not.
    pub(super) fn end(&mut self, id: CommandId, applied: bool) {
        let was_next = self.0.front().is_some_and(|plan| plan.id == id);
        self.0.retain(|plan| plan.id != id);
        if !(applied && was_next) {
            // The others were planned after it.
            self.0.iter_mut().for_each(|plan| plan.after = None);
        }
    }

    fn has(&self, id: CommandId) -> bool {
        self.0.iter().any(|plan| plan.id == id)
    }

    /// Plans `record` after everything that is under way; gives the configurations before and after it.
    fn add(
        &mut self,
        now: &Running,
        id: CommandId,
        record: &Arc<Record>,
    ) -> Result<(Running, Running), String> {
        let before = match self.0.back() {
            None => now.clone(),
            Some(Plan { after: Some(after), .. }) => after.clone(),
            Some(_) => {
                let step = |before: Running, plan: &Plan| before.with(&plan.record).unwrap_or(before);
                self.0.iter().fold(now.clone(), step)
            }
        };
        let after = before.with(record).map_err(|(at, refusal)| said(record, at, &refusal.to_string()))?;
        self.0.push_back(Plan { id, record: Arc::clone(record), after: Some(after.clone()) });
        Ok((before, after))
    }
}

/// Which part of a record was refused, if it has several.
pub(super) fn said(record: &Record, at: usize, refusal: &str) -> String {
    match record {
        Record::Changes(changes) | Record::Script(changes) if changes.len() > 1 => {
            let change = changes.get(at).map(|change| change.logged()).unwrap_or_default();
            format!(
                "command {} of {} is refused, so none is made: {change}: {refusal}",
                at + 1,
                changes.len()
            )
        }
        _ => refusal.to_owned(),
    }
}

impl Actor {
    pub(super) fn answer(&mut self, id: CommandId, answer: Answer) {
        let reply = match answer {
            Answer::Outcome(Outcome::Done(text)) => Reply::Done(text),
            Answer::Outcome(Outcome::Failed(text)) | Answer::Refused(text) => Reply::Failed(text),
            Answer::Elsewhere(text) => Reply::Elsewhere(text),
        };
        for waiting in self.waiting.remove(&id.0).unwrap_or_default() {
            self.answered.push((waiting, reply.clone()));
        }
    }

    pub(super) fn job(&mut self, Job { id, work, who, reply }: Job) {
        let id = CommandId(id);
        if self.waiting.len() >= WAITING {
            let _ = reply.send(Reply::Failed(format!("{WAITING} commands are waiting; try again")));
            return;
        }
        let input = match work {
            Work::Failover => Input::RunFailover { id },
            Work::Damage(damage) => {
                let done = match damage {
                    Damage::Exception(task) => self.tasks.debug_poison(&task, false),
                    Damage::Hang(task) => self.tasks.debug_poison(&task, true),
                    Damage::Silence => {
                        link::silence();
                        Ok(())
                    }
                    Damage::Exhaust => exhaust::memory(),
                };
                let _ = reply.send(done.map_or_else(Reply::Failed, |()| Reply::Done(String::new())));
                return;
            }
            Work::GoldenFrames => {
                let _ = reply.send(match self.plane.golden_frames() {
                    Ok(findings) => Reply::Done(findings.join("\n")),
                    Err(why) => Reply::Elsewhere(why),
                });
                return;
            }
            Work::DiagnosticsFailed(text) => {
                let _ = reply.send(Reply::Done(String::new()));
                self.give(Input::DiagnosticsFailed { text });
                return;
            }
            Work::DiagnosticsPassed => {
                let _ = reply.send(Reply::Done(String::new()));
                self.backplane.diagnostics_passed();
                return;
            }
            Work::Capture { port, source } => {
                if let Err(Ok(_)) = source.send(self.plane.capture(port.lport())) {
                    // Who asked has gone.
                    self.plane.end_capture();
                }
                return;
            }
            Work::EndCapture => {
                self.plane.end_capture();
                return;
            }
            Work::Synchronize(bytes) => Input::Synchronize { id, bytes },
            Work::ClearFdb(filter) => {
                let _ = reply.send(self.clear_fdb(filter));
                return;
            }
            Work::Change(record) => match self.plan(id, &Arc::new(record), &who) {
                Ok(input) => input,
                Err(why) => {
                    let _ = reply.send(Reply::Failed(why));
                    return;
                }
            },
        };
        self.waiting.entry(id.0).or_default().push(reply);
        self.give(input);
        // What was answered at once, or refused, is no plan any more.
        if !self.waiting.contains_key(&id.0) {
            self.plans.end(id, false);
        }
    }

    /// The record, if it can be made after those that are under way. One that was made before is not planned again: its
    /// content is not looked at.
    fn plan(&mut self, id: CommandId, record: &Arc<Record>, who: &str) -> Result<Input, String> {
        let bytes = record.encode();
        if self.machine.outcome(id).is_some() || self.plans.has(id) || !self.machine.role().is_master() {
            return Ok(Input::Command { id, record: bytes, options: None });
        }
        let (before, after) = self.plans.add(&self.config, id, record)?;
        if before.config.log.commands
            && let Record::Changes(changes) | Record::Script(changes) = &**record
        {
            match changes.as_slice() {
                [one] => info!(target: "msm.command", "{who}: {}", one.logged()),
                several => info!(target: "msm.command", "{who}: {} commands of a script", several.len()),
            }
        }
        let (before, after) = (before.config.failover, after.config.failover);
        Ok(Input::Command { id, record: bytes, options: (after != before).then_some(after) })
    }
}
