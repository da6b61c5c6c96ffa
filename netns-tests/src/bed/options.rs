//! What a testbed is made of: its hosts, their ports and the switch between them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Mount;

/// What stands in the switch namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SwitchKind {
    /// The product: `msm-ctl chassis`, both MSMs.
    Msm,
    /// The Linux bridge over the same netdevs, with GRO on: the peer of the benchmarks, and the probe's own test.
    Bridge,
    /// Nothing. The switch-side netdevs are up and whoever asked attaches what it wants.
    None,
}

/// One host: a namespace with one netdev, `eth0`, whose other end is a port of the switch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSpec {
    /// `h1`; the namespace is the prefix and this name.
    pub name: String,
    /// 1 to 254: last byte of its MAC (02:00:00:00:00:0N) and of its address (10.0.0.N/24).
    pub number: u8,
    /// Port of the chassis, `slot:port`.
    pub port: String,
    /// Netdev in the switch namespace.
    pub switch_dev: String,
    /// Its ifindex. Never that of the other end: veth then reports a lost carrier up to a second late.
    pub switch_ifindex: u32,
    /// Ifindex of `eth0`. Below [`probe_abi::HOST_IFINDEX_LIMIT`] and unique in the bed: the receiver knows a host by it.
    pub ifindex: u32,
}

impl HostSpec {
    /// Host `number` on port `slot:port`: netdev `s<slot>p<port>`, ifindexes `slot * 1000 + port` and `slot * 10 + port`.
    #[must_use]
    pub fn new(number: u8, slot: u32, port: u32) -> Self {
        Self {
            name: format!("h{number}"),
            number,
            port: format!("{slot}:{port}"),
            switch_dev: format!("s{slot}p{port}"),
            switch_ifindex: slot * 1000 + port,
            ifindex: slot * 10 + port,
        }
    }
}

/// How to build a bed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BedOptions {
    /// First part of every name. Beds with different prefixes live beside each other.
    pub prefix: String,
    /// Directory with `msm-ctl` and `msm-ebpf.o`. `None`: `image` beside the testbed's own directory.
    pub image: Option<PathBuf>,
    /// Hosts and their ports.
    pub hosts: Vec<HostSpec>,
    /// What connects them.
    pub switch: SwitchKind,
    /// FDB entries of the product; `None` is its default.
    pub fdb_capacity: Option<u32>,
    /// A management network beside the product: `mgmt0`, and a namespace `mg` at its other end.
    #[serde(default)]
    pub mgmt: bool,
    /// What the product's processes see in place of the machine's files.
    #[serde(default)]
    pub mounts: Vec<Mount>,
    /// Failover options in the chassis file.
    #[serde(default)]
    pub failover: FailoverOptions,
}

/// Failover options in a chassis file: what the chassis' factory configuration has. Where one is `None` it is the manual's default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailoverOptions {
    /// `sys-recovery-level`: `none`, `critical msm-failover`, `all msm-failover`.
    pub sys_recovery_level: Option<String>,
    /// `take-links-down`, `keep-links-up`, `keep-links-up preserve-state l2`, `keep-links-up preserve-state l2_l3`.
    pub link_action: Option<String>,
    /// `flash`, `inherited`.
    pub slave_config: Option<String>,
    /// `preserve`, `restart`.
    #[serde(default)]
    pub routing: Option<String>,
}

impl Default for FailoverOptions {
    /// A testbed is hitless.
    fn default() -> Self {
        Self {
            sys_recovery_level: Some("all msm-failover".to_owned()),
            link_action: Some("keep-links-up preserve-state l2_l3".to_owned()),
            slave_config: Some("inherited".to_owned()),
            routing: Some("preserve".to_owned()),
        }
    }
}

impl FailoverOptions {
    /// None: the manual's defaults.
    pub const FACTORY: Self =
        Self { sys_recovery_level: None, link_action: None, slave_config: None, routing: None };
}

impl Default for BedOptions {
    /// `msm-`, the product, h1 and h2 in module 1, h3 and h4 in module 2, a management network.
    fn default() -> Self {
        Self {
            prefix: "msm-".to_owned(),
            image: None,
            hosts: vec![
                HostSpec::new(1, 1, 1),
                HostSpec::new(2, 1, 2),
                HostSpec::new(3, 2, 1),
                HostSpec::new(4, 2, 2),
            ],
            switch: SwitchKind::Msm,
            fdb_capacity: None,
            mgmt: true,
            mounts: Vec::new(),
            failover: FailoverOptions::default(),
        }
    }
}

impl BedOptions {
    /// Name of the chassis, of its run directory and of its pin directory: `msm-` makes `msm-bed`.
    #[must_use]
    pub fn chassis(&self) -> String {
        chassis_of(&self.prefix)
    }

    /// Whether there is a management network: only the product has a use for it.
    #[must_use]
    pub fn has_mgmt(&self) -> bool {
        self.mgmt && self.switch == SwitchKind::Msm
    }
}

/// Chassis name of a prefix.
#[must_use]
pub fn chassis_of(prefix: &str) -> String {
    let stem = prefix.trim_end_matches('-');
    if stem.is_empty() { "bed".to_owned() } else { format!("{stem}-bed") }
}

/// An MSM's slot, as the product writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// Slot A.
    A,
    /// Slot B.
    B,
}

impl Slot {
    /// Both.
    pub const ALL: [Slot; 2] = [Slot::A, Slot::B];

    /// The slot that is not this one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Slot::A => Slot::B,
            Slot::B => Slot::A,
        }
    }

    /// `a` or `b`.
    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Slot::A => "a",
            Slot::B => "b",
        }
    }

    /// From `a` or `b`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Slot::ALL.into_iter().find(|slot| slot.letter() == text)
    }
}

impl std::fmt::Display for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.letter())
    }
}
