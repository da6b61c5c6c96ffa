//! The switch that frames come in to: ports of every kind, VLANs, stations, groups, limits, lists and routes, as an owner could have made it.

use std::net::IpAddr;
use std::rc::Rc;

use msm_abi::{
    Algorithm, ControlAction, CpuClass, DOMAINS, EgressEntry, FabricState, FdbEntry, GateState, LearnEntry,
    LimitKind, Lport, PORTS_PER_SLOT, PlaneConfig, PortEntry, ShareEntry, VlanEntry, egress_flags,
    fabric_bucket_index, learn_flags, port_flags, share_buckets, svi_lport, vlan_flags,
};
use msm_dataplane::plane::Plane as Owner;
use msm_dataplane::plane::acl::{AclFrames, AclList, AclPrefix, AclRule};
use msm_dataplane::store::Model;
use msm_dataplane::tables::plane_config;
use msm_dataplane::{Gateway, RouteTo, Routing};

use crate::reference::{Seen, Station, Switch};

/// Ageing and refresh, in stamps: months, so that nothing changes by itself.
pub(crate) const AGE: u32 = 1 << 30;
pub(crate) const REFRESH: u32 = AGE / 16;
pub(crate) const ROUTER: [u8; 6] = [2, 0, 0, 0xee, 0, 1];
/// States that the first fabric may be in. The second works.
pub(crate) const FABRICS: [FabricState; 3] = [
    FabricState { present: 1, programmed: 1 },
    FabricState { present: 1, programmed: 0 },
    FabricState { present: 0, programmed: 0 },
];
/// The station that takes the last place of the FDB.
pub(crate) const LAST: ([u8; 6], u16) = ([2, 0, 0, 0, 0xff, 0xff], 4000);

/// Netdevs: ports by number, in the order of an input's first octet, and at the end one that is none.
pub(crate) const NETDEVS: [Lport; 22] = [
    PLAIN,
    PLAIN_TOO,
    TAGGED,
    LIMITED,
    FULL,
    MIRRORED,
    SLOW,
    DISABLED,
    REMOTE,
    WATCHED,
    GROUP,
    GROUP + 1,
    TURNED,
    TURNED + 1,
    DOWN,
    WATCHER,
    SVI_10,
    SVI_20,
    LOCKED,
    LONE,
    TCX,
    Lport::MAX,
];

const fn port(slot: u16, port: u16) -> Lport {
    (slot - 1) * PORTS_PER_SLOT as u16 + port - 1
}
const PLAIN: Lport = port(1, 1);
const PLAIN_TOO: Lport = port(1, 2);
/// Its untagged VLAN is 10.
const TAGGED: Lport = port(1, 3);
/// May flood nothing to the broadcast address or to stations that are not known.
const LIMITED: Lport = port(1, 4);
/// Has all stations that it may have.
const FULL: Lport = port(1, 5);
/// What it receives is mirrored.
const MIRRORED: Lport = port(1, 6);
/// Takes no frames from XDP.
const SLOW: Lport = port(1, 7);
const DISABLED: Lport = port(1, 8);
const REMOTE: Lport = port(2, 1);
/// What it sends is mirrored.
const WATCHED: Lport = port(2, 2);
/// Two ports that are one, by address.
const GROUP: Lport = port(2, 3);
/// No untagged VLAN, and may learn nothing.
const LOCKED: Lport = port(2, 5);
/// Has no netdev to send by.
const LONE: Lport = port(2, 6);
/// Where mirrored frames go.
const WATCHER: Lport = port(2, 8);
/// Two ports that are one, by port.
const TURNED: Lport = port(3, 1);
/// A group of one that is down.
const DOWN: Lport = port(3, 3);
/// Its driver is tcx.
const TCX: Lport = port(3, 4);
const SVI_10: Lport = svi_lport(1);
const SVI_20: Lport = svi_lport(2);

/// A VLAN without a member set.
const UNSET: u16 = 50;

fn mac(last: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, last]
}

/// The switch, and its access lists with what [`msm_abi::PlaneConfig`] says when each is in force.
pub(crate) struct World {
    pub(crate) switch: Switch,
    pub(crate) lists: [(AclList, u8); 3],
    /// Tables of routes and lists as the owner's code writes them.
    pub(crate) tables: Rc<Model>,
}

