//! The task `l3`: as long as this MSM is the master, the kernel has the interfaces that the configuration gives VLANs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{info, warn};

use super::interfaces;
use crate::config::chassis::Chassis;
use crate::msm::board::Board;
use crate::netlink::View;

/// How often all is looked at again without a reason: settings change without a word.
const LOOK: Duration = Duration::from_secs(5);
/// How soon after a failure.
const RETRY: Duration = Duration::from_millis(500);

/// Follows the board for as long as there is one.
pub(crate) async fn follow(chassis: Arc<Chassis>, mut board: watch::Receiver<Arc<Board>>, view: View) {
    let mut changes = view.links_changed();
    let mut told: Vec<String> = Vec::new();
    let mut due = Instant::now();
    // What was last made, and the netdevs that there were then.
    let mut made = None;
    loop {
        let shown = board.borrow_and_update().clone();
        let master = shown.status.role.is_master();
        if master {
            let wanted = interfaces::wanted(&shown.config.config);
            let there = interfaces::there(&view);
            if due <= Instant::now() || made.as_ref() != Some(&(wanted.clone(), there)) {
                let (writes, faults) = interfaces::make(&view, &wanted, chassis.system_mac.0).await;
                if writes > 0 || (made.is_none() && !wanted.is_empty()) {
                    info!(target: "msm.l3", "{} interfaces: {writes} writes", wanted.len());
                }
                for fault in faults.iter().filter(|fault| !told.contains(fault)) {
                    warn!(target: "msm.l3", "{fault}; tried again in {} ms", RETRY.as_millis());
                }
                due = Instant::now() + if faults.is_empty() { LOOK } else { RETRY };
                told = faults;
                // As it was looked at: what came of it is looked at again.
                made = Some((wanted, interfaces::there(&view)));
            }
        } else {
            made = None;
        }
        tokio::select! {
            changed = board.changed() => if changed.is_err() { return },
            changed = changes.changed() => if changed.is_err() { return },
            () = tokio::time::sleep_until(due), if master => {}
        }
    }
}
