//! What the owner said, and what the programs remember.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use msm_abi::{
    Algorithm, ControlAction, CpuClass, CpuCounters, EgressEntry, FabricState, FdbEntry, GateState,
    LearnEntry, LimitKind, Lport, PlaneConfig, PortCounters, PortEntry, ShareEntry, VlanEntry, vlan_flags,
};
use msm_dataplane::plane::acl::AclList;
use msm_dataplane::store::Model;

/// When a station was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// So lately that nothing is written when it is seen again.
    Lately,
    Before,
    /// Longer ago than the ageing time.
    LongAgo,
}

impl Seen {
    /// Of an entry at stamp `now`, for these times of [`PlaneConfig`].
    pub(crate) fn of(entry: FdbEntry, now: u32, refresh: u32, age: u32) -> Self {
        let since = entry.age(now);
        if since <= refresh {
            Self::Lately
        } else if since <= age {
            Self::Before
        } else {
            Self::LongAgo
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Station {
    pub(crate) lport: Lport,
    /// [`msm_abi::FdbEntry`]'s.
    pub(crate) flags: u16,
    pub(crate) seen: Seen,
}

/// All of it.
#[derive(Clone)]
pub(crate) struct Switch {
    pub(crate) config: PlaneConfig,
    /// By ifindex.
    pub(crate) ports: BTreeMap<u32, PortEntry>,
    /// Ports in the transmit table of XDP.
    pub(crate) tx: BTreeSet<Lport>,
    pub(crate) egress: BTreeMap<Lport, EgressEntry>,
    pub(crate) vlans: BTreeMap<u16, VlanEntry>,
    /// Places that hold a member set.
    pub(crate) sets: BTreeSet<u16>,
    /// By domain and port; what is not there is discarding.
    pub(crate) gates: BTreeMap<(u32, Lport), GateState>,
    /// By address and VLAN, 0 = any.
    pub(crate) control: BTreeMap<([u8; 6], u16), (ControlAction, CpuClass)>,
    pub(crate) fabrics: BTreeMap<u32, FabricState>,
    /// Fabric by bucket index; 0 where nothing is said.
    pub(crate) buckets: BTreeMap<u32, u32>,
    pub(crate) groups: BTreeMap<u16, ShareEntry>,
    /// Of what a port may flood nothing. Other rates there are none: they go by the clock.
    pub(crate) closed: BTreeSet<(Lport, LimitKind)>,
    /// Of what nothing may go to the control plane.
    pub(crate) closed_classes: BTreeSet<CpuClass>,
    pub(crate) learn: BTreeMap<Lport, LearnEntry>,
    /// Stations learned at a port less those that moved away.
    pub(crate) learned: BTreeMap<Lport, u64>,
    pub(crate) acl: AclList,
    /// The tables that routes are in.
    pub(crate) routes: Rc<Model>,
    pub(crate) fdb: BTreeMap<([u8; 6], u16), Station>,
    /// Stations that there is room for.
    pub(crate) room: usize,

    /// By index of COUNTERS.
    pub(crate) counters: BTreeMap<u32, PortCounters>,
    pub(crate) cpu: BTreeMap<CpuClass, CpuCounters>,
    /// By rule's counter.
    pub(crate) hits: BTreeMap<u16, u64>,
}

impl Default for Switch {
    fn default() -> Self {
        Self {
            config: PlaneConfig::default(),
            ports: BTreeMap::new(),
            tx: BTreeSet::new(),
            egress: BTreeMap::new(),
            vlans: BTreeMap::new(),
            sets: BTreeSet::new(),
            gates: BTreeMap::new(),
            control: BTreeMap::new(),
            fabrics: BTreeMap::new(),
            buckets: BTreeMap::new(),
            groups: BTreeMap::new(),
            closed: BTreeSet::new(),
            closed_classes: BTreeSet::new(),
            learn: BTreeMap::new(),
            learned: BTreeMap::new(),
            acl: AclList::default(),
            routes: Rc::new(Model::new(0)),
            fdb: BTreeMap::new(),
            room: usize::MAX,
            counters: BTreeMap::new(),
            cpu: BTreeMap::new(),
            hits: BTreeMap::new(),
        }
    }
}

impl Switch {
    pub(super) fn vlan(&self, vid: u16) -> Option<VlanEntry> {
        self.vlans.get(&vid).copied().filter(|entry| entry.flags & vlan_flags::EXISTS != 0)
    }

    pub(super) fn egress(&self, lport: Lport) -> EgressEntry {
        self.egress.get(&lport).copied().unwrap_or_default()
    }

    /// What is counted at a port.
    pub(super) fn count(&mut self, at: impl Into<u32>) -> &mut PortCounters {
        self.counters.entry(at.into()).or_default()
    }

    /// Whether a frame may go to the control plane; counted.
    pub(super) fn admit(&mut self, class: CpuClass) -> bool {
        let passes = !self.closed_classes.contains(&class);
        let counters = self.cpu.entry(class).or_default();
        *(if passes { &mut counters.passed } else { &mut counters.limited }) += 1;
        passes
    }

    /// The port of a group for one frame; `bucket` is its flow's. `None` if none is up.
    pub(super) fn member(&self, group: u16, from: Lport, bucket: u32) -> Option<Lport> {
        let share = self.groups.get(&group).filter(|share| share.active != 0)?;
        assert_ne!(
            share.algorithm,
            Algorithm::RoundRobin as u32,
            "whose turn it is, the programs alone know"
        );
        let by_port = msm_abi::share_bucket(msm_abi::flow_hash(from.into(), 0));
        let bucket = if share.algorithm == Algorithm::Port as u32 { by_port } else { bucket };
        Some(share.buckets[bucket as usize])
    }
}
