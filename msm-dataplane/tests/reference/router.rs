//! Routing: where a packet to the router's address goes, and what a hop changes in it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use msm_abi::{CpuClass, DropReason, RouteKind, VlanEntry, flow_hash, route_index, route_kind, vlan_flags};
use msm_dataplane::Station;
use msm_dataplane::plane::routes::lookup::{Answer, entry, lookup};

use super::frame::{Frame, Header, number};
use super::tables::Switch;

const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const IPV6: u16 = 0x86dd;

/// Where a packet goes.
pub(crate) enum Way {
    /// To this neighbour.
    On(Station),
    Stack(CpuClass),
    /// To the stack, which forwards it and tells its sender of a shorter way. It is counted in its class.
    Told,
}

/// An IPv4 header, if there is a whole one, with what is in reach behind it.
pub(super) fn ipv4<'a>(frame: &'a Frame, header: &Header) -> Option<&'a [u8]> {
    let packet = frame.from(header.payload);
    (header.kind == IPV4 && packet.len() >= 20 && packet[0] >> 4 == 4 && packet[0] & 15 >= 5)
        .then_some(packet)
}

/// The same of IPv6.
pub(super) fn ipv6<'a>(frame: &'a Frame, header: &Header) -> Option<&'a [u8]> {
    let packet = frame.from(header.payload);
    (header.kind == IPV6 && packet.len() >= 40 && packet[0] >> 4 == 6).then_some(packet)
}

pub(super) fn address4(packet: &[u8], at: usize) -> Ipv4Addr {
    <[u8; 4]>::try_from(&packet[at..at + 4]).expect("four").into()
}

fn address6(packet: &[u8], at: usize) -> Ipv6Addr {
    <[u8; 16]>::try_from(&packet[at..at + 16]).expect("sixteen").into()
}

pub(super) fn is_later_fragment(packet: &[u8]) -> bool {
    number(packet, 6) & 0x1fff != 0
}

/// The addresses that choose a packet's way among equals.
pub(super) fn flow4(packet: &[u8]) -> u64 {
    flow_hash(address4(packet, 12).to_bits().into(), address4(packet, 16).to_bits().into())
}

pub(super) fn flow6(packet: &[u8]) -> u64 {
    let fold = |at| address6(packet, at).to_bits();
    let fold = |at| (fold(at) >> 64) as u64 ^ fold(at) as u64;
    flow_hash(fold(8), fold(24))
}

/// The class of a frame on its way to the stack; `other` if it is a packet of no protocol of the switch's own.
pub(super) fn class(frame: &Frame, header: &Header, other: CpuClass) -> CpuClass {
    match header.kind {
        ARP => CpuClass::Arp,
        IPV4 => match ipv4(frame, header) {
            Some(packet) if packet[9] == 89 => CpuClass::Routing,
            Some(packet) if packet[0] == 0x45 && !is_later_fragment(packet) => {
                by_ports(packet[9], &packet[20..], other)
            }
            _ => other,
        },
        IPV6 => match ipv6(frame, header) {
            Some(packet) if packet[6] == 89 => CpuClass::Routing,
            // Neighbour discovery, with a code behind.
            Some(packet) if packet[6] == 58 => match packet[40..] {
                [133..=137, _, ..] => CpuClass::Arp,
                _ => other,
            },
            Some(packet) => by_ports(packet[6], &packet[40..], other),
            None => other,
        },
        _ => CpuClass::Flood,
    }
}

/// RIP and BGP.
fn by_ports(protocol: u8, upper: &[u8], other: CpuClass) -> CpuClass {
    if upper.len() < 4 {
        return other;
    }
    let (source, destination) = (number(upper, 0), number(upper, 2));
    match protocol {
        17 if destination == 520 => CpuClass::Routing,
        6 if source == 179 || destination == 179 => CpuClass::Routing,
        _ => other,
    }
}

