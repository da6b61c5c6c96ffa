//! Red or green: what a cause did beside what it must do.

use std::fmt;

use super::causes::{CauseTrial, Class, Expected, Seen, Source};
use super::void::STALL_MS;

/// The survivor reprograms a lost fabric's buckets in this time, once it knows.
const REPROGRAM_MS: f64 = 20.0;
/// Slow is a miss; so many times slower is wrong.
const WRONG: f64 = 10.0;
/// A commit may come so many times later than its bound before that is wrong, not only slow.
const LATE: f64 = 2.0;
/// Ports that are taken down stay so for a second.
const DOWN_MS: f64 = 1000.0;
/// What a receiver may see less of it: the first frames go before the first port is down, and ports go one by one.
const DOWN_SEEN: f64 = 0.9;

/// One thing that is not as it must be.
#[derive(Clone, Debug, PartialEq)]
enum Fault {
    Frames { stream: String, lost: u64, duplicated: u64, reordered: u64 },
    Flooded { stream: String, frames: u64 },
    Silent(String),
    Inside(u64),
    NoneSpared(u64),
    Elsewhere { lost: u64, counted: u64 },
    Slow { stream: String, flow: u16, ms: f64, most_ms: f64 },
    Back { ms: f64, most_ms: f64 },
    NotBack,
    Epochs { seen: u64, moves: bool },
    NotMoved,
    Late { ms: f64, most_ms: f64 },
    Recorded { is: String, should: String },
    Setting(Source),
    Stations { before: u64, after: u64, kept: bool },
    NoStations,
    Carrier { changes: u64, least: u64 },
    Short { stream: String, ms: f64 },
    NotServing,
    NotRuling,
    NotPowerless,
    NotReady,
}

impl Fault {
    /// A sender that was away could be all there is behind it.
    fn of_senders(&self) -> bool {
        matches!(self, Self::NotRuling | Self::Slow { .. })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frames { stream, lost, duplicated, reordered } => {
                write!(f, "{stream}: {lost} lost, {duplicated} duplicated, {reordered} reordered")
            }
            Self::Flooded { stream, frames } => {
                write!(f, "{stream}: {frames} flooded, to stations that were known")
            }
            Self::Silent(stream) => write!(f, "{stream} sent nothing"),
            Self::Inside(lost) => write!(f, "{lost} frames lost inside a module, where no fabric is used"),
            Self::NoneSpared(flows) => {
                write!(f, "all {flows} flows between modules lost frames: the surviving fabric spared none")
            }
            Self::Elsewhere { lost, counted } => {
                write!(f, "{lost} frames lost, and only {counted} for the lack of a fabric")
            }
            Self::Slow { stream, flow, ms, most_ms } => {
                write!(
                    f,
                    "flow {flow} of {stream} without frames for {ms:.1} ms; {most_ms:.1} are allowed for"
                )
            }
            Self::Back { ms, most_ms } => {
                write!(f, "frames everywhere after {ms:.0} ms; bound: {most_ms:.0}")
            }
            Self::NotBack => f.write_str("a stream has no frames any more"),
            Self::Epochs { seen, moves: true } => write!(f, "{seen} failovers were made, not one"),
            Self::Epochs { seen, moves: false } => {
                write!(f, "{seen} failovers were made, and there is no reason for one")
            }
            Self::NotMoved => f.write_str("the slave is not master"),
            Self::Late { ms, most_ms } => write!(f, "committed after {ms:.0} ms; bound: {most_ms:.0}"),
            Self::Recorded { is, should } => write!(f, "recorded cause: {is}; it is {should}"),
            Self::Setting(Source::Inherited) => {
                f.write_str("the unsaved setting is gone: not the inherited configuration")
            }
            Self::Setting(Source::Flash) => {
                f.write_str("the unsaved setting is in force: not the flash's configuration")
            }
            Self::Stations { before, after, kept: true } => {
                write!(f, "of {before} stations {after} are left, and all had to stay")
            }
            Self::Stations { before, after, kept: false } => {
                write!(f, "of {before} stations {after} are left, and tables had to be flushed")
            }
            Self::NoStations => f.write_str("no station was known before"),
            Self::Carrier { changes, least: 0 } => write!(f, "{changes} carrier changes"),
            Self::Carrier { changes, least } => {
                write!(f, "{changes} carrier changes: not every port was taken down ({least} are the least)")
            }
            Self::Short { stream, ms } => {
                write!(f, "{stream} had no frames for {ms:.0} ms only: ports stay down for a second")
            }
            Self::NotServing => f.write_str("the new master answered no change"),
            Self::NotRuling => f.write_str("the new master could not silence one flow and bring it back"),
            Self::NotPowerless => f.write_str("the old process still holds writable maps"),
            Self::NotReady => f.write_str("no slave became ready again"),
        }
    }
}