impl World {
    /// Upon netdevs of these ifindexes.
    pub(crate) fn new(ifindexes: &[u32]) -> Self {
        let mut owner = Owner::new(Model::new(16));
        owner.reconcile_routes(&routing()).expect("routed");
        let lists = [AclList::default(), ip_list(), ethernet_list()].map(|list| {
            owner.reconcile_acl(&list).expect("installed");
            (list, plane_config::get(owner.store()).expect("read").acl)
        });
        let routes = plane_config::get(owner.store()).expect("read").routes;
        let tables = Rc::new(owner.store().clone());
        let config = PlaneConfig {
            fdb_age: AGE,
            fdb_refresh: REFRESH,
            mirror: u32::from(WATCHER) + 1,
            router_mac: plane_config::router_mac(ROUTER),
            routes,
            ..PlaneConfig::default()
        };
        let mut switch = Switch { config, routes: Rc::clone(&tables), ..Switch::default() };
        ports(&mut switch, ifindexes);
        vlans(&mut switch);
        stations(&mut switch);
        rest(&mut switch);
        Self { switch, lists, tables }
    }

    /// Netdevs in the member set of a VLAN.
    pub(crate) fn members(&self, vlan: &VlanEntry) -> Vec<u32> {
        let is_member = |port: &PortEntry| {
            if port.flags & port_flags::SVI != 0 {
                vlan.svi == port.lport
            } else {
                vlan.is_untagged(port.logical) || vlan.is_tagged(port.logical)
            }
        };
        let has_netdev = |port: &PortEntry| port.lport != LONE;
        let members = self.switch.ports.iter().filter(|(_, port)| is_member(port) && has_netdev(port));
        members.map(|(ifindex, _)| *ifindex).collect()
    }
}

fn ports(switch: &mut Switch, ifindexes: &[u32]) {
    use port_flags::{ENABLED, GROUPED, LEARN_LIMITED, MIRRORED as RECEIVED, SVI, VALID};
    for (&lport, &ifindex) in NETDEVS.iter().zip(ifindexes).filter(|(lport, _)| **lport != Lport::MAX) {
        let is_stack = [SVI_10, SVI_20].contains(&lport);
        let (logical, more, pvid) = match lport {
            TAGGED => (lport, 0, 10),
            LIMITED => (lport, port_flags::LIMITED, 1),
            FULL => (lport, LEARN_LIMITED, 1),
            LOCKED => (lport, LEARN_LIMITED, 0),
            MIRRORED => (lport, RECEIVED, 1),
            GROUP | 67 => (GROUP, GROUPED, 1),
            TURNED | 129 => (TURNED, GROUPED, 1),
            DOWN => (DOWN, GROUPED, 1),
            SLOW | TCX => (lport, port_flags::TCX, 1),
            SVI_10 => (lport, SVI, 10),
            SVI_20 => (lport, SVI, 20),
            _ => (lport, 0, 1),
        };
        let enabled = if lport == DISABLED { 0 } else { ENABLED };
        let slot = if is_stack { 255 } else { (lport / PORTS_PER_SLOT as u16) as u8 };
        let flags = VALID | enabled | more;
        switch.ports.insert(ifindex, PortEntry { lport, logical, pvid, flags, slot, pad: [0; 7] });
        let (group, shared) = match logical {
            GROUP => (3, egress_flags::SHARED),
            TURNED => (4, egress_flags::SHARED),
            DOWN => (5, egress_flags::SHARED),
            _ => (0, 0),
        };
        let own = match lport {
            SLOW => egress_flags::SLOW,
            WATCHED => egress_flags::MIRRORED,
            _ if lport == logical => shared,
            _ => 0,
        };
        let is_there = ![DISABLED, LONE].contains(&lport);
        let entry = EgressEntry { ifindex: if is_there { ifindex } else { 0 }, flags: own, group };
        switch.egress.insert(lport, entry);
        if is_there {
            switch.tx.insert(lport);
        }
    }
    let group = |algorithm, members: &[Lport], active: u32| ShareEntry {
        algorithm: algorithm as u32,
        active,
        buckets: share_buckets(members, |_| active > 0).unwrap_or([0; _]),
    };
    switch.groups.insert(3, group(Algorithm::Address, &[GROUP, GROUP + 1], 2));
    switch.groups.insert(4, group(Algorithm::Port, &[TURNED, TURNED + 1], 2));
    switch.groups.insert(5, group(Algorithm::Address, &[DOWN], 0));
}

