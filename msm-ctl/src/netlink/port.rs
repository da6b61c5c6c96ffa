//! What makes a netdev unfit to be a port: pure judgement of one [`Netdev`], run again at every change of it.

use std::fmt;

use msm_abi::IFINDEX_LIMIT;

use super::view::Netdev;

/// XDP programs run on this netdev (`NETDEV_XDP_ACT_BASIC`, linux/netdev.h).
pub(crate) const XDP_BASIC: u64 = 1;
/// Frames can be redirected to this netdev (`NETDEV_XDP_ACT_NDO_XMIT`).
pub(crate) const XDP_NDO_XMIT: u64 = 4;

/// Largest MTU of an XDP port, in bytes.
///
/// The kernel does not clone a frame with fragments, so flood loses it without a trace; a frame is in one buffer when it fits
/// a page less XDP_PACKET_HEADROOM and skb_shared_info: 4,096 - 256 - 320 = 3,520, less the Ethernet header (14) and two tags (8).
pub(crate) const MAX_MTU: u32 = 4_096 - 256 - 320 - 14 - 8;

/// What a port's netdev must keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Largest MTU in bytes.
    pub(crate) max_mtu: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_mtu: MAX_MTU }
    }
}

/// How bad a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// Works; the operator should know.
    Warning,
    /// The port is attached, and part of it does not work.
    Degraded,
    /// The port cannot be attached.
    Refused,
}

/// What is wrong with a port's netdev. Display is one line: what, why, cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No netdev of that name in the switch's namespace.
    Missing { name: String },
    /// Not Ethernet, or the loopback.
    NotEthernet { name: String, kind: String },
    /// IFF_UP is off. Bring-up mends it.
    AdminDown { name: String },
    /// Over [`Limits::max_mtu`].
    MtuTooLarge { name: String, mtu: u32, max: u32 },
    /// Over the port map's `IFINDEX_LIMIT`.
    IfindexTooLarge { name: String, ifindex: u32 },
    /// The driver runs no XDP program; for a veth: the peer sends on more queues than this end receives on.
    NoXdp { name: String, veth: bool },
    /// NDO_XMIT is missing: a redirect target whose peer has neither XDP nor GRO. `peer` is its name when it is in this namespace.
    NoRedirect { name: String, peer: Option<String> },
    /// Both veth ends have the same ifindex: the kernel tells a loss of carrier up to 1 s late. Polled instead.
    LateCarrier { name: String, ifindex: u32 },
    /// Tags are taken off before XDP sees the frame. `netdev` is where `feature` is to be switched off.
    HiddenTags { netdev: String, feature: &'static str },
}

impl Fault {
    /// How bad it is.
    pub(crate) fn severity(&self) -> Severity {
        match self {
            Self::Missing { .. }
            | Self::NotEthernet { .. }
            | Self::MtuTooLarge { .. }
            | Self::IfindexTooLarge { .. }
            | Self::NoXdp { .. } => Severity::Refused,
            Self::AdminDown { .. } | Self::NoRedirect { .. } => Severity::Degraded,
            Self::LateCarrier { .. } | Self::HiddenTags { .. } => Severity::Warning,
        }
    }

    /// What is wrong.
    pub(crate) fn what(&self) -> String {
        match self {
            Self::Missing { name } => format!("no netdev {name} in the switch's network namespace"),
            Self::NotEthernet { name, kind } => format!("{name} ({kind}) is no Ethernet netdev"),
            Self::AdminDown { name } => format!("{name} is administratively down"),
            Self::MtuTooLarge { name, mtu, max } => format!("MTU {mtu} of {name} is over {max}"),
            Self::IfindexTooLarge { name, ifindex } => {
                format!("ifindex {ifindex} of {name} is not below {IFINDEX_LIMIT}")
            }
            Self::NoXdp { name, .. } => format!("{name} runs no XDP program"),
            Self::NoRedirect { name, .. } => {
                format!("{name} is a redirect target whose peer has neither XDP nor GRO")
            }
            Self::LateCarrier { name, ifindex } => {
                format!("late carrier: both ends of {name} have ifindex {ifindex}")
            }
            Self::HiddenTags { netdev, feature } => format!("{feature} is on at {netdev}"),
        }
    }

