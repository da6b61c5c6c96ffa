//! RTM_NEWLINK into a [`Netdev`].

use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkInfo, LinkMessage};

use super::view::Netdev;

/// Reads a link. XDP features are not in it and stay 0.
///
/// `None` for what is not about the netdev itself: a bridge tells of its ports with family AF_BRIDGE in the same group,
/// and its RTM_DELLINK means that a port left the bridge.
pub(super) fn read(message: &LinkMessage) -> Option<Netdev> {
    if message.header.interface_family != AddressFamily::Unspec {
        return None;
    }
    let mut dev = Netdev {
        ifindex: message.header.index,
        admin_up: message.header.flags.contains(LinkFlags::Up),
        carrier: message.header.flags.contains(LinkFlags::LowerUp),
        ..Netdev::default()
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => dev.name.clone_from(name),
            LinkAttribute::Mtu(mtu) => dev.mtu = *mtu,
            LinkAttribute::Address(address) => {
                dev.mac = address.as_slice().try_into().unwrap_or_default();
            }
            LinkAttribute::Carrier(carrier) => dev.carrier = *carrier != 0,
            LinkAttribute::CarrierChanges(changes) => dev.carrier_changes = *changes,
            LinkAttribute::Link(peer) => dev.peer_ifindex = Some(*peer),
            LinkAttribute::LinkNetNsId(id) => dev.peer_netnsid = Some(*id),
            LinkAttribute::LinkInfo(infos) => {
                if let Some(kind) = infos.iter().find_map(kind) {
                    dev.kind = kind;
                }
            }
            _ => {}
        }
    }
    Some(dev)
}

fn kind(info: &LinkInfo) -> Option<String> {
    match info {
        LinkInfo::Kind(kind) => Some(kind.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use netlink_packet_route::RouteNetlinkMessage;
    use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};

    use super::*;

    /// RTM_NEWLINK of Linux 6.18: `ip link add nl-p2 index 77 type veth peer name nl-q2 index 77 netns nl-h`, set up.
    fn captured() -> LinkMessage {
        let bytes = include_bytes!("captures/link-veth.bin");
        let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(bytes).unwrap();
        match message.payload {
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) => link,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_veth_with_its_peer_elsewhere() {
        let dev = read(&captured()).unwrap();
        assert_eq!((dev.ifindex, dev.name.as_str(), dev.kind.as_str()), (77, "nl-p2", "veth"));
        assert_eq!((dev.mtu, dev.admin_up, dev.carrier, dev.carrier_changes), (1500, true, false, 1));
        assert_eq!((dev.peer_ifindex, dev.peer_netnsid), (Some(77), Some(0)));
        assert_ne!(dev.mac, [0; 6]);
        assert!(dev.has_late_carrier());
    }

    #[test]
    fn what_a_bridge_says_of_a_port_is_not_taken_for_the_port() {
        let mut message = captured();
        message.header.interface_family = AddressFamily::Bridge;
        assert_eq!(read(&message), None);
    }
}
