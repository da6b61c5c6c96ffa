//! What is done once, and changes of the configuration on their way to the actor.

use std::sync::Arc;
use std::time::SystemTime;

use msm_config::Config;
use msm_config::command::{Action, FdbSelection, RouteSelection};
use msm_config::model::{Change, Record, Secret};
use msm_dataplane::{FdbFilter, TableError};
use msm_proto::Slot;
use msm_proto::backplane::Operate;
use tracing::error;

use super::server::{Asker, Desk, Trouble, Work, answered, ask, patiently};
use super::views::Done;
use super::{capture, files};
use crate::backplane::operate::{OperateError, Operator, operate};
use crate::mgmt::log::{self, Target};
use crate::mgmt::password;
use crate::netlink;
use crate::routing;
use crate::switch::l3::{names, neighbours};
use msm_config::area::Area;

pub(super) type Data = Result<Vec<u8>, Trouble>;

pub(super) fn done(message: impl Into<String>) -> Data {
    serde_json::to_vec(&Done { message: message.into() }).map_err(|e| Trouble::Failed(e.to_string()))
}

/// Has a change made.
pub(super) async fn change(mut change: Change, asker: &Asker<'_>) -> Data {
    if let Some(secret) = change.secret() {
        *secret = hashed(secret).await?;
    }
    let runs_frr = starts_routing(&change);
    let message = ask(asker.id, Work::Change(Record::Changes(vec![change])), asker).await?;
    // The command is taken: a configuration may be there before the package is.
    match if runs_frr { no_frr().await } else { None } {
        Some(warning) if message.is_empty() => done(warning),
        Some(warning) => done(format!("{message}\n{warning}")),
        None => done(message),
    }
}

/// Whether it makes a routing protocol run.
fn starts_routing(change: &Change) -> bool {
    use msm_config::model::{BgpChange, OspfChange, RipChange};
    matches!(
        change,
        Change::Ospf(OspfChange::Enable(true))
            | Change::Bgp(BgpChange::Enable(true))
            | Change::Rip(RipChange::Enable(true))
    )
}

/// What is missing for that. Asks the file system.
async fn no_frr() -> Option<String> {
    let error = patiently(routing::installed).await.ok()?.err()?;
    Some(format!("Warning: {error}. The protocol is enabled, and runs as soon as FRR is there."))
}

/// What may be kept of a password. It takes as long to hash as it is meant to: on a thread of its own.
pub(super) async fn hashed(secret: &Secret) -> Result<Secret, Trouble> {
    let password = match secret {
        Secret::Plain(password) => password.clone(),
        Secret::Hash(hash) => {
            password::check_hash(hash).map_err(|error| Trouble::Failed(error.to_string()))?;
            return Ok(secret.clone());
        }
    };
    let hash = tokio::task::spawn_blocking(move || crate::process::patiently(|| password::hash(&password)));
    match hash.await {
        Ok(Ok(hash)) => Ok(Secret::Hash(hash)),
        Ok(Err(error)) => Err(Trouble::Failed(error.to_string())),
        Err(error) => Err(Trouble::Failed(format!("the password cannot be hashed: {error}"))),
    }
}

/// Does it.
pub(super) async fn act(action: Action, asker: &Asker<'_>) -> Data {
    match action {
        Action::Failover => done(ask(asker.id, Work::Failover, asker).await?),
        Action::Diagnostics => {
            let diagnosis = asker.desk.examiner.examine().await;
            serde_json::to_vec(&diagnosis).map_err(|error| Trouble::Failed(error.to_string()))
        }
        Action::InjectFault(fault) => {
            asker.desk.examiner.inject(fault);
            done("")
        }
        Action::Damage(damage) => done(ask(asker.id, Work::Damage(damage), asker).await?),
        Action::Save(area) => save(area, asker).await,
        Action::UseConfiguration(area) => {
            master(asker)?;
            written(asker.desk.flash.update(move |nvram| nvram.configuration = area).done().await)?;
            done(format!("the next boot uses the {area} configuration"))
        }
        Action::UseImage(area) => {
            master(asker)?;
            written(asker.desk.flash.update(move |nvram| nvram.image = area).done().await)?;
            done(format!("the next boot uses the {area} image"))
        }
        Action::ClearFdb(selection) => clear_fdb(selection, asker).await,
        Action::ClearArp(selection) => clear_arp(&selection, asker).await,
        Action::ClearCounters => clear_counters(asker).await,
        Action::ClearAccessCounters => clear_access_counters(asker).await,
        Action::Reboot { slot, hard } => reboot(slot, hard, asker).await,
        Action::Synchronize => synchronize(asker).await,
        Action::ClearLog { nvram } => {
            asker.desk.log.clear(if nvram { Target::Nvram } else { Target::MemoryBuffer });
            done("")
        }
        Action::Upload(to) => files::upload(to, asker).await,
        Action::Download { from, incremental } => files::download(from, incremental, asker).await,
        Action::Capture { port, count, seconds, .. } => capture::capture(port, count, seconds, asker).await,
    }
}

/// Flash is the master's to change, unless a slot was asked for by name: the client sees to that.
pub(super) fn master(asker: &Asker<'_>) -> Result<(), Trouble> {
    if asker.desk.board.borrow().status.role.is_master() {
        Ok(())
    } else {
        Err(Trouble::Elsewhere("this MSM is not the master".to_owned()))
    }
}

pub(super) fn written<T>(result: Result<T, crate::flash::error::FlashError>) -> Result<T, Trouble> {
    result.map_err(|error| Trouble::Failed(error.to_string()))
}

