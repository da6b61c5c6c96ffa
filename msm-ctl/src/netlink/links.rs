//! The links task: alone in writing links into the view, and in telling of them.
//!
//! Subscribe first, read everything next, deltas after: what changes during the dump is told again by a notification, and
//! applying one twice changes nothing. Links have sockets of their own, so that a storm of routes cannot overrun them.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkExtentMask, LinkMessage};
use rtnetlink::MulticastGroup;
use tracing::{info, warn};

use super::dump::{dump, requests};
use super::events::Events;
use super::features::{self, Features, Netdevs};
use super::genl;
use super::notifications::{Notification, Notifications};
use super::poll::{Polled, Poller};
use super::view::{Netdev, View};
use super::{LinkEvent, NetlinkError, link};

/// Between two tries to open the sockets again. They fail only when the kernel is out of memory or files.
const REOPEN: Duration = Duration::from_secs(1);

/// The sockets, subscribed.
struct Sockets {
    routes: Notifications<RouteNetlinkMessage>,
    features: Notifications<genl::Message>,
    netdevs: Netdevs,
}

impl Sockets {
    async fn open() -> Result<Self, NetlinkError> {
        let (connection, _, messages) = rtnetlink::new_multicast_connection(&[MulticastGroup::Link])
            .map_err(|source| NetlinkError::Socket { what: "link notifications", source })?;
        let netdevs = Netdevs::open().await?;
        let features = netdevs.subscribe()?;
        Ok(Self { routes: Notifications::new(connection, messages), features, netdevs })
    }
}

/// The task's state.
pub(super) struct Links {
    view: View,
    events: Events,
    sockets: Sockets,
    /// NETDEV_XDP_ACT_* by ifindex, only ever changed by family `netdev`: its notifications are in order among themselves and
    /// in none with those of the links, and an index can be taken again at once.
    features: HashMap<u32, u64>,
    poller: Poller,
}

impl Links {
    /// Subscribes and reads every link; tells of none of them.
    pub(super) async fn start(view: View, events: Events) -> Result<Self, NetlinkError> {
        let sockets = Sockets::open().await?;
        let poller = Poller::start(view.clone())?;
        let mut links = Self { view, events, sockets, features: HashMap::new(), poller };
        links.read_all(&mut |_| {}).await?;
        Ok(links)
    }

    /// Runs until the reader of events is gone.
    pub(super) async fn run(mut self) {
        loop {
            let Err(error) = self.follow().await else { return };
            warn!(%error, "netlink: links are not followed; opening the sockets again");
            tokio::select! {
                () = tokio::time::sleep(REOPEN) => {}
                () = self.events.closed() => return,
            }
            if let Err(error) = self.renew().await {
                warn!(%error, "netlink: links cannot be read again");
            }
        }
    }

    /// Applies what the kernel says. Ok when the reader of events is gone.
    async fn follow(&mut self) -> Result<(), NetlinkError> {
        let ended = || NetlinkError::NoAnswer { what: "following links".to_owned() };
        loop {
            // In this order: a poll's answer that was queued first is also the older one, and a new netdev's features are
            // told before the netdev.
            tokio::select! {
                biased;
                () = self.events.closed() => return Ok(()),
                polled = self.poller.next() => self.polled(polled.ok_or_else(ended)?),
                told = self.sockets.features.next() => match told.ok_or_else(ended)? {
                    Notification::Message(message, _) => self.told(&message),
                    Notification::Overrun => self.renew().await?,
                },
                told = self.sockets.routes.next() => match told.ok_or_else(ended)? {
                    Notification::Message(RouteNetlinkMessage::NewLink(message), _) => self.seen(&message),
                    Notification::Message(RouteNetlinkMessage::DelLink(message), _) => self.gone(&message),
                    Notification::Message(..) => {}
                    Notification::Overrun => self.renew().await?,
                },
                () = self.events.room(), if self.events.is_behind() => self.events.catch_up(),
            }
        }
    }

