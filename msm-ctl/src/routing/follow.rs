//! The master's part: makes FRR's configuration of the board's, sees that a supervisor runs, and sends what differs.

use std::process::Child;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tracing::{info, warn};

use super::compare::{self, Sent};
use super::ledger::Ledger;
use super::orders::Orders;
use super::place::{self, Place};
use super::text::{self, Wanted};
use super::{Daemon, install, installed};
use crate::backplane::{lock, spawn};
use crate::config::chassis::Chassis;
use crate::msm::board::Board;
use crate::process::{self, Process};
use crate::switch::l3;

/// How often what could not be done is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How often the daemons are compared though nothing is known to have changed: somebody may have used vtysh.
const LOOK: Duration = Duration::from_secs(30);
/// A daemon that was ordered is there by then.
const START: Duration = Duration::from_secs(10);
/// How often it is looked whether it is.
const POLL: Duration = Duration::from_millis(10);

/// Follows the board for as long as there is one.
pub(crate) async fn follow(chassis: Arc<Chassis>, mut board: watch::Receiver<Arc<Board>>, ledger: Ledger) {
    let mut supervisor: Option<Child> = None;
    loop {
        let shown = board.borrow_and_update().clone();
        if !shown.status.role.is_master() {
            if board.changed().await.is_err() {
                return;
            }
            continue;
        }
        let wanted = text::wanted(&shown.config.config, |vlan| l3::names::outer_name(vlan.vid));
        let result = bring(&chassis, &wanted, shown.anew, &mut supervisor, &ledger).await;
        let again = match &result {
            Ok(()) => LOOK,
            Err(_) => RETRY,
        };
        let fault = result.err();
        ledger.note(|page| {
            if fault.is_some() && page.fault != fault {
                warn!(target: "msm.routing", "{}", fault.as_deref().unwrap_or_default());
            }
            page.fault = fault;
        });
        if !wait(&chassis, &mut board, &wanted, again).await {
            return;
        }
        if let Some(child) = &mut supervisor {
            // Reaps it if it has ended.
            let _ = child.try_wait();
        }
    }
}

/// Until something else is wanted, the supervisor dies, or time is up. False: there is no board any more.
async fn wait(
    chassis: &Chassis,
    board: &mut watch::Receiver<Arc<Board>>,
    done: &Wanted,
    again: Duration,
) -> bool {
    let until = tokio::time::Instant::now() + again;
    let orders = !done.orders.daemons.is_empty();
    let supervisor = lock::holder(&chassis.routing_lock()).filter(|_| orders);
    loop {
        tokio::select! {
            changed = board.changed() => {
                if changed.is_err() {
                    return false;
                }
                let shown = board.borrow_and_update().clone();
                let wanted = text::wanted(&shown.config.config, |vlan| l3::names::outer_name(vlan.vid));
                if !shown.status.role.is_master() || wanted != *done {
                    return true;
                }
            }
            () = death(supervisor.as_ref()) => return true,
            () = tokio::time::sleep_until(until) => return true,
        }
    }
}

async fn death(process: Option<&Process>) {
    match process {
        Some(process) => drop(process.dead().await),
        None => std::future::pending().await,
    }
}

/// Makes it so, off the event loop.
async fn bring(
    chassis: &Arc<Chassis>,
    wanted: &Wanted,
    anew: Option<u64>,
    supervisor: &mut Option<Child>,
    ledger: &Ledger,
) -> Result<(), String> {
    let place = chassis.routing();
    let none = wanted.orders.daemons.is_empty();
    if none && !place.orders().exists() {
        return Ok(());
    }
    if !none {
        installed().map_err(|error| error.to_string())?;
    }
    let prepared = (place.clone(), wanted.clone());
    patiently(move || write(&prepared.0, &prepared.1, anew)).await?.map_err(|error| {
        format!("routing: cannot write below {}: {error}; check the space left there", place.root().display())
    })?;
    if none {
        return Ok(());
    }
    if lock::holder(&chassis.routing_lock()).is_none() {
        let child = spawn::routing(chassis).map_err(|error| error.to_string())?;
        info!(target: "msm.routing", "supervisor of the routing daemons started as pid {}", child.id());
        *supervisor = Some(child);
    }
    for (daemon, block) in &wanted.blocks {
        let (daemon, block, vty) = (*daemon, block.clone(), place.vty(*daemon));
        let deadline = Instant::now() + START;
        let sent = patiently(move || {
            loop {
                match compare::settle(&vty, &block) {
                    Err(_) if Instant::now() < deadline => std::thread::sleep(POLL),
                    other => return other,
                }
            }
        });
        let sent = sent.await?.map_err(|error| error.to_string())?;
        note(daemon, &sent, ledger);
        if let Some(refused) = sent.refused {
            return Err(format!("{daemon} does not take its configuration: {refused}"));
        }
        if let Some(line) = sent.left.iter().find(|line| line.contains(' ')) {
            return Err(format!("{daemon} does not keep its configuration: {line}"));
        }
    }
    Ok(())
}

fn note(daemon: Daemon, sent: &Sent, ledger: &Ledger) {
    ledger.note(|page| {
        *page.sent.entry(daemon).or_default() += sent.lines as u64;
        *page.equal.entry(daemon).or_default() += u64::from(sent.lines == 0);
    });
    if sent.lines > 0 {
        info!(target: "msm.routing", "{daemon}: {} lines of configuration sent", sent.lines);
    }
}

/// Files that a daemon reads when it starts, and then the orders. What is right already is not touched. `anew`: the daemons are to begin as after
/// a boot, because of this takeover.
fn write(place: &Place, wanted: &Wanted, anew: Option<u64>) -> std::io::Result<()> {
    if !place.root().exists() {
        place.make()?;
    }
    for (daemon, block) in &wanted.blocks {
        let (file, text) = (place.configuration(*daemon), block.write());
        if std::fs::read(&file).ok().as_deref() != Some(text.as_bytes()) {
            place::replace(&file, text.as_bytes())?;
            install::give(&file)?;
        }
    }
    let last = || Orders::read(&place.orders()).map_or(0, |orders| orders.anew);
    let orders = Orders { anew: anew.unwrap_or_else(last), ..wanted.orders.clone() };
    let orders = serde_json::to_vec(&orders)?;
    if std::fs::read(place.orders()).ok().as_deref() != Some(orders.as_slice()) {
        place::replace(&place.orders(), &orders)?;
    }
    Ok(())
}

async fn patiently<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let work = tokio::task::spawn_blocking(move || process::patiently(work));
    work.await.map_err(|error| format!("routing: it failed: {error}"))
}
