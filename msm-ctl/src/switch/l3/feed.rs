//! The feed: follows the kernel's routes and neighbours at every MSM, and tells the master's actor what the plane is to do.
//!
//! A slave's FIB is as good as the master's. Who becomes the master sends all of it once, and from then on what changed: what is sent while
//! the actor is busy is sent together. Nothing is lost on the way, since what is sent is read when there is room for it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use msm_config::Config;
use msm_dataplane::{Gateway, Prefix, RouteTo, RoutesTouched, Routing, Station};
use msm_proto::{Input, Subsystem};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::warn;

use super::arp::{Ask, Telling, Told};
use super::fib::Fib;
use super::names;
use crate::msm::board::Board;
use crate::netlink::{self, Keep, NetlinkError, View, nud};

/// How long changes are collected before they are looked at: a routing protocol brings thousands at once.
const COLLECT: Duration = Duration::from_millis(2);
/// Neighbours that are marked in one go, between two looks at what has changed.
const MARKS: usize = 256;
/// How soon after a failure marking is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What the actor is to make of the plane's routing.
#[derive(Debug)]
pub(crate) enum Update {
    /// All of it.
    Whole(Box<Routing>),
    /// What changed since the last one.
    Part(Part),
}

/// The stations of one address, by VLAN.
type OnLinks = Vec<(Gateway, [u8; 6])>;

/// Entries as they are now; `None`: no more.
#[derive(Debug, Default)]
pub(crate) struct Part {
    hosts: Vec<(IpAddr, Option<Station>)>,
    /// All of an address, in whatever VLAN.
    link_local: Vec<(IpAddr, OnLinks)>,
    routes: Vec<(Prefix, Option<RouteTo>)>,
}

impl Part {
    fn of(routing: &Routing, touched: &RoutesTouched) -> Self {
        let mut part = Self::default();
        for address in &touched.hosts {
            if matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
                let all = Gateway { ip: *address, vid: 0 }..=Gateway { ip: *address, vid: u16::MAX };
                let these = routing.link_local.range(all).map(|(gateway, mac)| (*gateway, *mac));
                part.link_local.push((*address, these.collect()));
            } else {
                part.hosts.push((*address, routing.hosts.get(address).copied()));
            }
        }
        part.routes =
            touched.routes.iter().map(|prefix| (*prefix, routing.routes.get(prefix).cloned())).collect();
        part
    }

    /// Makes `routing` have it, and says in `touched` what that is.
    pub(crate) fn apply(self, routing: &mut Routing, touched: &mut RoutesTouched) {
        for (address, station) in self.hosts {
            touched.hosts.insert(address);
            match station {
                Some(station) => routing.hosts.insert(address, station),
                None => routing.hosts.remove(&address),
            };
        }
        for (address, these) in self.link_local {
            touched.hosts.insert(address);
            let all = Gateway { ip: address, vid: 0 }..=Gateway { ip: address, vid: u16::MAX };
            let were: Vec<Gateway> = routing.link_local.range(all).map(|(gateway, _)| *gateway).collect();
            for gateway in were {
                routing.link_local.remove(&gateway);
            }
            routing.link_local.extend(these);
        }
        for (prefix, to) in self.routes {
            touched.routes.insert(prefix);
            match to {
                Some(to) => routing.routes.insert(prefix, to),
                None => routing.routes.remove(&prefix),
            };
        }
    }
}

/// Whether this MSM owns the tables, and since which epoch.
fn ownership(board: &Board) -> Option<u64> {
    let owner = board.status.owner.filter(|owner| owner.slot == board.status.identity.slot)?;
    board.status.role.is_master().then_some(owner.epoch)
}

fn interfaces(config: &Config) -> BTreeMap<u32, u16> {
    let vlans = config.vlans.iter();
    vlans.filter_map(|(_, vlan)| Some((names::outer(vlan.svi?), vlan.vid))).collect()
}

/// Whether anything is forwarded: else nobody needs a neighbour but the stack, which looks after its own.
fn forwards(config: &Config) -> bool {
    config.vlans.iter().any(|(_, vlan)| vlan.svi.is_some() && (vlan.forwarding || vlan.forwarding6))
}

