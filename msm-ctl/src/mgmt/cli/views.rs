//! What `show` commands answer: the JSON that programs read and that text is printed from.
//!
//! Fields are added, never renamed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::mgmt::log::LogLine;

mod access;
mod failover;
pub(crate) mod l3;
mod management;
mod protection;
mod routing;
mod sharing;
mod vlan;

pub(crate) use access::{AccessLists, AccessRule};
pub(crate) use failover::{Fabric, Failover, Last, Msm, Owner, Subsystem};
pub(crate) use management::{Account, Accounts, Dns, Memory, Session, Sessions, Syslog, SyslogHost, Table};
pub(crate) use protection::{CpuClass, CpuProtection, Mirrored, Mirroring};
pub(crate) use routing::Routing;
pub(crate) use sharing::{Lacp, LacpGroup, LacpPort, ShareGroup, SharePort, Sharing};
pub(crate) use vlan::{Vlan, Vlans};

/// `show switch`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Switch {
    /// sysName.
    pub(crate) sys_name: String,
    /// sysLocation.
    pub(crate) sys_location: String,
    /// sysContact.
    pub(crate) sys_contact: String,
    /// The system's address.
    pub(crate) system_mac: String,
    /// `BD6808`.
    pub(crate) platform: String,
    /// `none`, `all msm-failover`, `critical msm-failover`.
    pub(crate) recovery_mode: String,
    /// Wall clock, UTC.
    pub(crate) current_time: String,
    /// When this MSM's process started, UTC.
    pub(crate) boot_time: String,
    /// Configuration changes since the chassis file or the last save.
    pub(crate) unsaved: bool,
    /// Generation of the configuration.
    pub(crate) generation: u64,
    /// FDB ageing time; 0 = never.
    pub(crate) agingtime_s: u32,
    /// Chassis name.
    pub(crate) chassis: String,
    /// Slot of the MSM that answered.
    pub(crate) slot: String,
    /// Role of the MSM that answered.
    pub(crate) role: String,
    /// Version of the image that answered.
    pub(crate) version: String,
    /// `primary` or `secondary`: for the next boot of the MSM that answered, as all that follows.
    pub(crate) image_selected: String,
    /// That of this boot.
    pub(crate) image_booted: Option<String>,
    /// For the next boot.
    pub(crate) config_selected: String,
    /// That of this boot; null: the defaults.
    pub(crate) config_booted: Option<String>,
    /// What the primary area holds.
    pub(crate) primary_config: Saved,
    /// What the secondary area holds.
    pub(crate) secondary_config: Saved,
}

/// A saved configuration; without time nothing was saved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Saved {
    /// Size of the file.
    pub(crate) bytes: u64,
    /// When.
    pub(crate) saved: Option<String>,
    /// Version that saved it.
    pub(crate) version: Option<String>,
    /// Why it cannot be used.
    pub(crate) fault: Option<String>,
}

/// `show version`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Version {
    /// Chassis type.
    pub(crate) platform: String,
    /// Version of each MSM that this one knows.
    pub(crate) msm: Vec<MsmVersion>,
    /// ABI of the maps.
    pub(crate) map_abi: u32,
    /// Kernel release.
    pub(crate) kernel: String,
}

/// One MSM of [`Version`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MsmVersion {
    /// Slot.
    pub(crate) slot: String,
    /// Version.
    pub(crate) version: String,
    /// `primary` or `secondary`.
    pub(crate) image: String,
}

/// `show fdb`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fdb {
    /// Stations.
    pub(crate) entries: Vec<FdbEntry>,
    /// How many.
    pub(crate) count: usize,
    /// Room.
    pub(crate) capacity: u32,
    /// Ageing time; 0 = never.
    pub(crate) agingtime_s: u32,
}

/// One station.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FdbEntry {
    /// Address.
    pub(crate) mac: String,
    /// VLAN name.
    pub(crate) vlan: String,
    /// VLAN id.
    pub(crate) vid: u16,
    /// `1:1`; empty for a blackhole.
    pub(crate) port: String,
    /// Since it was last seen.
    pub(crate) age_s: u64,
    /// `dynamic`, `static`, `blackhole`.
    pub(crate) flags: Vec<String>,
}

/// `show ports`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ports {
    /// Ports of the chassis file.
    pub(crate) ports: Vec<Port>,
}

/// One port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Port {
    /// `1:1`
    pub(crate) port: String,
    /// Netdev.
    pub(crate) netdev: String,
    /// Its index; 0 while it is absent.
    pub(crate) ifindex: u32,
    /// `active`, `ready` (no carrier), `disabled` (by command, or its link is set down), `absent`.
    pub(crate) state: String,
    /// What is wrong with it.
    pub(crate) faults: Vec<String>,
    /// Ups and downs of the carrier.
    pub(crate) carrier_changes: u32,
    /// Frames received.
    pub(crate) rx_frames: u64,
    /// Bytes received.
    pub(crate) rx_bytes: u64,
    /// Unicast frames sent.
    pub(crate) tx_frames: u64,
    /// Bytes of them.
    pub(crate) tx_bytes: u64,
    /// Frames received and flooded.
    pub(crate) flooded: u64,
    /// Flooded copies sent.
    pub(crate) tx_flood_copies: u64,
    /// Stations learned here.
    pub(crate) learned: u64,
    /// Stations not learned because the FDB was full.
    pub(crate) learn_full: u64,
    /// Frames received that went by the tcx entry for their destination's sake.
    #[serde(default)]
    pub(crate) slow: u64,
    /// How its frames come in: `xdp`, `tcx`.
    #[serde(default)]
    pub(crate) driver: String,
    /// As configured: `xdp`, `tcx`, `auto`.
    #[serde(default)]
    pub(crate) driver_configured: String,
    /// The port that stands for its load-sharing group.
    #[serde(default)]
    pub(crate) group: Option<String>,
    /// State of LACP's mux machine, where it runs: until it is `collecting`, the port takes no frames.
    #[serde(default)]
    pub(crate) lacp: Option<String>,
    /// Stations that it may learn.
    #[serde(default)]
    pub(crate) learn_limit: Option<u32>,
    /// It learns no new ones.
    #[serde(default)]
    pub(crate) learn_locked: bool,
    /// Frames a second that it may flood, by kind: `broadcast`, `multicast`, `unknown-destmac`; kinds without a limit are left out.
    #[serde(default)]
    pub(crate) flood_limits: BTreeMap<String, u32>,
    /// Frames dropped, by reason; reasons without a drop are left out.
    pub(crate) drops: BTreeMap<String, u64>,
}

/// `show log`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Log {
    /// Newest first.
    pub(crate) lines: Vec<LogLine>,
}

/// A command that changes something: a word on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Done {
    /// The word; often empty.
    pub(crate) message: String,
}

/// `show configuration`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Text {
    /// Commands and comments, as `save` writes them.
    pub(crate) text: String,
}
