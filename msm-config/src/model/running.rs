//! The running configuration with what is not saved of it, and its forms on the way to a slave.

use std::fmt::Write;
use std::sync::Arc;

use super::{Change, Config, Facts, Refusal};
use crate::command::{self, Command};

/// Marks of records that are more than commands.
const SAVED: &str = "!saved ";
const SCRIPT: &str = "!script\n";
/// First line of a snapshot.
const HEAD: &str = "!running ";

/// A configuration and the star in the prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// The configuration.
    pub config: Config,
    /// Changes so far.
    pub revision: u64,
    /// Changes up to which a flash has it.
    pub saved: u64,
}

/// What is replicated: commands, applied whole or not at all, or the news that a revision has been saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Changes, one after the other.
    Changes(Vec<Change>),
    /// The same, where what holds already is no fault.
    Script(Vec<Change>),
    /// The configuration of that revision is in a flash.
    Saved(u64),
}

impl Record {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut text = String::new();
        match self {
            Self::Changes(changes) | Self::Script(changes) => {
                if matches!(self, Self::Script(_)) {
                    text.push_str(SCRIPT);
                }
                for change in changes {
                    let _ = writeln!(text, "{change}");
                }
            }
            Self::Saved(revision) => {
                let _ = write!(text, "{SAVED}{revision}");
            }
        }
        text.into_bytes()
    }

    /// Reads [`Self::encode`].
    ///
    /// # Errors
    /// What is not understood, by name: nothing is guessed.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let text = str::from_utf8(bytes).map_err(|e| format!("a record that is no text: {e}"))?;
        if let Some(revision) = text.strip_prefix(SAVED) {
            return revision.parse().map(Self::Saved).map_err(|_| format!("a record \"{text}\""));
        }
        if let Some(text) = text.strip_prefix(SCRIPT) {
            return script(text)
                .map(Self::Script)
                .map_err(|(line, why)| format!("line {line} of a record: {why}"));
        }
        script(text).map(Self::Changes).map_err(|(line, why)| format!("line {line} of a record: {why}"))
    }
}

/// Reads configuration commands, one a line; comments and empty lines are fine.
///
/// # Errors
/// The first line (from 1) that is no configuration command, and why.
pub fn script(text: &str) -> Result<Vec<Change>, (usize, String)> {
    let mut changes = Vec::new();
    for (at, line) in text.lines().enumerate() {
        match command::parse(line) {
            Ok(Command::Change(change)) => changes.push(change),
            Ok(_) => return Err((at + 1, format!("\"{line}\" is no configuration command"))),
            Err(fault) if fault.wrong == crate::grammar::Wrong::Empty => {}
            Err(fault) => return Err((at + 1, fault.render(line))),
        }
    }
    Ok(changes)
}

impl Running {
    /// The factory's, unchanged.
    #[must_use]
    pub fn factory(facts: &Arc<Facts>) -> Self {
        Self::of(Config::factory(facts))
    }

    /// A configuration as a flash has it.
    #[must_use]
    pub fn of(config: Config) -> Self {
        Self { config, revision: 0, saved: 0 }
    }

    /// Whether something is in no flash.
    #[must_use]
    pub fn unsaved(&self) -> bool {
        self.revision != self.saved
    }

    /// After `record`.
    ///
    /// # Errors
    /// Which change cannot be made, from 0, and why.
    pub fn with(&self, record: &Record) -> Result<Self, (usize, Refusal)> {
        let config = match record {
            Record::Changes(changes) => self.config.with(changes)?,
            Record::Script(changes) => self.config.with_script(changes)?,
            Record::Saved(revision) => return Ok(Self { saved: *revision, ..self.clone() }),
        };
        Ok(Self { config, revision: self.revision + 1, saved: self.saved })
    }

    /// For the slave.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        format!("{HEAD}{} {}\n{}", self.revision, self.saved, self.config.render()).into_bytes()
    }

    /// Reads [`Self::snapshot`].
    ///
    /// # Errors
    /// What is not understood or cannot be made here.
    pub fn restore(facts: &Arc<Facts>, bytes: &[u8]) -> Result<Self, String> {
        let text = str::from_utf8(bytes).map_err(|e| format!("a configuration that is no text: {e}"))?;
        let (head, commands) = text.split_once('\n').ok_or("a configuration without its first line")?;
        let numbers = head.strip_prefix(HEAD).and_then(|numbers| numbers.split_once(' '));
        let (revision, saved) = numbers
            .and_then(|(revision, saved)| Some((revision.parse().ok()?, saved.parse().ok()?)))
            .ok_or_else(|| format!("a configuration that begins with \"{}\"", head.escape_default()))?;
        let changes = script(commands).map_err(|(line, why)| format!("line {line}: {why}"))?;
        let config = Config::factory(facts).with(&changes);
        let config = config.map_err(|(at, refusal)| format!("{}: {refusal}", changes[at]))?;
        Ok(Self { config, revision, saved })
    }
}
