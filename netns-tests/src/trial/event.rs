//! One cause under traffic, whatever it does: frames, fabric, configuration, tables, links, and who is master afterwards.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use rustix::fd::OwnedFd;
use rustix::process::Pid;

use super::authority::{self, Setting};
use super::cause::{Cause, Fate};
use super::observer::{Commit, Observer};
use super::setup::Setup;
use super::strike::{NotAvailable, Struck, strike};
use super::traffic::{self, AUTHORITY, Sampled, Started, Traffic};
use super::{READY, Rig};
use crate::bed::{BedError, Cli, Ready, Slot, mac_text};
use crate::probe::{Observing, Probe, ProbeReport, StreamReport, now_ns};
use crate::report::causes::{CauseTrial, Class, Expected, FabricLoss, Outage, Seen};
use crate::report::judge::judge;

/// Between two looks at what the trigger says while the rename is waited for.
const LOOK: Duration = Duration::from_millis(5);
/// Longest wait for a commit, in times of what is allowed for: a late one is a fault with a figure.
const PATIENCE: u32 = 4;
/// So long a mastership that must stay is watched beyond its bound.
const STAYS: Duration = Duration::from_millis(300);
/// Longest time from the release to the authority flow's return.
const RELEASE: Duration = Duration::from_millis(500);
/// Both MSMs again.
const READY_AGAIN: Duration = Duration::from_secs(15);
/// Streams that stay inside a module.
const INSIDE: [&str; 2] = ["h2-h1", "h4-h3"];
/// A stream between modules, whose far ends never speak once they are learned: they stay in the FDB, or are gone.
const FAR_ENDS: &str = "h1-h3";

/// One cause under one set of options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// What is done.
    pub cause: Cause,
    /// Under which options.
    pub setup: Setup,
}

/// The state before the event.
struct Before {
    ready: Ready,
    old: Pid,
    pidfd: OwnedFd,
    setting: Setting,
    recorded: String,
    carrier: u64,
}

/// What was seen while frames flowed.
struct Watched {
    event_ns: u64,
    commit: Option<Commit>,
    served_ns: Option<u64>,
    ruled: Option<bool>,
    proved_ns: u64,
    powerless: Option<bool>,
    ready_ns: Option<u64>,
    flows_back: bool,
}

impl Case {
    /// The slot whose fabric goes with it.
    fn lost_fabric(&self, ready: &Ready) -> Option<Slot> {
        match self.cause.fate(self.setup.recovery) {
            Fate::KeepsOneFabric => Some(ready.master),
            Fate::StaysOneFabric => Some(ready.slave),
            Fate::Keeps | Fate::Discards | Fate::Stays | Fate::Orphaned => None,
        }
    }

    /// Commands that bring its options about, from those of its bed; and what the cause itself needs.
    fn commands(&self) -> Vec<String> {
        let level = format!("configure sys-recovery-level {}", self.setup.recovery);
        std::iter::once(level).chain(self.cause.prepare()).collect()
    }
}

fn recorded(rig: &Rig<'_>) -> Result<String> {
    let shown = rig.bed.show("msm-failover")?;
    Ok(shown["cause"].as_str().context("show msm-failover has no cause")?.to_owned())
}

fn before(rig: &Rig<'_>, case: Case, number: u32) -> Result<Before> {
    rig.bed.wait_ready(READY)?;
    let mut cli = rig.bed.cli()?;
    for command in case.commands() {
        cli.run(&command).map_err(|error| match error {
            BedError::Refused { error, .. } => NotAvailable::new(&command, &error).into(),
            error => anyhow!(error),
        })?;
    }
    let setting = Setting::make(&mut cli, "cause", number)?;
    // Again: a slave that did not confirm the setting in time is ready no more.
    let ready = rig.bed.wait_ready(READY)?;
    Ok(Before {
        ready,
        old: rig.bed.pid(ready.master)?,
        pidfd: rig.bed.pidfd(ready.master)?,
        setting,
        recorded: recorded(rig)?,
        carrier: rig.bed.carrier_changes()?,
    })
}

/// Waits for the commit, or for as long as it must not come; says at once if the switch refuses.
fn commit(
    observer: &Observer,
    struck: &mut Struck,
    striker: &mut Cli,
    what: &str,
    expected: &Expected,
) -> Result<Option<Commit>> {
    let bound = Duration::from_secs_f64(expected.commit_within_ms / 1e3);
    let wait = if expected.moves == Some(false) { bound + STAYS } else { bound * PATIENCE + STAYS };
    let deadline = Instant::now() + wait;
    while Instant::now() < deadline {
        if let Some(commit) = observer.commit_if_any(LOOK)? {
            return Ok(Some(commit));
        }
        if let Some(why) = struck.refused(striker)? {
            return Err(NotAvailable::new(what, &why).into());
        }
    }
    Ok(None)
}

