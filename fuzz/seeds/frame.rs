//! Writes the first inputs of the target `frame` into corpus/frame: valid frames of every kind at ports of every kind, headers cut off at every
//! octet, lengths that lie, options, fragments, tags in tags, frames over a page. Inputs that were finds once (`find-*`) stay.
//!
//! `cargo run --manifest-path fuzz/Cargo.toml --example frame-seeds`, after a change of what an input is (fuzz_targets/frame/input.rs).

use std::fs;
use std::path::Path;

/// As in fuzz_targets/frame/world.rs: places in its list of netdevs.
mod port {
    pub(super) const PLAIN: u8 = 0;
    pub(super) const TAGGED: u8 = 2;
    pub(super) const MIRRORED: u8 = 5;
    pub(super) const REMOTE: u8 = 8;
    pub(super) const GROUP: u8 = 10;
    pub(super) const SVI_10: u8 = 16;
    pub(super) const TCX: u8 = 20;
    pub(super) const COUNT: u8 = 22;
}
const ROUTER: [u8; 6] = [2, 0, 0, 0xee, 0, 1];
const SOURCE: [u8; 6] = [2, 0, 0, 0, 0, 0x10];
const STRANGER: [u8; 6] = [2, 0, 0, 0, 0, 0x99];
const BROADCAST: [u8; 6] = [0xff; 6];
/// An input's second octet: the checksum is made good; the tcx entry; twice.
const MEND: u8 = 128;
const TCX: u8 = 1;
const TWICE: u8 = 2;

/// What stands in front of a frame.
#[derive(Clone, Copy, Default)]
struct Head {
    port: u8,
    how: u8,
    more: u8,
    tci: u16,
    padding: u16,
    segment: u16,
}

struct Corpus {
    folder: std::path::PathBuf,
    bytes: usize,
}

impl Corpus {
    fn add(&mut self, name: &str, head: Head, frame: &[u8]) {
        let mut input = vec![head.port, head.how, head.more];
        [head.tci, head.padding, head.segment].iter().for_each(|number| input.extend(number.to_be_bytes()));
        input.extend(frame);
        self.bytes += input.len();
        fs::write(self.folder.join(name), input).expect("the corpus can be written");
    }

    /// By both programs, the second with its tag beside it.
    fn both(&mut self, name: &str, port: u8, how: u8, frame: &[u8]) {
        self.add(&format!("{name}-xdp"), Head { port, how, ..Head::default() }, frame);
        let head = Head { port, how: how | TCX, ..Head::default() };
        if frame[12..14] == [0x81, 0] && frame.len() >= 18 {
            let tci = u16::from_be_bytes([frame[14], frame[15]]);
            let bytes = [&frame[..12], &frame[16..]].concat();
            self.add(&format!("{name}-tcx"), Head { more: 1, tci, ..head }, &bytes);
        } else {
            self.add(&format!("{name}-tcx"), head, frame);
        }
    }
}

fn ethernet(to: [u8; 6], from: [u8; 6], tags: &[(u16, u16)], kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = [to, from].concat();
    for (tpid, tci) in tags {
        frame.extend(tpid.to_be_bytes());
        frame.extend(tci.to_be_bytes());
    }
    frame.extend(kind.to_be_bytes());
    frame.extend(payload);
    frame
}

/// An IPv4 packet; its checksum is for the target to make good.
fn ipv4(to: [u8; 4], protocol: u8, options: &[u8], fragment: u16, ttl: u8, upper: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45 + options.len() as u8 / 4, 0];
    packet.extend(((20 + options.len() + upper.len()) as u16).to_be_bytes());
    packet.extend([0, 1]);
    packet.extend(fragment.to_be_bytes());
    packet.extend([ttl, protocol, 0, 0, 10, 9, 9, 9]);
    packet.extend(to);
    packet.extend(options);
    packet.extend(upper);
    packet
}

fn ipv6(to: &str, next: u8, hops: u8, upper: &[u8]) -> Vec<u8> {
    let address = |text: &str| text.parse::<std::net::Ipv6Addr>().expect("an address").octets();
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((upper.len() as u16).to_be_bytes());
    packet.extend([next, hops]);
    packet.extend(address("2001:db8:9::9"));
    packet.extend(address(to));
    packet.extend(upper);
    packet
}

