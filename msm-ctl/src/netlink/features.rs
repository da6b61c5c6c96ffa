//! XDP features of netdevs, from generic netlink family `netdev` (Linux 6.3; Documentation/netlink/specs/netdev.yaml).
//!
//! For a veth (drivers/net/veth.c, veth_set_xdp_features) the bits of one end depend on the other: an end has BASIC unless its
//! peer sends on more queues than it receives on, and NDO_XMIT while its peer has an XDP program or wants GRO. Tried on Linux
//! 6.18, two namespaces: a fresh veth has 0x23, without NDO_XMIT, at both ends (it is created with GRO off); the peer's GRO, or
//! an XDP program on the peer, makes it 0x67 and its end makes it 0x23 again, each told to group `mgmt`; our own program or GRO
//! changes the peer's bits, never ours; 4 transmit queues at the peer and 1 receive queue here make it 0. So what a port's own
//! attachment changes is its peer's fault, and a switch port's fault is in its neighbour's hands.

use std::collections::HashMap;

use super::NetlinkError;
use super::genl::{Answer, Family, Message, u32};
use super::notifications::Notifications;

const NETDEV_A_DEV_IFINDEX: u16 = 1;
const NETDEV_A_DEV_XDP_FEATURES: u16 = 3;
const NETDEV_CMD_DEV_GET: u8 = 1;
const NETDEV_CMD_DEV_ADD_NTF: u8 = 2;
const NETDEV_CMD_DEV_DEL_NTF: u8 = 3;
const NETDEV_CMD_DEV_CHANGE_NTF: u8 = 4;

/// What a message of family `netdev` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Features {
    /// These are the netdev's NETDEV_XDP_ACT_* bits.
    Are { ifindex: u32, bits: u64 },
    /// The netdev is gone.
    Gone { ifindex: u32 },
}

/// Reads one message; `None` for what is not about features (queues, page pools).
pub(super) fn read(message: &Message) -> Option<Features> {
    let ifindex = message.u32(NETDEV_A_DEV_IFINDEX)?;
    match message.command {
        NETDEV_CMD_DEV_GET | NETDEV_CMD_DEV_ADD_NTF | NETDEV_CMD_DEV_CHANGE_NTF => {
            Some(Features::Are { ifindex, bits: message.uint(NETDEV_A_DEV_XDP_FEATURES)? })
        }
        NETDEV_CMD_DEV_DEL_NTF => Some(Features::Gone { ifindex }),
        _ => None,
    }
}

/// The family, ready to be asked.
pub(super) struct Netdevs(Family);

impl Netdevs {
    /// Opens a socket and finds the family.
    pub(super) async fn open() -> Result<Self, NetlinkError> {
        Family::open("netdev").await.map(Self)
    }

    /// Changes of features from now on.
    pub(super) fn subscribe(&self) -> Result<Notifications<Message>, NetlinkError> {
        self.0.subscribe("mgmt")
    }

    /// NETDEV_XDP_ACT_* bits of every netdev, by ifindex.
    pub(super) async fn dump(&self) -> Result<HashMap<u32, u64>, NetlinkError> {
        let answers = self.0.request(NETDEV_CMD_DEV_GET, Vec::new(), Answer::Dump).await?;
        Ok(answers.iter().filter_map(are).collect())
    }

    /// NETDEV_XDP_ACT_* bits of one netdev.
    pub(super) async fn of(&self, ifindex: u32) -> Result<u64, NetlinkError> {
        let wanted = vec![u32(NETDEV_A_DEV_IFINDEX, ifindex)];
        let answers = self.0.request(NETDEV_CMD_DEV_GET, wanted, Answer::One).await?;
        let bits = answers.iter().find_map(are).map(|(_, bits)| bits);
        bits.ok_or_else(|| NetlinkError::NoAnswer { what: format!("XDP features of ifindex {ifindex}") })
    }
}

fn are(message: &Message) -> Option<(u32, u64)> {
    match read(message)? {
        Features::Are { ifindex, bits } => Some((ifindex, bits)),
        Features::Gone { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};

    use super::*;
    use crate::netlink::port::{XDP_BASIC, XDP_NDO_XMIT};

    /// NETDEV_CMD_DEV_GET of a veth whose peer has GRO on, Linux 6.18.
    fn captured() -> Message {
        let bytes = include_bytes!("captures/netdev.bin");
        match NetlinkMessage::<Message>::deserialize(bytes).unwrap().payload {
            NetlinkPayload::InnerMessage(message) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_veth_whose_peer_has_gro() {
        let Some(Features::Are { ifindex: 1003, bits }) = read(&captured()) else {
            panic!("{:?}", read(&captured()))
        };
        assert_eq!(bits & (XDP_BASIC | XDP_NDO_XMIT), XDP_BASIC | XDP_NDO_XMIT);
        assert_eq!(bits, 0x67);
    }

    #[test]
    fn notifications_differ_by_command() {
        let told = |command| read(&Message { command, ..captured() });
        assert_eq!(told(NETDEV_CMD_DEV_DEL_NTF), Some(Features::Gone { ifindex: 1003 }));
        assert_eq!(told(NETDEV_CMD_DEV_CHANGE_NTF), told(NETDEV_CMD_DEV_GET));
        assert_eq!(told(9), None, "page pools come in the same family");
    }
}
