//! One failover under traffic, and everything that is measured of it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::fd::OwnedFd;
use rustix::process::Pid;
use serde_json::Value;

use super::authority::{self, Setting};
use super::cause::{Cause, Scenario};
use super::cpu_time::CpuTime;
use super::iperf::{Client, Job};
use super::kinds::{Change, Kind, Reroute};
use super::observer::{Commit, Observer};
use super::strike::strike;
use super::traffic::{self, AUTHORITY, Outcome, Sampled, Started, Traffic};
use super::{READY, Rig};
use crate::bed::{Cli, Ready, Slot, mac_text};
use crate::probe::{NetlinkWrites, Observing, Probe, SyscallWatch, now_ns};
use crate::report::schema::{Authority, ControlPlane, Iperf3, Missing, Senders, Trial};
use crate::report::void;

/// Longest time from the event to the rename before a trial is given up.
const COMMIT: Duration = Duration::from_secs(5);
/// Longest time from the release to the authority flow's return.
const RELEASE: Duration = Duration::from_millis(500);
/// Both MSMs again, after a failover.
const READY_AGAIN: Duration = Duration::from_secs(10);
/// Writes that the proof itself asks for: FDB set and delete, and the generation of its caches before and after each.
const OWN_WRITES: [(&str, u64); 3] = [("FDB", 2), ("FDB_GEN", 4), ("LEARN", 1)];
/// Route changes that a new master may ask the kernel for once more: while it reads the kernel's routes for the first time, a change that
/// it has just made is not among them yet, and a route is replaced by itself.
const REPEATED: u64 = 1;
/// A change of a route is two words of the kernel's (one gone, another there). In a steady moment they are collected and written as one; a takeover
/// may come between them, and each is then a change of its own.
const IN_PARTS: u64 = 2;
/// Between the two the route has both next hops, which in a steady moment no table sees: their group is what the first part asks for.
const BETWEEN: &str = "HOP_GROUPS";
/// Mbit/s of iperf3 beside the probe: enough to see a loss, too little to disturb it.
const IPERF_MBIT: u32 = 4;

/// The state before the event.
struct Before {
    ready: Ready,
    old: Pid,
    new: Pid,
    pidfd: OwnedFd,
    setting: Setting,
    carrier: u64,
}

/// What was seen of the control plane while frames flowed.
struct Seen {
    event_ns: u64,
    commit: Commit,
    served_ns: Option<u64>,
    released: bool,
    /// End of the proof of authority: of what senders have to be there for.
    proved_ns: u64,
    /// Time that MSMs ran from the event to there.
    msm_cpu_ns: u64,
    powerless: bool,
    setting_kept: bool,
    ready_ns: Option<u64>,
    last: Value,
    /// The route's change, if there was to be one and it failed.
    route: Option<Missing>,
    map_writes: BTreeMap<String, u64>,
    netlink_writes: NetlinkWrites,
}

fn before(rig: &Rig<'_>, cli: &mut Cli, scenario: Scenario, number: u32) -> Result<Before> {
    rig.bed.wait_ready(READY)?;
    let setting = Setting::make(cli, scenario.name(), number)?;
    // Again: a slave that did not confirm the setting in time is ready no more.
    let ready = rig.bed.wait_ready(READY)?;
    Ok(Before {
        ready,
        old: rig.bed.pid(ready.master)?,
        new: rig.bed.pid(ready.slave)?,
        pidfd: rig.bed.pidfd(ready.master)?,
        setting,
        carrier: rig.bed.carrier_changes()?,
    })
}

/// What a change of the route writes.
#[derive(Default)]
struct Asked {
    maps: BTreeMap<String, u64>,
    netlink: NetlinkWrites,
}

impl Asked {
    /// So far, by the master that did it: its last writes come some time after its answer.
    fn of(watch: &SyscallWatch, master: Pid) -> Result<Self> {
        Ok(Self { maps: watch.map_writes_by_map(master)?, netlink: watch.netlink_writes(master)? })
    }
}

/// Netlink changes, without those that were asked for.
fn unasked_netlink(watch: &SyscallWatch, pid: Pid, asked: &Asked) -> Result<NetlinkWrites> {
    let mut writes = watch.netlink_writes(pid)?;
    for (kind, n) in &mut writes {
        *n = n.saturating_sub(asked.netlink.get(kind).map_or(0, |n| n + REPEATED));
    }
    writes.retain(|_, n| *n > 0);
    Ok(writes)
}

