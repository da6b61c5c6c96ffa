//! What the master tells the supervisor: a file, which a supervisor that starts later finds too.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Daemon;

/// See the file's first line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Orders {
    /// What is to run.
    pub(super) daemons: BTreeSet<Daemon>,
    /// How long routes of a dead daemon stay, in seconds: the failover timer.
    pub(super) hold_s: u32,
    /// Ownership whose takeover had the daemons start anew, the last one.
    #[serde(default)]
    pub(super) anew: u64,
    /// Who OSPF is, for its neighbours to hear when ospfd has died.
    pub(super) ospf: Option<Speaker>,
}

/// An OSPF router as its neighbours know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Speaker {
    /// Its id.
    pub(super) router_id: Ipv4Addr,
    /// Where it speaks.
    pub(super) links: Vec<Link>,
}

/// One of its interfaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Link {
    /// Netdev.
    pub(super) netdev: String,
    /// Its address.
    pub(super) address: Ipv4Addr,
    /// Area.
    pub(super) area: Ipv4Addr,
    /// With a designated router.
    pub(super) broadcast: bool,
}

impl Orders {
    /// What stands in `file`; nothing if there is none or it is not understood.
    pub(super) fn read(file: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(file).ok()?).ok()
    }
}
