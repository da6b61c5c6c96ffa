//! Port bring-up: refuse what cannot work, mend what can be mended, name the rest.

use std::io;

use futures::TryStreamExt;
use netlink_packet_route::link::{LinkFlags, LinkLayerType, LinkMessage};
use rtnetlink::{Handle, LinkMessageBuilder, LinkUnspec};

use super::dump::requests;
use super::features::Netdevs;
use super::offload::{GRO, Offloads, RX_VLAN, TX_VLAN};
use super::view::Netdev;
use super::{BringUpError, Fault, Limits, NetlinkError, PortReport, Severity, link};

/// ENODEV.
const NO_DEVICE: i32 = rustix::io::Errno::NODEV.raw_os_error();

/// Readies a netdev to be a port: refuses what cannot work, mends what can be mended, names the rest.
///
/// Writes nothing to a netdev that needs nothing, so adopting a running port costs reads only. Mended are: administratively
/// down, and NDO_XMIT missing when the peer is in this namespace (its GRO is switched on). A veth is made to send tags in its frames.
///
/// # Errors
/// [`BringUpError::Refused`] with the worst fault, before anything was changed.
pub(crate) async fn bring_up(name: &str, limits: &Limits) -> Result<PortReport, BringUpError> {
    let kernel = Kernel::open().await?;
    let Some(first) = kernel.look(name).await? else {
        return Err(BringUpError::Refused(Fault::Missing { name: name.to_owned() }));
    };
    if !first.ethernet {
        let kind = first.netdev.kind;
        return Err(BringUpError::Refused(Fault::NotEthernet { name: name.to_owned(), kind }));
    }
    let found = first.faults(limits);
    if let Some(fault) = found.iter().find(|fault| fault.severity() == Severity::Refused) {
        return Err(BringUpError::Refused(fault.clone()));
    }
    for fault in &found {
        kernel.mend(fault, &first).await?;
    }
    kernel.keep_tags_in(&first.netdev).await?;
    let Some(now) = kernel.look(name).await? else {
        return Err(BringUpError::Refused(Fault::Missing { name: name.to_owned() }));
    };
    let mut faults = now.faults(limits);
    let mended = found.into_iter().filter(|fault| !faults.contains(fault)).collect();
    faults.extend(kernel.hidden_tags(&now).await?);
    Ok(PortReport { netdev: now.netdev, faults, mended })
}

/// Sets a link administratively up or down.
///
/// # Errors
/// The kernel's answer (ENODEV when it is gone).
pub(crate) async fn set_admin(ifindex: u32, up: bool) -> Result<(), NetlinkError> {
    set(&requests()?, ifindex, up).await
}

async fn set(handle: &Handle, ifindex: u32, up: bool) -> Result<(), NetlinkError> {
    let change = LinkMessageBuilder::<LinkUnspec>::new().index(ifindex);
    let change = if up { change.up() } else { change.down() };
    let what = || format!("setting ifindex {ifindex} {}", if up { "up" } else { "down" });
    handle.link().set(change.build()).execute().await.map_err(|error| refused(&error, what()))
}

pub(super) fn refused(error: &rtnetlink::Error, what: String) -> NetlinkError {
    match error {
        rtnetlink::Error::NetlinkError(message) => NetlinkError::Refused { what, source: message.to_io() },
        _ => NetlinkError::NoAnswer { what },
    }
}

/// A netdev and, when it is a veth with both ends here, its other end.
struct Look {
    netdev: Netdev,
    ethernet: bool,
    peer: Option<(u32, String)>,
}

impl Look {
    fn faults(&self, limits: &Limits) -> Vec<Fault> {
        self.netdev.faults(limits, self.peer.as_ref().map(|(_, name)| name.as_str()))
    }
}

/// The sockets of one bring-up. Closed with it: between bring-ups nothing is left that could write.
struct Kernel {
    handle: Handle,
    netdevs: Netdevs,
    offloads: Offloads,
}

