//! Generated packets: every kind of address, lengths that lie, options and extension headers, fragments, lifetimes, checksums.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{
    net::{HOSTS, MTU, ROUTER, addresses, ip, mac},
    random::Random,
};

const ETHERNET: usize = 14;
/// In front of the number in a flow label.
const MARK: u32 = 5;

/// The addresses and EtherType, and the packet behind, without a tag.
pub(crate) struct Parts<'a> {
    pub(crate) kind: u16,
    pub(crate) packet: &'a [u8],
}

pub(crate) fn parts(frame: &[u8]) -> Parts<'_> {
    let at = if frame[12..14] == [0x81, 0] { ETHERNET + 4 } else { ETHERNET };
    let kind = frame.get(at - 2..at).map_or(0, |kind| u16::from_be_bytes([kind[0], kind[1]]));
    Parts { kind, packet: frame.get(at..).unwrap_or_default() }
}

/// The number that a packet has in its identification or its flow label.
pub(crate) fn number(frame: &[u8]) -> Option<u32> {
    let Parts { kind, packet } = parts(frame);
    match kind {
        0x0800 => packet.get(4..6).map(|id| u32::from(u16::from_be_bytes([id[0], id[1]]))),
        0x86dd => {
            let front = packet.get(..4)?;
            let label = u32::from_be_bytes([front[0], front[1], front[2], front[3]]) & 0xf_ffff;
            (label >> 16 == MARK).then_some(label & 0xffff)
        }
        _ => None,
    }
}

/// The sender of a packet; `None` if it is cut off.
pub(crate) fn source(frame: &[u8]) -> Option<IpAddr> {
    let Parts { kind, packet } = parts(frame);
    match kind {
        0x0800 => packet.get(12..16).map(|a| Ipv4Addr::from(<[u8; 4]>::try_from(a).expect("four")).into()),
        0x86dd => packet.get(8..24).map(|a| Ipv6Addr::from(<[u8; 16]>::try_from(a).expect("sixteen")).into()),
        _ => None,
    }
}

/// Where the packet ends in its frame, by its own header.
pub(crate) fn end(frame: &[u8]) -> usize {
    let packet = &frame[ETHERNET..];
    let word = |at: usize| usize::from(u16::from_be_bytes([packet[at], packet[at + 1]]));
    ETHERNET + if parts(frame).kind == 0x0800 { word(2) } else { 40 + word(4) }
}

/// What a router may leave to its slow path: options, a hop-by-hop header, what must be cut in pieces to go into the second VLAN, and what is
/// from a link-local address.
pub(crate) fn is_exception(frame: &[u8]) -> bool {
    let Parts { kind, packet } = parts(frame);
    let mtu = usize::from(MTU);
    if kind == 0x0800 {
        packet[0] & 15 > 5 || usize::from(u16::from_be_bytes([packet[2], packet[3]])) > mtu
    } else {
        packet[6] == 0 || packet[8] == 0xfe && packet[9] & 0xc0 == 0x80
    }
}

/// As it would be without its tag.
pub(crate) fn untagged(frame: &[u8]) -> Vec<u8> {
    let from = if frame[12..14] == [0x81, 0] { 16 } else { 12 };
    [&frame[..12], &frame[from..]].concat()
}