/// The new master blackholes one flow and releases it. When it served, and whether the flow obeyed.
fn rule(
    client: &mut Cli,
    traffic: &mut Traffic<'_>,
    commit: Commit,
    station: &str,
) -> Result<(Option<u64>, bool)> {
    let Some(answer) = authority::blackhole(client, station, commit.slot)? else { return Ok((None, false)) };
    traffic.mark(answer.at_ns, "serving");
    let silent =
        authority::fell_silent(traffic, authority::gap_deadline_ns(commit.seen_ns.max(answer.at_ns)))?;
    let release_ns = now_ns();
    let released = client.run(&format!("delete fdbentry {station} vlan Default")).is_ok()
        && authority::came_back(traffic, release_ns, RELEASE)?;
    traffic.mark(release_ns, "release");
    Ok((Some(answer.at_ns), silent && released))
}

/// The event and what follows, while frames flow.
fn watch(
    rig: &Rig<'_>,
    traffic: &mut Traffic<'_>,
    before: &Before,
    case: Case,
    expected: &Expected,
    station: &str,
    steady_secs: f64,
) -> Result<Watched> {
    let observing = Observing::begin();
    // One session makes the event; the other is open before it and asks the new master.
    let (mut striker, mut client) = (rig.bed.cli()?, rig.bed.cli()?);
    let observer = Observer::start(rig.bed.pins())?;
    traffic.until(steady_secs);
    traffic.event()?;
    let mut struck = strike(rig.bed, &mut striker, case.cause, &before.ready)?;
    let event_ns = struck.at_ns;
    traffic.mark(event_ns, "event");
    let commit = commit(&observer, &mut struck, &mut striker, &case.cause.to_string(), expected)?;
    let (mut served_ns, mut ruled, mut powerless) = (None, None, None);
    if let Some(commit) = commit {
        traffic.mark(commit.seen_ns, "commit");
        let (served, obeyed) = rule(&mut client, traffic, commit, station)?;
        // What is down for a second, or flooded, does not obey so soon.
        (served_ns, ruled) = (served, (expected.class != Class::NotHitless).then_some(obeyed));
        powerless = Some(authority::powerless(before.old, &before.pidfd)?);
    }
    let proved_ns = now_ns();
    drop(observing);
    struck.heal(rig.bed)?;
    let ready = if expected.heals { rig.bed.wait_ready(READY_AGAIN).ok() } else { None };
    if let Some(ready) = &ready {
        traffic.mark(ready.at_ns, "ready");
    }
    let flows_back = traffic.flows_again(now_ns(), Duration::from_secs_f64(expected.back_within_ms / 1e3))?;
    Ok(Watched {
        event_ns,
        commit,
        served_ns,
        ruled,
        proved_ns,
        powerless,
        ready_ns: ready.map(|ready| ready.at_ns),
        flows_back,
    })
}

/// Stations in the FDB.
fn stations(rig: &Rig<'_>) -> Result<BTreeSet<String>> {
    let shown = rig.bed.show("fdb")?;
    let entries = shown["entries"].as_array().context("show fdb has no entries")?;
    Ok(entries.iter().filter_map(|entry| entry["mac"].as_str().map(str::to_lowercase)).collect())
}

fn ms(from_ns: u64, to_ns: u64) -> f64 {
    (to_ns as f64 - from_ns as f64) / 1e6
}

/// Flows that lost frames, each with its longest time without.
fn outages(report: &ProbeReport, event_ns: u64) -> Vec<Outage> {
    let of_stream = |stream: &StreamReport| {
        let hit = stream.flows.iter().filter(|flow| flow.lost > 0);
        let outage = hit.map(|flow| Outage {
            stream: stream.name.clone(),
            flow: flow.flow,
            lost: flow.lost,
            begin_ms: ms(event_ns, flow.hole.begin_ns),
            end_ms: ms(event_ns, flow.hole.end_ns),
        });
        outage.collect::<Vec<_>>()
    };
    report.streams.iter().filter(|stream| stream.name != AUTHORITY).flat_map(of_stream).collect()
}

/// Loss of flows that lost, of those that did not, and of those inside modules. `lost`: the slot whose fabric is gone, if one is.
fn fabrics(report: &ProbeReport, lost: Option<Slot>) -> Vec<FabricLoss> {
    let sum = |fabric: &str, streams: &mut dyn Iterator<Item = &StreamReport>, hit: Option<bool>| {
        let mut sum = FabricLoss { fabric: fabric.to_owned(), ..FabricLoss::default() };
        for flow in
            streams.flat_map(|stream| &stream.flows).filter(|f| hit.is_none_or(|hit| hit == (f.lost > 0)))
        {
            sum.flows += 1;
            sum.flows_hit += u64::from(flow.lost > 0);
            sum.lost += flow.lost;
            sum.longest_ms = sum.longest_ms.max(if flow.lost > 0 { flow.hole.ns as f64 / 1e6 } else { 0.0 });
        }
        sum
    };
    let inside = |stream: &&StreamReport| INSIDE.contains(&stream.name.as_str());
    let streams = || report.streams.iter().filter(|stream| stream.name != AUTHORITY);
    let between = || streams().filter(|stream| !inside(stream));
    let mut found = match lost {
        Some(slot) => {
            vec![sum(slot.letter(), &mut between(), Some(true)), sum("others", &mut between(), Some(false))]
        }
        None => vec![sum("both", &mut between(), None)],
    };
    found.push(sum("none", &mut streams().filter(inside), None));
    found
}

