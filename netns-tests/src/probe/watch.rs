//! Writes of a process seen from outside: its bpf(2) commands and its netlink requests, counted at the system call.

use std::collections::BTreeMap;

use rustix::process::Pid;

use super::{ProbeError, Result};

/// Modifying netlink requests of a process, by message type (`RTM_NEWLINK` is 16).
pub type NetlinkWrites = BTreeMap<u16, u64>;

/// Counts from `start` until dropped. Processes that are executed as `msm-ctl` later are watched by themselves.
#[derive(Debug)]
pub struct SyscallWatch {}

#[allow(unused_variables)]
impl SyscallWatch {
    /// Watches `pids` and every later `msm-ctl`.
    pub fn start(pids: &[Pid]) -> Result<Self> {
        Err(ProbeError::State("is not built"))
    }
    /// Sets all counts to 0.
    pub fn reset(&mut self) -> Result<()> {
        Err(ProbeError::State("is not built"))
    }
    /// Updates and deletes of map elements, by map name (`META`), or `fd 12` when the process is gone or has closed it.
    pub fn map_writes_by_map(&self, pid: Pid) -> Result<BTreeMap<String, u64>> {
        Err(ProbeError::State("is not built"))
    }
    /// Other bpf(2) commands that change something: `PROG_LOAD`, `MAP_CREATE`, `LINK_UPDATE`, `OBJ_PIN`, ...
    pub fn other_writes(&self, pid: Pid) -> Result<BTreeMap<String, u64>> {
        Err(ProbeError::State("is not built"))
    }
    /// Modifying netlink requests.
    pub fn netlink_writes(&self, pid: Pid) -> Result<NetlinkWrites> {
        Err(ProbeError::State("is not built"))
    }
}