fn vlans(switch: &mut Switch) {
    use vlan_flags::{EXISTS, ROUTED, ROUTED6, SLOW_FLOOD};
    let mut add = |vid: u16, entry: VlanEntry, untagged: &[Lport], tagged: &[Lport]| {
        let mut entry = VlanEntry { flags: entry.flags | EXISTS, flood: vid, ..entry };
        untagged.iter().for_each(|lport| entry.untagged[usize::from(*lport) / 64] |= 1 << (lport % 64));
        tagged.iter().for_each(|lport| entry.tagged[usize::from(*lport) / 64] |= 1 << (lport % 64));
        switch.vlans.insert(vid, entry);
        if vid != UNSET {
            switch.sets.insert(vid);
        }
    };
    let none = VlanEntry::default();
    let most =
        [PLAIN, PLAIN_TOO, LIMITED, FULL, MIRRORED, SLOW, DISABLED, REMOTE, GROUP, TURNED, DOWN, LONE, TCX];
    add(1, none, &most, &[TAGGED]);
    let slow = VlanEntry { flags: SLOW_FLOOD, ..none };
    add(2, slow, &[LOCKED], &[PLAIN, PLAIN_TOO, SLOW, WATCHED, REMOTE, DOWN, TCX]);
    let both = VlanEntry { flags: ROUTED | ROUTED6, svi: SVI_10, mtu: 1500, ..none };
    add(10, both, &[TAGGED], &[PLAIN, PLAIN_TOO, GROUP, MIRRORED, TCX]);
    let narrow = VlanEntry { flags: ROUTED, svi: SVI_20, mtu: 600, ..none };
    add(20, narrow, &[WATCHED], &[PLAIN, TAGGED, REMOTE, TURNED, SLOW, TCX]);
    add(30, VlanEntry { domain: 1, ..none }, &[], &[PLAIN, PLAIN_TOO, LIMITED, REMOTE, GROUP, TCX]);
    add(40, VlanEntry { domain: DOMAINS as u32, ..none }, &[], &[PLAIN, TCX]);
    add(UNSET, none, &[], &[PLAIN, PLAIN_TOO, REMOTE, LOCKED]);
    add(0xfff, none, &[], &[PLAIN, LOCKED, TURNED]);
    for (lport, state) in [
        (PLAIN, GateState::Forwarding),
        (PLAIN_TOO, GateState::Learning),
        (LIMITED, GateState::Forwarding),
        (REMOTE, GateState::Discarding),
        (GROUP, GateState::Forwarding),
        (TCX, GateState::Forwarding),
    ] {
        switch.gates.insert((1, lport), state);
    }
}

