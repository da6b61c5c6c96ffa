//! Addresses of netdevs of the switch's own.

use std::collections::BTreeSet;
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

/// Addresses of many netdevs, read in one dump.
pub(crate) struct Addresses {
    handle: rtnetlink::Handle,
    has: Vec<(AddressMessage, IpAddr)>,
    /// Requests that changed something.
    pub(crate) writes: u64,
}

impl Addresses {
    /// Reads those of all netdevs.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) async fn read() -> Result<Self, NetlinkError> {
        let handle = requests()?;
        let mut has = Vec::new();
        let request = RouteNetlinkMessage::GetAddress(AddressMessage::default());
        dump(&handle, "addresses", request, |message| match message {
            None => has.clear(),
            Some(RouteNetlinkMessage::NewAddress(message)) => {
                let of = |wanted: fn(&AddressAttribute) -> Option<IpAddr>| {
                    message.attributes.iter().find_map(wanted)
                };
                // Of IPv4 the local one; IPv6 has no other.
                let local = of(|attribute| match attribute {
                    AddressAttribute::Local(address) => Some(*address),
                    _ => None,
                });
                let address = local.or_else(|| {
                    of(|attribute| match attribute {
                        AddressAttribute::Address(address) => Some(*address),
                        _ => None,
                    })
                });
                if let Some(address) = address {
                    has.push((message, address));
                }
            }
            Some(_) => {}
        })
        .await?;
        Ok(Self { handle, has, writes: 0 })
    }

    /// Makes the addresses of netdev `ifindex` those `wanted`; the one that the kernel gives itself for its link stays.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) async fn set(
        &mut self,
        ifindex: u32,
        wanted: &BTreeSet<(IpAddr, u8)>,
    ) -> Result<(), NetlinkError> {
        let mut missing = wanted.clone();
        let mut too_many = Vec::new();
        for (message, address) in self.has.iter().filter(|(message, _)| message.header.index == ifindex) {
            let own = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
            if !missing.remove(&(*address, message.header.prefix_len)) && !own {
                too_many.push((message.clone(), *address));
            }
        }
        for (message, address) in too_many {
            self.writes += 1;
            let what = || format!("removing address {address} of ifindex {ifindex}");
            self.handle.address().del(message).execute().await.map_err(|error| refused(&error, what()))?;
        }
        for (address, prefix) in missing {
            self.writes += 1;
            let what = || format!("adding address {address}/{prefix} to ifindex {ifindex}");
            let add = self.handle.address().add(ifindex, address, prefix);
            add.execute().await.map_err(|error| refused(&error, what()))?;
        }
        Ok(())
    }
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
