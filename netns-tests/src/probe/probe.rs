//! A probe over a bed: learn, send, count, report.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use probe_abi::PHASES;
use rustix::thread::sched_getaffinity;

use super::frame::Template;
use super::plan::{Stream, by_cpu, plan};
use super::receiver::Receiver;
use super::report::{Totals, stream_report};
use super::ring::TxRing;
use super::sender::{Lane, Senders, Sent};
use super::{ProbeError, ProbeReport, Result, Stations, StreamSample, StreamSpec, now_ns};
use crate::bed::{DropSites, Testbed, Wires};

/// Learning frames sent before the kernel is called.
const LEARN_BURST: usize = 32;
/// Rounds of learning. The second finds every station learned; the rest are for a switch that comes up slowly.
const LEARN_ROUNDS: u32 = 50;
/// A counter that has not moved for so long is quiet: a hundred times what a frame takes through all rings.
const QUIET: Duration = Duration::from_millis(20);
/// Longest wait for it.
const QUIET_WITHIN: Duration = Duration::from_secs(2);
/// Between two looks at the counters.
const LOOK: Duration = Duration::from_millis(2);
/// From `start` to the first frame: time for all threads to be on their CPUs.
const LEAD_NS: u64 = 5_000_000;

/// A probe over a bed. Dropping it ends sending and detaches its programs.
///
/// Destinations speak only while it learns: a run that is longer than the switch's ageing time ends in flooding.
pub struct Probe {
    wires: Wires,
    receiver: Receiver,
    streams: Vec<Arc<Stream>>,
    /// By sending host's place in the bed.
    rings: BTreeMap<usize, TxRing>,
    sent: Arc<Vec<Sent>>,
    /// Stations have moved: streams with a later place send from there.
    moved: Arc<AtomicBool>,
    running: Option<Running>,
    phases: usize,
}

struct Running {
    senders: Senders,
    started_ns: u64,
    drops: DropSites,
}

impl Probe {
    /// Loads the receivers, attaches one to every host of the bed, makes the transmit rings. One probe a bed at a time.
    ///
    /// # Errors
    /// A specification that cannot be sent; a program that does not load or attach.
    pub fn new(bed: &Testbed, streams: Vec<StreamSpec>) -> Result<Self> {
        let (streams, flows) = plan(bed, streams)?;
        let receiver = Receiver::attach(bed.hosts(), &flows)?;
        let mut rings = BTreeMap::new();
        for stream in &streams {
            for place in stream.places() {
                if let Entry::Vacant(entry) = rings.entry(place) {
                    entry.insert(ring(bed.wires(), place)?);
                }
            }
        }
        let sent = Arc::new(streams.iter().map(|_| Sent::default()).collect());
        let streams = streams.into_iter().map(Arc::new).collect();
        let (wires, moved) = (bed.wires().clone(), Arc::default());
        Ok(Self { wires, receiver, streams, rings, sent, moved, running: None, phases: 1 })
    }

    /// Its streams.
    pub fn specs(&self) -> impl Iterator<Item = &StreamSpec> {
        self.streams.iter().map(|stream| &stream.spec)
    }

    /// Stations of each flow of a stream: `stations("authority")?[0].to` is what to blackhole.
    ///
    /// # Errors
    /// `ProbeError::Spec` if there is no such stream.
    pub fn stations(&self, stream: &str) -> Result<Vec<Stations>> {
        let found = self.streams.iter().find(|known| known.spec.name == stream);
        found.map(|found| found.stations.clone()).ok_or_else(|| ProbeError::Spec {
            stream: stream.to_owned(),
            reason: "the probe has no such stream".into(),
        })
    }

    /// Teaches the switch every station, then starts the counted frames, in phase 0.
    ///
    /// # Errors
    /// `ProbeError::NotLearned` if learning frames do not arrive, or still go to other hosts.
    pub fn start(&mut self) -> Result<()> {
        self.learn_only()?;
        self.start_learned()
    }

    /// Teaches the switch every station. No counted frame is sent.
    ///
    /// # Errors
    /// As [`Probe::start`].
    pub fn learn_only(&mut self) -> Result<()> {
        if self.running.is_some() {
            return Err(ProbeError::State("is running"));
        }
        self.learn()
    }

    /// Starts the counted frames, in phase 0, without teaching anything.
    ///
    /// # Errors
    /// `ProbeError::State` if they are under way.
    pub fn start_learned(&mut self) -> Result<()> {
        if self.running.is_some() {
            return Err(ProbeError::State("is running"));
        }
        let drops = self.wires.drops()?;
        let started_ns = now_ns() + LEAD_NS;
        let senders = Senders::start(self.lanes()?, &self.sent, &self.moved, started_ns);
        self.running = Some(Running { senders, started_ns, drops });
        Ok(())
    }

