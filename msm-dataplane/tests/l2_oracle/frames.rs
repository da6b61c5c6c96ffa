//! Generated frames: few stations, that move; all kinds of destinations, sources, tags and lengths.

use crate::random::Random;

pub(crate) const PORTS: usize = 4;
/// VLAN with a tag at every port; without one they are in VLAN 1.
pub(crate) const TAGGED: u16 = 5;
/// Bits of a tag that are the VLAN id.
pub(crate) const VID: u16 = 0x0fff;
/// A VLAN that does not exist.
pub(crate) const NOWHERE: u16 = 6;
/// In front of a frame's number, which are its last bytes.
const MARK: [u8; 4] = *b"L2#\0";
const TRAILER: usize = 8;

/// In the addresses of bridges, where others have their VLAN.
const BRIDGES: u8 = 7;

pub(crate) const BROADCAST: [u8; 6] = [0xff; 6];

/// A frame and where it goes in.
pub(crate) struct Sent {
    pub(crate) port: usize,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) fn number(frame: &[u8]) -> Option<u32> {
    let (rest, number) = frame.split_last_chunk::<4>()?;
    rest.ends_with(&MARK).then(|| u32::from_be_bytes(*number))
}

pub(crate) fn numbered(mut frame: Vec<u8>, number: u32, len: usize) -> Vec<u8> {
    frame.resize(len.max(frame.len() + TRAILER) - TRAILER, number as u8);
    frame.extend(MARK);
    frame.extend(number.to_be_bytes());
    frame
}

/// Of a frame that all others at the switch must see behind those sent before it.
pub(crate) fn fence(port: usize, number: u32) -> Vec<u8> {
    let mut frame = [BROADCAST, [2, 0xfe, 0, 0, 0, port as u8]].concat();
    frame.extend([0x88, 0xb5]);
    numbered(frame, number, 60)
}

/// The TPID and the tag's word of a frame that has a tag of 802.1Q.
pub(crate) fn tci(frame: &[u8]) -> Option<u16> {
    (frame[12..14] == [0x81, 0]).then(|| u16::from_be_bytes([frame[14], frame[15]]))
}

pub(crate) fn untagged(frame: &[u8]) -> Vec<u8> {
    [&frame[..12], &frame[16..]].concat()
}

/// Control addresses of this vendor's protocols.
pub(crate) fn is_extreme(mac: &[u8]) -> bool {
    mac[..5] == [0, 0xe0, 0x2b, 0, 0]
}

/// The addresses that 802.1Q keeps for the next bridge alone.
pub(crate) fn is_reserved(mac: &[u8]) -> bool {
    mac[..5] == [1, 0x80, 0xc2, 0, 0] && mac[5] < 16
}

/// Who speaks to these addresses, and to no other.
fn bridge(random: &mut Random) -> [u8; 6] {
    [2, 0, 0, 0, BRIDGES, random.below(8) as u8]
}

pub(crate) fn is_bridge(mac: &[u8]) -> bool {
    mac[..5] == [2, 0, 0, 0, BRIDGES]
}

/// 24 stations of a VLAN; of the last four none ever speaks.
fn station(random: &mut Random, vid: u16, silent: bool) -> [u8; 6] {
    [2, 0, 0, 0, vid as u8, random.below(if silent { 24 } else { 20 }) as u8]
}

fn destination(random: &mut Random, vid: u16) -> [u8; 6] {
    match random.below(20) {
        0 | 1 => BROADCAST,
        2 => [1, 0, 0x5e, random.below(128) as u8, random.below(256) as u8, random.below(256) as u8],
        3 => [0x33, 0x33, 0, 0, 0, random.below(256) as u8],
        4 => [1, 0x80, 0xc2, 0, 0, random.below(16) as u8],
        7 => bridge(random),
        5 => [1, 0x80, 0xc2, 0, 0, 16 + random.below(32) as u8],
        6 => [0, 0xe0, 0x2b, 0, 0, random.below(4) as u8],
        _ => station(random, vid, true),
    }
}

fn source(random: &mut Random, port: usize, vid: u16) -> [u8; 6] {
    match random.below(40) {
        0 => [0; 6],
        1 => BROADCAST,
        2 => [1, 0, 0x5e, 0, 0, random.below(256) as u8],
        3 => [0, 0xe0, 0x2b, 0, 0, random.below(4) as u8],
        // Moves.
        4..=9 => station(random, vid, false),
        // At home.
        _ => [2, 0, 0, 0, vid as u8, (random.below(5) as usize * PORTS + port) as u8],
    }
}

/// What is behind the addresses but the tag.
fn payload(random: &mut Random) -> Vec<u8> {
    let kind: u16 =
        random.pick(&[0x0800, 0x86dd, 0x0806, 0x88b5, 0x8808, 0x8847, 0x9000, 0x0026, 0x05dc, 0xffff]);
    let mut bytes = match random.below(6) {
        // More tags, which are none of a switch's business.
        0 => vec![0x88, 0xa8, 0, random.below(9) as u8, 0x81, 0, 0, random.below(9) as u8],
        1 => vec![0x91, 0, 0, 1],
        _ => Vec::new(),
    };
    bytes.extend(kind.to_be_bytes());
    // The beginning of an IP packet, or what is no such thing.
    bytes.push(random.pick(&[0x45, 0x46, 0x60, 0]));
    bytes.extend((0..7).map(|_| random.below(256) as u8));
    bytes
}

pub(crate) fn frame(random: &mut Random, port: usize, number: u32) -> Vec<u8> {
    let priority = (random.below(16) as u16) << 12;
    let (vid, tag) = match random.below(20) {
        0 => (1, Some(priority)),
        1 => (NOWHERE, Some(priority | NOWHERE)),
        2..=6 => (TAGGED, Some(priority | TAGGED)),
        _ => (1, None),
    };
    // What goes nowhere is for anybody; it is from stations that nobody asks for.
    let asked = if vid == NOWHERE { random.pick(&[1, TAGGED]) } else { vid };
    let destination = destination(random, asked);
    let source = if is_reserved(&destination) { bridge(random) } else { source(random, port, vid) };
    let mut frame = [destination, source].concat();
    if let Some(tci) = tag {
        frame.extend([0x81, 0]);
        frame.extend(tci.to_be_bytes());
        if random.one_in(4) {
            frame.extend([0x81, 0, 0, random.below(9) as u8]);
        }
    }
    frame.extend(payload(random));
    let len = match random.below(4) {
        0 => random.pick(&[60, 64, 1513, 1514]),
        1 => random.below(60),
        _ => 60 + random.below(1455),
    };
    numbered(frame, number, len as usize)
}
