//! Clients' commands: planned, given to the machine, answered.

use msm_proto::{Answer, CommandId, Input, Outcome};
use prost::Message;

use super::Actor;
use crate::config::change::Change;
use crate::config::model::Config;
use crate::mgmt::cli::grammar::Command;
use crate::mgmt::cli::server::{Job, Reply};

/// Clients that wait for an answer: as many as may be connected, and those that asked again.
const WAITING: usize = 256;

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

    pub(super) fn job(&mut self, Job { id, command, reply }: Job) {
        let id = CommandId(id);
        if self.waiting.len() >= WAITING {
            let _ = reply.send(Reply::Failed(format!("{WAITING} commands are waiting; try again")));
            return;
        }
        let input = match command {
            Command::Show(_) => return,
            Command::Failover => Input::RunFailover { id },
            Command::Exception(task) => {
                let _ = reply.send(match self.tasks.debug_exception(&task) {
                    Ok(()) => Reply::Done(String::new()),
                    Err(why) => Reply::Failed(why),
                });
                return;
            }
            Command::Change(change) => match self.plan(id, &change) {
                Ok(input) => {
                    self.planned.push_back((id, change));
                    input
                }
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
            self.planned.retain(|(planned, _)| *planned != id);
        }
    }

    /// The change as a record, if it can be made after those that are under way. One that was made before is not planned
    /// again: its record is not looked at.
    fn plan(&self, id: CommandId, change: &Change) -> Result<Input, String> {
        let record = change.encode_to_vec();
        if self.machine.outcome(id).is_some() || self.planned.iter().any(|(planned, _)| *planned == id) {
            return Ok(Input::Command { id, record, options: None });
        }
        let mut before = Config::clone(&self.config);
        for (_, change) in &self.planned {
            before = before.with(change).unwrap_or(before);
        }
        let after = before.with(change)?;
        let options = (after.options != before.options).then_some(after.options);
        Ok(Input::Command { id, record, options })
    }
}
