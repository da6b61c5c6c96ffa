//! The Linux bridge as the oracle of switching: the same frames through both, and every host must get the same. Needs root.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use common::wire::{Tap, Wire, frame, number};
use common::{READY, ready};
use netns_tests::bed::{BedOptions, SwitchKind, Testbed};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Frames that are compared.
const FRAMES: u32 = 10_000;
/// Between two looks at what arrived: less than a tap has room for.
const ROUND: usize = 2_500;
/// Sent without a pause: far less than a veth ring holds.
const BURST: usize = 16;
/// Time for what processing was put off to be done.
const PAUSE: Duration = Duration::from_micros(200);
const SEED: u64 = 0x5eed_0004;
/// Stations that speak, from wherever the draw puts them.
const STATIONS: u64 = 24;
/// Longest frame without FCS, and the shortest that has room for its number.
const LENGTHS: (u64, u64) = (18, 1514);

/// One frame: where it comes in, and its bytes.
#[derive(Clone)]
struct Sent {
    host: usize,
    bytes: Vec<u8>,
}

/// SplitMix64.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

fn station(number: u64) -> [u8; 6] {
    [0x02, 0, 0x02, 0, 0, number as u8]
}

/// Known and unknown stations, broadcast, multicast, addresses of control protocols.
fn destination(draw: &mut Draw) -> [u8; 6] {
    let any = draw.below(256) as u8;
    match draw.below(20) {
        0 => [0xff; 6],
        1 => [0x01, 0x00, 0x5e, 0, 0, any],
        2 => [0x33, 0x33, 0, 0, 0, any],
        3 => [0x01, 0x80, 0xc2, 0, 0, any % 16],
        4 => [0x01, 0x80, 0xc2, 0, 0, 16 + any % 32],
        5 => [0x02, 0, 0x03, 0, 0, any],
        _ => station(draw.below(STATIONS)),
    }
}

/// Most stations keep to a host; some frames come from where theirs was not. Some sources are none: a group, or nobody.
fn source(draw: &mut Draw, host: u64, hosts: u64, to: [u8; 6]) -> [u8; 6] {
    if reserved(to) {
        // Linux learns from frames that it does not forward: from a station that nobody asks for.
        return [0x02, 0, 0x04, 0, 0, host as u8];
    }
    match draw.below(40) {
        0 => [0x01, 0, 0x5e, 0, 0, 1],
        1 => [0; 6],
        2 => station(draw.below(STATIONS)),
        _ => station(draw.below(STATIONS / hosts) * hosts + host),
    }
}

/// 01:80:c2:00:00:0x: IEEE 802.1Q-2018, table 8-1.
fn reserved(to: [u8; 6]) -> bool {
    to[..5] == [0x01, 0x80, 0xc2, 0, 0] && to[5] < 16
}

fn frames(hosts: u64) -> Vec<Sent> {
    let mut draw = Draw(SEED);
    let make = |number| {
        let host = draw.below(hosts);
        let to = destination(&mut draw);
        let from = source(&mut draw, host, hosts, to);
        let length = LENGTHS.0 + draw.below(LENGTHS.1 - LENGTHS.0 + 1);
        Sent { host: host as usize, bytes: frame(to, from, None, number, length as usize) }
    };
    (0..FRAMES).map(make).collect()
}

/// What each host got, by number: one entry a copy.
type Got = BTreeMap<u32, Vec<(usize, Vec<u8>)>>;

/// Sends all of it, from one CPU: what processing each frame needs is done there and in order.
fn through(bed: &Testbed, frames: &[Sent]) -> Got {
    let allowed = sched_getaffinity(None).expect("the allowed CPUs");
    let cpu = (0..CpuSet::MAX_CPU).find(|&cpu| allowed.is_set(cpu)).expect("a CPU");
    let mut only = CpuSet::new();
    only.set(cpu);
    sched_setaffinity(None, &only).expect("one CPU");
    let wires: Vec<Wire> = bed.hosts().iter().map(Wire::of).collect();
    let taps: Vec<Tap> = bed.hosts().iter().map(Tap::of).collect();
    let mut got = Got::new();
    for round in frames.chunks(ROUND) {
        for burst in round.chunks(BURST) {
            burst.iter().for_each(|sent| wires[sent.host].send(&sent.bytes));
            std::thread::sleep(PAUSE);
        }
        for (host, tap) in taps.iter().enumerate() {
            for bytes in tap.take() {
                got.entry(number(&bytes).expect("a number")).or_default().push((host, bytes));
            }
        }
    }
    sched_setaffinity(None, &allowed).expect("all CPUs again");
    got.values_mut().for_each(|copies| copies.sort());
    got
}

/// Differences that are meant, with the reason; None for one that is not.
fn argued(sent: &Sent, here: &[(usize, Vec<u8>)]) -> Option<&'static str> {
    let to: [u8; 6] = sent.bytes[..6].try_into().expect("an address");
    // A bridge without STP passes BPDUs on (net/bridge/br_input.c, br_handle_frame). IEEE 802.1Q-2018 8.6.3 lets no relay do that, and
    // neither does the switch: control addresses are discarded unless their protocol runs.
    (to == [0x01, 0x80, 0xc2, 0, 0, 0] && here.is_empty()).then_some("BPDUs are discarded while STP is off")
}

#[test]
fn ten_thousand_frames_go_where_the_linux_bridge_sends_them() {
    let (bed, _) = ready(BedOptions { prefix: "or1-".into(), ..BedOptions::default() });
    bed.wait_ready(READY).expect("ready");
    let frames = frames(bed.hosts().len() as u64);
    let here = through(&bed, &frames);
    drop(bed);
    let bridge = BedOptions { prefix: "or2-".into(), switch: SwitchKind::Bridge, ..BedOptions::default() };
    let there = through(&Testbed::start(bridge).expect("a bridge"), &frames);
    let mut reasons: BTreeMap<&str, u32> = BTreeMap::new();
    let mut wrong = Vec::new();
    let hosts = |copies: &[(usize, Vec<u8>)]| copies.iter().map(|copy| copy.0 + 1).collect::<Vec<_>>();
    for (number, sent) in (0..).zip(&frames) {
        let at = |got: &Got| got.get(&number).cloned().unwrap_or_default();
        let (ours, linux) = (at(&here), at(&there));
        if ours == linux {
            continue;
        }
        match argued(sent, &ours) {
            Some(reason) => *reasons.entry(reason).or_default() += 1,
            None => wrong.push(format!(
                "frame {number} of {} bytes from h{} to {:02x?} by {:02x?}: here at {:?}, there at {:?}",
                sent.bytes.len(),
                sent.host + 1,
                &sent.bytes[..6],
                &sent.bytes[6..12],
                hosts(&ours),
                hosts(&linux)
            )),
        }
    }
    let delivered: BTreeSet<u32> = there.keys().copied().collect();
    println!("{} of {FRAMES} frames were delivered; argued differences: {reasons:?}", delivered.len());
    // The comparison is worth something only if most frames went somewhere, and some went to one place and some to all.
    assert!(delivered.len() > FRAMES as usize / 2, "{} delivered", delivered.len());
    for copies in [1, 3] {
        assert!(there.values().any(|got| got.len() == copies), "no frame arrived {copies} times");
    }
    assert!(wrong.is_empty(), "{} differences: {:#?}", wrong.len(), &wrong[..wrong.len().min(20)]);
}
