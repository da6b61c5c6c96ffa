//! Grace-LSA in a link state update: tells OSPF neighbours that this router restarts and will be back (RFC 3623). Pure.

use std::net::Ipv4Addr;

/// RFC 2328 A.3.1, A.3.5.
const OSPF_VERSION: u8 = 2;
pub(super) const LINK_STATE_UPDATE: u8 = 4;
const PACKET_HEADER: usize = 24;
/// RFC 2328 A.4.1.
const LSA_HEADER: usize = 20;
/// RFC 5250 A.1: external routing and opaque capability.
const OPTIONS: u8 = 0x42;
/// Of link-local scope.
const OPAQUE_LINK: u8 = 9;
/// Opaque type of RFC 3623 appendix A, before 24 bits of opaque id.
const OPAQUE_GRACE: u32 = 3 << 24;
/// RFC 2328 appendix B: of one that is taken back.
const MAX_AGE: u16 = 3600;
const GRACE_PERIOD: u16 = 1;
const RESTART_REASON: u16 = 2;
const INTERFACE_ADDRESS: u16 = 3;
/// "Unknown": an unplanned outage.
const REASON_UNKNOWN: u8 = 0;

/// What is said, and by whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grace {
    /// The router.
    pub(super) router_id: Ipv4Addr,
    /// Area of the link.
    pub(super) area: Ipv4Addr,
    /// Number of the link, from 1 on: the opaque id. RFC 3623 has 0 for all of them; but FRR has what is said on every link of an area in one
    /// database (ospfd/ospf_lsdb.c), and a restarted ospfd that is told two different things of one name begins with one of the neighbours
    /// again (ospfd/ospf_packet.c, ospf_ls_upd, step 6). Helpers know the LSA by its opaque type.
    pub(super) link: u32,
    /// It is over: helpers need help no more.
    pub(super) over: bool,
    /// The router's address on the link, if that has a designated router.
    pub(super) address: Option<Ipv4Addr>,
    /// It is back within as many seconds.
    pub(super) period_s: u32,
    /// Larger than that of any earlier one.
    pub(super) sequence: u32,
}

/// The packet, without authentication.
pub(super) fn update(grace: &Grace) -> Vec<u8> {
    let lsa = lsa(grace);
    let mut out = vec![OSPF_VERSION, LINK_STATE_UPDATE];
    let length = PACKET_HEADER + 4 + lsa.len();
    out.extend(u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
    out.extend(grace.router_id.octets());
    out.extend(grace.area.octets());
    // Checksum, authentication type (none) and its eight bytes.
    out.extend([0; 12]);
    out.extend(1u32.to_be_bytes());
    out.extend(lsa);
    let sum = internet(&out);
    out[12..14].copy_from_slice(&sum.to_be_bytes());
    out
}

fn lsa(grace: &Grace) -> Vec<u8> {
    let mut body = Vec::new();
    tlv(&mut body, GRACE_PERIOD, &grace.period_s.to_be_bytes());
    tlv(&mut body, RESTART_REASON, &[REASON_UNKNOWN]);
    if let Some(address) = grace.address {
        tlv(&mut body, INTERFACE_ADDRESS, &address.octets());
    }
    let mut out = if grace.over { MAX_AGE } else { 0 }.to_be_bytes().to_vec();
    out.extend([OPTIONS, OPAQUE_LINK]);
    out.extend((OPAQUE_GRACE | grace.link & 0xff_ffff).to_be_bytes());
    out.extend(grace.router_id.octets());
    out.extend(grace.sequence.to_be_bytes());
    out.extend([0; 2]);
    out.extend(u16::try_from(LSA_HEADER + body.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend(body);
    let sum = fletcher(&out[2..], 14);
    out[16..18].copy_from_slice(&sum);
    out
}

/// Type, length, value, filled up to four bytes.
fn tlv(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend(kind.to_be_bytes());
    out.extend(u16::try_from(value.len()).unwrap_or(0).to_be_bytes());
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
}

/// RFC 1071.
fn internet(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    let sum: u32 = bytes.chunks(2).map(word).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    !u16::try_from(folded & 0xffff).unwrap_or(0)
}

/// RFC 905 annex B: the two bytes that stand at `at`, where `bytes` has zeros now.
fn fletcher(bytes: &[u8], at: usize) -> [u8; 2] {
    let (mut c0, mut c1) = (0i64, 0i64);
    for byte in bytes {
        c0 = (c0 + i64::from(*byte)) % 255;
        c1 = (c1 + c0) % 255;
    }
    let behind = i64::try_from(bytes.len() - at).unwrap_or(0) - 1;
    let x = (behind * c0 - c1).rem_euclid(255);
    let y = (c1 - (behind + 1) * c0).rem_euclid(255);
    // Neither is written as zero, which would mean "no checksum".
    [x, y].map(|value| u8::try_from(if value == 0 { 255 } else { value }).unwrap_or(255))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Grace = Grace {
        router_id: Ipv4Addr::new(10, 0, 0, 1),
        area: Ipv4Addr::UNSPECIFIED,
        link: 1,
        over: false,
        address: Some(Ipv4Addr::new(10, 1, 0, 1)),
        period_s: 60,
        sequence: 0x8000_0005,
    };

    #[test]
    fn its_lengths_and_sums_are_right() {
        let packet = update(&GRACE);
        assert_eq!(packet.len(), 24 + 4 + 20 + 8 + 8 + 8);
        assert_eq!(packet[2..4], [0, 72]);
        assert_eq!(internet(&packet), 0, "a right sum sums up to nothing");
        let lsa = &packet[28..];
        assert_eq!(lsa[18..20], [0, 44]);
        assert_eq!(lsa[..8], [0, 0, 0x42, 9, 3, 0, 0, 1]);
        let (mut c0, mut c1) = (0u32, 0u32);
        for byte in &lsa[2..] {
            c0 = (c0 + u32::from(*byte)) % 255;
            c1 = (c1 + c0) % 255;
        }
        assert_eq!((c0, c1), (0, 0), "a right sum sums up to nothing");
    }

    #[test]
    fn one_that_is_over_is_as_old_as_can_be() {
        let packet = update(&Grace { over: true, ..GRACE });
        assert_eq!(packet[28..30], [14, 16]);
        // The age is in no sum of the LSA's (RFC 2328 A.4.1).
        assert_eq!(packet[30..], update(&GRACE)[30..]);
    }

    #[test]
    fn a_link_of_two_needs_no_address() {
        assert_eq!(update(&Grace { address: None, ..GRACE }).len(), update(&GRACE).len() - 8);
    }
}
