//! The probe's streams in a trial, and their throughput over time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use anyhow::{Result, anyhow};
use crossbeam::channel::{self, RecvTimeoutError, Sender};

use super::Rig;
use super::kinds::{self, Kind, Moves};
use crate::probe::{Probe, ProbeError, ProbeReport, StreamReport, StreamSample, StreamSpec, now_ns};
use crate::report::schema::{Mark, Missing, Stream, Timeline};

/// The stream that the proof of authority interrupts.
pub(super) const AUTHORITY: &str = "authority";
/// Frames a second of it: one a millisecond shows a gap of 50 ms beyond doubt.
const AUTHORITY_PPS: u32 = 1000;
/// Frames a second of each stream inside a module.
const INSIDE_PPS: u32 = 5000;
/// Flows of each stream between modules: enough that every bucket of both fabrics carries some.
const FLOWS: u16 = 64;
/// Width of a bin of the timeline.
const BIN_MS: f64 = 10.0;
/// Time between samples. Two a bin: the edges are interpolated.
const SAMPLE: Duration = Duration::from_millis(5);

/// Both directions between modules, one stream inside each, the authority flow, and the streams of each kind.
fn specs(rate: u32, kinds: &[Kind]) -> Vec<StreamSpec> {
    let mut specs = vec![
        StreamSpec::new("h1-h3", "h1", "h3", FLOWS, rate),
        StreamSpec::new("h3-h1", "h3", "h1", FLOWS, rate),
        StreamSpec::new("h2-h1", "h2", "h1", 1, INSIDE_PPS),
        StreamSpec::new("h4-h3", "h4", "h3", 1, INSIDE_PPS),
        StreamSpec::new(AUTHORITY, "h2", "h4", 1, AUTHORITY_PPS),
    ];
    specs.extend(kinds.iter().flat_map(|kind| kind.streams()));
    specs
}

/// Position of the authority stream in samples.
pub(super) const AUTHORITY_INDEX: usize = 4;

/// Streams in flight, sampled by a thread of their own.
pub(super) struct Traffic<'scope> {
    probe: &'scope Mutex<Probe>,
    /// Streams, by their position, that may not arrive.
    denied: Vec<bool>,
    stop: Sender<()>,
    sampler: ScopedJoinHandle<'scope, Vec<Vec<StreamSample>>>,
    marks: Vec<(u64, &'static str)>,
    /// When the first sample was due.
    pub(super) began_ns: u64,
}

fn lock(probe: &Mutex<Probe>) -> MutexGuard<'_, Probe> {
    probe.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Streams under way.
pub(super) struct Started {
    pub(super) probe: Mutex<Probe>,
    /// Kinds whose stations the switch did not learn: they are not among the streams.
    pub(super) missing: Vec<Missing>,
}

/// A probe with all streams, the stations learned and frames under way.
pub(super) fn start(rig: &Rig<'_>) -> Result<Started> {
    let mut kinds = rig.kinds.clone();
    let mut missing = Vec::new();
    loop {
        let mut probe = Probe::new(rig.bed, specs(rig.rate, &kinds))?;
        let error = match probe.start() {
            Ok(()) => return Ok(Started { probe: Mutex::new(probe), missing }),
            Err(error) => error,
        };
        let ProbeError::NotLearned { streams, .. } = &error else { return Err(error.into()) };
        let unlearned: Option<Vec<Kind>> = streams.iter().map(|name| kinds::of_stream(name)).collect();
        // What every bed carries must be learned.
        let Some(unlearned) = unlearned else { return Err(error.into()) };
        kinds.retain(|kind| !unlearned.contains(kind));
        missing.extend(Kind::ALL.iter().filter(|kind| unlearned.contains(kind)).map(|kind| Missing {
            kind: kind.name().to_owned(),
            reason: format!("before the event {error}"),
        }));
    }
}

/// What a trial's traffic came to.
pub(super) struct Outcome {
    pub(super) report: ProbeReport,
    pub(super) timeline: Timeline,
}

impl<'scope> Traffic<'scope> {
    /// Samples `probe` until [`Traffic::end`].
    pub(super) fn watch<'env>(scope: &'scope Scope<'scope, 'env>, probe: &'scope Mutex<Probe>) -> Self {
        let (stop, stopped) = channel::bounded(1);
        let denied = lock(probe).specs().map(|spec| spec.shape.denied).collect();
        let sampler = scope.spawn(move || {
            let mut samples = Vec::new();
            loop {
                // A sample that fails is a hole in the picture, not in the counts.
                samples.extend(lock(probe).sample().ok());
                match stopped.recv_timeout(SAMPLE) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return samples,
                }
            }
        });
        Self { probe, denied, stop, sampler, marks: Vec::new(), began_ns: now_ns() }
    }

    /// A line in the picture.
    pub(super) fn mark(&mut self, at_ns: u64, what: &'static str) {
        self.marks.push((at_ns, what));
    }

    /// The event happens now: gaps belong to it from here on.
    pub(super) fn event(&self) -> Result<()> {
        Ok(lock(self.probe).phase(1)?)
    }

    /// Stations move now.
    pub(super) fn move_stations(&self) {
        lock(self.probe).move_stations();
    }

    /// Last arrival of the authority flow, and its arrivals so far.
    pub(super) fn authority(&self) -> Result<StreamSample> {
        let samples = lock(self.probe).sample()?;
        samples
            .get(AUTHORITY_INDEX)
            .copied()
            .ok_or_else(|| anyhow!("the probe has no sample of the authority flow"))
    }

    /// Waits until every stream has an arrival after `after_ns`; false if that takes longer than `within`.
    pub(super) fn flows_again(&self, after_ns: u64, within: Duration) -> Result<bool> {
        let deadline_ns = now_ns() + within.as_nanos() as u64;
        loop {
            let samples = lock(self.probe).sample()?;
            if samples.iter().zip(&self.denied).all(|(s, denied)| *denied || s.last_ns > after_ns) {
                return Ok(true);
            }
            if now_ns() > deadline_ns {
                return Ok(false);
            }
            std::thread::sleep(SAMPLE);
        }
    }

    /// Waits until `secs` of traffic have passed since it began.
    pub(super) fn until(&self, secs: f64) {
        let due = self.began_ns + (secs * 1e9) as u64;
        std::thread::sleep(Duration::from_nanos(due.saturating_sub(now_ns())));
    }

    /// Ends the sampling.
    pub(super) fn end(self) -> Result<Sampled> {
        self.stop.send(()).map_err(|_| anyhow!("the sampling thread is gone"))?;
        let samples = self.sampler.join().map_err(|_| anyhow!("the sampling thread panicked"))?;
        Ok(Sampled { samples, marks: self.marks, began_ns: self.began_ns })
    }
}