fn stations(switch: &mut Switch) {
    use Seen::{Before, Lately, LongAgo};
    let black = FdbEntry::STATIC | FdbEntry::BLACKHOLE;
    for (last, vid, lport, flags, seen) in [
        (0x10, 1, PLAIN, 0, Lately),
        (0x11, 1, PLAIN_TOO, 0, Before),
        (0x12, 1, REMOTE, 0, Lately),
        (0x13, 1, GROUP, 0, Before),
        (0x14, 1, TURNED, 0, Lately),
        (0x15, 1, PLAIN_TOO, 0, LongAgo),
        (0x16, 1, PLAIN_TOO, FdbEntry::STATIC, LongAgo),
        (0x17, 1, PLAIN, black, Lately),
        (0x18, 1, DISABLED, 0, Lately),
        (0x19, 1, LONE, 0, Lately),
        (0x1a, 1, FULL, 0, Lately),
        (0x1b, 1, TAGGED, 0, Lately),
        (0x1c, 1, DOWN, 0, Lately),
        // No member any more.
        (0x1d, 1, LOCKED, 0, Lately),
        (0x1e, 1, TCX, 0, Lately),
        (0x10, 2, PLAIN, 0, Lately),
        (0x20, 2, SLOW, 0, Lately),
        (0x21, 2, WATCHED, 0, Lately),
        (0x22, 2, PLAIN_TOO, 0, Before),
        (0x23, 2, LOCKED, FdbEntry::STATIC, Lately),
        (0x24, 30, PLAIN_TOO, 0, Lately),
        (0x25, 30, REMOTE, 0, Lately),
        (0x26, 30, GROUP, 0, Lately),
        (0x27, 0xfff, TURNED, 0, Lately),
        // Neighbours of the router.
        (0x30, 10, PLAIN, 0, Lately),
        (0x31, 10, GROUP, 0, Lately),
        (0x32, 10, TAGGED, 0, Before),
        (0x33, 10, TAGGED, black, Lately),
        (0x34, 20, REMOTE, 0, Lately),
        (0x35, 20, TURNED, 0, LongAgo),
        (0x36, 20, SLOW, 0, Lately),
        (0x37, 20, WATCHED, 0, Lately),
    ] {
        switch.fdb.insert((mac(last), vid), Station { lport, flags, seen });
    }
    switch.room = switch.fdb.len() + 1;
    for (lport, limit, flags) in [(FULL, 1, 0), (LOCKED, 100, learn_flags::LOCKED)] {
        switch.learn.insert(lport, LearnEntry { limit, flags, removed: 4 });
    }
    // More by those that were removed.
    for lport in NETDEVS.iter().filter(|lport| usize::from(**lport) < msm_abi::PORTS) {
        switch.learned.insert(*lport, 5);
    }
}

fn rest(switch: &mut Switch) {
    use ControlAction::{Discard, Forward, Trap, TrapAndForward};
    for (address, vid, action, class) in [
        ([1, 0x80, 0xc2, 0, 0, 2], 0, Trap, CpuClass::Lacp),
        ([1, 0x80, 0xc2, 0, 0, 2], 30, Forward, CpuClass::Lacp),
        ([1, 0x80, 0xc2, 0, 0, 0], 0, Trap, CpuClass::Stp),
        ([1, 0x80, 0xc2, 0, 0, 0xe], 0, Forward, CpuClass::Stp),
        ([0, 0xe0, 0x2b, 0, 0, 4], 0, TrapAndForward, CpuClass::Lacp),
        ([0, 0xe0, 0x2b, 0, 0, 1], 1, Discard, CpuClass::Eaps),
    ] {
        switch.control.insert((address, vid), (action, class));
    }
    switch.closed.extend([(LIMITED, LimitKind::Broadcast), (LIMITED, LimitKind::Unknown)]);
    switch.closed_classes.insert(CpuClass::Arp);
    switch.fabrics.insert(1, FABRICS[0]);
    for slot in 0..4 {
        switch.buckets.extend((0..64).step_by(2).map(|bucket| (fabric_bucket_index(slot, bucket), 1)));
    }
}

fn ip_list() -> AclList {
    let ip = |source: Option<AclPrefix>, destination: Option<AclPrefix>, protocol| AclFrames::Ipv4 {
        source,
        destination,
        protocol,
        source_port: None,
        destination_port: None,
    };
    let prefix = |octets: [u8; 4], len| Some(AclPrefix::new(u32::from_be_bytes(octets), len));
    let ports = |source_port, destination, destination_port| AclFrames::Ipv4 {
        source: None,
        destination,
        protocol: None,
        source_port,
        destination_port,
    };
    rules([
        (false, None, ip(prefix([10, 66, 0, 0], 16), None, None)),
        (true, None, ports(None, prefix([10, 1, 0, 0], 16), Some((80, 80)))),
        (false, None, ports(None, prefix([10, 1, 0, 0], 16), Some((1, 1023)))),
        (false, None, ports(Some((53, 53)), None, None)),
        (false, Some(vec![PLAIN, GROUP + 1]), ip(None, None, Some(1))),
        (true, Some(vec![PLAIN_TOO]), ip(None, prefix([10, 2, 2, 3], 32), None)),
        (false, None, ip(None, prefix([10, 2, 2, 3], 32), None)),
    ])
}

