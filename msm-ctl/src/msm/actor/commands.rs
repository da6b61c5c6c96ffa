//! Clients' commands: planned, given to the machine, answered.

use std::sync::Arc;

use msm_config::Running;
use msm_config::model::Record;
use msm_proto::{Answer, CommandId, Input, Outcome};
use tracing::info;

use super::Actor;
use crate::mgmt::cli::server::{Job, Reply, Work};

/// Clients that wait for an answer: as many as may be connected, and those that asked again.
const WAITING: usize = 256;

/// Changes that the machine has and that are not applied yet, and what they will make of the configuration.
#[derive(Default)]
pub(super) struct Plans {
    records: Vec<(CommandId, Arc<Record>)>,
    ahead: Option<Running>,
}

impl Plans {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The plan of this id is done with: applied as planned, or not.
    pub(super) fn end(&mut self, id: CommandId, applied: bool) {
        let before = self.records.len();
        self.records.retain(|(planned, _)| *planned != id);
        if !applied || self.records.is_empty() && self.records.len() != before {
            self.ahead = None;
        }
    }

    fn has(&self, id: CommandId) -> bool {
        self.records.iter().any(|(planned, _)| *planned == id)
    }

    /// What `record` makes of `now` after everything that is planned.
    fn add(
        &mut self,
        now: &Running,
        id: CommandId,
        record: &Arc<Record>,
    ) -> Result<(Running, Running), String> {
        let before = self.ahead.take().unwrap_or_else(|| {
            let step = |before: Running, (_, record): &(CommandId, Arc<Record>)| {
                before.with(record).unwrap_or(before)
            };
            self.records.iter().fold(now.clone(), step)
        });
        match before.with(record) {
            Ok(after) => {
                self.records.push((id, Arc::clone(record)));
                self.ahead = Some(after.clone());
                Ok((before, after))
            }
            Err((at, refusal)) => {
                self.ahead = Some(before);
                Err(said(record, at, &refusal.to_string()))
            }
        }
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
            Work::Exception(task) => {
                let _ = reply.send(match self.tasks.debug_exception(&task) {
                    Ok(()) => Reply::Done(String::new()),
                    Err(why) => Reply::Failed(why),
                });
                return;
            }
            Work::Synchronize(bytes) => Input::Synchronize { id, bytes },
            Work::ClearFdb(filter) => {
                let _ = reply.send(self.clear_fdb(filter));
                return;
            }
            Work::Change(record) => match self.plan(id, Arc::new(record), &who) {
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
    fn plan(&mut self, id: CommandId, record: Arc<Record>, who: &str) -> Result<Input, String> {
        let bytes = record.encode();
        if self.machine.outcome(id).is_some() || self.plans.has(id) || !self.machine.role().is_master() {
            return Ok(Input::Command { id, record: bytes, options: None });
        }
        let (before, after) = self.plans.add(&self.config, id, &record)?;
        if before.config.log.commands
            && let Record::Changes(changes) | Record::Script(changes) = &*record
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