impl Kernel {
    async fn open() -> Result<Self, NetlinkError> {
        Ok(Self { handle: requests()?, netdevs: Netdevs::open().await?, offloads: Offloads::open().await? })
    }

    async fn look(&self, name: &str) -> Result<Option<Look>, NetlinkError> {
        let request = self.handle.link().get().match_name(name.to_owned());
        let Some(message) = self.get(request, name).await? else { return Ok(None) };
        let Some(mut netdev) = link::read(&message) else { return Ok(None) };
        netdev.xdp_features = self.netdevs.of(netdev.ifindex).await?;
        let peer = match (netdev.kind.as_str(), netdev.peer_ifindex, netdev.peer_netnsid) {
            ("veth", Some(peer), None) => {
                let request = self.handle.link().get().match_index(peer);
                let peer = self.get(request, name).await?;
                peer.as_ref().and_then(link::read).map(|peer| (peer.ifindex, peer.name))
            }
            _ => None,
        };
        let ethernet = message.header.link_layer_type == LinkLayerType::Ether
            && !message.header.flags.contains(LinkFlags::Loopback);
        Ok(Some(Look { netdev, ethernet, peer }))
    }

    async fn get(
        &self,
        request: rtnetlink::LinkGetRequest,
        name: &str,
    ) -> Result<Option<LinkMessage>, NetlinkError> {
        match request.execute().try_next().await {
            Ok(answer) => Ok(answer),
            Err(rtnetlink::Error::NetlinkError(error)) if error.raw_code().abs() == NO_DEVICE => Ok(None),
            Err(error) => Err(refused(&error, format!("a look at {name}"))),
        }
    }

    async fn mend(&self, fault: &Fault, look: &Look) -> Result<(), NetlinkError> {
        match (fault, &look.peer) {
            (Fault::AdminDown { .. }, _) => set(&self.handle, look.netdev.ifindex, true).await,
            (Fault::NoRedirect { .. }, Some((peer, _))) => self.offloads.set(*peer, GRO, true).await,
            _ => Ok(()),
        }
    }

    /// What tcx sends has its tag beside the frame. At a veth that offers to insert it nobody does: it stays there, where no XDP program at the
    /// other end sees it. Without the offer the kernel inserts it. (Hardware inserts by itself.)
    async fn keep_tags_in(&self, netdev: &Netdev) -> Result<(), NetlinkError> {
        if netdev.kind != "veth" {
            return Ok(());
        }
        let mended = async {
            let active = self.offloads.active(netdev.ifindex).await?;
            if active.iter().any(|name| name == TX_VLAN) {
                self.offloads.set(netdev.ifindex, TX_VLAN, false).await?;
            }
            Ok(())
        };
        match mended.await {
            // It went while we looked, which is told elsewhere.
            Err(NetlinkError::Refused { source, .. }) if is_gone(&source) => Ok(()),
            done => done,
        }
    }

    /// Where 802.1Q tags are taken off before XDP sees them, as far as this namespace shows: by the sender of a veth, whose
    /// frame carries the tag beside it; by a driver that strips it on receipt.
    async fn hidden_tags(&self, look: &Look) -> Result<Option<Fault>, NetlinkError> {
        let (ifindex, netdev, offload, feature) = match (look.netdev.kind.as_str(), &look.peer) {
            ("veth", Some((peer, name))) => (*peer, name.clone(), TX_VLAN, "txvlan"),
            ("veth", None) => return Ok(None),
            _ => (look.netdev.ifindex, look.netdev.name.clone(), RX_VLAN, "rxvlan"),
        };
        let active = match self.offloads.active(ifindex).await {
            Ok(active) => active,
            // The peer went while we looked; the port's own loss is told elsewhere.
            Err(NetlinkError::Refused { source, .. }) if is_gone(&source) => return Ok(None),
            Err(error) => return Err(error),
        };
        let on = active.iter().any(|name| name == offload);
        Ok(on.then_some(Fault::HiddenTags { netdev, feature }))
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.raw_os_error() == Some(NO_DEVICE)
}
