//! What replication keeps: outcomes of the last commands, and a slave's copy of the master's log.

use std::collections::VecDeque;

use crate::{
    message::{Record, Snapshot},
    options::Options,
    roles::{CommandId, Outcome},
};

/// Commands that a master has in flight: more are refused. 64 clients at once are more than an operator has.
pub(crate) const PIPELINE_MAX: usize = 64;
/// Bytes of records that are held: a master's in flight, a slave's to be done again. More are refused.
pub(crate) const HELD_MAX: usize = 8 * 1024 * 1024;
/// Outcomes that are kept, to answer a client that asks again after a failover.
const OUTCOMES_MAX: usize = 256;
/// Longest text of an outcome that is kept.
const TEXT_MAX: usize = 256;
/// Bytes of a snapshot, or of a record, in one message.
pub(crate) const CHUNK: usize = 64 * 1024;
/// Chunks of the largest snapshot, its own fields included.
pub(crate) const CHUNKS_MAX: u32 = (crate::SNAPSHOT_MAX / CHUNK) as u32 + 8;
/// Records that a slave holds until its copy is loaded.
const LOADING_MAX: usize = 4096;

/// What became of the last commands.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    kept: VecDeque<(CommandId, Outcome)>,
}

impl Outcomes {
    pub(crate) fn get(&self, id: CommandId) -> Option<&Outcome> {
        self.kept.iter().find(|(kept, _)| *kept == id).map(|(_, outcome)| outcome)
    }

    pub(crate) fn keep(&mut self, id: CommandId, outcome: &Outcome) {
        if self.kept.len() == OUTCOMES_MAX {
            self.kept.pop_front();
        }
        let mut outcome = outcome.clone();
        let (Outcome::Done(text) | Outcome::Failed(text)) = &mut outcome;
        text.truncate(text.floor_char_boundary(TEXT_MAX));
        self.kept.push_back((id, outcome));
    }

    pub(crate) fn to_vec(&self) -> Vec<(CommandId, Outcome)> {
        self.kept.iter().cloned().collect()
    }
}

impl From<Vec<(CommandId, Outcome)>> for Outcomes {
    fn from(mut kept: Vec<(CommandId, Outcome)>) -> Self {
        kept.drain(..kept.len().saturating_sub(OUTCOMES_MAX));
        Self { kept: kept.into() }
    }
}

/// The master's messages do not follow from each other, or are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreError {
    /// Out of order, or of no known snapshot.
    Broken,
    /// Over a limit.
    Overflow,
}

/// A slave's copy.
#[derive(Debug, Default)]
pub(crate) struct Store {
    held: Held,
    /// Records whose apply the master has not confirmed: to be done again after a takeover.
    redo: VecDeque<Record>,
    /// Bytes of them, and of the parts.
    redo_bytes: usize,
    /// Parts of the record that comes next.
    parts: Option<Parts>,
    /// Last record stored.
    stored: u64,
    pub(crate) options: Options,
    pub(crate) outcomes: Outcomes,
}

#[derive(Debug)]
struct Parts {
    generation: u64,
    next: u32,
    bytes: Vec<u8>,
}

#[derive(Debug, Default)]
enum Held {
    /// Nothing, or nothing that can be used: a snapshot has to come.
    #[default]
    None,
    /// Chunks come.
    Assembling { count: u32, next: u32, bytes: Vec<u8> },
    /// The process loads it; records applied meanwhile wait.
    Loading { replays: Vec<Vec<u8>>, bytes: usize },
    /// Complete and in step.
    InStep,
}

impl Store {
    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether a takeover could carry on from it.
    pub(crate) fn in_step(&self) -> bool {
        matches!(self.held, Held::InStep)
    }

    pub(crate) fn is_none(&self) -> bool {
        matches!(self.held, Held::None)
    }

    pub(crate) fn generation(&self) -> u64 {
        self.stored
    }