fn sum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks_exact(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

fn address(random: &mut Random, texts: &[&str]) -> IpAddr {
    ip(random.pick(texts))
}

/// In family `six`.
fn destination(random: &mut Random, six: usize, side: usize) -> IpAddr {
    let known = 1 + random.below(HOSTS.into()) as u8;
    let special = random.pick(&[0, 77, 254, 255]);
    match random.below(20) {
        0..=6 => addresses(1 - side, known)[six],
        7..=9 => addresses(side, known)[six],
        10 => addresses(1 - side, special)[six],
        11 => addresses(side, special)[six],
        12..=15 if six == 0 => {
            address(random, &["10.10.1.2", "10.20.1.2", "10.20.255.255", "10.30.0.1", "10.66.6.6"])
        }
        12..=15 => address(random, &["2001:db8:10::9", "2001:db8:20::9", "2001:db8:30::9", "2001:db8:66::9"]),
        _ if six == 0 => address(
            random,
            &["8.8.8.8", "0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.5", "240.0.0.1", "255.255.255.255"],
        ),
        _ => address(
            random,
            &["2a00::1", "::", "::1", "fe80::1", "ff02::5", "ff0e::5", "::ffff:10.0.2.1", "fec0::1"],
        ),
    }
}

fn sender(random: &mut Random, six: usize, side: usize) -> IpAddr {
    match random.below(16) {
        0 if six == 0 => address(
            random,
            &["127.0.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "240.0.0.1", "250.1.1.1"],
        ),
        0 => address(
            random,
            &["::", "::", "::1", "ff02::1", "ff0e::1", "fe80::9", "::ffff:10.0.1.1", "fec0::1", "fc00::1"],
        ),
        1 => addresses(side, random.pick(&[254, 255, 0]))[six],
        2 => addresses(1 - side, random.pick(&[1, 2, 77, 254, 255]))[six],
        3 if six == 0 => address(random, &["8.8.8.8", "10.66.1.1", "10.20.1.1", "169.254.1.1"]),
        3 => address(random, &["2a00::1", "2001:db8:66::1", "2001:db8:20::1", "64:ff9b::808:808"]),
        _ => addresses(side, random.pick(&[1, 2, 3, 50]))[six],
    }
}

/// Bytes of a packet whose headers have `headers`, in the VLAN of `side`.
fn length(random: &mut Random, headers: usize, side: usize) -> usize {
    let mtu = usize::from(MTU);
    match random.below(10) {
        0 => headers + random.below(12) as usize,
        1 | 2 if side == 0 => random.pick(&[mtu - 1, mtu, mtu, mtu + 1, mtu + 2, 1500]),
        1 => random.pick(&[mtu - 1, mtu]),
        _ => headers + 8 + random.below(100) as usize,
    }
}

fn fill(random: &mut Random, bytes: &mut [u8]) {
    bytes.iter_mut().for_each(|byte| *byte = random.below(256) as u8);
}

fn packet4(random: &mut Random, side: usize, number: u32) -> Vec<u8> {
    let words = if random.one_in(12) { 6 + random.below(10) as u8 } else { 5 };
    let header = usize::from(words) * 4;
    let mut packet = vec![0; length(random, header, side)];
    packet.resize(packet.len().max(header), 0);
    fill(random, &mut packet[header..]);
    // No-operations, then the end.
    packet[20..header].fill(1);
    packet[0] = 0x40 | words;
    packet[1] = random.below(256) as u8;
    let total = packet.len() as u16;
    packet[2..4].copy_from_slice(&total.to_be_bytes());
    packet[4..6].copy_from_slice(&(number as u16).to_be_bytes());
    let fragment: u16 = match random.below(6) {
        0 => random.pick(&[0x2000, 0x0001, 0x2005, 0x1fff, 0x8000, 0x6000]),
        1 | 2 => 0x4000,
        _ => 0,
    };
    packet[6..8].copy_from_slice(&fragment.to_be_bytes());
    packet[8] = if random.one_in(3) { random.below(256) as u8 } else { random.pick(&[0, 1, 2, 64, 64, 255]) };
    packet[9] = random.pick(&[6, 17, 17, 1, 89, 0, 255, 4, 41, 50]);
    let (from, to) = (sender(random, 0, side), destination(random, 0, side));
    let (IpAddr::V4(from), IpAddr::V4(to)) = (from, to) else { unreachable!("asked for IPv4") };
    if from.octets()[3] == 254 && packet[9] == 1 {
        // ICMP from the router is the router's own.
        packet[9] = 17;
    }
    packet[12..16].copy_from_slice(&from.octets());
    packet[16..20].copy_from_slice(&to.octets());
    let check = !sum(&packet[..header]);
    packet[10..12].copy_from_slice(&check.to_be_bytes());
    match random.below(30) {
        0 => packet[random.pick(&[1, 6, 8, 10, 11])] ^= 1 << random.below(8),
        1 => packet[0] = random.pick(&[0x35, 0x65, 0x44, 0x40, 0x4f, 0x05]),
        2 | 3 => {
            let lie = random.pick(&[0, 19, 20, total - 1, total + 1, 0xffff]);
            packet[2..4].copy_from_slice(&lie.to_be_bytes());
            packet[10..12].fill(0);
            let check = !sum(&packet[..header]);
            packet[10..12].copy_from_slice(&check.to_be_bytes());
        }
        _ => {}
    }
    packet
}

fn packet6(random: &mut Random, side: usize, number: u32) -> Vec<u8> {
    let mut packet = vec![0; length(random, 40, side)];
    fill(random, &mut packet[40..]);
    let front = 6 << 28 | (random.below(256) as u32) << 20 | MARK << 16 | number;
    packet[..4].copy_from_slice(&front.to_be_bytes());
    let payload = (packet.len() - 40) as u16;
    packet[4..6].copy_from_slice(&payload.to_be_bytes());
    packet[6] = random.pick(&[6, 17, 17, 58, 89, 59, 0, 43, 44, 60, 255]);
    packet[7] = if random.one_in(3) { random.below(256) as u8 } else { random.pick(&[0, 1, 2, 64, 64, 255]) };
    let (from, to) = (sender(random, 1, side), destination(random, 1, side));
    let (IpAddr::V6(from), IpAddr::V6(to)) = (from, to) else { unreachable!("asked for IPv6") };
    packet[8..24].copy_from_slice(&from.octets());
    packet[24..40].copy_from_slice(&to.octets());
    if packet.len() >= 56 && random.one_in(2) {
        // Options that are none, in front of UDP.
        packet[40..48].copy_from_slice(&[17, 0, 1, 4, 0, 0, 0, 0]);
    }
    match random.below(30) {
        0 => packet[0] = random.pick(&[0x45, 0x00, 0x70, 0xf0]),
        1 | 2 => {
            let lie = random.pick(&[0, payload.saturating_sub(1), payload + 1, 0xffff]);
            packet[4..6].copy_from_slice(&lie.to_be_bytes());
        }
        _ => {}
    }
    packet
}

/// A frame of a host of `side`, nearly always to the router.
pub(crate) fn frame(random: &mut Random, side: usize, number: u32) -> Vec<u8> {
    let to = match random.below(40) {
        0 => [0xff; 6],
        1 => [2, 0, 0, 0, 9, 9],
        _ => ROUTER,
    };
    let mut frame = [to, mac(side, 1 + random.below(HOSTS.into()) as u8)].concat();
    match random.below(25) {
        0 => frame.extend([0x81, 0, (random.below(8) as u8) << 5, 0]),
        1 => frame.extend([0x81, 0, 0, 9]),
        _ => {}
    }
    let (kind, packet): (u16, _) = match random.below(50) {
        0 => (random.pick(&[0x0806, 0x88b5, 0x8847]), vec![0; 46]),
        1..=25 => (0x0800, packet4(random, side, number)),
        _ => (0x86dd, packet6(random, side, number)),
    };
    frame.extend(kind.to_be_bytes());
    frame.extend(packet);
    match random.below(8) {
        0 => {
            let behind = ETHERNET + random.below(70) as usize;
            frame.truncate(behind.max(ETHERNET));
        }
        // As Ethernet pads, or more.
        1 | 2 => frame.resize(frame.len().max(60), 0),
        3 if frame.len() < 200 => {
            let more = frame.len() + 1 + random.below(40) as usize;
            frame.resize(more, 0xee);
        }
        _ => {}
    }
    frame
}

/// A packet that nobody has anything against.
pub(crate) fn fence(side: usize, to: IpAddr, number: u32) -> Vec<u8> {
    let ([IpAddr::V4(from), _], IpAddr::V4(to)) = (addresses(side, 1), to) else { unreachable!("IPv4") };
    let mut packet = vec![0x45, 0, 0, 28];
    packet.extend((number as u16).to_be_bytes());
    packet.extend([0, 0, 64, 17, 0, 0]);
    packet.extend([from.octets(), to.octets()].concat());
    let check = !sum(&packet);
    packet[10..12].copy_from_slice(&check.to_be_bytes());
    packet.extend([0x30, 0x39, 0x30, 0x39, 0, 8, 0, 0]);
    [&ROUTER[..], &mac(side, 1), &[0x08, 0], &packet].concat()
}
