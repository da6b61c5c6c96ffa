//! What the supervisor says of the daemons: a file, so that whoever asks does not have to ask it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Daemon;

/// See the file's first line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Pid of the supervisor.
    pub(crate) supervisor: u32,
    /// Ownership for whose takeover the daemons have been started anew, the last one.
    #[serde(default)]
    pub(crate) anew: u64,
    /// The daemons that are to run.
    pub(crate) daemons: BTreeMap<Daemon, Running>,
}

/// One daemon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    /// Its pid; none while it is dead.
    pub(crate) pid: Option<u32>,
    /// Kernel time of its start or, while it is dead, of its death.
    pub(crate) since_ns: u64,
    /// How often it died and was started again.
    pub(crate) restarts: u32,
    /// zebra has been told to keep its routes when it dies.
    pub(crate) held: bool,
    /// It has come back from its death and is not yet as it was before.
    #[serde(default)]
    pub(crate) returns: bool,
}

impl Report {
    /// What stands in `file`.
    pub(crate) fn read(file: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(file).ok()?).ok()
    }
}
