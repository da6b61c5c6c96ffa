//! A pair of veths with given indices: made, mended, removed. Each step looks first and writes what differs.

use netlink_packet_route::link::{InfoData, InfoKind, InfoVeth, LinkAttribute};
use rtnetlink::{Handle, LinkMessageBuilder, LinkUnspec, LinkVeth};

use super::NetlinkError;
use super::bring_up::refused;
use super::dump::requests;
use super::offload::{GRO, Offloads, TX_CHECKSUM, TX_CHECKSUM_SCTP};
use super::view::{Netdev, View};

/// One end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// Its index, which stays.
    pub(crate) ifindex: u32,
    /// Its name, which may change.
    pub(crate) name: String,
    /// Its address; `None`: whatever the kernel gives it.
    pub(crate) mac: Option<[u8; 6]>,
    /// Its MTU.
    pub(crate) mtu: u32,
}

/// What is at an index where an end of a pair should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing, at either index.
    Nothing,
    /// Both ends.
    Pair(Box<[Netdev; 2]>),
    /// Something of somebody else's, or a half.
    Other(String),
}

/// Looks for the pair whose ends have these indices.
pub(crate) fn look(view: &View, ends: [u32; 2]) -> Found {
    match ends.map(|ifindex| view.by_index(ifindex)) {
        [None, None] => Found::Nothing,
        [Some(outer), Some(inner)]
            if outer.kind == "veth"
                && outer.peer_netnsid.is_none()
                && outer.peer_ifindex == Some(inner.ifindex)
                && inner.peer_ifindex == Some(outer.ifindex) =>
        {
            Found::Pair(Box::new([outer, inner]))
        }
        [Some(other), _] | [None, Some(other)] => Found::Other(other.name),
    }
}

/// A socket for changes of pairs.
pub(crate) struct Pairs {
    handle: Handle,
    offloads: Offloads,
    /// Requests that changed something.
    pub(crate) writes: u64,
}

impl Pairs {
    /// Opens the sockets.
    ///
    /// # Errors
    /// No socket, or no family `ethtool`.
    pub(crate) async fn open() -> Result<Self, NetlinkError> {
        Ok(Self { handle: requests()?, offloads: Offloads::open().await?, writes: 0 })
    }

    /// Makes a pair, both ends down.
    ///
    /// # Errors
    /// What the kernel says: EEXIST where a name or an index is taken.
    pub(crate) async fn make(&mut self, outer: &End, inner: &End) -> Result<(), NetlinkError> {
        let peer = end::<LinkUnspec>(LinkMessageBuilder::<LinkUnspec>::new(), inner).build();
        let link = end(LinkMessageBuilder::<LinkVeth>::new_with_info_kind(InfoKind::Veth), outer);
        let link = link.set_info_data(InfoData::Veth(InfoVeth::Peer(peer))).build();
        let what = || format!("making veths {} and {}", outer.name, inner.name);
        self.writes += 1;
        self.handle.link().add(link).execute().await.map_err(|error| refused(&error, what()))
    }

    /// Removes a netdev, and with it its other end.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) async fn remove(&mut self, device: &Netdev) -> Result<(), NetlinkError> {
        self.writes += 1;
        let what = || format!("removing {} (ifindex {})", device.name, device.ifindex);
        self.handle.link().del(device.ifindex).execute().await.map_err(|error| refused(&error, what()))
    }

    /// Gives an end its name, address and MTU, whichever differ.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) async fn mend(&mut self, has: &Netdev, wanted: &End) -> Result<(), NetlinkError> {
        if has.name != wanted.name {
            self.rename(wanted).await?;
        }
        if let Some(mac) = wanted.mac.filter(|mac| *mac != has.mac) {
            self.change(wanted, "giving its address to", |link| link.address(mac.to_vec())).await?;
        }
        if has.mtu != wanted.mtu {
            self.change(wanted, "giving its MTU to", |link| link.mtu(wanted.mtu)).await?;
        }
        Ok(())
    }

    /// Gives an end its name. A live netdev is renamed since Linux 6.2.
    ///
    /// # Errors
    /// What the kernel says: EEXIST where the name is taken.
    pub(crate) async fn rename(&mut self, end: &End) -> Result<(), NetlinkError> {
        self.change(end, "naming", |link| link.name(end.name.clone())).await
    }

    /// Sets an end up.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) async fn up(&mut self, end: &End) -> Result<(), NetlinkError> {
        self.change(end, "setting up", LinkMessageBuilder::up).await
    }

    async fn change(
        &mut self,
        end: &End,
        doing: &str,
        change: impl FnOnce(LinkMessageBuilder<LinkUnspec>) -> LinkMessageBuilder<LinkUnspec>,
    ) -> Result<(), NetlinkError> {
        self.writes += 1;
        let link = change(LinkMessageBuilder::<LinkUnspec>::new().index(end.ifindex)).build();
        let what = || format!("{doing} {} (ifindex {})", end.name, end.ifindex);
        self.handle.link().set(link).execute().await.map_err(|error| refused(&error, what()))
    }

    /// An end that the stack uses: it takes frames that XDP sends to it (GRO), and sends whole checksums, which XDP cannot finish.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) async fn settle(&mut self, ifindex: u32) -> Result<(), NetlinkError> {
        let active = self.offloads.active(ifindex).await?;
        for (offload, on) in [(GRO, true), (TX_CHECKSUM, false), (TX_CHECKSUM_SCTP, false)] {
            if active.iter().any(|name| name == offload) != on {
                self.writes += 1;
                self.offloads.set(ifindex, offload, on).await?;
            }
        }
        Ok(())
    }
}

/// One queue each way: an end of more sends on more than the other's XDP program is run for.
fn end<T>(link: LinkMessageBuilder<T>, end: &End) -> LinkMessageBuilder<T> {
    let link = link.name(end.name.clone()).index(end.ifindex).mtu(end.mtu);
    let link = link
        .append_extra_attribute(LinkAttribute::NumTxQueues(1))
        .append_extra_attribute(LinkAttribute::NumRxQueues(1));
    match end.mac {
        Some(mac) => link.address(mac.to_vec()),
        None => link,
    }
}
