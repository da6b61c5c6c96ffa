//! Routed frames beside a reader of RFC 1812 and RFC 8200: every kind of route, options, fragments, checksums, TTL, MTU, martians,
//! and every truncation of every header.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use msm_abi::{
    CPU_CLASSES, CpuClass, DropReason, FdbEntry, Lport, PORTS, PlaneConfig, PortCounters, VlanEntry,
    flow_hash, names, vlan_flags,
};
use msm_dataplane::plane::{
    Plane as Tables,
    routes::lookup::{Answer, lookup},
};
use msm_dataplane::store::{Model, Table};
use msm_dataplane::tables::plane_config;
use msm_dataplane::{Gateway, Prefix, RouteTo, Routing, Station};

use crate::frames::*;
use crate::plane::*;

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
        ("10.1.0.0/16", by(&[("10.0.10.1", 10)])),
        ("10.2.0.0/16", by(&[("10.0.20.1", 20)])),
        ("10.3.0.0/16", by(&[("10.0.10.1", 10), ("10.0.20.1", 20), ("10.0.10.2", 10)])),
        ("10.3.3.0/24", RouteTo::Blackhole),
        ("10.4.0.0/25", by(&[("10.0.10.77", 10)])),
        ("10.5.0.0/16", by(&[("10.0.99.1", 99)])),
        ("2001:db8:10::/64", connected),
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

const TO4: [&str; 20] = [
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
];
const TO6: [&str; 10] = [
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
];

/// The programs with the routes in their tables, and the tables beside.
struct Routed {
    plane: Plane,
    tables: Model,
}

fn set<const K: usize, const V: usize>(plane: &Plane, tables: &mut Model, table: Table) {
    for (key, value) in tables.written(table) {
        let (key, value): ([u8; K], [u8; V]) =
            (key.try_into().expect("a key"), value.try_into().expect("a value"));
        plane.set(table.name(), &key, &value);
    }
}

impl Routed {
    fn new() -> Self {
        let mut owner = Tables::new(Model::new(16));
        owner.reconcile_routes(&routing()).expect("routed");
        let mut tables = owner.store().clone();
        let mut plane = Plane::new();
        set::<4, 1024>(&plane, &mut tables, Table::Routes);
        set::<4, 32>(&plane, &mut tables, Table::Hops);
        set::<4, 68>(&plane, &mut tables, Table::HopGroups);
        set::<4, 8>(&plane, &mut tables, Table::Ipfdb);
        set::<16, 8>(&plane, &mut tables, Table::Ipfdb6);
        set::<20, 4>(&plane, &mut tables, Table::Routes6);
        let routes = plane_config::get(&tables).expect("read").routes;
        let router_mac = plane_config::router_mac(ROUTER);
        plane.config(PlaneConfig {
            fdb_age: AGE,
            fdb_refresh: REFRESH,
            router_mac,
            routes,
            ..PlaneConfig::default()
        });
        plane.vlan(10, 0, &[P22], &[P12]);
        plane.vlan(20, 0, &[P21], &[]);
        for vid in [IN, 10, 20] {
            let mut entry: VlanEntry = plane.get(names::VLANS, &u32::from(vid)).expect("an entry");
            entry.flags |= vlan_flags::ROUTED | vlan_flags::ROUTED6;
            (entry.svi, entry.mtu) = (SVI + vid, MTU);
            plane.set(names::VLANS, &u32::from(vid), &entry);
            let program = plane.program_fd(names::PROG_EGRESS) as u32;
            plane.set(names::TX, &u32::from(SVI + vid), &[LOOPBACK, program]);
        }
        let at = |lport| FdbEntry::new(lport, 0, now_stamp());
        plane.station(S12, 10, at(P12));
        plane.station(S22, 10, at(P22));
        plane.station(S21, 20, at(P21));
        Self { plane, tables }
    }
}

/// What should become of a frame.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Dropped(DropReason),
    Stack(CpuClass),
    Sent { by: Lport, frame: Vec<u8> },
}