fn frames(expected: &Expected, trial: &CauseTrial, faults: &mut Vec<Fault>) {
    for stream in &trial.streams {
        let name = || stream.name.clone();
        if stream.sent == 0 {
            faults.push(Fault::Silent(name()));
        }
        let lost = if expected.class == Class::Hitless { stream.lost } else { 0 };
        let wrong = [lost, stream.duplicated, stream.reordered] != [0; 3];
        // Of frames that are flooded for a while, copies may meet those that are not.
        if wrong && expected.class != Class::NotHitless {
            let (duplicated, reordered) = (stream.duplicated, stream.reordered);
            faults.push(Fault::Frames { stream: name(), lost, duplicated, reordered });
        }
        if expected.fdb_kept && stream.flooded > 0 {
            faults.push(Fault::Flooded { stream: name(), frames: stream.flooded });
        }
        let down_ms = DOWN_MS * DOWN_SEEN;
        if expected.links_down && stream.reset_ms_timestamp < down_ms {
            faults.push(Fault::Short { stream: name(), ms: stream.reset_ms_timestamp });
        }
    }
    if expected.class == Class::Partial {
        partial(trial, faults);
    }
    if !trial.seen.flows_back {
        faults.push(Fault::NotBack);
    }
    let last_ms = trial.outages.iter().map(|outage| outage.end_ms).fold(0.0, f64::max);
    if expected.class == Class::NotHitless && last_ms > expected.back_within_ms {
        faults.push(Fault::Back { ms: last_ms, most_ms: expected.back_within_ms });
    }
}

/// Only flows of the lost fabric lose, until their buckets are programmed anew.
fn partial(trial: &CauseTrial, faults: &mut Vec<Fault>) {
    let inside = |fabric: &str| fabric == "none";
    let lost_inside = trial.fabrics.iter().filter(|f| inside(&f.fabric)).map(|f| f.lost).sum();
    if lost_inside > 0 {
        faults.push(Fault::Inside(lost_inside));
    }
    let between = || trial.fabrics.iter().filter(|f| !inside(&f.fabric));
    let (flows, hit) = (between().map(|f| f.flows).sum::<u64>(), between().map(|f| f.flows_hit).sum::<u64>());
    if hit == flows {
        faults.push(Fault::NoneSpared(flows));
    }
    let lost = between().map(|f| f.lost).sum();
    if lost > trial.seen.fabric_drops {
        faults.push(Fault::Elsewhere { lost, counted: trial.seen.fabric_drops });
    }
    faults.extend(slow(trial, WRONG));
}

