//! Who is connected to this MSM's command line.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::who::Who;

/// Connected clients. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Sessions(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    last: u64,
    rows: BTreeMap<u64, Row>,
}

/// One client.
#[derive(Clone)]
pub(super) struct Row {
    /// Who, and from where.
    pub(super) who: Who,
    /// Wall clock when it connected.
    pub(super) since: SystemTime,
    /// Commands so far.
    pub(super) commands: u64,
}

/// A client's row, for as long as this lives.
pub(super) struct Entered {
    sessions: Sessions,
    number: u64,
}

impl Sessions {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a client. There are as many as may be connected.
    pub(super) fn enter(&self, who: Who) -> Entered {
        let mut table = self.table();
        table.last += 1;
        let number = table.last;
        table.rows.insert(number, Row { who, since: SystemTime::now(), commands: 0 });
        Entered { sessions: self.clone(), number }
    }

    /// All, by number; numbers are not used again.
    pub(super) fn rows(&self) -> Vec<(u64, Row)> {
        self.table().rows.iter().map(|(number, row)| (*number, row.clone())).collect()
    }
}

impl Entered {
    /// Counts a command.
    pub(super) fn command(&self) {
        if let Some(row) = self.sessions.table().rows.get_mut(&self.number) {
            row.commands += 1;
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.sessions.table().rows.remove(&self.number);
    }
}