/// A configuration as it is shown, saved and uploaded.
pub(super) fn text(config: &Config, desk: &Desk) -> String {
    format!(
        "#\n# {} Configuration generated {}\n# Software Version {}\n#\n{}#\n# End of configuration file for \"{}\".\n#\n",
        desk.chassis.kind,
        log::stamp(SystemTime::now()),
        env!("CARGO_PKG_VERSION"),
        config.render(),
        config.system.name,
    )
}

async fn save(area: Option<Area>, asker: &Asker<'_>) -> Data {
    master(asker)?;
    let area = area.unwrap_or_else(|| asker.desk.flash.nvram().configuration);
    let running = Arc::clone(&asker.desk.board.borrow().config);
    let (text, revision) = (text(&running.config, asker.desk), running.revision);
    let about = written(asker.desk.flash.save(area, text).done().await)?;
    ask(asker.id, Work::Change(Record::Saved(revision)), asker).await?;
    done(format!("{} bytes saved as {area} configuration", about.bytes))
}

async fn synchronize(asker: &Asker<'_>) -> Data {
    master(asker)?;
    let parcel = written(asker.desk.flash.pack().done().await)?;
    done(ask(asker.id, Work::Synchronize(parcel), asker).await?)
}

async fn clear_fdb(selection: FdbSelection, asker: &Asker<'_>) -> Data {
    let filters = {
        let board = asker.desk.board.borrow().clone();
        let config = &board.config.config;
        match (selection.vlan, selection.ports) {
            (Some(name), _) => match config.vlans.get(&name) {
                Some(vlan) => vec![FdbFilter::Vlan(vlan.vid)],
                None => return Err(Trouble::Failed(format!("there is no VLAN \"{name}\""))),
            },
            (None, Some(ports)) => match ports.resolve(&config.facts().ports) {
                Ok(ports) => ports.into_iter().map(FdbFilter::Port).collect(),
                Err(missing) => {
                    return Err(Trouble::Failed(format!("there is no {missing} in this chassis")));
                }
            },
            (None, None) => vec![FdbFilter::All],
        }
    };
    let mut message = String::new();
    for filter in filters {
        message = ask(asker.id, Work::ClearFdb(filter), asker).await?;
    }
    done(message)
}

/// Neighbours that nobody has placed are forgotten; the kernel asks again for what is used.
async fn clear_arp(selection: &RouteSelection, asker: &Asker<'_>) -> Data {
    master(asker)?;
    let config = Arc::clone(&asker.desk.board.borrow().config);
    if let Some(name) = selection.vlan.as_ref().filter(|name| config.config.vlans.get(name).is_none()) {
        return Err(Trouble::Failed(format!("there is no VLAN \"{name}\"")));
    }
    let learned = neighbours::learned(&asker.desk.view, |neighbour| {
        let number = names::of_outer(neighbour.ifindex);
        let vlan = number.and_then(|number| config.config.vlans.of_interface(number));
        vlan.is_some()
            && selection.address.is_none_or(|only| only == neighbour.address)
            && selection.vlan.as_ref().is_none_or(|only| vlan.is_some_and(|(name, _)| name == only))
    });
    let gone = netlink::forget(&learned).await.map_err(|error| Trouble::Failed(error.to_string()))?;
    done(format!("{gone} neighbours forgotten"))
}

/// Counters of this MSM's `show ports` begin at zero; the tables' own go on.
async fn clear_counters(asker: &Asker<'_>) -> Data {
    let board = asker.desk.board.borrow().clone();
    if let Some(observer) = &board.observer {
        let observer = Arc::clone(observer);
        let counters = patiently(move || Ok((observer.counters()?, observer.cpu_counters()?))).await;
        let counters = counters.map_err(Trouble::Failed)?;
        let (ports, cpu) = counters.map_err(|error: TableError| Trouble::Failed(error.to_string()))?;
        asker.desk.baseline.set(ports, cpu);
    }
    done("")
}

/// Hits of this MSM's `show access-list` begin at zero; the tables' own go on.
async fn clear_access_counters(asker: &Asker<'_>) -> Data {
    let board = asker.desk.board.borrow().clone();
    if let Some(observer) = &board.observer {
        let observer = Arc::clone(observer);
        let hits = patiently(move || observer.acl_hits()).await.map_err(Trouble::Failed)?;
        let hits = hits.map_err(|error| Trouble::Failed(error.to_string()))?;
        asker.desk.hits_baseline.set(&board.config.config.access, &hits);
    }
    done("")
}

/// The backplane does it. What ends this process too is asked for once the answers are with who waits for them: a client that lost its
/// master without one would ask the next master for the same.
async fn reboot(slot: Option<Slot>, hard: bool, asker: &Asker<'_>) -> Data {
    master(asker)?;
    let here = asker.desk.board.borrow().status.identity.slot;
    if slot == Some(here) && !hard {
        return Err(Trouble::Failed(format!(
            "MSM {here} is the master; run msm-failover first, then reboot slot msm-{here}"
        )));
    }
    let what = slot.map_or(Operate::ResetAll, |slot| Operate::Reset { slot, hard });
    let chassis = Arc::clone(&asker.desk.chassis);
    let failed = |error: OperateError| Trouble::Failed(error.to_string());
    if slot.is_some_and(|slot| slot != here) {
        let answer = patiently(move || operate(&chassis, what)).await.map_err(Trouble::Failed)?;
        return done(answer.map_err(failed)?);
    }
    let operator = patiently(move || Operator::connect(&chassis)).await.map_err(Trouble::Failed)?;
    let operator = operator.map_err(failed)?;
    let answers = Arc::clone(&asker.desk.answers);
    tokio::spawn(async move {
        answered(&answers).await;
        match patiently(move || operator.ask(what)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => error!(target: "msm.backplane", "{error}"),
            Err(error) => error!(target: "msm.backplane", "{error}"),
        }
    });
    done("rebooting")
}