/// One's complement sum of 16-bit words.
fn sum(bytes: &[u8]) -> u16 {
    let mut sum: u32 =
        bytes.chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(*w.get(1).unwrap_or(&0))).sum();
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    sum as u16
}

/// Of the switch's own protocols; the upper layer begins at `at`.
fn local(upper: &[u8], protocol: u8, v6: bool) -> Fate {
    let port = |at: usize| upper.get(at..at + 2).map(|p| u16::from_be_bytes([p[0], p[1]]));
    let class = match protocol {
        89 => CpuClass::Routing,
        58 if v6 && upper.len() >= 2 && (133..=137).contains(&upper[0]) => CpuClass::Arp,
        17 if port(2) == Some(520) && upper.len() >= 4 => CpuClass::Routing,
        6 if upper.len() >= 4 && (port(0) == Some(179) || port(2) == Some(179)) => CpuClass::Routing,
        _ => CpuClass::Local,
    };
    Fate::Stack(class)
}

/// A frame to the router in VLAN 1 at 1:1.
fn fate(tables: &Model, frame: &[u8]) -> Fate {
    let has_tag = frame[12..14] == [0x81, 0x00];
    let start = if has_tag { 18 } else { 14 };
    let kind = u16::from_be_bytes([frame[start - 2], frame[start - 1]]);
    let packet = &frame[start..];
    let result = match kind {
        0x0800 => ipv4(tables, packet),
        0x86DD => ipv6(tables, packet),
        _ => return Fate::Stack(CpuClass::Flood),
    };
    let (to, length) = match result {
        Ok(way) => way,
        Err(fate) => return fate,
    };
    if ![1, 10, 20].contains(&to.vid) {
        return Fate::Stack(CpuClass::Resolve);
    }
    if length > usize::from(MTU) {
        return Fate::Stack(CpuClass::Exception);
    }
    let by = if to.mac == S12 {
        P12
    } else if to.mac == S22 {
        P22
    } else {
        P21
    };
    let mut sent = frame.to_vec();
    sent[..6].copy_from_slice(&to.mac);
    sent[6..12].copy_from_slice(&ROUTER);
    let head = &mut sent[start..];
    if kind == 0x0800 {
        head[8] -= 1;
        head[10..12].fill(0);
        let check = !sum(&head[..20]);
        head[10..12].copy_from_slice(&check.to_be_bytes());
    } else {
        head[7] -= 1;
    }
    let priority = if has_tag { u16::from_be_bytes([frame[14], frame[15]]) & 0xF000 } else { 0 };
    if has_tag {
        sent.drain(12..16);
    }
    Fate::Sent { by, frame: if by == P12 { tag(&sent, priority | to.vid) } else { sent } }
}

fn way(tables: &Model, to: IpAddr, flow: (u64, u64), upper: &[u8], protocol: u8) -> Result<Station, Fate> {
    let choose = |count: u32| (flow_hash(flow.0, flow.1) >> 32) as u32 % count;
    match lookup(tables, to, choose).expect("a model reads") {
        Answer::To(station) => Ok(station),
        Answer::Resolve => Err(Fate::Stack(CpuClass::Resolve)),
        Answer::Local => Err(local(upper, protocol, to.is_ipv6())),
        Answer::Blackhole => Err(Fate::Dropped(DropReason::RouteBlackhole)),
    }
}