/// Flows of the lost fabric that had no frames for more than `times` the time to reprogram.
fn slow(trial: &CauseTrial, times: f64) -> Vec<Fault> {
    let interval_ms = |name: &str| {
        let stream = trial.streams.iter().find(|stream| stream.name == name);
        // A flow's frames are so far apart: an outage is seen with up to two of them more.
        stream.map_or(0.0, |s| 1e3 * s.flows.max(1) as f64 / s.asked_pps.max(1) as f64)
    };
    let known_ms = trial.seen.detect_ms.unwrap_or(0.0);
    let longer = trial.outages.iter().filter_map(|outage| {
        let (ms, most_ms) = (
            outage.end_ms - outage.begin_ms,
            times * REPROGRAM_MS + known_ms + 2.0 * interval_ms(&outage.stream),
        );
        (ms > most_ms).then(|| Fault::Slow { stream: outage.stream.clone(), flow: outage.flow, ms, most_ms })
    });
    // The longest says it all.
    longer.max_by(|a, b| length(a).total_cmp(&length(b))).into_iter().collect()
}

fn length(fault: &Fault) -> f64 {
    if let Fault::Slow { ms, .. } = fault { *ms } else { 0.0 }
}

fn switch(expected: &Expected, seen: &Seen, faults: &mut Vec<Fault>) {
    match expected.moves {
        Some(true) if seen.epochs != 1 => faults.push(Fault::Epochs { seen: seen.epochs, moves: true }),
        Some(true) if !seen.moved => faults.push(Fault::NotMoved),
        Some(false) if seen.epochs != 0 => faults.push(Fault::Epochs { seen: seen.epochs, moves: false }),
        _ => {}
    }
    if let Some(ms) = seen.commit_ms.filter(|ms| *ms > LATE * expected.commit_within_ms) {
        faults.push(Fault::Late { ms, most_ms: expected.commit_within_ms });
    }
    let stays = (expected.moves == Some(false)).then_some(&seen.recorded_before);
    if let Some(should) = expected.recorded.as_ref().or(stays)
        && *should != seen.recorded
    {
        faults.push(Fault::Recorded { is: seen.recorded.clone(), should: should.clone() });
    }
    if seen.setting_kept != (expected.configuration == Source::Inherited) {
        faults.push(Fault::Setting(expected.configuration));
    }
    let (before, after, kept) = (seen.stations_before, seen.stations_after, expected.fdb_kept);
    if before == 0 {
        faults.push(Fault::NoStations);
    } else if (kept && after != before) || (!kept && after != 0) {
        faults.push(Fault::Stations { before, after, kept });
    }
    // Both ends of a port lose it and get it back.
    let least = if expected.links_down { 4 * seen.ports } else { 0 };
    if (least == 0 && seen.carrier_changes > 0) || seen.carrier_changes < least {
        faults.push(Fault::Carrier { changes: seen.carrier_changes, least });
    }
    if expected.moves == Some(true) && seen.serving_ms.is_none() {
        faults.push(Fault::NotServing);
    }
    for (holds, fault) in [(seen.ruled, Fault::NotRuling), (seen.old_powerless, Fault::NotPowerless)] {
        if holds == Some(false) {
            faults.push(fault);
        }
    }
    if expected.heals && seen.ready_ms.is_none() {
        faults.push(Fault::NotReady);
    }
}