struct Feed {
    view: View,
    fib: Fib,
    /// What changed and was not sent.
    touched: RoutesTouched,
    /// The ownership that has had a whole FIB.
    sent: Option<u64>,
    owns: Option<u64>,
    forwards: bool,
    /// Since when this MSM owns the tables, or does not.
    owned_at: Instant,
    /// How long what an old master left waits for the kernel's tables: `configure msm-failover timeout`.
    timer: Duration,
    /// What T-sync is to hear of neighbours.
    telling: Telling,
    /// Neighbours to look at: whether the kernel has to keep them.
    doubtful: BTreeSet<(u32, IpAddr)>,
    marks_at: Instant,
}

/// T-sync's end of the feed: what it asks for, and what it is answered.
pub(crate) struct Arp {
    /// Questions.
    pub(crate) asks: mpsc::Receiver<Ask>,
    /// Answers, and changes.
    pub(crate) words: mpsc::Sender<Input>,
}

/// Follows kernel and board for as long as there is a board.
pub(crate) async fn follow(
    mut board: watch::Receiver<Arc<Board>>,
    view: View,
    updates: mpsc::Sender<Update>,
    mut arp: Arp,
) {
    let mut feed = Feed {
        view: view.clone(),
        fib: Fib::default(),
        touched: RoutesTouched::default(),
        sent: None,
        owns: None,
        forwards: false,
        owned_at: Instant::now(),
        timer: Duration::ZERO,
        telling: Telling::default(),
        doubtful: BTreeSet::new(),
        marks_at: Instant::now(),
    };
    let shown = board.borrow_and_update().clone();
    feed.board(&shown);
    loop {
        let (waits, marks, marks_at) = (feed.has_news(), feed.has_marks(), feed.marks_at);
        let (speaks, relinks_at) = (feed.telling.has_word(), feed.relinks_at());
        tokio::select! {
            biased;
            changed = board.changed() => {
                if changed.is_err() {
                    return;
                }
                let shown = board.borrow_and_update().clone();
                feed.board(&shown);
            }
            permit = updates.reserve(), if waits => match permit {
                Ok(permit) => permit.send(feed.news()),
                Err(_) => return,
            },
            () = view.changed() => {
                sleep(COLLECT).await;
                feed.kernel();
            }
            Some(ask) = arp.asks.recv() => feed.telling.ask(ask, &view),
            permit = arp.words.reserve(), if speaks => match permit {
                Ok(permit) => permit.send(feed.word()),
                Err(_) => return,
            },
            () = sleep_until(marks_at), if marks => feed.mark().await,
            () = sleep_until(relinks_at.unwrap_or(marks_at)), if relinks_at.is_some() => {}
        }
    }
}

impl Feed {
    fn board(&mut self, board: &Board) {
        let config = &board.config.config;
        let touched = self.fib.set_interfaces(interfaces(config));
        self.note(touched);
        let (owns, forwards) = (ownership(board), forwards(config));
        self.timer = config.failover.timeout;
        if self.owns != owns {
            self.sent = None;
            self.owned_at = Instant::now();
        }
        if owns.is_some() && (owns != self.owns || forwards != self.forwards) {
            self.view.neighbours(&mut |neighbour| {
                self.doubtful.insert((neighbour.ifindex, neighbour.address));
            });
            self.doubtful.extend(self.fib.gateways());
        }
        (self.owns, self.forwards) = (owns, forwards);
    }

    fn note(&mut self, touched: RoutesTouched) {
        for address in &touched.hosts {
            let netdevs = self.fib.netdevs_of(*address);
            doubt(&mut self.doubtful, self.owns, netdevs.map(|ifindex| (ifindex, *address)));
        }
        self.touched.hosts.extend(touched.hosts);
        self.touched.routes.extend(touched.routes);
    }

    /// Takes what the kernel has told.
    fn kernel(&mut self) {
        let changed = self.view.take_changed();
        let mut touched = RoutesTouched::default();
        let gateways: BTreeSet<(u32, IpAddr)> =
            if changed.routes.is_empty() { BTreeSet::new() } else { self.fib.gateways().collect() };
        for key in &changed.routes {
            self.fib.set_route(key, self.view.route(key), &mut touched);
        }
        if !changed.routes.is_empty() {
            let now: BTreeSet<(u32, IpAddr)> = self.fib.gateways().collect();
            doubt(&mut self.doubtful, self.owns, gateways.symmetric_difference(&now).copied());
        }
        for key in changed.neighbours {
            self.telling.changed(key);
            self.fib.set_neighbour(key, self.view.neighbour(key.0, key.1), &mut touched);
            doubt(&mut self.doubtful, self.owns, [key].into_iter());
        }
        self.note(touched);
    }