fn ipv4(tables: &Model, packet: &[u8]) -> Result<(Station, usize), Fate> {
    let bad = || Err(Fate::Dropped(DropReason::BadIp));
    if packet.len() < 20 || packet[0] >> 4 != 4 || packet[0] & 15 < 5 {
        return bad();
    }
    let (header, total) =
        (usize::from(packet[0] & 15) * 4, usize::from(u16::from_be_bytes([packet[2], packet[3]])));
    if total < header || total > packet.len() {
        return bad();
    }
    if header > 20 {
        return Err(Fate::Stack(CpuClass::Exception));
    }
    if sum(&packet[..20]) != 0xFFFF {
        return bad();
    }
    let address = |at: usize| Ipv4Addr::from(<[u8; 4]>::try_from(&packet[at..at + 4]).unwrap());
    let (from, to) = (address(12), address(16));
    let martian = |a: Ipv4Addr| [0, 127].contains(&a.octets()[0]) || a.octets()[0] >= 224;
    // A later fragment has no ports.
    let upper = if u16::from_be_bytes([packet[6], packet[7]]) & 0x1FFF == 0 { &packet[20..] } else { &[] };
    if martian(from) || martian(to) && !to.is_broadcast() {
        return Err(Fate::Dropped(DropReason::Martian));
    }
    if to.is_broadcast() {
        return Err(local(upper, packet[9], false));
    }
    let flow = (u64::from(from.to_bits()), u64::from(to.to_bits()));
    let station = way(tables, to.into(), flow, upper, packet[9])?;
    if packet[8] <= 1 { Err(Fate::Stack(CpuClass::Exception)) } else { Ok((station, total)) }
}

fn ipv6(tables: &Model, packet: &[u8]) -> Result<(Station, usize), Fate> {
    let bad = || Err(Fate::Dropped(DropReason::BadIp));
    if packet.len() < 40 || packet[0] >> 4 != 6 {
        return bad();
    }
    let total = usize::from(u16::from_be_bytes([packet[4], packet[5]])) + 40;
    if total > packet.len() {
        return bad();
    }
    let address = |at: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&packet[at..at + 16]).unwrap());
    let (from, to) = (address(8), address(24));
    let martian = |a: Ipv6Addr| a.is_multicast() || a.is_loopback() || a.is_unspecified();
    if martian(from) || martian(to) {
        return Err(Fate::Dropped(DropReason::Martian));
    }
    if from.is_unicast_link_local() || to.is_unicast_link_local() {
        return Err(local(&packet[40..], packet[6], true));
    }
    let fold = |a: Ipv6Addr| (a.to_bits() >> 64) as u64 ^ a.to_bits() as u64;
    let station = way(tables, to.into(), (fold(from), fold(to)), &packet[40..], packet[6])?;
    if packet[7] <= 1 || packet[6] == 0 {
        Err(Fate::Stack(CpuClass::Exception))
    } else {
        Ok((station, total))
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
        _ => random.pick(&["10.9.9.9", "10.9.9.10", "10.9.8.7"]),
    };
    let (IpAddr::V4(from), IpAddr::V4(to)) = (ip(from), ip(random.pick(&TO4))) else { unreachable!() };
    packet[12..16].copy_from_slice(&from.octets());
    packet[16..20].copy_from_slice(&to.octets());
    // Any checksum at which RFC 1141 carries.
    packet[4..6].copy_from_slice(&(random.below(0x1_0000) as u16).to_be_bytes());
    let check = !sum(&packet[..header]);
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