fn ethernet_list() -> AclList {
    let frames = |source, destination, ethertype| AclFrames::Ethernet { source, destination, ethertype };
    let to = AclPrefix::new(u32::from_be_bytes([10, 3, 0, 0]), 17);
    rules([
        (true, Some(vec![REMOTE]), frames(None, None, Some(0x88b5))),
        (false, None, frames(Some(mac(0x66)), None, None)),
        (false, None, frames(None, None, Some(0x88b5))),
        (true, None, frames(None, Some(mac(0x11)), Some(0x0806))),
        (false, None, frames(None, Some(mac(0x11)), None)),
        (
            false,
            None,
            AclFrames::Ipv4 {
                source: None,
                destination: Some(to),
                protocol: None,
                source_port: None,
                destination_port: None,
            },
        ),
    ])
}

fn rules<const N: usize>(rules: [(bool, Option<Vec<Lport>>, AclFrames); N]) -> AclList {
    let rule = |(counter, (permit, ingress, frames))| AclRule { permit, counter, ingress, frames };
    AclList { rules: (0..).zip(rules).map(rule).collect() }
}

fn routing() -> Routing {
    let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
    let station = |last, vid| msm_dataplane::Station { mac: mac(last), vid };
    let by = |gateways: &[(&str, u16)]| {
        RouteTo::Hops(gateways.iter().map(|(addr, vid)| Gateway { ip: ip(addr), vid: *vid }).collect())
    };
    let connected = |vid| RouteTo::Connected { vid };
    let routes = [
        ("10.0.10.0/24", connected(10)),
        ("10.0.10.254/32", RouteTo::Local),
        ("10.0.10.255/32", RouteTo::Local),
        ("10.0.20.0/24", connected(20)),
        ("10.1.0.0/16", by(&[("10.0.10.1", 10)])),
        ("10.2.0.0/16", by(&[("10.0.20.1", 20)])),
        ("10.3.0.0/16", by(&[("10.0.10.1", 10), ("10.0.20.1", 20), ("10.0.10.2", 10)])),
        ("10.3.3.0/24", RouteTo::Blackhole),
        ("10.4.0.0/25", by(&[("10.0.10.77", 10)])),
        ("10.5.0.0/16", by(&[("10.0.99.1", 99)])),
        ("10.6.0.0/16", by(&[("10.0.20.2", 20)])),
        ("10.7.0.0/16", by(&[("10.0.10.3", 10)])),
        ("2001:db8:10::/64", connected(10)),
        ("2001:db8:10::fe/128", RouteTo::Local),
        ("2001:db8:1::/48", by(&[("2001:db8:10::1", 10)])),
        ("2001:db8:3::/48", by(&[("2001:db8:10::1", 10), ("fe80::20", 20)])),
        ("2001:db8:3:3::/64", RouteTo::Blackhole),
    ];
    Routing {
        hosts: [
            (ip("10.0.10.1"), station(0x31, 10)),
            (ip("10.0.10.2"), station(0x32, 10)),
            (ip("10.0.10.3"), station(0x33, 10)),
            (ip("10.0.10.4"), station(0x30, 10)),
            // Of whose station the FDB knows nothing.
            (ip("10.0.10.5"), station(0x3a, 10)),
            (ip("10.0.20.1"), station(0x34, 20)),
            (ip("10.0.20.2"), station(0x35, 20)),
            (ip("10.0.20.3"), station(0x36, 20)),
            (ip("10.0.20.4"), station(0x37, 20)),
            (ip("10.0.99.1"), station(0x34, 99)),
            (ip("2001:db8:10::1"), station(0x31, 10)),
            (ip("2001:db8:10::2"), station(0x32, 10)),
        ]
        .into(),
        link_local: [(Gateway { ip: ip("fe80::20"), vid: 20 }, mac(0x34))].into(),
        routes: routes.into_iter().map(|(text, to)| (text.parse().expect("a prefix"), to)).collect(),
    }
}
