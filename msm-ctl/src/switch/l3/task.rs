//! The task `l3`: as long as this MSM is the master, the kernel has the interfaces, static routes and neighbours of the configuration.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use super::{interfaces, statics};
use crate::config::chassis::Chassis;
use crate::msm::board::Board;
use crate::netlink::View;

/// How often all is looked at again without a reason: settings change without a word.
const LOOK: Duration = Duration::from_secs(5);
/// How soon after something was written, or could not be: routes that the kernel drops with their netdev are missed by a dump only.
const AGAIN: Duration = Duration::from_millis(400);

/// Follows the board for as long as there is one.
pub(crate) async fn follow(chassis: Arc<Chassis>, mut board: watch::Receiver<Arc<Board>>, view: View) {
    let (mut links, mut own) = (view.links_changed(), view.own_changed());
    let mut told: Vec<String> = Vec::new();
    let mut due = Instant::now();
    // What was last made, and what was there then.
    let mut made = None;
    loop {
        let shown = board.borrow_and_update().clone();
        links.mark_unchanged();
        let placed = *own.borrow_and_update();
        let master = shown.status.role.is_master();
        if master {
            let config = &shown.config.config;
            let wanted = (interfaces::wanted(config), statics::wanted(config));
            let is = Some((wanted, interfaces::there(&view), placed));
            if due <= Instant::now() || made != is {
                let Some((wanted, ..)) = is else { continue };
                let (writes, mut faults) = interfaces::make(&view, &wanted.0, chassis.system_mac.0).await;
                let (more, others) = statics::make(&view, &wanted.1).await;
                faults.extend(others);
                let (writes, count) = (writes + more, wanted.0.len());
                if writes > 0 || (made.is_none() && count > 0) {
                    info!(target: "msm.l3", "{count} interfaces and their static routes and neighbours: {writes} writes");
                }
                for fault in faults.iter().filter(|fault| !told.contains(fault)) {
                    warn!(target: "msm.l3", "{fault}; tried again in {} ms", AGAIN.as_millis());
                }
                due = Instant::now() + if faults.is_empty() && writes == 0 { LOOK } else { AGAIN };
                told = faults;
                made = Some((wanted, interfaces::there(&view), placed));
            }
        } else {
            made = None;
        }
        tokio::select! {
            changed = board.changed() => if changed.is_err() { return },
            _ = links.changed() => {}
            _ = own.changed() => {}
            () = sleep_until(due), if master => {}
        }
    }
}