/// Writes to maps other than META, without those that the proof and the change of the route ask for.
fn unasked_writes(watch: &SyscallWatch, pid: Pid, asked: &Asked) -> Result<BTreeMap<String, u64>> {
    let proof = |map: &str| OWN_WRITES.iter().find(|(name, _)| *name == map).map_or(0, |(_, n)| *n);
    let between = |map: &str| u64::from(map == BETWEEN && !asked.maps.is_empty());
    let own = |map: &str| proof(map) + between(map) + IN_PARTS * asked.maps.get(map).copied().unwrap_or(0);
    let writes = watch.map_writes_by_map(pid)?.into_iter().filter(|(map, _)| map != "META");
    Ok(writes.map(|(map, n)| (map.clone(), n.saturating_sub(own(&map)))).filter(|(_, n)| *n > 0).collect())
}

/// The event and what must follow, while frames flow.
fn under_traffic(
    rig: &Rig<'_>,
    traffic: &mut Traffic<'_>,
    before: &Before,
    cause: Cause,
    station: &str,
) -> Result<Seen> {
    let _observing = Observing::begin();
    // One session makes the event; the other is open before it and asks the new master.
    let (mut striker, mut client) = (rig.bed.cli()?, rig.bed.cli()?);
    let mut watch = SyscallWatch::start(&[before.old, before.new])?;
    let mut router = rig.kinds.contains(&Kind::Rerouted).then(|| rig.bed.cli()).transpose()?;
    // There in a steady moment, back with the event: as much as the one writes, the other may.
    let there = router.as_mut().map(|cli| Change::There.make(cli));
    let observer = Observer::start(rig.bed.pins())?;
    traffic.until(f64::from(rig.secs) / 3.0);
    let asked = if router.is_some() { Asked::of(&watch, before.old)? } else { Asked::default() };
    watch.reset()?;
    traffic.event()?;
    let cpu_time = CpuTime::of([before.old, before.new]);
    let event_ns = strike(rig.bed, &mut striker, cause, &before.ready)?.at_ns;
    let reroute = router.take().map(|cli| Reroute::start(Change::Back, cli));
    traffic.move_stations();
    traffic.mark(event_ns, "event");
    let commit = observer.commit(COMMIT)?;
    traffic.mark(commit.seen_ns, "commit");
    let served = authority::blackhole(&mut client, station, before.ready.slave)?;
    let mut released = false;
    if let Some(answer) = &served {
        traffic.mark(answer.at_ns, "serving");
        authority::fell_silent(traffic, authority::gap_deadline_ns(commit.seen_ns))?;
        let release_ns = now_ns();
        released = client.run(&format!("delete fdbentry {station} vlan Default")).is_ok()
            && authority::came_back(traffic, release_ns, RELEASE)?;
        traffic.mark(release_ns, "release");
    }
    let proved_ns = now_ns();
    let msm_cpu_ns = cpu_time.until_now(Slot::ALL.iter().filter_map(|slot| rig.bed.pid(*slot).ok()));
    let back = reroute.map(Reroute::end);
    let route = there.into_iter().chain(back).find_map(Result::err).map(|error| Missing {
        kind: Kind::Rerouted.name().to_owned(),
        reason: format!("the route was not changed: {error:#}"),
    });
    let powerless = authority::powerless(before.old, &before.pidfd)?;
    let ready = rig.bed.wait_ready(READY_AGAIN).ok();
    if let Some(ready) = &ready {
        traffic.mark(ready.at_ns, "ready");
    }
    Ok(Seen {
        event_ns,
        commit,
        served_ns: served.map(|answer| answer.at_ns),
        released,
        proved_ns,
        msm_cpu_ns,
        powerless,
        setting_kept: before.setting.kept(rig.bed).unwrap_or(false),
        ready_ns: ready.map(|ready| ready.at_ns),
        last: rig.bed.show("msm-failover").map(|data| data["last"].clone()).unwrap_or_default(),
        route,
        map_writes: unasked_writes(&watch, before.new, &asked)?,
        netlink_writes: unasked_netlink(&watch, before.new, &asked)?,
    })
}

fn ms(from_ns: u64, to_ns: u64) -> f64 {
    (to_ns as f64 - from_ns as f64) / 1e6
}

fn written(seen: &Seen) -> Vec<String> {
    let maps = seen.map_writes.iter().map(|(map, n)| format!("{map} {n}"));
    let netlink = seen.netlink_writes.iter().map(|(kind, n)| format!("rtnetlink type {kind} {n}"));
    maps.chain(netlink).collect()
}

