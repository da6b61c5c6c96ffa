//! Streams of each kind. Rates are modest: the streams between modules load the switch, these show what becomes of a kind.

use super::Kind;
use super::commands::{EAST, GROUP, IPV4, IPV6, MOVING, REROUTED, ROUTES, WEST};
use crate::bed::SYSTEM_MAC;
use crate::probe::{Second, Shape, StreamSpec};

/// Frames a second of a stream.
const PPS: u32 = 1000;
/// Flows of a stream.
const FLOWS: u16 = 4;
/// Flows to a group: enough that each member carries some.
const SHARED_FLOWS: u16 = 16;
/// An IPv6 frame that is as short as the numbers allow.
const IPV6_LEN: u16 = 84;
/// UDP ports: the access list denies both but for the first.
pub(super) const PERMITTED: u16 = 2008;
const DENIED: u16 = 2007;

/// Streams of a kind.
pub(super) fn of(kind: Kind) -> Vec<StreamSpec> {
    let stream = |name: &str, from: &str, to: &str, shape: Shape| {
        StreamSpec::new(name, from, to, FLOWS, PPS).shaped(shape)
    };
    let one = |name: &str, from: &str, to: &str, shape: Shape| {
        StreamSpec::new(name, from, to, 1, PPS).shaped(shape)
    };
    let plain = Shape::default;
    let also =
        |host: &str, tag: u16, own_station: bool| Some(Second { host: host.to_owned(), tag, own_station });
    let routed = |first: u16| Shape { first: Some(first), router: Some(SYSTEM_MAC), ..plain() };
    match kind {
        Kind::Tagged => vec![
            stream("tagged", "h1", "h3", Shape { tag: EAST, tag_at_end: EAST, ..plain() }),
            stream("tag popped", "h1", "h7", Shape { tag: EAST, ..plain() }),
            stream("tag pushed", "h7", "h3", Shape { tag_at_end: EAST, ..plain() }),
        ],
        Kind::Shared => vec![
            StreamSpec::new("to a group", "h1", GROUP[0], SHARED_FLOWS, 2 * PPS)
                .shaped(Shape { second: also(GROUP[1], 0, false), ..plain() }),
            stream("from a group", GROUP[1], "h1", Shape { from_too: Some(GROUP[0].to_owned()), ..plain() }),
        ],
        Kind::AccessList => vec![
            stream("permitted", "h4", "h3", Shape { udp_port: PERMITTED, ..plain() }),
            stream("denied", "h4", "h3", Shape { udp_port: DENIED, denied: true, ..plain() }),
        ],
        Kind::Moving => vec![
            one(
                "to a moving station",
                "h1",
                "h3",
                Shape { first: Some(MOVING), second: also("h9", 0, false), ..plain() },
            ),
            one(
                "from a moving station",
                "h3",
                "h1",
                Shape { first: Some(MOVING), from_later: Some("h9".to_owned()), ..plain() },
            ),
        ],
        Kind::RoutedIpv4 => vec![stream("routed IPv4", "h7", "h8", routed(IPV4))],
        Kind::RoutedIpv6 => {
            let shape = Shape { ipv6: true, ..routed(IPV6) };
            vec![StreamSpec { frame_len: IPV6_LEN, ..stream("routed IPv6", "h7", "h8", shape) }]
        }
        Kind::Rerouted => {
            let second = also("h3", WEST, true);
            vec![one(
                "changed route",
                "h7",
                "h8",
                Shape { second, network: Some(ROUTES), ..routed(REROUTED) },
            )]
        }
    }
}

/// Flows whose neighbours the switch is told of.
pub(super) fn neighbours(kind: Kind) -> std::ops::Range<u16> {
    match kind {
        Kind::RoutedIpv4 => IPV4..IPV4 + FLOWS,
        Kind::RoutedIpv6 => IPV6..IPV6 + FLOWS,
        _ => 0..0,
    }
}
