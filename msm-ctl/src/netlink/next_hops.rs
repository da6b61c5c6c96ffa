//! Next-hop objects: the news that one is gone. What routes lead by, the routes say themselves (net.ipv4.nexthop_compat_mode, on by default).
//!
//! With an object the kernel drops its IPv4 routes without a word (net/ipv4/nexthop.c, __remove_nexthop_fib).

use std::convert::Infallible;

use rtnetlink::MulticastGroup;
use rtnetlink::packet_core::{NetlinkDeserializable, NetlinkHeader, NetlinkSerializable};
use rtnetlink::proto::new_connection;
use rtnetlink::sys::AsyncSocket;
use rtnetlink::sys::protocols::NETLINK_ROUTE;

use super::NetlinkError;
use super::notifications::Notifications;

/// RTM_DELNEXTHOP (linux/rtnetlink.h).
const DELETED: u16 = 105;
/// NHA_ID (linux/nexthop.h).
const ID: u16 = 1;
/// struct nhmsg.
const HEADER: usize = 8;

/// A message about an object, undecoded.
#[derive(Debug, Clone)]
pub(super) struct Message {
    kind: u16,
    payload: Vec<u8>,
}

impl NetlinkSerializable for Message {
    fn message_type(&self) -> u16 {
        self.kind
    }

    fn buffer_len(&self) -> usize {
        self.payload.len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        buffer[..self.payload.len()].copy_from_slice(&self.payload);
    }
}

impl NetlinkDeserializable for Message {
    type Error = Infallible;

    fn deserialize(header: &NetlinkHeader, payload: &[u8]) -> Result<Self, Infallible> {
        Ok(Self { kind: header.message_type, payload: payload.to_vec() })
    }
}

impl Message {
    /// The object that is gone, if it says that.
    pub(super) fn gone(&self) -> Option<u32> {
        if self.kind != DELETED {
            return None;
        }
        let attributes = super::genl::attributes(self.payload.get(HEADER..)?);
        super::genl::value(&attributes, ID)?.try_into().ok().map(u32::from_ne_bytes)
    }
}

/// Subscribes.
pub(super) fn subscribe() -> Result<Notifications<Message>, NetlinkError> {
    let failed = |source| NetlinkError::Socket { what: "notifications of next hops", source };
    let (mut connection, _, messages) = new_connection::<Message>(NETLINK_ROUTE).map_err(failed)?;
    let group = MulticastGroup::Nexthop as u32;
    connection.socket_mut().socket_mut().add_membership(group).map_err(failed)?;
    Ok(Notifications::new(connection, messages))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_that_is_gone_is_named() {
        let mut payload = vec![0; HEADER];
        payload.extend([8, 0, 1, 0]);
        payload.extend(14u32.to_ne_bytes());
        assert_eq!(Message { kind: DELETED, payload: payload.clone() }.gone(), Some(14));
        assert_eq!(Message { kind: DELETED - 1, payload }.gone(), None);
        assert_eq!(Message { kind: DELETED, payload: vec![0; 3] }.gone(), None);
    }
}
