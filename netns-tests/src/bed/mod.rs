//! The testbed: a switch namespace, hosts in namespaces of their own, veth pairs between them.

mod cli;
mod drops;
mod error;
mod options;

use std::path::Path;
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::process::{Pid, Signal};
use serde_json::Value;

pub use cli::{Answer, Cli, MasterEvent};
pub use drops::DropSites;
pub use error::{BedError, Result};
pub use options::{BedOptions, HostSpec, Slot, SwitchKind, chassis_of};

/// A host of the bed.
#[derive(Debug)]
pub struct Host {
    /// Its names and numbers.
    pub spec: HostSpec,
}

/// Both MSMs up, the slave ready.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    /// Owner of the pin tree.
    pub master: Slot,
    /// The other.
    pub slave: Slot,
    /// Epoch of the pin tree.
    pub epoch: u64,
    /// When it was seen, [`crate::probe::now_ns`].
    pub at_ns: u64,
}

/// A testbed. Dropping it takes it down, unless it was [kept](Testbed::keep) or found by [`Testbed::existing`].
#[derive(Debug)]
pub struct Testbed {}

#[allow(unused_variables, clippy::missing_errors_doc)]
impl Testbed {
    /// Builds and starts it; with the product in it, `wait_ready` tells when it forwards.
    pub fn start(options: BedOptions) -> Result<Self> {
        Err(BedError::NotRoot)
    }
    /// The running bed of that prefix. Not taken down on drop.
    pub fn existing(prefix: &str) -> Result<Self> {
        Err(BedError::NotRoot)
    }
    /// Removes every namespace, process, pin and file of the bed of that prefix, whoever left it. Fine when there is none.
    pub fn down(prefix: &str) -> Result<()> {
        Err(BedError::NotRoot)
    }
    /// Leaves it running when this value is dropped.
    pub fn keep(self) {}
    /// Its options.
    pub fn options(&self) -> &BedOptions {
        unimplemented!()
    }
    /// `h1`.
    pub fn host(&self, name: &str) -> Result<&Host> {
        Err(BedError::NotRoot)
    }
    /// All.
    pub fn hosts(&self) -> &[Host] {
        &[]
    }
    /// Runs `work` on a thread of its own inside the switch namespace (bpffs stays visible).
    pub fn in_switch<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        Err(BedError::NotRoot)
    }
    /// The product's run directory.
    pub fn run_dir(&self) -> &Path {
        Path::new("")
    }
    /// Slot of the pin tree's owner.
    pub fn master(&self) -> Result<Slot> {
        Err(BedError::NotRoot)
    }
    /// Slot and epoch in the pin directory's name.
    pub fn owner(&self) -> Result<(Slot, u64)> {
        Err(BedError::NotRoot)
    }
    /// Process of the MSM in a slot.
    pub fn pid(&self, slot: Slot) -> Result<Pid> {
        Err(BedError::NotRoot)
    }
    /// Its pidfd.
    pub fn pidfd(&self, slot: Slot) -> Result<OwnedFd> {
        Err(BedError::NotRoot)
    }
    /// Sends it a signal; returns the time just before, and its pidfd.
    pub fn kill(&self, slot: Slot, signal: Signal) -> Result<(u64, OwnedFd)> {
        Err(BedError::NotRoot)
    }
    /// SIGKILL to the backplane.
    pub fn kill_backplane(&self) -> Result<u64> {
        Err(BedError::NotRoot)
    }
    /// Starts the backplane again after it and both MSMs were killed.
    pub fn start_chassis(&mut self) -> Result<()> {
        Err(BedError::NotRoot)
    }
    /// Waits until both MSMs are up and the slave is ready.
    pub fn wait_ready(&self, within: Duration) -> Result<Ready> {
        Err(BedError::NotRoot)
    }
    /// A CLI session to the master.
    pub fn cli(&self) -> Result<Cli> {
        Err(BedError::NotRoot)
    }
    /// `show <what>` in JSON: its data.
    pub fn show(&self, what: &str) -> Result<Value> {
        Err(BedError::NotRoot)
    }
    /// Carrier changes of every veth end since it was made, summed.
    pub fn carrier_changes(&self) -> Result<u64> {
        Err(BedError::NotRoot)
    }
    /// Drop counters of every veth end and of the switch.
    pub fn drops(&self) -> Result<DropSites> {
        Err(BedError::NotRoot)
    }
}
