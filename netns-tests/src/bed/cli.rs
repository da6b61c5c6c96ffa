//! A CLI session as a program has it: one JSON object a line, both ways over pipes.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, bounded};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BedError, Result, Slot};
use crate::probe::now_ns;

/// Lines read ahead of their reader; the session stops reading when it is full.
const LINES: usize = 1024;
/// Longest that `run` waits.
pub const RUN_WITHIN: Duration = Duration::from_secs(5);

/// One answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// When its line was read, [`crate::probe::now_ns`].
    #[serde(default)]
    pub at_ns: u64,
    /// The command was done.
    pub ok: bool,
    /// Who answered.
    #[serde(default)]
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

/// A running `msm-ctl cli --format json`. It finds the new master by itself; dropping it ends it.
#[derive(Debug)]
pub struct Cli {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<(u64, String)>,
    stderr: File,
    events: VecDeque<MasterEvent>,
}

impl Cli {
    /// Starts `msm_ctl cli` for a run directory; of one slot instead of the master, if given.
    pub(super) fn start(msm_ctl: &Path, run_dir: &Path, slot: Option<Slot>) -> Result<Self> {
        let stderr =
            tempfile::tempfile().map_err(BedError::io("making a file for the CLI client's errors"))?;
        let mut command = Command::new(msm_ctl);
        command.arg("cli").arg("--run-dir").arg(run_dir).args(["--format", "json"]);
        if let Some(slot) = slot {
            command.args(["--slot", slot.letter()]);
        }
        let write_end = stderr.try_clone().map_err(BedError::io("copying a descriptor"))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(write_end);
        let mut child =
            command.spawn().map_err(BedError::io(format!("starting {} cli", msm_ctl.display())))?;
        let stdin = child.stdin.take().expect("stdin is piped");
        let stdout = child.stdout.take().expect("stdout is piped");
        let (sender, lines) = bounded(LINES);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(std::result::Result::ok) {
                if sender.send((now_ns(), line)).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, stdin, lines, stderr, events: VecDeque::new() })
    }

    /// Writes one command line; does not wait.
    ///
    /// # Errors
    /// `BedError::Cli` with what the client printed, if it has ended.
    pub fn send(&mut self, command: &str) -> Result<()> {
        let written =
            self.stdin.write_all(format!("{command}\n").as_bytes()).and_then(|()| self.stdin.flush());
        written.map_err(|e| self.ended(&format!("writing `{command}`: {e}")))
    }

    /// The next answer; announcements before it are kept for [`Cli::events`].
    ///
    /// # Errors
    /// `BedError::Deadline`, or `BedError::Cli` if the client has ended or the line is no answer.
    pub fn answer(&mut self, within: Duration) -> Result<Answer> {
        let until = Instant::now() + within;
        loop {
            let (at_ns, line) = match self.lines.recv_deadline(until) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => {
                    let last = format!("{} announcements waiting", self.events.len());
                    return Err(BedError::Deadline {
                        what: "an answer of the CLI client".into(),
                        within,
                        last,
                    });
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.ended("reading its answer")),
            };
            if let Some(answer) = self.take(at_ns, &line)? {
                return Ok(answer);
            }
        }
    }

    /// `send`, then `answer` within [`RUN_WITHIN`].
    ///
    /// # Errors
    /// As those, and `BedError::Refused` when the switch says no.
    pub fn run(&mut self, command: &str) -> Result<Answer> {
        self.run_within(command, RUN_WITHIN)
    }

    /// The same with another limit.
    ///
    /// # Errors
    /// As [`Cli::run`].
    pub fn run_within(&mut self, command: &str, within: Duration) -> Result<Answer> {
        self.send(command)?;
        let answer = self.answer(within)?;
        if answer.ok {
            return Ok(answer);
        }
        let error = answer.error.unwrap_or_else(|| "refused without a reason".to_owned());
        Err(BedError::Refused { command: command.to_owned(), error })
    }

    /// Changes of master announced since the last call.
    pub fn events(&mut self) -> Vec<MasterEvent> {
        while let Ok((at_ns, line)) = self.lines.try_recv() {
            if let Ok(Some(_)) | Err(_) = self.take(at_ns, &line) {
                break; // an answer nobody asked for: nothing after it can be trusted to be in step
            }
        }
        self.events.drain(..).collect()
    }

    /// Sorts a line: `None` for an announcement.
    fn take(&mut self, at_ns: u64, line: &str) -> Result<Option<Answer>> {
        let value: Value =
            serde_json::from_str(line).map_err(|e| BedError::Cli(format!("`{line}` is not JSON: {e}")))?;
        if value.get("event").is_some() {
            let slot = value.get("slot").and_then(Value::as_str).and_then(Slot::parse);
            self.events.extend(slot.map(|slot| MasterEvent { at_ns, slot }));
            return Ok(None);
        }
        let answer: Answer = serde_json::from_value(value)
            .map_err(|e| BedError::Cli(format!("`{line}` is no answer: {e}")))?;
        Ok(Some(Answer { at_ns, ..answer }))
    }

    fn ended(&mut self, doing: &str) -> BedError {
        let mut text = String::new();
        let _ = self.stderr.rewind().and_then(|()| self.stderr.read_to_string(&mut text));
        let status =
            self.child.try_wait().ok().flatten().map_or("running".to_owned(), |status| status.to_string());
        BedError::Cli(format!("{doing}; the client: {status}; it printed: {}", text.trim()))
    }
}

impl Drop for Cli {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
