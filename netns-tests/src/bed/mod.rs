//! The testbed: a switch namespace, hosts in namespaces of their own, veth pairs between them.

mod build;
mod check;
mod cli;
mod drops;
mod error;
mod ethtool;
mod host;
mod ip;
mod link;
mod mgmt;
mod mounts;
mod netns;
mod options;
pub(crate) mod paths;
mod process;
mod product;
mod signals;
mod teardown;
mod testbed;

pub use cli::{Answer, Cli, MasterEvent, RUN_WITHIN};
pub use drops::DropSites;
pub use error::{BedError, Result};
pub use host::{HOST_DEV, Host, mac_text};
pub use link::LinkInfo;
pub use mgmt::{MGMT_DEV, MGMT_SERVER, MGMT_SWITCH};
pub use mounts::Mount;
pub use netns::Netns;
pub use options::{BedOptions, FailoverOptions, HostSpec, Slot, SwitchKind, chassis_of};
pub use process::wait_dead;
pub use product::SYSTEM_MAC;
pub(crate) use testbed::Wires;
pub use testbed::{Ready, Testbed};
