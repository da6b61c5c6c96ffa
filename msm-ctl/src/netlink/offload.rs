//! Offloads of a netdev by name, through generic netlink family `ethtool` (Documentation/networking/ethtool-netlink.rst).

use super::NetlinkError;
use super::genl::{Answer, Family, attributes, nest, string, u32, value};
use rtnetlink::packet_core::{DefaultNla, NLA_F_NESTED, Nla};

/// The kernel's name of GRO.
pub(super) const GRO: &str = "rx-gro";
/// The kernel's name of what `ethtool -K` calls tx, at a veth.
pub(super) const TX_CHECKSUM: &str = "tx-checksum-ip-generic";
/// The same for SCTP.
pub(super) const TX_CHECKSUM_SCTP: &str = "tx-checksum-sctp";
/// The kernel's name of what `ethtool -K` calls txvlan.
pub(super) const TX_VLAN: &str = "tx-vlan-hw-insert";
/// The kernel's name of what `ethtool -K` calls rxvlan.
pub(super) const RX_VLAN: &str = "rx-vlan-hw-parse";

const ETHTOOL_MSG_FEATURES_GET: u8 = 11;
const ETHTOOL_MSG_FEATURES_SET: u8 = 12;
const ETHTOOL_A_FEATURES_HEADER: u16 = 1;
const ETHTOOL_A_FEATURES_WANTED: u16 = 3;
const ETHTOOL_A_FEATURES_ACTIVE: u16 = 4;
const ETHTOOL_A_HEADER_DEV_INDEX: u16 = 1;
const ETHTOOL_A_BITSET_BITS: u16 = 3;
const ETHTOOL_A_BITSET_BITS_BIT: u16 = 1;
const ETHTOOL_A_BITSET_BIT_NAME: u16 = 2;
const ETHTOOL_A_BITSET_BIT_VALUE: u16 = 3;

/// The family, ready to be asked.
pub(super) struct Offloads(Family);

impl Offloads {
    /// Opens a socket and finds the family.
    pub(super) async fn open() -> Result<Self, NetlinkError> {
        Family::open("ethtool").await.map(Self)
    }

    /// The names of the offloads that are on.
    pub(super) async fn active(&self, ifindex: u32) -> Result<Vec<String>, NetlinkError> {
        let answers = self.0.request(ETHTOOL_MSG_FEATURES_GET, vec![header(ifindex)], Answer::One).await?;
        let bitset = answers.iter().find_map(|answer| answer.value(ETHTOOL_A_FEATURES_ACTIVE));
        let bitset = bitset
            .ok_or_else(|| NetlinkError::NoAnswer { what: format!("offloads of ifindex {ifindex}") })?;
        Ok(names(&bitset))
    }

    /// Switches one offload on or off.
    pub(super) async fn set(&self, ifindex: u32, offload: &str, on: bool) -> Result<(), NetlinkError> {
        let mut bit = vec![string(ETHTOOL_A_BITSET_BIT_NAME, offload)];
        if on {
            bit.push(DefaultNla::new(ETHTOOL_A_BITSET_BIT_VALUE, Vec::new()));
        }
        let bits = nest(ETHTOOL_A_BITSET_BITS, &[nest(ETHTOOL_A_BITSET_BITS_BIT, &bit)]);
        let wanted = nest(ETHTOOL_A_FEATURES_WANTED, &[bits]);
        let request = vec![header(ifindex), wanted];
        self.0.request(ETHTOOL_MSG_FEATURES_SET, request, Answer::One).await.map(drop)
    }
}

fn header(ifindex: u32) -> DefaultNla {
    nest(ETHTOOL_A_FEATURES_HEADER, &[u32(ETHTOOL_A_HEADER_DEV_INDEX, ifindex)])
}

/// Names in a bitset without a mask: every bit listed is set.
fn names(bitset: &[u8]) -> Vec<String> {
    let bits = value(&attributes(bitset), ETHTOOL_A_BITSET_BITS).unwrap_or_default();
    let name = |bit: DefaultNla| {
        let bit = attributes(&value(std::slice::from_ref(&bit), bit.kind() & !NLA_F_NESTED)?);
        let name = String::from_utf8(value(&bit, ETHTOOL_A_BITSET_BIT_NAME)?).ok()?;
        Some(name.trim_end_matches('\0').to_owned())
    };
    attributes(&bits).into_iter().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};

    use super::*;
    use crate::netlink::genl::Message;

    #[test]
    fn the_active_offloads_of_a_veth() {
        let bytes = include_bytes!("captures/features.bin");
        let NetlinkPayload::InnerMessage(message) =
            NetlinkMessage::<Message>::deserialize(bytes).unwrap().payload
        else {
            panic!("no message");
        };
        let active = names(&message.value(ETHTOOL_A_FEATURES_ACTIVE).unwrap());
        assert!(active.iter().any(|name| name == TX_VLAN), "{active:?}");
        assert!(active.iter().any(|name| name == RX_VLAN), "{active:?}");
        assert!(!active.iter().any(|name| name == "rx-all"), "{active:?}");
    }
}
