//! A flow's frame: made once, then only its number and time change.

use probe_abi::{FRAME_MIN, Kind, PAYLOAD_OFFSET, Payload};

use super::Stations;

/// FCS, which RFC 2544's frame lengths count and no program ever sees.
pub(super) const FCS: usize = 4;
/// Discard protocol: should a frame reach a host's stack after all, nobody answers it.
const UDP_PORT: u16 = 9;
const IPV4: usize = 14;
const UDP: usize = 34;

/// Stations of a flow: 02:00:01, the flow's number, the host's number. No host has such an address.
pub(super) fn stations(flow: u16, from: u8, to: u8) -> Stations {
    let [high, low] = flow.to_be_bytes();
    Stations { from: [0x02, 0, 0x01, high, low, from], to: [0x02, 0, 0x01, high, low, to] }
}

/// A frame from the flow's source to its destination, or back for learning.
#[derive(Clone, Debug)]
pub(super) struct Template {
    bytes: Vec<u8>,
    kind: Kind,
    flow: u16,
}

impl Template {
    /// `frame_len` with FCS.
    pub(super) fn new(kind: Kind, flow: u16, frame_len: u16, hosts: (u8, u8), stations: Stations) -> Self {
        let ((from, to), Stations { from: from_mac, to: to_mac }) = match kind {
            Kind::Numbered | Kind::LearnSource => (hosts, stations),
            Kind::LearnDestination => ((hosts.1, hosts.0), Stations { from: stations.to, to: stations.from }),
        };
        let mut bytes = vec![0; (usize::from(frame_len) - FCS).max(FRAME_MIN)];
        bytes[0..6].copy_from_slice(&to_mac);
        bytes[6..12].copy_from_slice(&from_mac);
        bytes[12..14].copy_from_slice(&[0x08, 0x00]);
        let [high, low] = flow.to_be_bytes();
        let ip_len = (bytes.len() - IPV4) as u16;
        let ip = &mut bytes[IPV4..UDP];
        ip[0] = 0x45;
        ip[2..4].copy_from_slice(&ip_len.to_be_bytes());
        ip[8] = 64;
        ip[9] = 17;
        ip[12..16].copy_from_slice(&[10, 100 + from % 100, high, low]);
        ip[16..20].copy_from_slice(&[10, 100 + to % 100, high, low]);
        let checksum = ipv4_checksum(ip);
        ip[10..12].copy_from_slice(&checksum.to_be_bytes());
        let udp_len = ip_len - 20;
        bytes[UDP..UDP + 2].copy_from_slice(&(1024 + flow).to_be_bytes());
        bytes[UDP + 2..UDP + 4].copy_from_slice(&UDP_PORT.to_be_bytes());
        bytes[UDP + 4..UDP + 6].copy_from_slice(&udp_len.to_be_bytes());
        // UDP checksum 0: none (RFC 768). A payload that changes in flight is not what is measured.
        Self { bytes, kind, flow }
    }

    /// Length without FCS.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Writes the frame with this number and time to the start of `slot`.
    pub(super) fn write(&self, slot: &mut [u8], sequence: u64, now_ns: u64) {
        slot[..self.bytes.len()].copy_from_slice(&self.bytes);
        let payload = Payload { kind: self.kind, flow: self.flow, sequence, sent_low_ns: now_ns as u32 };
        slot[PAYLOAD_OFFSET..FRAME_MIN].copy_from_slice(&payload.to_bytes());
    }
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
    use super::*;

    #[test]
    fn a_frame_is_read_back_as_it_was_numbered() {
        let template = Template::new(Kind::Numbered, 300, 64, (1, 3), stations(300, 1, 3));
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
        assert_eq!(ipv4_checksum(&slot[IPV4..UDP]), 0);
    }

    #[test]
    fn learning_goes_both_ways() {
        let ways = stations(7, 1, 3);
        let mut there = [0; 64];
        let mut back = [0; 64];
        Template::new(Kind::LearnSource, 7, 64, (1, 3), ways).write(&mut there, 0, 0);
        Template::new(Kind::LearnDestination, 7, 64, (1, 3), ways).write(&mut back, 0, 0);
        assert_eq!(there[0..6], back[6..12]);
        assert_eq!(there[6..12], back[0..6]);
    }
}