/// Samples of a whole trial.
pub(super) struct Sampled {
    samples: Vec<Vec<StreamSample>>,
    marks: Vec<(u64, &'static str)>,
    began_ns: u64,
}

/// Stops the streams and puts everything together.
pub(super) fn finish(probe: Mutex<Probe>, sampled: &Sampled) -> Result<Outcome> {
    let report = probe.into_inner().unwrap_or_else(PoisonError::into_inner).stop()?;
    let names = report.streams.iter().map(|s| s.name.clone());
    let ms = |at_ns: u64| (at_ns as f64 - sampled.began_ns as f64) / 1e6;
    let series = names.enumerate().map(|(index, name)| {
        let points = sampled
            .samples
            .iter()
            .filter_map(|s| s.get(index))
            .map(|s| (ms(s.at_ns), s.arrived))
            .collect::<Vec<_>>();
        (name, bins(&points))
    });
    let timeline = Timeline {
        bin_ms: BIN_MS,
        series: series.collect(),
        marks: sampled.marks.iter().map(|(at, what)| Mark { at_ms: ms(*at), what: (*what).into() }).collect(),
    };
    Ok(Outcome { report, timeline })
}

/// Arrivals in bins of equal width, from cumulative samples (time in ms, arrivals), interpolated at the edges.
fn bins(points: &[(f64, u64)]) -> Vec<u64> {
    let Some((last, _)) = points.last() else { return Vec::new() };
    let at = |edge: f64| {
        let after = points.partition_point(|(ms, _)| *ms < edge);
        match (after.checked_sub(1).map(|i| points[i]), points.get(after)) {
            (Some((t0, n0)), Some(&(t1, n1))) => n0 as f64 + (n1 - n0) as f64 * (edge - t0) / (t1 - t0),
            (None, Some(&(_, n))) | (Some((_, n)), None) => n as f64,
            (None, None) => 0.0,
        }
    };
    let edges = (0..=(last / BIN_MS) as usize).map(|bin| at(bin as f64 * BIN_MS).round() as u64);
    let edges: Vec<u64> = edges.collect();
    edges.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect()
}

/// Flows that changed where they arrive more or less often than they were to.
fn misled(stream: &StreamReport) -> u64 {
    let Moves { least, most } = Moves::of(&stream.name);
    stream.flows.iter().filter(|flow| !(least..=most).contains(&flow.moves)).count() as u64
}

/// What is wrong with a stream that nothing happened to.
pub(super) fn spoiled(s: &StreamReport) -> u64 {
    let astray: u64 = s.flows.iter().map(|flow| u64::from(flow.moves)).sum();
    s.lost + s.duplicated + s.reordered + s.altered + s.leaked + astray
}

/// The probe's streams as the report has them, without the authority flow.
pub(super) fn streams(report: &ProbeReport) -> Vec<Stream> {
    let stream = |s: &StreamReport| Stream {
        name: s.name.clone(),
        kind: kinds::of_stream(&s.name).map_or(kinds::SWITCHED, Kind::name).to_owned(),
        from: s.from.clone(),
        to: s.to.clone(),
        flows: s.flows.len() as u64,
        asked_pps: u64::from(s.asked_pps),
        offered_pps: s.offered_pps.round() as u64,
        sent: s.sent,
        received: s.received,
        lost: s.lost,
        duplicated: s.duplicated,
        reordered: s.reordered,
        flooded: s.flooded,
        altered: s.altered,
        leaked: s.leaked,
        misled: misled(s),
        reset_ms_loss: s.reset_ms_loss,
        reset_ms_timestamp: s.reset_ms_timestamp,
        max_gap_us: s.max_gap_us,
        steady_max_gap_us: s.steady_max_gap_us,
        where_lost: if s.lost > 0 { report.lost_where.clone() } else { Vec::new() },
    };
    report.streams.iter().filter(|s| s.name != AUTHORITY).map(stream).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_flow_is_where_its_index_says() {
        assert_eq!(specs(1, &Kind::ALL)[AUTHORITY_INDEX].name, AUTHORITY);
    }

    #[test]
    fn bins_hold_every_arrival_once() {
        let points: Vec<(f64, u64)> =
            (0..=10).map(|i| (f64::from(i) * 5.0, u64::from(i as u32) * 50)).collect();
        assert_eq!(bins(&points), [100, 100, 100, 100, 100]);
    }

    #[test]
    fn a_pause_is_an_empty_bin() {
        let points = [(0.0, 0), (10.0, 100), (35.0, 100), (40.0, 200)];
        assert_eq!(bins(&points), [100, 0, 0, 100]);
        assert!(bins(&[]).is_empty());
    }
}
