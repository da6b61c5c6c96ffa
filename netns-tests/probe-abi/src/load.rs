//! Values of the load generator, the sinks and the bare redirect.

/// EtherType of frames made by the generator (IEEE 802 local experimental 1); sinks count nothing else.
pub const LOAD_ETHERTYPE: u16 = 0x88B5;
/// Bytes of a generated frame as the kernel sees it: the shortest Ethernet frame, 64 bytes with FCS.
pub const LOAD_FRAME_LEN: usize = 60;
/// Identification of every IPv4 header that the generator makes: by it sinks know its frames.
pub const LOAD_IP_ID: u16 = LOAD_ETHERTYPE;
/// Time to live of every IPv4 header that the generator makes.
pub const LOAD_TTL: u8 = 64;
/// Where the number is in a numbered frame: eight bytes, little endian.
pub const LOAD_NUMBER_OFFSET: usize = 16;

/// Names of the maps and programs.
pub mod load_names {
    /// Per-CPU array of one [`super::GenState`].
    pub const GEN: &str = "GEN";
    /// Per-CPU array of one u64: frames that `sink` or `sink_tc` took.
    pub const SINK: &str = "SINK";
    /// Array of one [`super::SinkNumbered`].
    pub const SINK_NUMBERED: &str = "SINK_NUMBERED";
    /// Devmap of one: where `bare` sends everything.
    pub const BARE_TX: &str = "BARE_TX";
    /// XDP, live frames: sources and destinations drawn uniformly.
    pub const GEN_DRAW: &str = "gen_draw";
    /// XDP, live frames: each source speaks once, to everybody.
    pub const GEN_LEARN: &str = "gen_learn";
    /// Per-CPU array of one [`super::GenIpState`].
    pub const GEN_IP: &str = "GEN_IP";
    /// XDP, live frames: IPv4 and UDP, stations, addresses and ports drawn uniformly.
    pub const GEN_IP_DRAW: &str = "gen_ip_draw";
    /// XDP, live frames: one flow, numbered, never more in flight than the window.
    pub const GEN_NUMBERED: &str = "gen_numbered";
    /// XDP: counts and drops.
    pub const SINK_XDP: &str = "sink";
    /// tcx ingress: counts and drops.
    pub const SINK_TC: &str = "sink_tc";
    /// XDP: checks the numbers and drops.
    pub const SINK_NUMBERED_XDP: &str = "sink_numbered";
    /// XDP: `bpf_redirect_map` with a constant key, and nothing else.
    pub const BARE: &str = "bare";
}

/// GEN: what a generator program does. One per CPU, so that generators on two CPUs share no cache line.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GenState {
    /// State of the random number generator.
    pub random: u64,
    /// Number of the next frame: `gen_learn` counts stations with it, `gen_numbered` frames.
    pub next: u64,
    /// First three bytes of every source address, as [`side`] makes them.
    pub from_side: u64,
    /// First three bytes of every destination address.
    pub to_side: u64,
    /// Sources.
    pub from_stations: u32,
    /// Destinations.
    pub to_stations: u32,
    /// `gen_numbered`: frames in flight at most.
    pub window: u32,
    /// Zero.
    pub pad: u32,
}
const _: () = assert!(size_of::<GenState>() == 48);

/// Destinations that [`GenIpState`] draws from: prefixes, by [`route`].
pub const TO_ROUTES: u32 = 1;

/// GEN_IP: what `gen_ip_draw` does. One per CPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GenIpState {
    /// State of the random number generator.
    pub random: u64,
    /// First three bytes of every source address, as [`side`] makes them.
    pub from_side: u64,
    /// First three bytes of every destination address; with no `to_stations` the whole address.
    pub to_side: u64,
    /// Sources.
    pub from_stations: u32,
    /// Destination stations; 0 = one, whose address is `to_side`.
    pub to_stations: u32,
    /// IPv4 source: this, plus a number below `from_hosts`.
    pub from_ip: u32,
    /// See `from_ip`; a power of two.
    pub from_hosts: u32,
    /// IPv4 destination: this, plus a number below `to_hosts`.
    pub to_ip: u32,
    /// See `to_ip`; with [`TO_ROUTES`] the number of prefixes.
    pub to_hosts: u32,
    /// 0, or [`TO_ROUTES`].
    pub to_kind: u32,
    /// Bytes of the IPv4 packet.
    pub ip_len: u32,
    /// UDP ports: 1024, plus as many of the low bits as are set here.
    pub port_mask: u32,
    /// Zero.
    pub pad: u32,
}
const _: () = assert!(size_of::<GenIpState>() == 64);

/// Prefix `index` of a routing table that looks like a real one: address and length. Prefixes are spread over 16.0.0.0 to 47.255.255.255, lengths
/// are drawn as in the Internet's table, more than half of them 24. 100,000 of them are in 8,192 /16s.
#[inline(always)]
pub const fn route(index: u32) -> (u32, u32) {
    // Odd: a permutation of 21 bits, so that the /24s that prefixes are made of differ.
    let net = 0x10_0000 + (index.wrapping_mul(0x9E_3779) & 0x1F_FFFF);
    let length = match index.wrapping_mul(0x9E37_79B1) >> 27 {
        0 => 16,
        1 => 18,
        2 => 19,
        3 | 4 => 20,
        5 | 6 => 21,
        7..=9 => 22,
        10..=12 => 23,
        13 => 28,
        _ => 24,
    };
    (net << 8 & (u32::MAX << (32 - length)), length)
}

/// An address inside [`route`] `index`; `random` chooses among the first 16 of its last octet.
#[inline(always)]
pub const fn route_host(index: u32, random: u32) -> u32 {
    (0x10_0000 + (index.wrapping_mul(0x9E_3779) & 0x1F_FFFF)) << 8 | random & 0xF
}

/// SINK_NUMBERED: what `sink_numbered` saw. One flow on one path: numbers come in order or something is wrong.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SinkNumbered {
    /// Frames received.
    pub received: u64,
    /// The number that comes next.
    pub expected: u64,
    /// Numbers skipped, whether they came later or not.
    pub skipped: u64,
    /// Frames with a number below the expected one: late or again.
    pub below: u64,
}
const _: () = assert!(size_of::<SinkNumbered>() == 32);

/// Address block of host `host`: 02:a0+host:00, as the upper half of a 48-bit number.
pub const fn side(host: u8) -> u64 {
    (0x02 << 40) | ((0xa0 + host as u64) << 32)
}

/// Address of station `index` of a [`side`], as a 48-bit number. An odd factor permutes the 24 low bits, so that neighbouring
/// stations have no neighbouring addresses: a table that is good at consecutive numbers only gains nothing.
#[inline(always)]
pub const fn station(side: u64, index: u32) -> u64 {
    side | (index.wrapping_mul(0x9E_3779) & 0xFF_FFFF) as u64
}
