//! A CLI session as a program has it: one JSON object a line, both ways over pipes.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BedError, Result, Slot};

/// One answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// When its line was read, [`crate::probe::now_ns`].
    #[serde(default)]
    pub at_ns: u64,
    /// The command was done.
    pub ok: bool,
    /// Who answered.
    pub slot: Option<Slot>,
    /// Why not.
    #[serde(default)]
    pub error: Option<String>,
    /// What a `show` shows.
    #[serde(default)]
    pub data: Value,
}

/// The client has a new master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MasterEvent {
    /// When its line was read.
    pub at_ns: u64,
    /// The new master.
    pub slot: Slot,
}

/// A running `msm-ctl cli --format json`.
#[derive(Debug)]
pub struct Cli {}

impl Cli {
    /// Writes one command line; does not wait.
    pub fn send(&mut self, _command: &str) -> Result<()> {
        Err(BedError::Cli("not connected".into()))
    }
    /// The next answer.
    pub fn answer(&mut self, _within: Duration) -> Result<Answer> {
        Err(BedError::Cli("not connected".into()))
    }
    /// `send` and `answer` within 5 s; a refusal is `BedError::Refused`.
    pub fn run(&mut self, _command: &str) -> Result<Answer> {
        Err(BedError::Cli("not connected".into()))
    }
    /// Changes of master announced since the last call.
    pub fn events(&mut self) -> Vec<MasterEvent> {
        Vec::new()
    }
}