fn control_plane(before: &Before, seen: &Seen, outcome: &Outcome) -> ControlPlane {
    // The product's own stamps are of the same clock; the commit's must lie between the event and the moment the rename was seen.
    let stamp =
        |key: &str| seen.last[key].as_u64().filter(|at| (seen.event_ns..=seen.commit.seen_ns).contains(at));
    let committed_ns = stamp("committed_ns").unwrap_or(seen.commit.seen_ns);
    let detected_ns = stamp("detected_ns").unwrap_or(committed_ns);
    let others_whole = outcome.report.streams.iter().filter(|s| s.name != AUTHORITY).all(|s| s.lost == 0);
    let stream = outcome.report.stream(AUTHORITY);
    let proof = Authority {
        setting_kept: seen.setting_kept,
        gap_begins_ms: stream.and_then(|stream| {
            authority::gap_begins_ms(stream, committed_ns, outcome.report.sender_late_max_us)
        }),
        released: seen.released,
        others_whole,
        old_powerless: seen.powerless,
        epoch_plus_one: seen.commit.epoch == before.ready.epoch + 1 && seen.commit.slot == before.ready.slave,
    };
    let since_event = |at: Option<u64>| at.map(|at| ms(seen.event_ns, at));
    ControlPlane {
        detect_ms: ms(seen.event_ns, detected_ns),
        commit_ms: ms(seen.event_ns, committed_ns),
        serving_ms: since_event(seen.served_ns),
        ready_ms: since_event(seen.ready_ns),
        epoch: seen.commit.epoch,
        map_writes: seen.map_writes.values().sum(),
        netlink_writes: seen.netlink_writes.values().sum(),
        written: written(seen),
        authority: proof.holds(),
        proof,
    }
}

/// How well the senders could send while it mattered.
fn senders(seen: &Seen, outcome: &Outcome) -> Senders {
    let stalls = outcome.report.stalls.iter();
    let meanwhile = stalls.filter(|stall| stall.begin_ns < seen.proved_ns && stall.end_ns > seen.event_ns);
    Senders {
        stall_ms: meanwhile.map(|stall| ms(stall.begin_ns, stall.end_ns)).fold(0.0, f64::max),
        msm_cpu_ms: seen.msm_cpu_ns as f64 / 1e6,
    }
}

fn iperf(clients: Vec<Client>) -> Result<Iperf3> {
    let mut sum = Iperf3::default();
    for client in clients {
        let found = client.end()?;
        sum.tcp_retransmits += found.retransmits;
        sum.udp_lost += found.lost;
    }
    Ok(sum)
}

/// Frames flow, the failover happens, frames flow on.
fn run(
    rig: &Rig<'_>,
    probe: &Mutex<Probe>,
    before: &Before,
    cause: Cause,
    station: &str,
) -> Result<(Seen, Sampled)> {
    thread::scope(|scope| {
        let mut traffic = Traffic::watch(scope, probe);
        let seen = under_traffic(rig, &mut traffic, before, cause, station)?;
        traffic.until(f64::from(rig.secs));
        Ok((seen, traffic.end()?))
    })
}

/// Makes one failover.
///
/// # Errors
/// What keeps it from being measured; what is measured and wrong is in the trial's faults. It may be void.
pub fn failover(rig: &Rig<'_>, scenario: Scenario, cause: Cause, number: u32) -> Result<Trial> {
    let mut cli = rig.bed.cli()?;
    let before = before(rig, &mut cli, scenario, number)?;
    drop(cli);
    let Started { probe, mut missing } = traffic::start(rig)?;
    let stations =
        probe.lock().map_err(|_| anyhow::anyhow!("a thread of the probe panicked"))?.stations(AUTHORITY)?;
    let station = mac_text(stations.first().context("the authority stream has no flow")?.to);
    let job = Job { udp: false, from: "h2", to: "h4", mbit: IPERF_MBIT, secs: rig.secs };
    let clients = vec![Client::start(rig.bed, &job)?, Client::start(rig.bed, &Job { udp: true, ..job })?];
    let (seen, sampled) = run(rig, &probe, &before, cause, &station)?;
    let outcome = traffic::finish(probe, &sampled)?;
    missing.extend(seen.route.clone());
    let mut trial = Trial {
        scenario: scenario.name().into(),
        cause: cause.to_string(),
        trial: number,
        hitless: true,
        streams: traffic::streams(&outcome.report),
        iperf3: iperf(clients)?,
        control_plane: control_plane(&before, &seen, &outcome),
        carrier_changes: rig.bed.carrier_changes()?.saturating_sub(before.carrier),
        senders: senders(&seen, &outcome),
        timeline: outcome.timeline,
        missing,
        faults: Vec::new(),
        void: Vec::new(),
    };
    void::judge(&mut trial);
    Ok(trial)
}