    /// Why it matters.
    pub(crate) fn why(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "a port is a netdev; the port is absent until it appears",
            Self::NotEthernet { .. } => "a switch port forwards Ethernet frames",
            Self::AdminDown { .. } => "no frame enters or leaves it",
            Self::MtuTooLarge { .. } => "a frame of more than one buffer cannot be flooded",
            Self::IfindexTooLarge { .. } => "the port table is an array by ifindex",
            Self::NoXdp { veth: true, .. } => "its peer sends on more queues than it receives on",
            Self::NoXdp { veth: false, .. } => "its driver has no native XDP",
            Self::NoRedirect { .. } => "every frame switched to it is lost",
            Self::LateCarrier { .. } => {
                "the kernel tells a loss of carrier up to 1 s late; it is polled every 2 ms meanwhile"
            }
            Self::HiddenTags { .. } => "802.1Q tags are invisible to XDP and lost",
        }
    }

    /// What the operator does about it.
    pub(crate) fn cure(&self) -> String {
        match self {
            Self::Missing { name } => format!("create {name}, or mend the port's netdev in the chassis file"),
            Self::NotEthernet { .. } => "name another netdev in the chassis file".to_owned(),
            Self::AdminDown { name } => format!("ip link set {name} up"),
            Self::MtuTooLarge { name, max, .. } => format!("ip link set {name} mtu {max}, and its peer"),
            Self::IfindexTooLarge { name, .. } => {
                format!("create it with an explicit index: ip link add {name} index 1001 ...")
            }
            Self::NoXdp { name, veth: true } => {
                format!("ethtool -L <peer> tx 1, or create {name} with as many receive queues")
            }
            Self::NoXdp { veth: false, .. } => "use a netdev whose driver has native XDP".to_owned(),
            Self::NoRedirect { peer, .. } => {
                format!("ethtool -K {} gro on", peer.as_deref().unwrap_or("<peer>"))
            }
            Self::LateCarrier { name, .. } => {
                format!("create it with an explicit index: ip link add {name} index 1001 ...")
            }
            Self::HiddenTags { netdev, feature } => format!("ethtool -K {netdev} {feature} off"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.what(), self.why(), self.cure())
    }
}

impl Netdev {
    /// Both ends of the veth have the same ifindex, each in its namespace.
    pub(crate) fn has_late_carrier(&self) -> bool {
        self.peer_netnsid.is_some() && self.peer_ifindex == Some(self.ifindex)
    }

    /// Everything wrong with this netdev as a port, worst first. `peer` is its name when it is in this namespace.
    pub(crate) fn faults(&self, limits: &Limits, peer: Option<&str>) -> Vec<Fault> {
        let name = || self.name.clone();
        let mut faults = Vec::new();
        if self.mtu > limits.max_mtu {
            faults.push(Fault::MtuTooLarge { name: name(), mtu: self.mtu, max: limits.max_mtu });
        }
        if self.ifindex >= IFINDEX_LIMIT {
            faults.push(Fault::IfindexTooLarge { name: name(), ifindex: self.ifindex });
        }
        if self.xdp_features & XDP_BASIC == 0 {
            faults.push(Fault::NoXdp { name: name(), veth: self.kind == "veth" });
        } else if self.xdp_features & XDP_NDO_XMIT == 0 {
            faults.push(Fault::NoRedirect { name: name(), peer: peer.map(str::to_owned) });
        }
        if !self.admin_up {
            faults.push(Fault::AdminDown { name: name() });
        }
        if self.has_late_carrier() {
            faults.push(Fault::LateCarrier { name: name(), ifindex: self.ifindex });
        }
        faults
    }
}