    /// Sends one more frame of a flow with the number given: to see that the receiver sees duplicates and disorder.
    ///
    /// # Errors
    /// `ProbeError::Spec` if there is no such flow.
    pub fn inject(&self, stream: &str, flow: u16, sequence: u64) -> Result<()> {
        let found = self.flow(stream, flow)?;
        self.send_one(found.from, &found.frames[usize::from(flow)], sequence)
    }

    /// Lets a flow's destination speak, so that a switch which has forgotten it (a static entry that was deleted, a flush)
    /// learns it again. The counted frames only ever come from sources.
    ///
    /// # Errors
    /// `ProbeError::Spec` if there is no such flow.
    pub fn announce(&self, stream: &str, flow: u16) -> Result<()> {
        let found = self.flow(stream, flow)?;
        let learning = found.learning(usize::from(flow));
        let (place, from_destination) = learning.first().ok_or(ProbeError::State("has no learning frame"))?;
        self.send_one(*place, from_destination, 0)
    }

    fn flow(&self, stream: &str, flow: u16) -> Result<&Stream> {
        let found = self.streams.iter().find(|known| known.spec.name == stream && flow < known.spec.flows);
        found.map(Arc::as_ref).ok_or_else(|| ProbeError::Spec {
            stream: stream.to_owned(),
            reason: format!("the probe has no flow {flow} of it"),
        })
    }

    /// Every station that is to move speaks at its later place from now on, and nowhere else.
    pub fn move_stations(&self) {
        self.moved.store(true, Ordering::Release);
    }

    /// On a ring of its own: those of the streams are with the senders.
    fn send_one(&self, host: usize, frame: &Template, sequence: u64) -> Result<()> {
        let failed = |e| ProbeError::io("sending a single frame", e);
        let mut ring = ring(&self.wires, host)?;
        ring.push(frame.len(), |slot| frame.write(slot, sequence, now_ns())).map_err(failed)?;
        ring.flush().map_err(failed).map(drop)
    }

    /// Gaps that end from now on belong to this phase: 0 steady, 1 the event, and so on.
    ///
    /// # Errors
    /// `ProbeError::State` past the last phase.
    pub fn phase(&mut self, phase: u32) -> Result<()> {
        if phase as usize >= PHASES {
            return Err(ProbeError::State("has 8 phases, 0 to 7"));
        }
        self.phases = self.phases.max(phase as usize + 1);
        self.receiver.set_phase(phase)
    }

    /// Each stream so far: a map read a stream, fit for a series.
    ///
    /// # Errors
    /// `ProbeError::Bpf` of the read.
    pub fn sample(&self) -> Result<Vec<StreamSample>> {
        let read = |stream: &Arc<Stream>| {
            let state = self.receiver.stream(stream.number)?;
            // After the receiver's: sent is never behind arrived.
            let sent = self.sent[stream.number as usize].frames.load(Ordering::Acquire);
            Ok(StreamSample { at_ns: now_ns(), sent, arrived: state.arrived, last_ns: state.last_ns })
        };
        self.streams.iter().map(read).collect()
    }

    /// Ends sending, waits until the counters are quiet, reads everything.
    ///
    /// # Errors
    /// `ProbeError::State` if it was not started; a sender that could not send.
    pub fn stop(mut self) -> Result<ProbeReport> {
        let running = self.running.take().ok_or(ProbeError::State("was not started"))?;
        let paces = running.senders.stop().map_err(|e| ProbeError::io("sending", e))?;
        let stopped_ns = paces.iter().map(|pace| pace.ended_ns).max().unwrap_or_else(now_ns);
        self.drain()?;
        let drops = self.wires.drops()?;
        let mut report = ProbeReport {
            started_ns: running.started_ns,
            stopped_ns,
            sender_late_max_us: paces.iter().map(|pace| pace.late_max_ns).max().unwrap_or(0) as f64 / 1e3,
            sender_given_up_ms: paces.iter().map(|pace| pace.given_up_ns).max().unwrap_or(0) as f64 / 1e6,
            stalls: paces.iter().flat_map(|pace| pace.stalls.iter().copied()).collect(),
            realtime: paces.iter().all(|pace| pace.realtime),
            lost_where: drops.since(&running.drops),
            ..ProbeReport::default()
        };
        for stream in &self.streams {
            let own = paces.iter().find(|pace| pace.streams.contains(&stream.number));
            let ended_ns = own.map_or(stopped_ns, |pace| pace.ended_ns);
            let sending_ns = ended_ns.saturating_sub(running.started_ns);
            let counters = &self.sent[stream.number as usize];
            let totals =
                Totals { sent: counters.frames.load(Ordering::Acquire), sending_ns, phases: self.phases };
            report.streams.push(stream_report(stream, &self.receiver, totals)?);
            let refused = counters.refused.load(Ordering::Relaxed);
            if refused > 0 {
                let StreamSpec { name, from, .. } = &stream.spec;
                report
                    .lost_where
                    .push(format!("{name}: {refused} frames refused by {from}/eth0 when they were sent"));
            }
        }
        Ok(report)
    }

