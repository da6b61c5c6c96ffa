//! A Linux router as the oracle for 10,000 generated IPv4 and IPv6 frames: what is forwarded is the same, byte for byte, but for what is
//! listed here. Needs root, iproute2, ethtool and the object.
//!
//! Three routers between two VLANs of a veth each, in one network namespace: the kernel's, and the pinned programs twice, as XDP and as tcx
//! programs, with the tables that their owner writes of the same hosts and routes. What we give to the stack is right whatever Linux
//! makes of it, for the stack is Linux; but it goes there as it came, and of what Linux forwards only these do: IPv4 with
//! options, IPv6 with a hop-by-hop header or from a link-local address (back into its network), and what Linux cuts in pieces. The differences:
//!
//! - [`Difference::Trailer`]: bytes behind the packet's end. Linux cuts them off; we send the frame as long as it came, as bridges do. They
//!   are no part of the packet, and Ethernet has to pad a short one again anyway.
//! - [`Difference::OwnSource`]: from an IPv4 address of the router. Linux drops it; we forward it, as Linux does with IPv6: RFC 1812 5.3.7
//!   does not ask for this look, and who may send as whom, access lists say.
//! - [`Difference::ThisNetwork`]: from 0.0.0.0/8 but for 0.0.0.0, which Linux forwards since 5.3. We drop it (RFC 1812 5.3.7, RFC 1122 3.2.1.3).
//! - [`Difference::ClassE`]: from 240.0.0.0/4, which Linux forwards. We drop it: there are no such hosts (RFC 1112 4, RFC 6890).
//! - [`Difference::Unspecified`]: from `::`, back into the network that it came from. RFC 4291 2.5.2 says that no router forwards it; Linux looks
//!   only at packets that leave by another netdev (net/ipv6/ip6_output.c: ip6_forward).
//!
//! Redirects are no part of it: Linux's are off here, and the rate of frames that go to the stack for them is 0.

#[path = "kernel/bed.rs"]
#[allow(dead_code, reason = "the kernel tests use more of it")]
mod bed;
#[path = "oracle/host.rs"]
mod host;
#[path = "l3_oracle/net.rs"]
mod net;
#[path = "l3_oracle/packets.rs"]
mod packets;
#[path = "oracle/random.rs"]
mod random;
#[path = "l3_oracle/routers.rs"]
mod routers;

use std::{collections::BTreeMap, net::IpAddr};

use bed::Bed;
use msm_dataplane::Driver;
use net::addresses;
use packets::{end, is_exception, source, untagged};
use random::Random;
use routers::{Out, STACK};

const FRAMES: u32 = 10_000;
/// Frames from one side in a row: a veth holds 256.
const RUN: u32 = 50;
/// Numbers of the packets behind them.
const FENCES: u32 = 0x8000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    Trailer,
    OwnSource,
    ThisNetwork,
    ClassE,
    Unspecified,
}

impl Difference {
    const ALL: [Self; 5] =
        [Self::Trailer, Self::OwnSource, Self::ThisNetwork, Self::ClassE, Self::Unspecified];
}

/// What a router did with a frame.
#[derive(Debug, PartialEq, Eq)]
enum Fate<'a> {
    Sent(&'a (usize, Vec<u8>)),
    /// Sent in more than one piece.
    Fragmented,
    Stack(&'a [u8]),
    Dropped,
}

fn fate(out: &Out, number: u32) -> Fate<'_> {
    match out.get(&number).map(Vec::as_slice) {
        None => Fate::Dropped,
        Some([sent]) if sent.0 < STACK => Fate::Sent(sent),
        Some([(_, bytes)]) => Fate::Stack(bytes),
        Some(_) => Fate::Fragmented,
    }
}