/// One's complement sum of 16-bit words.
fn sum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes.chunks_exact(2).map(|word| u32::from(number(word, 0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// The checksum that belongs to an IPv4 header.
pub(crate) fn checksum(header: &[u8]) -> u16 {
    let mut header = header.to_vec();
    header[10..12].fill(0);
    !sum(&header)
}

/// What is found out of a packet: where it leads, how long it is, and whether this is its last hop.
struct Found {
    from: IpAddr,
    to: IpAddr,
    flow: u64,
    len: usize,
    last: bool,
}

impl Switch {
    /// Where a frame to the router's address in VLAN `vid`, which is such a one, goes.
    pub(super) fn route(
        &mut self,
        frame: &Frame,
        header: &Header,
        vid: u16,
        vlan: &VlanEntry,
    ) -> Result<Way, DropReason> {
        let local = || Ok(Way::Stack(class(frame, header, CpuClass::Local)));
        let found = match header.kind {
            IPV4 if vlan.flags & vlan_flags::ROUTED != 0 => packet4(frame, header)?,
            IPV6 if vlan.flags & vlan_flags::ROUTED6 != 0 => packet6(frame, header)?,
            _ => return local(),
        };
        let found = match found {
            Ok(found) => found,
            Err(Some(class)) => return Ok(Way::Stack(class)),
            Err(None) => return local(),
        };
        let choose = |count: u32| (found.flow >> 32) as u32 % count;
        let to = match lookup(&*self.routes, found.to, choose).expect("a model reads") {
            Answer::To(station) => station,
            Answer::Resolve => return Ok(Way::Stack(CpuClass::Resolve)),
            Answer::Local => return local(),
            Answer::Blackhole => return Err(DropReason::RouteBlackhole),
        };
        if found.last {
            return Ok(Way::Stack(CpuClass::Exception));
        }
        let Some(vlan) = self.vlan(to.vid) else { return Ok(Way::Stack(CpuClass::Resolve)) };
        let longest = match frame.segment {
            0 => found.len,
            segment => usize::from(segment) + headers(frame, header),
        };
        if longest > usize::from(vlan.mtu) {
            return Ok(Way::Stack(CpuClass::Exception));
        }
        // Its sender may have a shorter way (RFC 1812 5.2.7.2, RFC 4861 8.2).
        if to.vid == vid && self.has_neighbour(found.from, vid) && self.admit(CpuClass::Redirect) {
            return Ok(Way::Told);
        }
        Ok(Way::On(to))
    }

    /// Whether an address is in a network of ours in VLAN `vid`.
    fn has_neighbour(&self, address: IpAddr, vid: u16) -> bool {
        let entry = entry(&*self.routes, address).expect("a model reads");
        (route_kind(entry), route_index(entry)) == (RouteKind::Connected as u32, vid.into())
    }
}

/// Bytes of the headers of each segment: IP's without options, and TCP's or UDP's; if it is another's, or out of reach, the longest of TCP's.
fn headers(frame: &Frame, header: &Header) -> usize {
    let (ip, protocol) = if header.kind == IPV4 { (20, 9) } else { (40, 6) };
    let octet = |at: usize| frame.bytes[..frame.reach].get(header.payload + at).copied();
    let both = |at: usize| octet(at).filter(|_| octet(at + 1).is_some());
    ip + match octet(protocol) {
        Some(6) => both(ip + 12).map_or(60, |word| usize::from(word >> 4) * 4),
        Some(17) => 8,
        _ => 60,
    }
}

/// Bytes of the frame from its packet on, in reach or not.
fn room(frame: &Frame, header: &Header) -> usize {
    frame.bytes.len() - header.payload
}

/// A packet, or the class in which the stack takes it, none: as one to itself.
type Packet = Result<Found, Option<CpuClass>>;

fn packet4(frame: &Frame, header: &Header) -> Result<Packet, DropReason> {
    let packet = ipv4(frame, header).ok_or(DropReason::BadIp)?;
    let (head, len) = (usize::from(packet[0] & 15) * 4, usize::from(number(packet, 2)));
    if len < head || len > room(frame, header) {
        return Err(DropReason::BadIp);
    }
    if head > 20 {
        return Ok(Err(Some(CpuClass::Exception)));
    }
    if sum(&packet[..20]) != 0xffff {
        return Err(DropReason::BadIp);
    }
    let (from, to) = (address4(packet, 12), address4(packet, 16));
    let is_martian = |a: Ipv4Addr| [0, 127].contains(&a.octets()[0]) || a.octets()[0] >= 224;
    if is_martian(from) || is_martian(to) && !to.is_broadcast() {
        return Err(DropReason::Martian);
    }
    if to.is_broadcast() {
        return Ok(Err(None));
    }
    Ok(Ok(Found { from: from.into(), to: to.into(), flow: flow4(packet), len, last: packet[8] <= 1 }))
}

fn packet6(frame: &Frame, header: &Header) -> Result<Packet, DropReason> {
    let packet = ipv6(frame, header).ok_or(DropReason::BadIp)?;
    let len = usize::from(number(packet, 4)) + 40;
    if len > room(frame, header) {
        return Err(DropReason::BadIp);
    }
    let (from, to) = (address6(packet, 8), address6(packet, 24));
    let is_martian = |a: Ipv6Addr| a.is_multicast() || a.is_loopback() || a.is_unspecified();
    if is_martian(from) || is_martian(to) {
        return Err(DropReason::Martian);
    }
    if from.is_unicast_link_local() || to.is_unicast_link_local() {
        return Ok(Err(None));
    }
    // Every router on the way must look at hop-by-hop options.
    let last = packet[7] <= 1 || packet[6] == 0;
    Ok(Ok(Found { from: from.into(), to: to.into(), flow: flow6(packet), len, last }))
}

/// Makes a frame what its neighbour is sent.
pub(super) fn one_hop_on(frame: &mut Frame, header: &Header, router: [u8; 6], to: [u8; 6]) {
    frame.bytes[..6].copy_from_slice(&to);
    frame.bytes[6..12].copy_from_slice(&router);
    let packet = &mut frame.bytes[header.payload..];
    if header.kind == IPV4 {
        packet[8] -= 1;
        let check = checksum(&packet[..20]);
        packet[10..12].copy_from_slice(&check.to_be_bytes());
    } else {
        packet[7] -= 1;
    }
}
