//! Routed frames beside the reference: every kind of route, options, fragments, checksums, TTL, MTU, martians,
//! and every truncation of every header.

use std::net::IpAddr;
use std::rc::Rc;

use msm_abi::{CpuClass, FabricState, FdbEntry, LimitEntry, Lport, PORTS, PlaneConfig, names, vlan_flags};
use msm_dataplane::plane::Plane as Tables;
use msm_dataplane::store::{Model, Table};
use msm_dataplane::tables::plane_config;
use msm_dataplane::{Gateway, Prefix, RouteTo, Routing, Station};

use crate::frames::*;
use crate::plane::*;
use crate::reference::{Frame, Seen, Station as Known, Switch, Verdict, checksum};

const ROUTER: [u8; 6] = [2, 0, 0, 0xee, 0, 1];
const SVI: Lport = PORTS as Lport;
/// VLAN that frames come in by, and VLANs that they go on in: 10 is tagged at 1:2, 20 untagged at 2:1.
const IN: u16 = 1;
const MTU: u16 = 1000;
const FRAMES: u32 = 15_000;

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }
    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn by(gateways: &[(&str, u16)]) -> RouteTo {
    RouteTo::Hops(gateways.iter().map(|(addr, vid)| Gateway { ip: ip(addr), vid: *vid }).collect())
}

fn routing() -> Routing {
    let station = |mac, vid| Station { mac, vid };
    let (connected, local) = (RouteTo::Connected { vid: 10 }, RouteTo::Local);
    let routes = [
        ("10.0.10.0/24", connected.clone()),
        ("10.0.10.254/32", local.clone()),
        ("10.0.10.255/32", local.clone()),
        ("10.0.1.0/24", RouteTo::Connected { vid: IN }),
        ("10.0.1.254/32", local.clone()),
        ("10.0.1.255/32", local.clone()),
        ("10.1.0.0/16", by(&[("10.0.10.1", 10)])),
        ("10.2.0.0/16", by(&[("10.0.20.1", 20)])),
        ("10.3.0.0/16", by(&[("10.0.10.1", 10), ("10.0.20.1", 20), ("10.0.10.2", 10)])),
        ("10.3.3.0/24", RouteTo::Blackhole),
        ("10.4.0.0/25", by(&[("10.0.10.77", 10)])),
        ("10.5.0.0/16", by(&[("10.0.99.1", 99)])),
        ("10.6.0.0/16", by(&[("10.0.1.1", IN)])),
        ("10.7.0.0/16", by(&[("10.0.1.1", IN), ("10.0.20.1", 20)])),
        ("2001:db8:10::/64", connected),
        ("2001:db8:f::/64", RouteTo::Connected { vid: IN }),
        ("2001:db8:f::fe/128", local.clone()),
        ("2001:db8:6::/48", by(&[("2001:db8:f::1", IN)])),
        ("2001:db8:10::fe/128", local),
        ("2001:db8:1::/48", by(&[("2001:db8:10::1", 10)])),
        ("2001:db8:3::/48", by(&[("2001:db8:10::1", 10), ("fe80::20", 20)])),
        ("2001:db8:3:3::/64", RouteTo::Blackhole),
    ];
    Routing {
        hosts: [
            (ip("10.0.10.1"), station(S12, 10)),
            (ip("10.0.10.2"), station(S22, 10)),
            (ip("10.0.20.1"), station(S21, 20)),
            (ip("10.0.1.1"), station(S22, IN)),
            (ip("2001:db8:f::1"), station(S22, IN)),
            (ip("10.0.99.1"), station(S21, 99)),
            (ip("2001:db8:10::1"), station(S12, 10)),
        ]
        .into(),
        link_local: [(Gateway { ip: ip("fe80::20"), vid: 20 }, S21)].into(),
        routes: routes
            .into_iter()
            .map(|(text, to)| (text.parse::<Prefix>().expect("a prefix"), to))
            .collect(),
    }
}