/// Whether `ours` is right of a frame that Linux made another thing of; `None` if no difference is known that this could be.
fn difference(side: usize, frame: &[u8], ours: &Fate<'_>, theirs: &Fate<'_>) -> Option<Difference> {
    let from = source(frame);
    match (ours, theirs) {
        (Fate::Sent(ours), Fate::Sent(theirs)) => {
            let trimmed = ours.0 == theirs.0 && ours.1.get(..end(&ours.1)) == Some(&theirs.1[..]);
            trimmed.then_some(Difference::Trailer)
        }
        (Fate::Sent(_), Fate::Dropped) => {
            let own =
                |address: IpAddr| address.is_ipv4() && (0..2).any(|side| addresses(side, 254)[0] == address);
            from.is_some_and(own).then_some(Difference::OwnSource)
        }
        (Fate::Dropped, Fate::Sent(_) | Fate::Fragmented) => match from? {
            IpAddr::V4(from) if from.octets()[0] == 0 => Some(Difference::ThisNetwork),
            IpAddr::V4(from) if from.octets()[0] >= 240 => Some(Difference::ClassE),
            IpAddr::V6(from) if from.is_unspecified() => {
                matches!(theirs, Fate::Sent((port, _)) if *port == side).then_some(Difference::Unspecified)
            }
            _ => None,
        },
        _ => None,
    }
}

fn brief(frame: &[u8]) -> String {
    format!("{} bytes {:02x?}", frame.len(), &frame[..frame.len().min(70)])
}

#[test]
fn ten_thousand_packets_go_where_a_linux_router_sends_them() {
    Bed::run(|bed| {
        host::stay_on_this_cpu();
        host::sysctl("ipv6/conf/all/disable_ipv6", "1");
        host::sysctl("ipv6/conf/default/disable_ipv6", "1");
        host::sysctl("ipv4/conf/all/rp_filter", "0");
        host::sysctl("ipv4/conf/all/send_redirects", "0");
        host::sysctl("ipv6/conf/all/forwarding", "1");
        let linux = routers::linux();
        let ours = [Driver::Xdp, Driver::Tcx].map(|driver| routers::ours(bed, driver));

        let mut random = Random(2);
        let mut differences = BTreeMap::new();
        // Sent, to the stack, dropped; the second of each: what Linux sent.
        let mut fates = [[0u32; 2]; 3];
        for run in 0..FRAMES / RUN {
            let (side, first) = (random.below(2) as usize, run * RUN);
            let frames: Vec<Vec<u8>> =
                (first..first + RUN).map(|number| packets::frame(&mut random, side, number)).collect();
            let theirs = linux.pass(side, &frames, FENCES + run);
            for router in &ours {
                let ours = router.pass(side, &frames, FENCES + run);
                for (number, frame) in (first..).zip(&frames) {
                    let (ours, theirs) = (fate(&ours, number), fate(&theirs, number));
                    let kind = match ours {
                        Fate::Sent(_) | Fate::Fragmented => 0,
                        Fate::Stack(_) => 1,
                        Fate::Dropped => 2,
                    };
                    fates[kind][usize::from(matches!(theirs, Fate::Sent(_) | Fate::Fragmented))] += 1;
                    if let Fate::Stack(bytes) = ours {
                        let forwarded = matches!(theirs, Fate::Sent(_) | Fate::Fragmented);
                        assert!(
                            bytes == untagged(frame),
                            "to the stack otherwise than it came: {}",
                            brief(bytes)
                        );
                        assert!(!forwarded || is_exception(frame), "to the stack: {}", brief(frame));
                        continue;
                    }
                    if ours == theirs {
                        continue;
                    }
                    let show = |fate: &Fate<'_>| match fate {
                        Fate::Sent((port, bytes)) => format!("sent by {port}, {}", brief(bytes)),
                        other => format!("{other:?}"),
                    };
                    let Some(difference) = difference(side, frame, &ours, &theirs) else {
                        panic!(
                            "{} and a Linux router differ in frame {number} from {side}, {}:\nours {}\ntheirs {}",
                            router.name,
                            brief(frame),
                            show(&ours),
                            show(&theirs)
                        );
                    };
                    *differences.entry((router.name, difference)).or_insert(0u32) += 1;
                }
                let known = |n: &u32| (first..first + RUN).contains(n);
                assert!(ours.keys().chain(theirs.keys()).all(known), "frames of before");
                assert!(router.is_silent(side), "to the stack, in another VLAN");
            }
        }
        println!(
            "sent, to the stack, dropped (of these, Linux sent not and sent): {fates:?}; differences: {differences:?}"
        );
        assert!(fates.iter().all(|[not, sent]| not + sent > FRAMES / 5), "{fates:?}");
        for router in &ours {
            for difference in Difference::ALL {
                let met = differences.get(&(router.name, difference)).copied().unwrap_or(0);
                assert!(met >= 5, "{difference:?} of {}: {met} times", router.name);
            }
        }
    });
}