/// Frames that the switch dropped for the lack of a fabric: `switch 1:1 fabric-absent +12`.
fn fabric_drops(lost_where: &[String]) -> u64 {
    let of_fabric = lost_where.iter().filter(|line| line.contains("fabric"));
    of_fabric.filter_map(|line| line.rsplit_once('+')?.1.trim().parse::<u64>().ok()).sum()
}

/// Frames flow, it happens, frames flow on.
fn run(
    rig: &Rig<'_>,
    probe: &Mutex<Probe>,
    before: &Before,
    case: Case,
    expected: &Expected,
    station: &str,
    steady_secs: f64,
) -> Result<(Watched, Sampled)> {
    thread::scope(|scope| {
        let mut traffic = Traffic::watch(scope, probe);
        // Sampling ends with an error too, or its thread would keep the scope.
        let watched = watch(rig, &mut traffic, before, case, expected, station, steady_secs);
        if watched.is_ok() {
            traffic.until((now_ns() - traffic.began_ns) as f64 / 1e9 + f64::from(rig.secs) / 5.0);
        }
        let sampled = traffic.end()?;
        Ok((watched?, sampled))
    })
}

/// Makes it happen once, with `steady_secs` of traffic before it. What is not as expected is in the trial's faults. It may be void.
///
/// # Errors
/// [`NotAvailable`] if the switch has no such cause; what keeps it from being measured.
pub fn event(
    rig: &Rig<'_>,
    case: Case,
    expected: &Expected,
    number: u32,
    steady_secs: f64,
) -> Result<CauseTrial> {
    let before = before(rig, case, number)?;
    let Started { probe, .. } = traffic::start(rig)?;
    let ends = |stream: &str| -> Result<Vec<String>> {
        let probe = probe.lock().map_err(|_| anyhow!("a thread of the probe panicked"))?;
        Ok(probe.stations(stream)?.iter().map(|ends| mac_text(ends.to)).collect())
    };
    let (far, authority) = (ends(FAR_ENDS)?, ends(AUTHORITY)?);
    let station = authority.first().context("the authority stream has no flow")?;
    let known = |there: &BTreeSet<String>| far.iter().filter(|mac| there.contains(*mac)).count() as u64;
    let stations_before = known(&stations(rig)?);
    let (watched, sampled) = run(rig, &probe, &before, case, expected, station, steady_secs)?;
    let outcome = traffic::finish(probe, &sampled)?;
    let event_ns = watched.event_ns;
    let (slot, epoch) = rig.bed.owner()?;
    let shown = rig.bed.show("msm-failover")?;
    let last = &shown["last"];
    let stamp = |key: &str| last[key].as_u64().filter(|at| *at >= event_ns).map(|at| ms(event_ns, at));
    let since = |at: Option<u64>| at.map(|at| ms(event_ns, at));
    let stalls = outcome.report.stalls.iter();
    let meanwhile = stalls.filter(|stall| stall.begin_ns < watched.proved_ns && stall.end_ns > event_ns);
    let seen = Seen {
        epochs: epoch.saturating_sub(before.ready.epoch),
        moved: slot == before.ready.slave,
        recorded_before: before.recorded,
        recorded: shown["cause"].as_str().unwrap_or_default().to_owned(),
        setting_kept: before.setting.kept(rig.bed)?,
        stations_before,
        stations_after: known(&stations(rig)?),
        carrier_changes: rig.bed.carrier_changes()?.saturating_sub(before.carrier),
        ports: rig.bed.hosts().len() as u64,
        fabric_drops: fabric_drops(&outcome.report.lost_where),
        detect_ms: watched.commit.and_then(|_| stamp("detected_ns")),
        commit_ms: watched
            .commit
            .map(|commit| stamp("committed_ns").unwrap_or_else(|| ms(event_ns, commit.seen_ns))),
        serving_ms: since(watched.served_ns),
        ready_ms: since(watched.ready_ns),
        ruled: watched.ruled,
        old_powerless: watched.powerless,
        flows_back: watched.flows_back,
        stall_ms: meanwhile.map(|stall| ms(stall.begin_ns, stall.end_ns)).fold(0.0, f64::max),
    };
    let mut trial = CauseTrial {
        trial: number,
        master: before.ready.master.letter().to_owned(),
        streams: traffic::streams(&outcome.report),
        outages: outages(&outcome.report, event_ns),
        fabrics: fabrics(&outcome.report, case.lost_fabric(&before.ready)),
        seen,
        where_lost: outcome.report.lost_where.clone(),
        timeline: outcome.timeline,
        ..CauseTrial::default()
    };
    judge(expected, &mut trial);
    Ok(trial)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_for_the_lack_of_a_fabric_are_summed() {
        let lines =
            ["switch 1:1 fabric-absent +12", "switch 2:1 fabric-unprogrammed +3", "sw/s1p1 rx_dropped +9"]
                .map(str::to_owned);
        assert_eq!(fabric_drops(&lines), 15);
    }
}