const TO4: [&str; 24] = [
    "10.0.10.1",
    "10.0.10.2",
    "10.0.10.3",
    "10.0.10.254",
    "10.0.10.255",
    "10.1.2.3",
    "10.2.2.3",
    "10.3.2.3",
    "10.3.77.9",
    "10.3.3.3",
    "10.4.0.1",
    "10.4.0.128",
    "10.5.0.1",
    "8.8.8.8",
    "0.1.2.3",
    "127.0.0.1",
    "224.0.0.5",
    "240.0.0.1",
    "255.255.255.255",
    "10.0.20.1",
    "10.0.1.1",
    "10.6.2.3",
    "10.6.2.4",
    "10.7.2.3",
];
const TO6: [&str; 12] = [
    "2001:db8:10::1",
    "2001:db8:10::2",
    "2001:db8:10::fe",
    "2001:db8:1::9",
    "2001:db8:3:1::9",
    "2001:db8:3:3::9",
    "fe80::1",
    "::1",
    "ff02::5",
    "2a00::1",
    "2001:db8:f::1",
    "2001:db8:6::9",
];

/// The programs with the routes in their tables, and the tables beside.
struct Routed {
    plane: Plane,
    switch: Switch,
}

impl Routed {
    fn new() -> Self {
        let mut owner = Tables::new(Model::new(16));
        owner.reconcile_routes(&routing()).expect("routed");
        let tables = owner.store().clone();
        let mut plane = Plane::new();
        for table in
            [Table::Routes, Table::Hops, Table::HopGroups, Table::Ipfdb, Table::Ipfdb6, Table::Routes6]
        {
            tables.written(table).for_each(|(key, value)| plane.set_bytes(table.name(), key, value));
        }
        let routes = plane_config::get(&tables).expect("read").routes;
        let router_mac = plane_config::router_mac(ROUTER);
        let config =
            PlaneConfig { fdb_age: AGE, fdb_refresh: REFRESH, router_mac, routes, ..PlaneConfig::default() };
        plane.config(config);
        let mut switch = Switch { config, tx: ALL.into(), routes: Rc::new(tables), ..Switch::default() };
        switch.ports.insert(LOOPBACK, port_entry(P11));
        switch.fabrics.insert(0, FabricState { present: 1, programmed: 1 });
        for (vid, untagged, tagged) in [(IN, &ALL[..], &[][..]), (10, &[P22], &[P12]), (20, &[P21], &[])] {
            let mut entry = plane.vlan(vid, 0, untagged, tagged);
            entry.flags |= vlan_flags::ROUTED | vlan_flags::ROUTED6;
            (entry.svi, entry.mtu) = (SVI + vid, MTU);
            plane.set(names::VLANS, &u32::from(vid), &entry);
            switch.vlans.insert(vid, entry);
            let program = plane.program_fd(names::PROG_EGRESS) as u32;
            plane.set(names::TX, &u32::from(SVI + vid), &[LOOPBACK, program]);
            switch.tx.insert(SVI + vid);
        }
        for (mac, vid, lport) in [(S12, 10, P12), (S22, 10, P22), (S21, 20, P21), (S22, IN, P22)] {
            plane.station(mac, vid, FdbEntry::new(lport, 0, now_stamp()));
            switch.fdb.insert((mac, vid), Known { lport, flags: 0, seen: Seen::Lately });
        }
        Self { plane, switch }
    }
}