/// Writes into `trial` what is wrong with it, what was slow, and whether it says nothing.
pub fn judge(expected: &Expected, trial: &mut CauseTrial) {
    let mut faults = Vec::new();
    frames(expected, trial, &mut faults);
    switch(expected, &trial.seen, &mut faults);
    let mut misses = if expected.class == Class::Partial { slow(trial, 1.0) } else { Vec::new() };
    if let Some(ms) = trial.seen.commit_ms.filter(|ms| *ms > expected.commit_within_ms) {
        misses.push(Fault::Late { ms, most_ms: expected.commit_within_ms });
    }
    misses.retain(|miss| !faults.contains(miss));
    let text = |faults: &[Fault]| faults.iter().map(ToString::to_string).collect::<Vec<_>>();
    trial.misses = text(&misses);
    let away = trial.seen.stall_ms > STALL_MS;
    if away && !faults.is_empty() && faults.iter().all(Fault::of_senders) {
        let why = format!("a sender was kept from its CPU for {:.0} ms", trial.seen.stall_ms);
        (trial.faults, trial.void) = (Vec::new(), [vec![why], text(&faults)].concat());
    } else {
        (trial.faults, trial.void) = (text(&faults), Vec::new());
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::report::causes::{FabricLoss, Outage};
    use crate::report::schema::Stream;
    use crate::report::verdict::tests::green_trial;

    pub(crate) fn hitless() -> Expected {
        Expected {
            moves: Some(true),
            recorded: Some("admin".into()),
            fdb_kept: true,
            commit_within_ms: 250.0,
            back_within_ms: 1250.0,
            heals: true,
            ..Expected::default()
        }
    }

    pub(crate) fn not_hitless() -> Expected {
        Expected {
            class: Class::NotHitless,
            configuration: Source::Flash,
            links_down: true,
            fdb_kept: false,
            back_within_ms: 4000.0,
            ..hitless()
        }
    }

    /// A cause that did what it must.
    pub(crate) fn good(expected: &Expected) -> CauseTrial {
        let base = green_trial("operator", 1);
        let flash = expected.configuration == Source::Flash;
        let mut trial = CauseTrial {
            trial: 1,
            master: "a".into(),
            streams: base.streams.into_iter().map(|s| Stream { flows: 64, ..s }).collect(),
            timeline: base.timeline,
            fabrics: ["a", "b", "none"]
                .map(|fabric| FabricLoss { fabric: fabric.into(), flows: 64, ..FabricLoss::default() })
                .to_vec(),
            seen: Seen {
                epochs: u64::from(expected.moves == Some(true)),
                moved: expected.moves == Some(true),
                recorded_before: "never".into(),
                recorded: expected.recorded.clone().unwrap_or("never".into()),
                setting_kept: !flash,
                stations_before: 64,
                stations_after: if expected.fdb_kept { 64 } else { 0 },
                carrier_changes: if expected.links_down { 16 } else { 0 },
                ports: 4,
                detect_ms: Some(1.0),
                commit_ms: Some(2.0),
                serving_ms: Some(8.0),
                ready_ms: Some(200.0),
                ruled: Some(true),
                old_powerless: Some(true),
                flows_back: true,
                ..Seen::default()
            },
            ..CauseTrial::default()
        };
        if expected.links_down {
            for stream in &mut trial.streams {
                (stream.lost, stream.reset_ms_timestamp) = (1200, 1200.0);
            }
            let outage =
                Outage { stream: "h1-h3".into(), lost: 1200, begin_ms: 3.0, end_ms: 1203.0, flow: 0 };
            trial.outages.push(outage);
        }
        if expected.class == Class::Partial {
            trial.streams[0].lost = 300;
            trial.seen.fabric_drops = 300;
            trial.fabrics[0] =
                FabricLoss { fabric: "a".into(), flows: 64, flows_hit: 64, lost: 300, longest_ms: 4.0 };
            trial.outages = (0..64)
                .map(|flow| Outage { stream: "h1-h3".into(), flow, lost: 5, begin_ms: -0.2, end_ms: 3.8 })
                .collect();
        }
        trial
    }

    fn found(expected: &Expected, trial: CauseTrial) -> Vec<String> {
        let mut trial = trial;
        judge(expected, &mut trial);
        trial.faults
    }

    pub(crate) fn partial() -> Expected {
        Expected { class: Class::Partial, ..hitless() }
    }

    #[test]
    fn what_is_as_it_must_be_is_green() {
        for expected in [hitless(), partial(), not_hitless()] {
            assert_eq!(found(&expected, good(&expected)), Vec::<String>::new(), "{expected:?}");
        }
    }

    #[test]
    fn a_hitless_cause_may_not_do_what_another_must() {
        let mut as_not_hitless = good(&not_hitless());
        as_not_hitless.seen.recorded = "admin".into();
        let faults = found(&hitless(), as_not_hitless);
        for part in
            ["1200 lost", "16 carrier changes", "unsaved setting is gone", "of 64 stations 0 are left"]
        {
            assert!(faults.iter().any(|fault| fault.contains(part)), "{part}: {faults:?}");
        }
    }

    #[test]
    fn a_cause_that_must_discard_and_keeps_all_is_red() {
        let faults = found(&not_hitless(), good(&hitless()));
        for part in ["0 carrier changes", "is in force", "had to be flushed", "for 0 ms only"] {
            assert!(faults.iter().any(|fault| fault.contains(part)), "{part}: {faults:?}");
        }
    }

    #[test]
    fn every_deviation_is_red() {
        type Spoil = fn(&mut CauseTrial);
        let spoils: [(Spoil, &str); 12] = [
            (|t| t.streams[1].lost = 1, "1 lost"),
            (|t| t.streams[1].duplicated = 1, "1 duplicated"),
            (|t| t.streams[1].flooded = 1, "1 flooded"),
            (|t| t.streams[1].sent = 0, "sent nothing"),
            (|t| t.seen.epochs = 2, "2 failovers"),
            (|t| t.seen.moved = false, "not master"),
            (|t| t.seen.commit_ms = Some(600.0), "committed after 600 ms"),
            (|t| t.seen.recorded = "watchdog".into(), "watchdog; it is admin"),
            (|t| t.seen.carrier_changes = 1, "1 carrier changes"),
            (|t| t.seen.ruled = Some(false), "silence one flow"),
            (|t| t.seen.ready_ms = None, "no slave"),
            (|t| t.seen.flows_back = false, "no frames any more"),
        ];
        for (spoil, part) in spoils {
            let mut trial = good(&hitless());
            spoil(&mut trial);
            let faults = found(&hitless(), trial);
            assert!(faults.len() == 1 && faults[0].contains(part), "{part}: {faults:?}");
        }
    }

    #[test]
    fn a_fabric_s_loss_stays_on_its_flows_and_ends() {
        type Spoil = fn(&mut CauseTrial);
        let spoils: [(Spoil, &str); 4] = [
            (|t| t.fabrics[2].lost = 1, "1 frames lost inside"),
            (|t| t.fabrics[1].flows_hit = 64, "spared none"),
            (|t| t.seen.fabric_drops = 299, "only 299"),
            (|t| t.outages[7].end_ms = 900.0, "flow 7 of h1-h3"),
        ];
        for (spoil, part) in spoils {
            let mut trial = good(&partial());
            spoil(&mut trial);
            let faults = found(&partial(), trial);
            assert!(faults.len() == 1 && faults[0].contains(part), "{part}: {faults:?}");
        }
        let mut slow = good(&partial());
        slow.outages[7].end_ms = 60.0;
        judge(&partial(), &mut slow);
        assert!(slow.faults.is_empty() && slow.misses.len() == 1, "{slow:?}");
    }

    #[test]
    fn mastership_that_moves_though_it_must_stay_is_red() {
        let stays = Expected { moves: Some(false), recorded: None, ..hitless() };
        assert_eq!(found(&stays, good(&stays)), Vec::<String>::new());
        let mut moved = good(&stays);
        (moved.seen.epochs, moved.seen.recorded) = (1, "exception".into());
        assert_eq!(found(&stays, moved).len(), 2);
    }

    #[test]
    fn a_stall_excuses_what_needs_frames_in_time_and_nothing_else() {
        let mut trial = good(&hitless());
        (trial.seen.stall_ms, trial.seen.ruled) = (STALL_MS * 2.0, Some(false));
        judge(&hitless(), &mut trial);
        assert!(trial.faults.is_empty() && trial.void.len() == 2, "{trial:?}");
        trial.streams[0].lost = 1;
        judge(&hitless(), &mut trial);
        assert!(trial.faults.len() == 2 && trial.void.is_empty(), "{trial:?}");
    }
}
