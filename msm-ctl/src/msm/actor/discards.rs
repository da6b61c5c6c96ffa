//! What a new master does not keep, as the decision says: links, stations, routes, neighbours.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use msm_dataplane::FdbFilter;
use msm_proto::Decision;
use tracing::{error, info, warn};

use super::{Actor, Back};
use crate::netlink;
use crate::switch::l3::arp::Held;
use crate::switch::l3::neighbours;
use crate::switch::ports;

/// Shortest time that links stay down after a failover that takes them down: a neighbour has to notice.
const DOWN: Duration = Duration::from_secs(1);
/// Links are taken down by then, or never.
const DOWN_BY: Duration = Duration::from_secs(5);

impl Actor {
    /// Takes every port's link down, before anything else is done. The programs stay attached.
    pub(super) fn links_down(&mut self) {
        info!(target: "msm.failover", "ports go down and up: link-action take-links-down");
        let (ports, view, back) = (self.ports(), self.view.clone(), self.back.clone());
        self.links_up_at = Some(Instant::now() + DOWN_BY);
        self.tasks.spawn("ports", false, async move {
            ports::set_all(&ports, &view, false).await;
            let _ = back.send(Back::LinksDown).await;
        });
    }

    /// They are down: how long they stay so counts from now.
    pub(super) fn links_are_down(&mut self) {
        if self.links_up_at.is_some() {
            self.links_up_at = Some(Instant::now() + DOWN);
        }
    }

    /// Takes links up again that have been down for long enough, if the configuration is in the tables.
    pub(super) fn links_up(&mut self, now: Instant) {
        if self.links_up_at.is_none_or(|at| at > now) {
            return;
        }
        if self.plane.writable().is_none() {
            // Who comes next readies the ports.
            self.links_up_at = None;
        } else if let Some(retry) = self.retry_at {
            self.links_up_at = Some(retry);
        } else {
            self.links_up_at = None;
            let (ports, view) = (self.ports(), self.view.clone());
            let ready = self.bring_up(self.ports());
            self.tasks.spawn("ports", false, async move {
                ports::set_all(&ports, &view, true).await;
                ready.await;
            });
        }
    }

    /// Forgets what layer 2 has learned.
    pub(super) fn discard_stations(&mut self, decision: Decision) {
        if decision.keep_l2 {
            return;
        }
        match self.plane.flush(FdbFilter::All) {
            Ok(stations) => info!(target: "msm.failover", "{stations} learned stations discarded"),
            Err(error) => error!(target: "msm.failover", "learned stations are not discarded: {error}"),
        }
    }

    /// Takes hosts and routes out of the tables, and has the kernel forget the neighbours that it has learned. Both come back as they are
    /// learned again: routes from the kernel's tables, neighbours from the wire.
    pub(super) fn discard_routing(&mut self, decision: Decision) {
        if decision.keep_l3 {
            return self.link_neighbours();
        }
        self.held = Held::default();
        self.plane.discard_routes();
        self.route();
        let learned = neighbours::learned(&self.view, |_| true);
        info!(target: "msm.failover", "routes and {} learned neighbours discarded", learned.len());
        if !learned.is_empty() {
            self.tasks.spawn("neighbours", false, forget(learned));
        }
    }
}

/// There may be very many.
async fn forget(learned: Vec<(u32, IpAddr)>) {
    let runtime = tokio::runtime::Handle::current();
    let work = move || crate::process::patiently(|| runtime.block_on(netlink::forget(&learned)));
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(gone)) => info!(target: "msm.failover", "{gone} neighbours discarded"),
        Ok(Err(error)) => warn!(target: "msm.failover", "learned neighbours are not discarded: {error}"),
        Err(error) => warn!(target: "msm.failover", "learned neighbours are not discarded: {error}"),
    }
}