fn packet4(random: &mut Random) -> Vec<u8> {
    let words = if random.one_in(10) { random.below(16) as u8 } else { 5 };
    let header = usize::from(words.max(5)) * 4;
    let payload = match random.below(8) {
        0 => random.below(12),
        1 => u64::from(MTU) - header as u64 + random.below(3) - 1,
        _ => 26 + random.below(100),
    } as usize;
    let mut packet = vec![0; header + payload];
    packet[0] = 0x40 | words;
    if random.one_in(30) {
        packet[0] = random.below(256) as u8;
    }
    let mut total = packet.len() as u16;
    if random.one_in(15) {
        total = random.pick(&[0, 19, 20, total + 1, total - 1, 0xFFFF]);
    }
    packet[2..4].copy_from_slice(&total.to_be_bytes());
    let fragment: u16 = if random.one_in(5) { random.pick(&[0x2000, 0x4000, 0x0001, 0x2005]) } else { 0 };
    packet[6..8].copy_from_slice(&fragment.to_be_bytes());
    packet[8] = random.pick(&[0, 1, 2, 64, 64, 64, 255]);
    packet[9] = random.pick(&[6, 17, 17, 89, 1]);
    let from = match random.below(10) {
        0 => random.pick(&["127.0.0.1", "0.0.0.0", "239.1.1.1", "255.255.255.255"]),
        1..4 => random.pick(&["10.0.1.9", "10.0.1.1", "10.0.1.254", "10.0.1.255", "10.0.10.1"]),
        _ => random.pick(&["10.9.9.9", "10.9.9.10", "10.9.8.7"]),
    };
    let (IpAddr::V4(from), IpAddr::V4(to)) = (ip(from), ip(random.pick(&TO4))) else { unreachable!() };
    packet[12..16].copy_from_slice(&from.octets());
    packet[16..20].copy_from_slice(&to.octets());
    // Any checksum at which RFC 1141 carries.
    packet[4..6].copy_from_slice(&(random.below(0x1_0000) as u16).to_be_bytes());
    let check = checksum(&packet[..header]);
    packet[10..12].copy_from_slice(&check.to_be_bytes());
    if random.one_in(15) {
        packet[random.pick(&[4, 8, 10, 11])] ^= 1 << random.below(8);
    }
    upper(random, &mut packet[header..]);
    packet
}

fn packet6(random: &mut Random) -> Vec<u8> {
    let payload = match random.below(8) {
        0 => random.below(12),
        1 => u64::from(MTU) - 40 + random.below(3) - 1,
        _ => 26 + random.below(100),
    } as usize;
    let mut packet = vec![0; 40 + payload];
    packet[0] = if random.one_in(30) { random.below(256) as u8 } else { 0x60 };
    let mut len = payload as u16;
    if random.one_in(15) {
        len = random.pick(&[0, len + 1, 0xFFFF]);
    }
    packet[4..6].copy_from_slice(&len.to_be_bytes());
    packet[6] = random.pick(&[6, 17, 58, 89, 0, 44]);
    packet[7] = random.pick(&[0, 1, 2, 64, 64, 64, 255]);
    let from = match random.below(8) {
        0 => random.pick(&["fe80::9", "::", "::1", "ff02::1"]),
        1..3 => random.pick(&["2001:db8:f::9", "2001:db8:f::1", "2001:db8:f::fe", "2001:db8:10::1"]),
        _ => random.pick(&["2001:db8:9::9", "2001:db8:9::a", "2001:db8:9:8::7"]),
    };
    let (IpAddr::V6(from), IpAddr::V6(to)) = (ip(from), ip(random.pick(&TO6))) else { unreachable!() };
    packet[8..24].copy_from_slice(&from.octets());
    packet[24..40].copy_from_slice(&to.octets());
    upper(random, &mut packet[40..]);
    packet
}

/// Ports, and kinds of ICMP, that mean something.
fn upper(random: &mut Random, payload: &mut [u8]) {
    let ports = [random.pick(&[179, 520, 4000]), random.pick(&[179, 520, 4000])];
    let mut bytes: Vec<u8> = ports.iter().flat_map(|port: &u16| port.to_be_bytes()).collect();
    if random.one_in(3) {
        bytes[0] = random.pick(&[128, 132, 133, 135, 137, 138]);
    }
    for (byte, is) in payload.iter_mut().zip(bytes) {
        *byte = is;
    }
}