    fn seen(&mut self, message: &LinkMessage) {
        if let Some(dev) = link::read(message) {
            let event = self.put(dev);
            self.tell(event);
        }
    }

    fn gone(&mut self, message: &LinkMessage) {
        if let Some(dev) = link::read(message) {
            let event = self.remove(dev.ifindex);
            self.tell(event);
        }
    }

    fn told(&mut self, message: &genl::Message) {
        match features::read(message) {
            Some(Features::Are { ifindex, bits }) => {
                self.features.insert(ifindex, bits);
                let event = self.view.by_index(ifindex).and_then(|dev| self.put(dev));
                self.tell(event);
            }
            Some(Features::Gone { ifindex }) => {
                self.features.remove(&ifindex);
            }
            None => {}
        }
    }

    /// Takes carrier from a poll. Never adds a netdev: the answer may be older than its removal.
    fn polled(&mut self, polled: Polled) {
        let Some(mut dev) = self.view.by_index(polled.ifindex) else { return };
        dev.carrier = polled.carrier;
        dev.carrier_changes = polled.carrier_changes;
        let event = self.put(dev);
        self.tell(event);
    }

    fn tell(&mut self, event: Option<LinkEvent>) {
        if let Some(event) = event {
            self.events.push(event);
        }
    }

    /// Writes a netdev, its features filled in; what changed by that.
    fn put(&mut self, mut dev: Netdev) -> Option<LinkEvent> {
        dev.xdp_features = self.features.get(&dev.ifindex).copied().unwrap_or(0);
        self.poller.watch(dev.ifindex, dev.has_late_carrier());
        match self.view.put_link(dev.clone()) {
            Ok(None) => Some(LinkEvent::Added(dev)),
            Ok(Some(before)) if before == dev => None,
            Ok(Some(before)) => Some(LinkEvent::Changed { before, after: dev }),
            Err(full) => {
                warn!(netdev = dev.name, "netlink: {full}");
                None
            }
        }
    }

    fn remove(&mut self, ifindex: u32) -> Option<LinkEvent> {
        self.poller.watch(ifindex, false);
        let dev = self.view.remove_link(ifindex)?;
        Some(LinkEvent::Removed { name: dev.name, ifindex })
    }

    /// Subscribes anew, reads everything again and tells of every difference, then of the resync.
    ///
    /// Anew, because an overrun socket goes on losing without a word until it has been read empty (net/netlink/af_netlink.c,
    /// netlink_overrun and NETLINK_S_CONGESTED), and what is still in it may be a link whose removal was lost.
    async fn renew(&mut self) -> Result<(), NetlinkError> {
        self.sockets = Sockets::open().await?;
        let mut differences = Vec::new();
        self.read_all(&mut |event| differences.push(event)).await?;
        info!(differences = differences.len(), "netlink: links read again after notifications were lost");
        differences.into_iter().for_each(|event| self.events.push(event));
        self.events.push(LinkEvent::Resynced);
        Ok(())
    }

    async fn read_all(&mut self, tell: &mut impl FnMut(LinkEvent)) -> Result<(), NetlinkError> {
        self.features = self.sockets.netdevs.dump().await?;
        let mut found: Vec<Netdev> = Vec::new();
        let mut request = LinkMessage::default();
        request.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
        dump(&requests()?, "links", RouteNetlinkMessage::GetLink(request), |message| match message {
            Some(RouteNetlinkMessage::NewLink(message)) => found.extend(link::read(&message)),
            Some(_) => {}
            None => found.clear(),
        })
        .await?;
        let present: HashSet<u32> = found.iter().map(|dev| dev.ifindex).collect();
        let absent = self.view.links().into_iter().filter(|dev| !present.contains(&dev.ifindex));
        // Removals first: a name may have moved to another index.
        absent.filter_map(|dev| self.remove(dev.ifindex)).for_each(&mut *tell);
        found.into_iter().filter_map(|dev| self.put(dev)).for_each(tell);
        Ok(())
    }
}
