//! A flow's frame: made once, then only its number and time change.

use probe_abi::{Kind, PAYLOAD_OFFSET, PAYLOAD_OFFSET_IPV6, Payload, TAG_LEN};

use super::Stations;

/// FCS, which RFC 2544's frame lengths count and no program ever sees.
pub(super) const FCS: usize = 4;
/// Discard protocol: should a frame reach a host's stack after all, nobody answers it.
pub(super) const UDP_PORT: u16 = 9;
/// TTL and hop limit that a frame is sent with.
pub(super) const TTL: u8 = 64;

/// Stations of a flow: 02:00:01, the flow's number, the host's number. No host has such an address.
pub(super) fn stations(flow: u16, from: u8, to: u8) -> Stations {
    Stations { from: station(flow, from), to: station(flow, to) }
}

/// The station of flow `number` at a host.
#[must_use]
pub fn station(number: u16, host: u8) -> [u8; 6] {
    let [high, low] = number.to_be_bytes();
    [0x02, 0, 0x01, high, low, host]
}

/// Its IPv4 address in network `network`, which is the host's number for a host's own: 10.(100 + network).number.
#[must_use]
pub fn ipv4_of(number: u16, network: u8) -> [u8; 4] {
    let [high, low] = number.to_be_bytes();
    [10, 100 + network % 100, high, low]
}

/// The same in IPv6: fd00:0:0:(100 + network)::number.
#[must_use]
pub fn ipv6_of(number: u16, network: u8) -> [u8; 16] {
    let [high, low] = number.to_be_bytes();
    [0xfd, 0, 0, 0, 0, 0, 0, 100 + network % 100, 0, 0, 0, 0, 0, 0, high, low]
}

/// How a frame goes: what is in its headers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// Addresses of Ethernet.
    pub macs: Stations,
    /// Number of the flow in its addresses.
    pub number: u16,
    /// Networks of its IP addresses: source, destination.
    pub networks: (u8, u8),
    /// VLAN id of its tag; 0 for none.
    pub tag: u16,
    /// IPv6, else IPv4.
    pub ipv6: bool,
    /// Destination port of UDP.
    pub port: u16,
}

/// A frame from the flow's source to its destination, or back for learning.
#[derive(Clone, Debug)]
pub(super) struct Template {
    bytes: Vec<u8>,
    payload_at: usize,
    kind: Kind,
    flow: u16,
}

impl Template {
    /// `frame_len` with FCS; a frame whose headers need more is longer.
    pub(super) fn new(kind: Kind, flow: u16, frame_len: u16, way: &Way) -> Self {
        let tag_len = if way.tag == 0 { 0 } else { TAG_LEN };
        let payload_at = tag_len + if way.ipv6 { PAYLOAD_OFFSET_IPV6 } else { PAYLOAD_OFFSET };
        let mut bytes = vec![0; (usize::from(frame_len) - FCS).max(payload_at + Payload::LEN)];
        bytes[0..6].copy_from_slice(&way.macs.to);
        bytes[6..12].copy_from_slice(&way.macs.from);
        if way.tag != 0 {
            bytes[12..14].copy_from_slice(&[0x81, 0x00]);
            bytes[14..16].copy_from_slice(&way.tag.to_be_bytes());
        }
        let (ethernet, rest) = bytes.split_at_mut(14 + tag_len);
        let ethertype = &mut ethernet[12 + tag_len..];
        let udp = if way.ipv6 {
            ethertype.copy_from_slice(&[0x86, 0xdd]);
            ipv6_header(rest, way)
        } else {
            ethertype.copy_from_slice(&[0x08, 0x00]);
            ipv4_header(rest, way)
        };
        let udp_len = udp.len() as u16;
        udp[0..2].copy_from_slice(&1024_u16.wrapping_add(flow).to_be_bytes());
        udp[2..4].copy_from_slice(&way.port.to_be_bytes());
        udp[4..6].copy_from_slice(&udp_len.to_be_bytes());
        // UDP checksum 0: none (RFC 768, RFC 6935). A payload that changes in flight is not what is measured.
        Self { bytes, payload_at, kind, flow }
    }