fn ethernet(kind: u16, tci: Option<u16>, packet: &[u8]) -> Vec<u8> {
    let untagged = [&ROUTER[..], &S11[..], &kind.to_be_bytes(), packet].concat();
    tci.map_or(untagged.clone(), |tci| tag(&untagged, tci))
}

/// A frame to the router in VLAN 1 at 1:1, by the programs and by the reference.
fn compare(routed: &mut Routed, frame: &[u8]) -> Verdict {
    let Routed { plane, switch } = routed;
    let expected = switch.receive(LOOPBACK, Frame::xdp(frame)).verdict;
    let outcome = plane.run(frame);
    let told = format!("{} bytes: {frame:02x?}", frame.len());
    match &expected {
        Verdict::Dropped(_) => assert_eq!(outcome.action, XDP_DROP, "{expected:?}: {told}"),
        Verdict::Sent { frame, .. } => {
            assert_eq!((outcome.action, &outcome.frame), (XDP_REDIRECT, frame), "{told}");
        }
        other => panic!("{other:?}: {told}"),
    }
    for port in ALL {
        let expected = switch.counters.get(&u32::from(port)).copied().unwrap_or_default();
        assert_eq!(plane.counters(u32::from(port)), expected, "counters of {port}: {told}");
    }
    for (class, name) in CpuClass::ALL {
        assert_eq!(plane.cpu(class), switch.cpu.get(&class).copied().unwrap_or_default(), "{name}: {told}");
    }
    expected
}

#[test]
fn routed_frames_go_as_the_standards_say() {
    let mut routed = Routed::new();
    let mut random = Random(0x13);
    let (mut fates, mut groups) = ([0u32; 3], [0u32; 3]);
    for _ in 0..FRAMES {
        let tci = random.one_in(3).then(|| (random.below(8) as u16) << 13);
        let frame = if random.one_in(2) {
            ethernet(0x0800, tci, &packet4(&mut random))
        } else {
            ethernet(0x86DD, tci, &packet6(&mut random))
        };
        match compare(&mut routed, &frame) {
            Verdict::Sent { to, .. } if usize::from(to) >= PORTS => fates[1] += 1,
            Verdict::Sent { to, .. } => {
                fates[2] += 1;
                groups[[P12, P21, P22].iter().position(|p| *p == to).expect("a port")] += 1;
            }
            _ => fates[0] += 1,
        }
    }
    assert!(fates.iter().all(|count| *count > FRAMES / 10), "{fates:?}");
    assert!(groups.iter().all(|count| *count > FRAMES / 200), "{groups:?}");
}

/// A whole packet from one address to another.
fn between(from: &str, to: &str) -> Vec<u8> {
    let packet = match (ip(from), ip(to)) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let mut packet = [0x45, 0, 0, 60, 0, 1, 0, 0, 64, 17, 0, 0].to_vec();
            packet.extend(from.octets().into_iter().chain(to.octets()));
            let check = checksum(&packet);
            packet[10..12].copy_from_slice(&check.to_be_bytes());
            packet
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let mut packet = [0x60, 0, 0, 0, 0, 40, 17, 64].to_vec();
            packet.extend(from.octets().into_iter().chain(to.octets()));
            packet
        }
        mixed => unreachable!("{mixed:?}"),
    };
    let kind = if packet[0] == 0x45 { 0x0800 } else { 0x86DD };
    ethernet(kind, None, &[packet, vec![0; 40]].concat())
}

