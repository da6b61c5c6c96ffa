//! Routes of the switch's own in the kernel: placed and taken away.

use std::net::IpAddr;

use futures::StreamExt;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::{RouteMessage, RouteProtocol, RouteType};
use rtnetlink::packet_core::{
    NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use rtnetlink::{Handle, RouteMessageBuilder, RouteNextHopBuilder};

use super::NetlinkError;

/// A route as it should be in the main table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Placed {
    /// Where it leads.
    pub(crate) prefix: IpAddr,
    /// Bits of it.
    pub(crate) len: u8,
    /// Lower wins.
    pub(crate) priority: u32,
    /// By whom and by which netdev, in order; none: dropped.
    pub(crate) hops: Vec<(IpAddr, u32)>,
}

impl Placed {
    fn message(&self, protocol: u8) -> Option<RouteMessage> {
        let route = RouteMessageBuilder::<IpAddr>::new()
            .destination_prefix(self.prefix, self.len)
            .ok()?
            .priority(self.priority)
            .protocol(RouteProtocol::from(protocol));
        let route = match self.hops.as_slice() {
            [] => route.kind(RouteType::BlackHole),
            [(gateway, ifindex)] => route.gateway(*gateway).ok()?.output_interface(*ifindex),
            several => {
                let hop = |(gateway, ifindex): &(IpAddr, u32)| {
                    let hop = match gateway {
                        IpAddr::V4(_) => RouteNextHopBuilder::new_ipv4(),
                        IpAddr::V6(_) => RouteNextHopBuilder::new_ipv6(),
                    };
                    Some(hop.interface(*ifindex).via(*gateway).ok()?.build())
                };
                route.multipath(several.iter().map(hop).collect::<Option<Vec<_>>>()?)
            }
        };
        Some(route.build())
    }
}

/// What is done with a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// It is not there.
    Add,
    /// It is there with other hops, and is ours.
    Replace,
    /// It is there, is ours, and is to go. Hops do not matter.
    Remove,
}

/// Does it.
///
/// # Errors
/// What the kernel says.
pub(crate) async fn place(
    handle: &Handle,
    route: &Placed,
    protocol: u8,
    doing: Doing,
) -> Result<(), NetlinkError> {
    let verb = match doing {
        Doing::Add => "adding",
        Doing::Replace => "changing",
        Doing::Remove => "removing",
    };
    let what = || format!("{verb} route {}/{}", route.prefix, route.len);
    let silent = || NetlinkError::NoAnswer { what: what() };
    let message = route.message(protocol).ok_or_else(silent)?;
    let (message, flags) = match doing {
        // Beside another's of the same prefix and priority, never in place of it. IPv6 would make one route of both.
        Doing::Add if route.prefix.is_ipv4() => {
            (RouteNetlinkMessage::NewRoute(message), NLM_F_CREATE | NLM_F_APPEND)
        }
        Doing::Add => {
            (RouteNetlinkMessage::NewRoute(message), NLM_F_CREATE | rtnetlink::packet_core::NLM_F_EXCL)
        }
        Doing::Replace => (RouteNetlinkMessage::NewRoute(message), NLM_F_CREATE | NLM_F_REPLACE),
        Doing::Remove => (RouteNetlinkMessage::DelRoute(message), 0),
    };
    let mut request = NetlinkMessage::from(message);
    request.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    let mut answers = handle.clone().request(request).map_err(|_| silent())?;
    while let Some(answer) = answers.next().await {
        if let NetlinkPayload::Error(error) = answer.payload
            && error.code.is_some()
        {
            return Err(NetlinkError::Refused { what: what(), source: error.to_io() });
        }
    }
    // An acknowledgement ends the answers.
    Ok(())
}
