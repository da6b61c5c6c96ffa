//! What the owner wants the forwarding plane to be, and what making it so has changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use msm_abi::{
    Algorithm, ControlKey, ControlValue, CpuClass, FABRICS, FabricState, FdbKey, LimitEntry, LimitKind, Lport,
};

use crate::PortFault;

/// How a port's frames come into the pipeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Driver {
    /// By XDP: fast; a host's offloads must be off.
    #[default]
    Xdp,
    /// By tcx: with whatever a host's offloads leave to the receiver.
    Tcx,
}

/// One port as it should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DesiredPort {
    /// The netdev, in the network namespace of the calling thread; `None` while it does not exist.
    pub ifindex: Option<u32>,
    /// False: frames from and to it are dropped and counted. The program stays attached.
    pub enabled: bool,
    /// VLAN of untagged frames; 0 = they are dropped.
    pub pvid: u16,
    /// How its frames come in.
    pub driver: Driver,
    /// Master of its load-sharing group.
    pub group: Option<Lport>,
    /// What comes in by it is dropped, but for frames to control addresses. What leaves by it is not concerned.
    pub closed: bool,
    /// The netdev takes no XDP frames.
    pub slow: bool,
    /// [`Desired::limits`] has a rate for it.
    pub limited: bool,
    /// [`Desired::learning`] has a limit for it.
    pub learn_limited: bool,
    /// What it receives is mirrored.
    pub mirror_received: bool,
    /// What it sends is mirrored.
    pub mirror_sent: bool,
}

/// A load-sharing group as it should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DesiredGroup {
    /// Index in SHARING, below [`msm_abi::GROUPS`].
    pub index: u16,
    /// How a port is chosen.
    pub algorithm: Algorithm,
    /// Its ports in their order, 8 at most.
    pub members: Vec<Lport>,
    /// Those that are up.
    pub active: BTreeSet<Lport>,
}

/// One VLAN as it should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DesiredVlan {
    /// Members without tag.
    pub untagged: BTreeSet<Lport>,
    /// Members with an 802.1Q tag.
    pub tagged: BTreeSet<Lport>,
    /// Loop protection domain, below [`msm_abi::DOMAINS`]; 0 = none.
    pub domain: u32,
    /// Its port to the switch's own stack (from [`msm_abi::PORTS`] on), if it has an address.
    pub svi: Option<Lport>,
    /// IPv4 is forwarded.
    pub routed: bool,
    /// IPv6 is forwarded.
    pub routed6: bool,
    /// Longest IP packet sent into it.
    pub mtu: u16,
}

/// A station that neither ages nor moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaticEntry {
    /// Where it is; [`msm_abi::NO_LPORT`] with a blackhole.
    pub lport: Lport,
    /// Frames to it are dropped.
    pub blackhole: bool,
}

/// The whole forwarding plane as it should be. `Default` is an empty switch that never ages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// Ports by logical port (below [`msm_abi::LPORTS`]; those of the stack from [`msm_abi::PORTS`] on).
    pub ports: BTreeMap<Lport, DesiredPort>,
    /// VLANs by id, 1 to 4094.
    pub vlans: BTreeMap<u16, DesiredVlan>,
    /// Control addresses.
    pub control: BTreeMap<ControlKey, ControlValue>,
    /// Fabrics by MSM slot (A = 0).
    pub fabrics: [FabricState; FABRICS],
    /// Fabric of each bucket, by [`msm_abi::fabric_bucket_index`]; buckets past the end are fabric 0.
    pub buckets: Vec<u8>,
    /// Age at which a learned station is gone; zero = never. Rounded to stamps of 16.8 ms, at least one.
    pub fdb_age: Duration,
    /// Static and blackhole stations.
    pub static_fdb: BTreeMap<FdbKey, StaticEntry>,
    /// Load-sharing groups by master.
    pub groups: BTreeMap<Lport, DesiredGroup>,
    /// Rates of what a port may flood.
    pub limits: BTreeMap<(Lport, LimitKind), LimitEntry>,
    /// Rates of what goes to the control plane; a class that is not named has none.
    pub cpu: BTreeMap<CpuClass, LimitEntry>,
    /// Ports that may learn so many stations (`None`: no new ones).
    pub learning: BTreeMap<Lport, Option<u32>>,
    /// Where mirrored frames go.
    pub mirror: Option<Lport>,
    /// The router's address.
    pub router_mac: [u8; 6],
}

/// What of a [`Desired`] changed, for [`crate::Owner::reconcile_part`]. What is named and did not change costs a look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Ports that came, went or changed.
    pub ports: BTreeSet<Lport>,
    /// VLANs likewise.
    pub vlans: BTreeSet<u16>,
    /// Static stations likewise.
    pub stations: BTreeSet<FdbKey>,
    /// Load-sharing groups likewise, by master.
    pub groups: BTreeSet<Lport>,
    /// Anything else: control addresses, fabrics, buckets, the age, rates, learning, mirroring, the router's address.
    pub config: bool,
}

impl Touched {
    /// What differs, by a walk over both.
    #[must_use]
    pub fn between(before: &Desired, after: &Desired) -> Self {
        Self {
            ports: differing(&before.ports, &after.ports),
            vlans: differing(&before.vlans, &after.vlans),
            stations: differing(&before.static_fdb, &after.static_fdb),
            groups: differing(&before.groups, &after.groups),
            config: before.control != after.control
                || before.fabrics != after.fabrics
                || before.buckets != after.buckets
                || before.fdb_age != after.fdb_age
                || before.limits != after.limits
                || before.cpu != after.cpu
                || before.learning != after.learning
                || before.mirror != after.mirror
                || before.router_mac != after.router_mac,
        }
    }

    /// True if nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ports.is_empty()
            && self.vlans.is_empty()
            && self.stations.is_empty()
            && self.groups.is_empty()
            && !self.config
    }
}

/// The keys at which two maps differ.
fn differing<K: Ord + Copy, V: PartialEq>(before: &BTreeMap<K, V>, after: &BTreeMap<K, V>) -> BTreeSet<K> {
    let changed = after.iter().filter(|(key, value)| before.get(key) != Some(*value)).map(|(key, _)| *key);
    changed.chain(before.keys().copied().filter(|key| !after.contains_key(key))).collect()
}

/// What one [`crate::Owner::reconcile`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Table entries and links written; 0 when all was as desired.
    pub writes: u64,
    /// Ports whose program was attached.
    pub attached: Vec<Lport>,
    /// Ports whose program, or whose dead link, was removed.
    pub detached: Vec<Lport>,
    /// Ports in service whose driver was changed.
    pub switched: Vec<Lport>,
    /// Ports that could not be brought up. The rest of the switch is as desired.
    pub port_faults: BTreeMap<Lport, PortFault>,
}

/// Which learned stations [`crate::Owner::fdb_flush`] forgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FdbFilter {
    /// All.
    All,
    /// Those on one port.
    Port(Lport),
    /// Those of one VLAN.
    Vlan(u16),
    /// Those of one VLAN on one port.
    PortVlan(Lport, u16),
}

impl FdbFilter {
    /// True if a station in VLAN `vid` on `lport` is meant.
    #[must_use]
    pub const fn matches(self, vid: u16, lport: Lport) -> bool {
        match self {
            Self::All => true,
            Self::Port(p) => p == lport,
            Self::Vlan(v) => v == vid,
            Self::PortVlan(p, v) => p == lport && v == vid,
        }
    }
}