#[test]
fn the_stack_tells_a_neighbour_of_a_shorter_way_within_a_rate() {
    const AT_ONCE: u32 = 3;
    const MANY: u64 = 20;
    let mut routed = Routed::new();
    let class = CpuClass::Redirect as u32;
    let to_stack = |verdict: Verdict| matches!(verdict, Verdict::Sent { to, .. } if to == SVI + IN);
    // To a neighbour of the sender's, by one, and by one of two; not from elsewhere, not from our own address or a broadcast one, not on
    // in another VLAN.
    for (from, to, told) in [
        ("10.0.1.9", "10.0.1.1", true),
        ("10.0.1.9", "10.6.2.3", true),
        ("2001:db8:f::9", "2001:db8:f::1", true),
        ("2001:db8:f::9", "2001:db8:6::9", true),
        ("10.9.9.9", "10.6.2.3", false),
        ("10.0.10.1", "10.6.2.3", false),
        ("10.0.1.254", "10.6.2.3", false),
        ("10.0.1.255", "10.6.2.3", false),
        ("10.0.1.9", "10.1.2.3", false),
        ("2001:db8:9::9", "2001:db8:6::9", false),
        ("2001:db8:10::1", "2001:db8:6::9", false),
        ("2001:db8:f::fe", "2001:db8:6::9", false),
        ("2001:db8:f::9", "2001:db8:1::9", false),
    ] {
        assert_eq!(to_stack(compare(&mut routed, &between(from, to))), told, "{from} to {to}");
    }
    // Over the rate they go on as before.
    routed.plane.set(names::CPU_LIMITS, &class, &LimitEntry::of(0, 1));
    routed.switch.closed_classes.insert(CpuClass::Redirect);
    for (from, to) in [("10.0.1.9", "10.6.2.3"), ("2001:db8:f::9", "2001:db8:6::9")] {
        let verdict = compare(&mut routed, &between(from, to));
        assert!(matches!(verdict, Verdict::Sent { to: P22, .. }), "{verdict:?}");
    }
    routed.plane.set(names::CPU_LIMITS, &class, &LimitEntry::of(1, AT_ONCE));
    let before = routed.plane.cpu(CpuClass::Redirect);
    let frame = between("10.0.1.9", "10.6.2.3");
    let ttl = |frame: &[u8]| frame[14 + 8];
    let on = (0..MANY).filter(|_| {
        let outcome = routed.plane.run(&frame);
        assert_eq!(outcome.action, XDP_REDIRECT, "none is lost");
        ttl(&outcome.frame) == 63
    });
    let on = on.count() as u64;
    let now = routed.plane.cpu(CpuClass::Redirect);
    assert_eq!((now.passed - before.passed, now.limited - before.limited), (MANY - on, on));
    // A second more may have gone by than the loop takes.
    assert!((MANY - 2 * u64::from(AT_ONCE)..=MANY - u64::from(AT_ONCE)).contains(&on), "{on}");
}

#[test]
fn every_truncation_is_dropped_or_goes_whole() {
    let mut routed = Routed::new();
    let mut random = Random(0x77);
    for _ in 0..12 {
        for (kind, packet) in [(0x0800, packet4(&mut random)), (0x86DD, packet6(&mut random))] {
            for tci in [None, Some(0x6000)] {
                let whole = ethernet(kind, tci, &packet);
                let from = if tci.is_some() { 18 } else { 14 };
                for len in from..whole.len().min(from + 80) {
                    compare(&mut routed, &whole[..len]);
                }
                compare(&mut routed, &whole);
            }
        }
    }
}

#[test]
fn a_vlan_that_does_not_forward_gives_all_to_the_stack() {
    let mut routed = Routed::new();
    let entry = routed.switch.vlans.get_mut(&IN).expect("an entry");
    entry.flags &= !(vlan_flags::ROUTED | vlan_flags::ROUTED6);
    routed.plane.set(names::VLANS, &u32::from(IN), entry);
    let mut random = Random(5);
    for _ in 0..50 {
        for (kind, packet) in [(0x0800, packet4(&mut random)), (0x86DD, packet6(&mut random))] {
            let verdict = compare(&mut routed, &ethernet(kind, None, &packet));
            assert!(matches!(verdict, Verdict::Sent { to, .. } if to == SVI + IN), "{verdict:?}");
        }
    }
}