fn ports(source: u16, destination: u16) -> Vec<u8> {
    let mut upper = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    upper.extend([0, 16, 0, 0, 0, 0, 0, 0]);
    upper
}

fn checksum(header: &[u8]) -> u16 {
    let words = header.chunks_exact(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
    let sum: u32 = words.sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    !((sum & 0xffff) + (sum >> 16)) as u16
}

fn switched(corpus: &mut Corpus) {
    let payload = [0x5a; 32];
    for port in 0..port::COUNT {
        corpus.both(
            &format!("flood-at-{port:02}"),
            port,
            TWICE,
            &ethernet(BROADCAST, STRANGER, &[], 0x88b5, &payload),
        );
        let ten = ethernet(BROADCAST, STRANGER, &[(0x8100, 0x600a)], 0x0806, &payload);
        corpus.both(&format!("tagged-flood-at-{port:02}"), port, 0, &ten);
    }
    for last in 0x10..0x1f {
        let to = [2, 0, 0, 0, 0, last];
        corpus.both(
            &format!("to-{last:02x}"),
            port::REMOTE,
            0,
            &ethernet(to, STRANGER, &[], 0x88b5, &payload),
        );
    }
    for (vid, last) in [
        (2, 0x20),
        (2, 0x21),
        (2, 0x22),
        (30, 0x24),
        (30, 0x25),
        (30, 0x26),
        (0xfff, 0x27),
        (10, 0x32),
        (20, 0x37),
    ] {
        let frame = ethernet([2, 0, 0, 0, 0, last], STRANGER, &[(0x8100, 0xe000 | vid)], 0x88b5, &payload);
        corpus.both(&format!("to-{last:02x}-in-{vid}"), port::PLAIN, 0, &frame);
    }
    for (name, to) in [
        ("lacp", [1, 0x80, 0xc2, 0, 0, 2]),
        ("stp", [1, 0x80, 0xc2, 0, 0, 0]),
        ("lldp", [1, 0x80, 0xc2, 0, 0, 0xe]),
        ("pause", [1, 0x80, 0xc2, 0, 0, 1]),
        ("eaps", [0, 0xe0, 0x2b, 0, 0, 4]),
        ("edp", [0, 0xe0, 0x2b, 0, 0, 0]),
    ] {
        corpus.both(name, port::MIRRORED, 0, &ethernet(to, SOURCE, &[], 0x8809, &payload));
        corpus.both(&format!("{name}-by-tcx"), port::TCX, 0, &ethernet(to, SOURCE, &[], 0x26, &payload));
    }
    for (name, tags) in [
        ("priority", &[(0x8100, 0xa000)][..]),
        ("double", &[(0x8100, 10), (0x8100, 20)]),
        ("double-service", &[(0x8100, 10), (0x88a8, 20)]),
        ("service", &[(0x88a8, 10)]),
        ("loop", &[(0x8100, 0x0fff); 60]),
        ("double-none", &[(0x8100, 0), (0x8100, 0)]),
    ] {
        corpus.both(
            &format!("tags-{name}"),
            port::PLAIN,
            0,
            &ethernet(BROADCAST, STRANGER, tags, 0x0806, &payload),
        );
        let routed =
            ethernet(ROUTER, STRANGER, tags, 0x0800, &ipv4([10, 2, 2, 3], 17, &[], 0, 64, &ports(1, 2)));
        corpus.both(&format!("tags-{name}-routed"), port::PLAIN, MEND, &routed);
    }
    // Over a page, and over the longest that is; headers in fragments.
    for (name, more, padding) in
        [("page", 0, 3600), ("jumbo", 0, 9216), ("split", 4, 0), ("split-later", 24, 0), ("metadata", 2, 0)]
    {
        let frame = ethernet(SOURCE, STRANGER, &[(0x8100, 1)], 0x88b5, &payload);
        corpus.add(
            &format!("{name}-untag"),
            Head { port: port::TAGGED, more, padding, ..Head::default() },
            &frame,
        );
        let frame = ethernet(BROADCAST, STRANGER, &[], 0x88b5, &payload);
        corpus.add(
            &format!("{name}-flood"),
            Head { port: port::GROUP, more, padding, ..Head::default() },
            &frame,
        );
    }
}

fn routed(corpus: &mut Corpus) {
    let tag = [(0x8100, 0x600a)];
    let to_router = |packet: &[u8]| {
        let kind = if packet[0] >> 4 == 6 { 0x86dd } else { 0x0800 };
        ethernet(ROUTER, STRANGER, &tag, kind, packet)
    };
    let udp = ports(4000, 53);
    for (name, to) in [
        ("host", [10, 0, 10, 1]),
        ("host-unseen", [10, 0, 10, 5]),
        ("host-back", [10, 0, 10, 4]),
        ("host-slow", [10, 0, 20, 3]),
        ("host-watched", [10, 0, 20, 4]),
        ("connected", [10, 0, 10, 9]),
        ("local", [10, 0, 10, 254]),
        ("hop", [10, 1, 2, 3]),
        ("hop-narrow", [10, 2, 2, 3]),
        ("group", [10, 3, 77, 9]),
        ("blackhole", [10, 3, 3, 3]),
        ("unresolved", [10, 4, 0, 1]),
        ("no-vlan", [10, 5, 0, 1]),
        ("gone", [10, 6, 0, 1]),
        ("black-station", [10, 7, 0, 1]),
        ("no-route", [8, 8, 8, 8]),
        ("martian", [127, 0, 0, 1]),
        ("limited", [255; 4]),
    ] {
        corpus.both(&format!("ipv4-{name}"), port::PLAIN, MEND, &to_router(&ipv4(to, 17, &[], 0, 64, &udp)));
    }
    // From a neighbour, to another one, by one, and on in another VLAN.
    for (name, to) in [("host", [10, 0, 10, 4]), ("hop", [10, 1, 2, 3]), ("away", [10, 0, 20, 4])] {
        let mut packet = ipv4(to, 17, &[], 0, 64, &udp);
        packet[12..16].copy_from_slice(&[10, 0, 10, 9]);
        corpus.both(&format!("redirect-{name}"), port::PLAIN, MEND, &to_router(&packet));
    }
    for (name, to) in [("host", "2001:db8:10::1"), ("hop", "2001:db8:1::9")] {
        let mut packet = ipv6(to, 17, 64, &udp);
        packet[13] = 0x10;
        corpus.both(&format!("redirect6-{name}"), port::PLAIN, 0, &to_router(&packet));
    }
    for (name, to) in [
        ("host", "2001:db8:10::1"),
        ("connected", "2001:db8:10::9"),
        ("local", "2001:db8:10::fe"),
        ("hop", "2001:db8:1::9"),
        ("group", "2001:db8:3:1::9"),
        ("blackhole", "2001:db8:3:3::9"),
        ("link-local", "fe80::1"),
        ("martian", "ff02::5"),
        ("no-route", "2a00::1"),
    ] {
        corpus.both(&format!("ipv6-{name}"), port::PLAIN, 0, &to_router(&ipv6(to, 17, 64, &udp)));
    }
    let (hop, six) = ([10, 1, 2, 3], "2001:db8:1::9");
    for (name, packet) in [
        ("ttl-0", ipv4(hop, 17, &[], 0, 0, &udp)),
        ("ttl-1", ipv4(hop, 17, &[], 0, 1, &udp)),
        ("options", ipv4(hop, 17, &[1; 8], 0, 64, &udp)),
        ("options-all", ipv4([10, 0, 10, 254], 6, &[1; 40], 0, 64, &ports(179, 9))),
        ("first-fragment", ipv4(hop, 17, &[], 0x2000, 64, &udp)),
        ("later-fragment", ipv4([10, 0, 10, 254], 6, &[], 0x2005, 64, &ports(179, 9))),
        ("icmp", ipv4(hop, 1, &[], 0, 64, &[8, 0, 0, 0])),
        ("ospf", ipv4([10, 0, 10, 254], 89, &[], 0, 1, &[2, 1, 0, 0])),
        ("bgp", ipv4([10, 0, 10, 254], 6, &[], 0, 64, &ports(9, 179))),
        ("rip", ipv4([10, 0, 10, 254], 17, &[], 0, 64, &ports(520, 520))),
        ("denied", ipv4([10, 1, 9, 9], 6, &[], 0, 64, &ports(9, 22))),
        ("hops-1", ipv6(six, 17, 1, &udp)),
        ("hop-by-hop", ipv6(six, 0, 64, &[17, 0, 1, 4, 0, 0, 0, 0])),
        ("fragment6", ipv6(six, 44, 64, &[17, 0, 0, 1, 0, 0, 0, 9])),
        ("discovery", ipv6("2001:db8:10::fe", 58, 255, &[135, 0, 0, 0])),
        ("ospf6", ipv6("2001:db8:10::fe", 89, 1, &[3, 1, 0, 0])),
    ] {
        for acl in [0, 1, 2] {
            corpus.both(&format!("{name}-list-{acl}"), port::PLAIN, MEND | acl << 2, &to_router(&packet));
        }
    }
    // Lengths that lie, a checksum that is wrong, versions that are none.
    let whole = ipv4(hop, 17, &[], 0, 64, &udp);
    for (name, at, octet, how) in [
        ("total-short", 3, 19, MEND),
        ("total-long", 2, 0xff, MEND),
        ("header-short", 0, 0x44, MEND),
        ("header-long", 0, 0x4f, MEND),
        ("version", 0, 0x65, MEND),
        ("checksum", 10, 0x77, 0),
    ] {
        let mut packet = whole.clone();
        packet[at] = octet;
        corpus.both(name, port::PLAIN, how, &ethernet(ROUTER, STRANGER, &tag, 0x0800, &packet));
    }
    for (name, padding, segment) in
        [("mtu", 2000u16, 0u16), ("segments", 2000, 1400), ("segments-long", 2000, 1480)]
    {
        let mut packet = ipv4(hop, 6, &[], 0x4000, 64, &ports(1, 2));
        let total = packet.len() as u16 + padding;
        packet[2..4].copy_from_slice(&total.to_be_bytes());
        let head = Head { port: port::PLAIN, how: MEND, padding, segment, ..Head::default() };
        corpus.add(&format!("{name}-xdp"), head, &ethernet(ROUTER, STRANGER, &tag, 0x0800, &packet));
        let head = Head { how: MEND | TCX, more: 1, tci: 10, ..head };
        corpus.add(&format!("{name}-tcx"), head, &ethernet(ROUTER, STRANGER, &[], 0x0800, &packet));
    }
    // Checksums at which one lower hop carries.
    for wanted in [0xfeff, 0xfefe, 0xff00] {
        let carries = (0..=u16::MAX).map(|id| {
            let mut packet = whole.clone();
            packet[4..6].copy_from_slice(&id.to_be_bytes());
            packet
        });
        let packet = carries.into_iter().find(|packet| checksum(&packet[..20]) == wanted).expect("one does");
        corpus.both(&format!("checksum-{wanted:04x}"), port::PLAIN, MEND, &to_router(&packet));
    }
    let from_stack = ethernet([2, 0, 0, 0, 0, 0x32], ROUTER, &[], 0x0800, &whole);
    corpus.both("from-stack", port::SVI_10, MEND, &from_stack);
    // Every truncation of every header; the length that the packet names stays.
    for (name, packet, behind) in [
        ("udp", ipv4(hop, 17, &[], 0, 64, &udp), 24),
        ("options", ipv4(hop, 6, &[1; 12], 0, 64, &ports(1, 179)), 36),
        ("ipv6", ipv6("2001:db8:10::fe", 58, 255, &[135, 0, 0, 0]), 44),
    ] {
        let whole = to_router(&packet);
        for len in 14..18 + behind {
            let head = Head { port: port::PLAIN, how: MEND, ..Head::default() };
            corpus.add(&format!("cut-{name}-{len:02}"), head, &whole[..len]);
        }
    }
}

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/frame");
    for entry in fs::read_dir(&folder).expect("the corpus") {
        let file = entry.expect("a file").path();
        let is_find = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("find-"));
        if !is_find {
            fs::remove_file(file).expect("the corpus can be written");
        }
    }
    let mut corpus = Corpus { folder, bytes: 0 };
    switched(&mut corpus);
    routed(&mut corpus);
    println!("{} bytes in {}", corpus.bytes, corpus.folder.display());
}