    /// Length without FCS.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Writes the frame with this number and time to the start of `slot`.
    pub(super) fn write(&self, slot: &mut [u8], sequence: u64, now_ns: u64) {
        slot[..self.bytes.len()].copy_from_slice(&self.bytes);
        let payload = Payload { kind: self.kind, flow: self.flow, sequence, sent_low_ns: now_ns as u32 };
        slot[self.payload_at..self.payload_at + Payload::LEN].copy_from_slice(&payload.to_bytes());
    }
}

/// Fills in the header; gives what is behind it.
fn ipv4_header<'a>(packet: &'a mut [u8], way: &Way) -> &'a mut [u8] {
    let total = packet.len() as u16;
    let (ip, udp) = packet.split_at_mut(20);
    ip[0] = 0x45;
    ip[2..4].copy_from_slice(&total.to_be_bytes());
    ip[8] = TTL;
    ip[9] = 17;
    ip[12..16].copy_from_slice(&ipv4_of(way.number, way.networks.0));
    ip[16..20].copy_from_slice(&ipv4_of(way.number, way.networks.1));
    let checksum = ipv4_checksum(ip);
    ip[10..12].copy_from_slice(&checksum.to_be_bytes());
    udp
}

/// Fills in the header; gives what is behind it.
fn ipv6_header<'a>(packet: &'a mut [u8], way: &Way) -> &'a mut [u8] {
    let (ip, udp) = packet.split_at_mut(40);
    ip[0] = 0x60;
    ip[4..6].copy_from_slice(&(udp.len() as u16).to_be_bytes());
    ip[6] = 17;
    ip[7] = TTL;
    ip[8..24].copy_from_slice(&ipv6_of(way.number, way.networks.0));
    ip[24..40].copy_from_slice(&ipv6_of(way.number, way.networks.1));
    udp
}

fn ipv4_checksum(header: &[u8]) -> u16 {
    let mut sum: u32 =
        header.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use probe_abi::FRAME_MIN;

    use super::*;

    fn way(number: u16) -> Way {
        let macs = stations(number, 1, 3);
        Way { macs, number, networks: (1, 3), tag: 0, ipv6: false, port: UDP_PORT }
    }

    #[test]
    fn a_frame_is_read_back_as_it_was_numbered() {
        let template = Template::new(Kind::Numbered, 300, 64, &way(300));
        let mut slot = [0xff; 128];
        template.write(&mut slot, 0x1_0000_0001, 0xfe_dcba_9876);
        assert_eq!(template.len(), 60);
        assert_eq!(slot[60], 0xff, "nothing is written past the frame");
        assert_eq!(slot[..12], [2, 0, 1, 1, 44, 3, 2, 0, 1, 1, 44, 1]);
        let payload = Payload::from_bytes(slot[PAYLOAD_OFFSET..FRAME_MIN].try_into().unwrap()).unwrap();
        let expected =
            Payload { kind: Kind::Numbered, flow: 300, sequence: 0x1_0000_0001, sent_low_ns: 0xdcba_9876 };
        assert_eq!(payload, expected);
        // A header with its checksum sums to 0 (RFC 1071).
        assert_eq!(ipv4_checksum(&slot[14..34]), 0);
    }

    #[test]
    fn a_tagged_frame_of_ipv6_has_its_payload_at_its_end() {
        let mut slot = [0xff; 128];
        let template = Template::new(Kind::Numbered, 7, 64, &Way { tag: 20, ipv6: true, ..way(7) });
        template.write(&mut slot, 5, 0);
        assert_eq!(template.len(), 84);
        assert_eq!(slot[12..18], [0x81, 0, 0, 20, 0x86, 0xdd]);
        assert_eq!(slot[22..24], [0, 26], "8 of UDP, 18 of the payload");
        let payload = Payload::from_bytes(slot[66..84].try_into().unwrap()).unwrap();
        assert_eq!((payload.flow, payload.sequence), (7, 5));
    }
}
