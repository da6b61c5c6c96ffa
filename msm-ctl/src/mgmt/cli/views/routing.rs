//! `show ospf`, `show bgp`, `show rip`

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A routing protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Routing {
    /// `ospf`, `bgp`, `rip`.
    pub(crate) protocol: String,
    /// By configuration.
    pub(crate) enabled: bool,
    /// Its daemon's process; null while there is none.
    pub(crate) pid: Option<u32>,
    /// How often the daemon died and was started again.
    pub(crate) restarts: u32,
    /// The daemon's routes stay when it dies.
    pub(crate) held: bool,
    /// Pid of the supervisor of the daemons.
    pub(crate) supervisor: Option<u32>,
    /// Lines of configuration that the MSM which answered has sent to it.
    pub(crate) lines_sent: u64,
    /// Comparisons of that MSM that found nothing to send.
    pub(crate) found_equal: u64,
    /// What is wrong.
    pub(crate) fault: Option<String>,
    /// What the daemon says, as FRR names it; of RIP, `text`.
    pub(crate) data: Value,
}
