//! A series of failovers of one scenario: void ones are made again.

use anyhow::Result;

use super::cause::{Cause, Scenario};
use super::{Rig, failover};
use crate::report::schema::Trial;
use crate::report::void::{Tally, TooManyVoid};

/// Failovers of one scenario, one after the other.
pub struct Series<'a> {
    rig: &'a Rig<'a>,
    scenario: Scenario,
    tally: Tally,
}

impl<'a> Series<'a> {
    /// Of `asked` failovers that count.
    pub fn new(rig: &'a Rig<'a>, scenario: Scenario, asked: u32) -> Self {
        Self { rig, scenario, tally: Tally::new(asked) }
    }

    /// Cause of the next one: a void trial's again.
    pub fn cause(&self) -> Cause {
        self.scenario.cause(self.tally.whole() + 1)
    }

    /// Trials so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// True if there is another one to make.
    ///
    /// # Errors
    /// `TooManyVoid` if it would be in vain.
    pub fn more(&self) -> Result<bool, TooManyVoid> {
        self.tally.more()
    }

    /// Makes the next one, whether it is needed or not. Its number is its own also after a void one: its setting must be unlike any other's.
    ///
    /// # Errors
    /// As of [`failover`].
    pub fn make(&mut self) -> Result<Trial> {
        self.make_by(self.cause())
    }

    /// The same with another cause.
    ///
    /// # Errors
    /// As of [`failover`].
    pub fn make_by(&mut self, cause: Cause) -> Result<Trial> {
        let trial = failover(self.rig, self.scenario, cause, self.tally.made() + 1)?;
        self.tally.count(&trial);
        Ok(trial)
    }
}
