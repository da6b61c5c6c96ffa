//! What a probe sends: streams of numbered frames between hosts.

use serde::{Deserialize, Serialize};

/// One stream: `flows` flows, round robin, from one host to one other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamSpec {
    /// Name in reports.
    pub name: String,
    /// Sending host, `h1`.
    pub from: String,
    /// Receiving host, `h3`.
    pub to: String,
    /// Flows, each between two stations of its own; 1 to [`probe_abi::MAX_FLOWS`] over all streams.
    pub flows: u16,
    /// Frames a second, over all its flows.
    pub pps: u32,
    /// Frame length as RFC 2544 counts it, with FCS: 64 to 1518.
    pub frame_len: u16,
    /// What is special about its frames and their way.
    #[serde(default)]
    pub shape: Shape,
}

/// What is special about a stream's frames and their way. The default is nothing: untagged IPv4, switched, from and to one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Number of the first flow in its stations' addresses; the probe chooses if there is none. Streams of one number have stations in common.
    pub first: Option<u16>,
    /// IPv6, else IPv4.
    pub ipv6: bool,
    /// VLAN id of the tag that it is sent with; 0 for none.
    pub tag: u16,
    /// VLAN id of the tag that it must arrive with; 0 for none.
    pub tag_at_end: u16,
    /// MAC address of the router that it goes through: TTL less one, and addresses of Ethernet rewritten.
    pub router: Option<[u8; 6]>,
    /// Network of the destination's IP address, where it is not the receiving host's.
    pub network: Option<u8>,
    /// Destination port of UDP; 0 for discard, 9. What teaches the switch stations always has 9.
    pub udp_port: u16,
    /// None of its frames may arrive.
    pub denied: bool,
    /// Where else its frames may arrive.
    pub second: Option<Second>,
    /// Where its source can be reached as well: the other end of a group.
    pub from_too: Option<String>,
    /// Where its frames begin once its station has moved.
    pub from_later: Option<String>,
}

/// A second place where a stream's frames may arrive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Second {
    /// Receiving host.
    pub host: String,
    /// VLAN id of the tag there; 0 for none.
    pub tag: u16,
    /// There is another station, which speaks beside the first: another next hop. Else it is the same.
    pub own_station: bool,
}

impl StreamSpec {
    /// A stream of minimum-length frames.
    #[must_use]
    pub fn new(name: &str, from: &str, to: &str, flows: u16, pps: u32) -> Self {
        let (name, from, to) = (name.to_owned(), from.to_owned(), to.to_owned());
        Self { name, from, to, flows, pps, frame_len: 64, shape: Shape::default() }
    }

    /// With a shape.
    #[must_use]
    pub fn shaped(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }
}