    /// Sends frames from both stations of every flow until each arrives at its host and nowhere else.
    fn learn(&mut self) -> Result<()> {
        let due: Vec<u64> = self.streams.iter().map(|stream| stream.learning_frames()).collect();
        let expected: u64 = due.iter().sum();
        let numbers: Vec<u32> = self.streams.iter().map(|stream| stream.number).collect();
        let learned = |receiver: &Receiver| {
            numbers.iter().map(|&number| receiver.learned(number)).collect::<Result<Vec<_>>>()
        };
        let at_home = |counts: &[(u64, u64)]| counts.iter().map(|count| count.0).sum::<u64>();
        let mut found = Vec::new();
        for round in 0..LEARN_ROUNDS {
            let before = learned(&self.receiver)?;
            Self::learn_round(&self.streams, &mut self.rings, u64::from(round))?;
            let after = self.quiet(learned, |now| at_home(now) - at_home(&before) >= expected)?;
            found = after.iter().zip(&before).map(|(now, then)| (now.0 - then.0, now.1 - then.1)).collect();
            if found.iter().zip(&due).all(|(&(arrived, flooded), &due)| arrived == due && flooded == 0) {
                return Ok(());
            }
        }
        let missing =
            found.iter().zip(&due).zip(&self.streams).filter(|&((&found, &due), _)| found != (due, 0));
        Err(ProbeError::NotLearned {
            expected,
            arrived: at_home(&found),
            flooded: found.iter().map(|count| count.1).sum(),
            streams: missing.map(|(_, stream)| stream.spec.name.clone()).collect(),
        })
    }

    fn learn_round(streams: &[Arc<Stream>], rings: &mut BTreeMap<usize, TxRing>, round: u64) -> Result<()> {
        let failed = |e| ProbeError::io("sending learning frames", e);
        for stream in streams {
            let mut frames: Vec<_> =
                (0..usize::from(stream.spec.flows)).flat_map(|flow| stream.learning(flow)).collect();
            // Destinations first: what their frames find unknown is not theirs to learn.
            frames.sort_by_key(|&(place, _)| place == stream.from);
            for burst in frames.chunk_by(|(a, _), (b, _)| a == b).flat_map(|run| run.chunks(LEARN_BURST)) {
                let place = burst[0].0;
                let ring = rings.get_mut(&place).ok_or(ProbeError::State("has been started"))?;
                for (_, frame) in burst {
                    ring.push(frame.len(), |slot| frame.write(slot, round, now_ns())).map_err(failed)?;
                }
                ring.flush().map_err(failed)?;
            }
        }
        Ok(())
    }

    /// What each CPU sends. The rings go with the threads.
    fn lanes(&mut self) -> Result<Vec<Lane>> {
        let allowed = sched_getaffinity(None).map_err(|e| ProbeError::io("reading the allowed CPUs", e))?;
        let cpus: Vec<_> = (0..rustix::thread::CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu)).collect();
        let mut lanes = Vec::new();
        for (cpu, members) in by_cpu(&self.streams, &cpus) {
            let streams: Vec<_> = members.iter().map(|&stream| self.streams[stream].clone()).collect();
            let hosts: BTreeSet<_> = streams.iter().flat_map(|stream| stream.sources()).collect();
            // Streams that share a sending host are on one CPU: each ring is in one lane.
            let rings = hosts.into_iter().filter_map(|host| self.rings.remove_entry(&host)).collect();
            lanes.push(Lane { cpu, streams, rings });
        }
        Ok(lanes)
    }

    fn drain(&self) -> Result<()> {
        let arrived = |receiver: &Receiver| -> Result<u64> {
            let mut sum = 0;
            for stream in &self.streams {
                sum += receiver.stream(stream.number)?.arrived + receiver.flooded(stream.number)?;
            }
            Ok(sum)
        };
        self.quiet(arrived, |_| false).map(drop)
    }

    /// Reads until nothing has moved for [`QUIET`], or `enough`.
    fn quiet<T: PartialEq>(
        &self,
        read: impl Fn(&Receiver) -> Result<T>,
        enough: impl Fn(&T) -> bool,
    ) -> Result<T> {
        let until = Instant::now() + QUIET_WITHIN;
        let mut last = read(&self.receiver)?;
        let mut moved = Instant::now();
        while !enough(&last) && moved.elapsed() < QUIET && Instant::now() < until {
            std::thread::sleep(LOOK);
            let now = read(&self.receiver)?;
            if now != last {
                (last, moved) = (now, Instant::now());
            }
        }
        Ok(last)
    }
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe")
            .field("streams", &self.streams.len())
            .field("running", &self.running.is_some())
            .finish()
    }
}

fn ring(wires: &Wires, place: usize) -> Result<TxRing> {
    let host = &wires.hosts[place];
    let ring = host.enter(|| TxRing::new(host.spec.ifindex))?;
    ring.map_err(|e| ProbeError::io(format!("making a transmit ring on {}/eth0", host.netns.name()), e))
}