/// What happened to a frame, by what the programs counted.
fn seen(routed: &Routed, frame: &[u8]) -> Fate {
    let plane = &routed.plane;
    let count = || {
        let cpu: Vec<u64> =
            (0..CPU_CLASSES.min(CpuClass::COUNT)).map(|i| plane.cpu(CpuClass::ALL[i].0).passed).collect();
        let at = |lport: Lport| plane.counters(u32::from(lport));
        (cpu, at(P11), [P12, P21, P22].map(|lport| at(lport).tx_frames))
    };
    let (cpu, port, sent): (Vec<u64>, PortCounters, [u64; 3]) = count();
    let outcome = plane.run(frame);
    let (cpu_after, port_after, sent_after) = count();
    let one = |before: &[u64], after: &[u64]| {
        let more: Vec<usize> = (0..before.len()).filter(|i| after[*i] != before[*i]).collect();
        assert!(more.len() <= 1 && more.iter().all(|i| after[*i] == before[*i] + 1), "{frame:02x?}");
        more.first().copied()
    };
    let drop = one(&port.drops, &port_after.drops);
    let class = one(&cpu, &cpu_after);
    let by = one(&sent, &sent_after);
    let routed = port_after.routed - port.routed;
    match (drop, class, by) {
        (Some(at), None, None) => {
            assert_eq!((outcome.action, routed), (XDP_DROP, 0));
            let reason =
                DropReason::ALL.iter().find(|(reason, _)| *reason as usize == at).expect("a reason").0;
            Fate::Dropped(reason)
        }
        (None, Some(class), None) => {
            assert_eq!((outcome.action, routed, port_after.to_cpu), (XDP_REDIRECT, 0, port.to_cpu + 1));
            let has_tag = frame[12..14] == [0x81, 0x00];
            let as_it_came = if has_tag { untag(frame) } else { frame.to_vec() };
            assert_eq!(outcome.frame, as_it_came, "the stack gets the frame as it came, without a tag");
            Fate::Stack(CpuClass::ALL[class].0)
        }
        (None, None, Some(by)) => {
            assert_eq!((outcome.action, routed), (XDP_REDIRECT, 1));
            Fate::Sent { by: [P12, P21, P22][by], frame: outcome.frame }
        }
        other => panic!("{other:?}: {frame:02x?}"),
    }
}

fn compare(routed: &Routed, frame: &[u8]) -> Fate {
    let want = fate(&routed.tables, frame);
    assert_eq!(seen(routed, frame), want, "{} bytes: {frame:02x?}", frame.len());
    want
}

#[test]
fn routed_frames_go_as_the_standards_say() {
    let routed = Routed::new();
    let mut random = Random(0x13);
    let (mut fates, mut groups) = ([0u32; 3], [0u32; 3]);
    for _ in 0..FRAMES {
        let tci = random.one_in(3).then(|| (random.below(8) as u16) << 13);
        let frame = if random.one_in(2) {
            ethernet(0x0800, tci, &packet4(&mut random))
        } else {
            ethernet(0x86DD, tci, &packet6(&mut random))
        };
        match compare(&routed, &frame) {
            Fate::Dropped(_) => fates[0] += 1,
            Fate::Stack(_) => fates[1] += 1,
            Fate::Sent { by, .. } => {
                fates[2] += 1;
                groups[[P12, P21, P22].iter().position(|p| *p == by).expect("a port")] += 1;
            }
        }
    }
    assert!(fates.iter().all(|count| *count > FRAMES / 10), "{fates:?}");
    assert!(groups.iter().all(|count| *count > FRAMES / 200), "{groups:?}");
}

#[test]
fn every_truncation_is_dropped_or_goes_whole() {
    let routed = Routed::new();
    let mut random = Random(0x77);
    for _ in 0..12 {
        for (kind, packet) in [(0x0800, packet4(&mut random)), (0x86DD, packet6(&mut random))] {
            for tci in [None, Some(0x6000)] {
                let whole = ethernet(kind, tci, &packet);
                let from = if tci.is_some() { 18 } else { 14 };
                for len in from..whole.len().min(from + 80) {
                    compare(&routed, &whole[..len]);
                }
                compare(&routed, &whole);
            }
        }
    }
}

#[test]
fn a_vlan_that_does_not_forward_gives_all_to_the_stack() {
    let routed = Routed::new();
    let mut entry: VlanEntry = routed.plane.get(names::VLANS, &u32::from(IN)).expect("an entry");
    entry.flags &= !(vlan_flags::ROUTED | vlan_flags::ROUTED6);
    routed.plane.set(names::VLANS, &u32::from(IN), &entry);
    let mut random = Random(5);
    for _ in 0..50 {
        for (kind, packet) in [(0x0800, packet4(&mut random)), (0x86DD, packet6(&mut random))] {
            assert!(matches!(seen(&routed, &ethernet(kind, None, &packet)), Fate::Stack(_)));
        }
    }
}