    /// Takes a chunk; the last one gives the configuration to load.
    pub(crate) fn chunk(
        &mut self,
        index: u32,
        count: u32,
        bytes: Vec<u8>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        if index == 0 {
            if count == 0 || count > CHUNKS_MAX {
                return Err(StoreError::Overflow);
            }
            self.clear();
            self.held = Held::Assembling { count, next: 0, bytes: Vec::new() };
        }
        let Held::Assembling { count: expected, next, bytes: all } = &mut self.held else {
            return Err(StoreError::Broken);
        };
        if index != *next || count != *expected || bytes.len() > CHUNK {
            return Err(StoreError::Broken);
        }
        all.extend(bytes);
        *next += 1;
        if *next < *expected {
            return Ok(None);
        }
        let snapshot = Snapshot::decode(all).map_err(|_| StoreError::Broken)?;
        self.held = Held::Loading { replays: Vec::new(), bytes: 0 };
        self.stored = snapshot.generation;
        self.options = snapshot.options;
        self.outcomes = snapshot.outcomes.into();
        Ok(Some(snapshot.configuration))
    }

    /// The process has loaded it; gives the records that were applied meanwhile.
    pub(crate) fn loaded(&mut self) -> Vec<Vec<u8>> {
        match std::mem::take(&mut self.held) {
            Held::Loading { replays, .. } => {
                self.held = Held::InStep;
                replays
            }
            // It was for a copy that has been given up since.
            other => {
                self.held = other;
                Vec::new()
            }
        }
    }

    /// Whether there is a copy that the record of `generation` belongs to; an error if it cannot come now.
    fn takes(&self, generation: u64) -> Result<bool, StoreError> {
        match self.held {
            Held::None => Ok(false),
            Held::Loading { .. } | Held::InStep if generation == self.stored + 1 => Ok(true),
            Held::Assembling { .. } | Held::Loading { .. } | Held::InStep => Err(StoreError::Broken),
        }
    }

    fn hold(&mut self, bytes: usize) -> Result<(), StoreError> {
        self.redo_bytes += bytes;
        if self.redo_bytes > HELD_MAX { Err(StoreError::Overflow) } else { Ok(()) }
    }

    /// Takes a part of the next record, if there is a copy that it belongs to.
    pub(crate) fn part(&mut self, generation: u64, index: u32, bytes: &[u8]) -> Result<(), StoreError> {
        if !self.takes(generation)? {
            return Ok(());
        }
        self.hold(bytes.len())?;
        let parts = self.parts.get_or_insert_with(|| Parts { generation, next: 0, bytes: Vec::new() });
        if parts.generation != generation || parts.next != index || bytes.is_empty() {
            return Err(StoreError::Broken);
        }
        if parts.bytes.len() + bytes.len() > crate::RECORD_MAX {
            return Err(StoreError::Overflow);
        }
        parts.next += 1;
        parts.bytes.extend(bytes);
        Ok(())
    }

    /// Stores a record, whose parts have come. `Ok(false)`: there is no copy that it belongs to.
    pub(crate) fn store(&mut self, mut record: Record) -> Result<bool, StoreError> {
        if !self.takes(record.generation)? {
            return Ok(false);
        }
        self.hold(record.bytes.len())?;
        if let Some(Parts { mut bytes, .. }) = self.parts.take() {
            bytes.append(&mut record.bytes);
            record.bytes = bytes;
        }
        if self.redo.len() >= PIPELINE_MAX || record.bytes.len() > crate::RECORD_MAX {
            return Err(StoreError::Overflow);
        }
        self.stored = record.generation;
        self.redo.push_back(record);
        Ok(true)
    }

    /// The master's apply has ended; gives the record to do to the copy now.
    pub(crate) fn applied(
        &mut self,
        generation: u64,
        outcome: &Outcome,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        if self.is_none() {
            return Ok(None);
        }
        let record =
            self.redo.pop_front().filter(|r| r.generation == generation).ok_or(StoreError::Broken)?;
        self.redo_bytes -= record.bytes.len();
        self.outcomes.keep(record.id, outcome);
        if !matches!(outcome, Outcome::Done(_)) {
            return Ok(None);
        }
        if let Some(options) = record.options {
            self.options = options;
        }
        if let Held::Loading { replays, bytes } = &mut self.held {
            *bytes += record.bytes.len();
            if replays.len() == LOADING_MAX || *bytes > HELD_MAX {
                return Err(StoreError::Overflow);
            }
            replays.push(record.bytes);
            return Ok(None);
        }
        Ok(Some(record.bytes))
    }

    /// What a takeover has to do again, and the last record applied.
    pub(crate) fn into_redo(self) -> (VecDeque<Record>, u64, Options, Outcomes) {
        let applied = self.stored - self.redo.len() as u64;
        (self.redo, applied, self.options, self.outcomes)
    }
}
