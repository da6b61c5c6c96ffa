//! The board: what the actor shows of itself to front ends, which read it without asking.

use std::collections::BTreeMap;
use std::sync::Arc;

use msm_abi::Lport;
use msm_dataplane::Observer;
use msm_proto::Status;

use crate::protocols::lacp;
use msm_config::Running;

/// What a front end needs to answer by itself, even with no master and with the actor at work.
#[derive(Clone)]
pub(crate) struct Board {
    /// Role, peer, replication.
    pub(crate) status: Status,
    /// The running configuration (a slave's is the copy of its master's).
    pub(crate) config: Arc<Running>,
    /// Read-only access to the tables, once there are any.
    pub(crate) observer: Option<Arc<Observer>>,
    /// What is wrong with ports, beside what the netlink view shows.
    pub(crate) faults: Arc<BTreeMap<Lport, Vec<String>>>,
    /// The backplane has this MSM's fabric for broken: its self test is to say whether it is.
    pub(crate) fabric_failed: bool,
    /// This ownership, if routing protocols are to begin as after a boot because of it.
    pub(crate) anew: Option<u64>,
    /// LACP at work, while this MSM is the master. Always the same.
    pub(crate) lacp: lacp::Shown,
}

impl Board {
    /// True if a front end would show the same.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let observer = match (&self.observer, &other.observer) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        observer
            && Arc::ptr_eq(&self.config, &other.config)
            && Arc::ptr_eq(&self.faults, &other.faults)
            && self.fabric_failed == other.fabric_failed
            && self.anew == other.anew
            && self.status == other.status
    }
}
