//! What makes a netdev unfit to be a port: pure judgement of one [`Netdev`], run again at every change of it.

use std::fmt;

use msm_abi::IFINDEX_LIMIT;
use msm_dataplane::Driver;

use super::peers::Peer;
use super::view::{Netdev, View};

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
    /// Frames come in by tcx, where nothing need be able to do XDP.
    pub(crate) tcx: bool,
    /// It is a tagged member of a VLAN.
    pub(crate) tagged: bool,
}

impl Limits {
    /// Of a port with this driver.
    pub(crate) fn of(driver: Driver) -> Self {
        match driver {
            Driver::Xdp => Self::default(),
            Driver::Tcx => Self { max_mtu: u32::MAX, tcx: true, tagged: false },
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_mtu: MAX_MTU, tcx: false, tagged: false }
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
    /// The other end leaves checksums, or cutting into frames, to its netdev: under XDP what arrives is broken.
    PartialChecksums { netdev: String, tso: bool },
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
            Self::LateCarrier { .. } | Self::HiddenTags { .. } | Self::PartialChecksums { .. } => {
                Severity::Warning
            }
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
            Self::PartialChecksums { netdev, tso: true } => format!("tx and tso are on at {netdev}"),
            Self::PartialChecksums { netdev, tso: false } => format!("tx is on at {netdev}"),
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
            Self::NoRedirect { .. } => "frames to it take the slower way by tcx",
            Self::LateCarrier { .. } => {
                "the kernel tells a loss of carrier up to 1 s late; it is polled every 2 ms meanwhile"
            }
            Self::PartialChecksums { .. } => {
                "what this host sends by TCP or UDP arrives with a wrong checksum"
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
            Self::MtuTooLarge { name, max, .. } => {
                format!("ip link set {name} mtu {max}, and its peer; or configure the port's driver tcx")
            }
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
            Self::HiddenTags { netdev, feature } => {
                format!("ethtool -K {netdev} {feature} off, or configure the port's driver tcx")
            }
            Self::PartialChecksums { netdev, .. } => {
                format!("ethtool -K {netdev} tx off at the host, or configure the port's driver tcx")
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.what(), self.why(), self.cure())
    }
}

/// Everything wrong with the netdev of a port as the view has it now, worst first.
pub(crate) fn faults(view: &View, name: &str, limits: &Limits) -> Vec<Fault> {
    let Some(dev) = view.get(name) else { return vec![Fault::Missing { name: name.to_owned() }] };
    let peer = dev.peer_ifindex.filter(|_| dev.peer_netnsid.is_none()).and_then(|peer| view.by_index(peer));
    let mut faults = dev.faults(limits, peer.as_ref().map(|peer| peer.name.as_str()));
    if let (false, Some(Peer::Seen(peer))) = (limits.tcx, view.peer(dev.ifindex)) {
        if peer.tx_checksum || peer.tso {
            faults.push(Fault::PartialChecksums { netdev: peer.name.clone(), tso: peer.tso });
        }
        if limits.tagged && peer.tx_vlan {
            faults.push(Fault::HiddenTags { netdev: peer.name, feature: "txvlan" });
        }
    }
    faults
}

impl Netdev {
    /// Both ends of the veth have the same ifindex, each in its namespace.
    pub(crate) fn has_late_carrier(&self) -> bool {
        self.peer_netnsid.is_some() && self.peer_ifindex == Some(self.ifindex)
    }

    /// Frames can be redirected to it by XDP.
    pub(crate) fn takes_xdp_frames(&self) -> bool {
        self.xdp_features & XDP_NDO_XMIT != 0
    }

    /// Whether frames of it would break under XDP, or it runs none; `None` while the other end has not been asked.
    pub(crate) fn needs_tcx(&self, peer: Option<&Peer>) -> Option<bool> {
        if self.xdp_features & XDP_BASIC == 0 || self.mtu > MAX_MTU {
            return Some(true);
        }
        if self.kind != "veth" {
            return Some(false);
        }
        peer.map(Peer::needs_tcx)
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
        if self.xdp_features & XDP_BASIC == 0 && !limits.tcx {
            faults.push(Fault::NoXdp { name: name(), veth: self.kind == "veth" });
        } else if !self.takes_xdp_frames() {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn fit() -> Netdev {
        Netdev {
            ifindex: 1001,
            name: "s1p1".to_owned(),
            admin_up: true,
            carrier: true,
            mtu: 1500,
            kind: "veth".to_owned(),
            peer_ifindex: Some(2),
            peer_netnsid: Some(0),
            xdp_features: 0x67,
            ..Netdev::default()
        }
    }

    fn only(dev: &Netdev) -> Fault {
        let mut faults = dev.faults(&Limits::default(), None);
        assert_eq!(faults.len(), 1, "{faults:?}");
        faults.remove(0)
    }

    #[test]
    fn a_fit_netdev_has_no_fault() {
        assert_eq!(fit().faults(&Limits::default(), None), []);
        assert_eq!(Netdev { mtu: MAX_MTU, ..fit() }.faults(&Limits::default(), None), []);
    }

    #[test]
    fn each_fault_is_found_alone() {
        let cases = [
            (Netdev { mtu: MAX_MTU + 1, ..fit() }, Severity::Refused, "ip link set s1p1 mtu 3498"),
            (Netdev { ifindex: IFINDEX_LIMIT, ..fit() }, Severity::Refused, "index 1001"),
            (Netdev { xdp_features: 0, ..fit() }, Severity::Refused, "ethtool -L <peer> tx 1"),
            (Netdev { xdp_features: 0x23, ..fit() }, Severity::Degraded, "ethtool -K <peer> gro on"),
            (Netdev { admin_up: false, ..fit() }, Severity::Degraded, "ip link set s1p1 up"),
            (Netdev { peer_ifindex: Some(1001), ..fit() }, Severity::Warning, "index 1001"),
        ];
        for (dev, severity, cure) in cases {
            let fault = only(&dev);
            assert_eq!(fault.severity(), severity, "{fault}");
            assert!(fault.to_string().contains(cure), "{fault}");
        }
    }

    #[test]
    fn an_index_equal_within_one_namespace_is_no_late_carrier() {
        let dev = Netdev { peer_ifindex: Some(1001), peer_netnsid: None, ..fit() };
        assert_eq!(dev.faults(&Limits::default(), None), []);
    }

    #[test]
    fn the_view_judges_a_port_again_when_its_peer_turns_gro_off() {
        let view = View::default();
        let judge = || faults(&view, "s1p1", &Limits::default());
        assert_eq!(judge(), [Fault::Missing { name: "s1p1".to_owned() }]);
        view.put_link(fit()).unwrap();
        assert_eq!(judge(), []);
        view.put_link(Netdev { xdp_features: 0x23, peer_netnsid: None, ..fit() }).unwrap();
        view.put_link(Netdev { ifindex: 2, name: "eth0".to_owned(), ..fit() }).unwrap();
        assert_eq!(judge()[0].cure(), "ethtool -K eth0 gro on");
    }
}
