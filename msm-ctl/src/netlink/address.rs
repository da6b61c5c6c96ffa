//! The IPv4 address of a netdev of the switch's own.

use std::net::{IpAddr, Ipv4Addr};

use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::NetlinkError;
use super::bring_up::refused;
use super::dump::{dump, requests};

/// An address and the bits of its network part.
pub(crate) type Ipv4 = (Ipv4Addr, u8);

/// Gives netdev `ifindex` the address `wanted`, if it has it not, and takes `old` away, if it has it. True if something changed.
///
/// # Errors
/// What the kernel says.
pub(crate) async fn set_ipv4(
    ifindex: u32,
    old: Option<Ipv4>,
    wanted: Option<Ipv4>,
) -> Result<bool, NetlinkError> {
    let handle = requests()?;
    let has = addresses(&handle, ifindex).await?;
    let mut changed = false;
    if let Some((address, prefix)) = wanted
        && !has.iter().any(|(_, ipv4)| *ipv4 == (address, prefix))
    {
        let what = || format!("adding address {address}/{prefix} to ifindex {ifindex}");
        let add = handle.address().add(ifindex, IpAddr::V4(address), prefix);
        add.execute().await.map_err(|error| refused(&error, what()))?;
        changed = true;
    }
    for (message, ipv4) in has.into_iter().filter(|(_, ipv4)| Some(*ipv4) == old && old != wanted) {
        let what = || format!("removing address {}/{} of ifindex {ifindex}", ipv4.0, ipv4.1);
        handle.address().del(message).execute().await.map_err(|error| refused(&error, what()))?;
        changed = true;
    }
    Ok(changed)
}

async fn addresses(
    handle: &rtnetlink::Handle,
    ifindex: u32,
) -> Result<Vec<(AddressMessage, Ipv4)>, NetlinkError> {
    let mut request = AddressMessage::default();
    request.header.family = AddressFamily::Inet;
    let mut found = Vec::new();
    dump(handle, "addresses", RouteNetlinkMessage::GetAddress(request), |message| match message {
        None => found.clear(),
        Some(RouteNetlinkMessage::NewAddress(message)) if message.header.index == ifindex => {
            let local = message.attributes.iter().find_map(|attribute| match attribute {
                AddressAttribute::Local(IpAddr::V4(address)) => Some(*address),
                _ => None,
            });
            if let Some(address) = local {
                let prefix = message.header.prefix_len;
                found.push((message, (address, prefix)));
            }
        }
        Some(_) => {}
    })
    .await?;
    Ok(found)
}