    fn has_news(&self) -> bool {
        match self.owns {
            None => false,
            // What the tables have beside what is known here goes then: not before all is known, but when the failover timer ends.
            Some(_) if self.sent != self.owns => {
                self.view.is_whole() || self.owned_at.elapsed() >= self.timer
            }
            Some(_) => !self.touched.is_empty(),
        }
    }

    /// When the failover timer ends, if something waits for it.
    fn relinks_at(&self) -> Option<Instant> {
        let waits = self.owns.is_some() && self.sent != self.owns && !self.has_news();
        waits.then(|| self.owned_at + self.timer)
    }

    fn news(&mut self) -> Update {
        if self.sent != self.owns {
            // What the kernel has told by now is in it: who takes over takes nothing away that is there.
            self.kernel();
            self.sent = self.owns;
            self.touched = RoutesTouched::default();
            return Update::Whole(Box::new(self.fib.routing().clone()));
        }
        let touched = std::mem::take(&mut self.touched);
        Update::Part(Part::of(self.fib.routing(), &touched))
    }

    /// The next word for T-sync.
    fn word(&mut self) -> Input {
        let subsystem = Subsystem::Arp;
        match self.telling.word(&self.view, |ifindex| self.fib.vlan(ifindex)) {
            Told::Piece { bytes, last } => Input::Items { subsystem, bytes, last },
            Told::Changes(bytes) => Input::Delta { subsystem, bytes },
        }
    }

    fn has_marks(&self) -> bool {
        self.owns.is_some() && !self.doubtful.is_empty()
    }

    /// Makes the kernel keep neighbours that are used, and let go of others: some of those in doubt.
    async fn mark(&mut self) {
        let mut some = Vec::new();
        while let Some(key) = self.doubtful.pop_first() {
            if let Some(keep) = self.keep(key) {
                some.push((key, keep));
                if some.len() == MARKS {
                    break;
                }
            }
        }
        if some.is_empty() {
            return;
        }
        if let Err(error) = write(&some).await {
            warn!(target: "msm.l3", "{error}; tried again in {} s", RETRY.as_secs());
            self.doubtful.extend(some.into_iter().map(|(key, _)| key));
            self.marks_at = Instant::now() + RETRY;
        }
    }

    /// What is to be written about a neighbour, if anything.
    fn keep(&self, (ifindex, address): (u32, IpAddr)) -> Option<Keep> {
        names::of_outer(ifindex)?;
        let used = self.forwards && self.fib.uses(ifindex, address);
        match self.view.neighbour(ifindex, address) {
            None => used.then_some(Keep::Managed),
            Some(is) if is.state & (nud::PERMANENT | nud::NOARP) != 0 || is.managed == used => None,
            Some(_) if used => Some(Keep::Managed),
            Some(is) => Some(match is.mac {
                Some(mac) if is.state & nud::VALID != 0 => Keep::Plain { mac, state: is.state },
                _ => Keep::Gone,
            }),
        }
    }
}

/// The owner looks at these; nobody else has anything to write.
fn doubt(
    doubtful: &mut BTreeSet<(u32, IpAddr)>,
    owns: Option<u64>,
    some: impl Iterator<Item = (u32, IpAddr)>,
) {
    if owns.is_some() {
        doubtful.extend(some);
    }
}

async fn write(some: &[((u32, IpAddr), Keep)]) -> Result<(), NetlinkError> {
    let handle = netlink::handle()?;
    for ((ifindex, address), keep) in some {
        match netlink::keep(&handle, *ifindex, *address, *keep).await {
            // Its interface went meanwhile, or it did.
            Err(NetlinkError::Refused { source, .. })
                if matches!(source.raw_os_error(), Some(NO_DEVICE | NOT_THERE | NOT_UP)) => {}
            other => other?,
        }
    }
    Ok(())
}

/// ENODEV, ENOENT, ENETDOWN.
const NO_DEVICE: i32 = rustix::io::Errno::NODEV.raw_os_error();
const NOT_THERE: i32 = rustix::io::Errno::NOENT.raw_os_error();
const NOT_UP: i32 = rustix::io::Errno::NETDOWN.raw_os_error();

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
