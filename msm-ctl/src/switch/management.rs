//! VLAN Mgmt: the management netdev has the address that the configuration gives it, for as long as this MSM is the master.

use std::sync::Arc;
use std::time::Duration;

use msm_config::network::Interface;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::msm::board::Board;
use crate::netlink::{self, View};

/// How often a netdev that is missing, or a kernel that refused, is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Follows the board for as long as there is one.
pub(crate) async fn follow(netdev: String, mut board: watch::Receiver<Arc<Board>>, view: View) {
    let mut told = false;
    // What the netdev is known to have: this MSM's own doing, or what the master before had configured.
    let mut known: Option<Interface> = None;
    let mut done = false;
    loop {
        let shown = board.borrow_and_update().clone();
        let wanted = shown.config.config.vlans.management();
        if !shown.status.role.is_master() {
            (known, done) = (wanted, false);
        } else if !done || known != wanted {
            match set(&netdev, known, wanted, &view).await {
                Ok(()) => (known, done, told) = (wanted, true, false),
                Err(why) if !told => {
                    warn!(target: "msm.mgmt", "VLAN Mgmt: {why}; tried again every second");
                    (done, told) = (false, true);
                }
                Err(_) => done = false,
            }
        }
        let waits = shown.status.role.is_master() && !done;
        let changed = if waits {
            tokio::time::timeout(RETRY, board.changed()).await.unwrap_or(Ok(()))
        } else {
            board.changed().await
        };
        if changed.is_err() {
            return;
        }
    }
}

async fn set(
    name: &str,
    old: Option<Interface>,
    wanted: Option<Interface>,
    view: &View,
) -> Result<(), String> {
    if old.is_none() && wanted.is_none() {
        return Ok(());
    }
    let netdev = view.get(name).ok_or_else(|| format!("netdev {name} is not in this network namespace"))?;
    let ipv4 = |interface: Interface| (interface.address, interface.prefix);
    let changed = netlink::set_ipv4(netdev.ifindex, old.map(ipv4), wanted.map(ipv4));
    if changed.await.map_err(|error| error.to_string())? {
        match wanted {
            Some(interface) => info!(target: "msm.mgmt", "{name} has address {interface}"),
            None => info!(target: "msm.mgmt", "{name} has no address of the switch any more"),
        }
    }
    if wanted.is_some() && !netdev.admin_up {
        netlink::set_admin(netdev.ifindex, true).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}
