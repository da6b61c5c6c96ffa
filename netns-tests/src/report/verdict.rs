//! Red or green: what makes a trial, and a run, fail.

use std::fmt;

use super::causes::on_both_fabrics;
use super::schema::{Authority, Missing, Report, Stream, Trial};
use super::void::Tally;

/// One reason why a trial is red.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// A stream sent nothing, so it proves nothing.
    Silent {
        /// Stream.
        stream: String,
    },
    /// A stream lost, duplicated, reordered or flooded frames.
    Frames {
        /// Stream.
        stream: String,
        /// Sent and never received.
        lost: u64,
        /// Received again.
        duplicated: u64,
        /// Received after a later one.
        reordered: u64,
        /// Seen where they do not belong: a station that was known was forgotten.
        flooded: u64,
    },
    /// A stream's frames arrived otherwise than they must.
    Ways {
        /// Stream.
        stream: String,
        /// With a wrong tag, address or TTL.
        altered: u64,
        /// Although denied.
        leaked: u64,
        /// Flows that changed where they arrive otherwise than they were to.
        misled: u64,
    },
    /// A kind of traffic was not right before the event, or its own event did not happen.
    Missing {
        /// Kind.
        kind: String,
        /// Why.
        reason: String,
    },
    /// A part of the proof of authority did not hold.
    Authority(&'static str),
    /// The new master's blackhole did not silence the authority flow in time.
    NoGap,
    /// Its release did not bring the authority flow back in time.
    NotBack,
    /// The new master did not do it in its time.
    Late(&'static str),
    /// A port's carrier changed.
    Carrier(u64),
    /// The new master wrote to maps whose contents had not changed.
    MapWrites(Vec<String>),
    /// The new master changed netdevs, addresses or routes that were right.
    NetlinkWrites(Vec<String>),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent { stream } => write!(f, "{stream} sent nothing"),
            Self::Frames { stream, lost, duplicated, reordered, flooded } => write!(
                f,
                "{stream}: {lost} lost, {duplicated} duplicated, {reordered} reordered, {flooded} flooded"
            ),
            Self::Ways { stream, altered, leaked, misled } => write!(
                f,
                "{stream}: {altered} altered, {leaked} leaked, {misled} flows arrived at wrong places or not at the new one"
            ),
            Self::Missing { kind, reason } => write!(f, "{kind}: not measured: {reason}"),
            Self::Authority(part) => write!(f, "authority: {part}"),
            Self::NoGap => f.write_str("authority: no gap in the authority flow within 500 ms of the commit"),
            Self::NotBack => f.write_str("authority: the authority flow did not come back"),
            Self::Late(what) => write!(f, "the new master {what}"),
            Self::Carrier(changes) => write!(f, "{changes} carrier changes"),
            Self::MapWrites(writes) => write!(f, "writes to unchanged maps: {}", writes.join(", ")),
            Self::NetlinkWrites(writes) => {
                write!(f, "netlink changes by the new master: {}", writes.join(", "))
            }
        }
    }
}

fn missing_parts(proof: &Authority) -> Vec<Fault> {
    let part = Fault::Authority;
    let parts = [
        (proof.setting_kept, part("the unsaved setting is not in force")),
        (proof.gap_begins_ms.is_some_and(|ms| ms <= Authority::GAP_WITHIN_MS), Fault::NoGap),
        (proof.released, Fault::NotBack),
        (proof.others_whole, part("a flow other than the authority flow shows a gap")),
        (proof.old_powerless, part("the old process still holds writable maps")),
        (proof.epoch_plus_one, part("the observer did not see epoch = old + 1")),
    ];
    parts.into_iter().filter(|(holds, _)| !holds).map(|(_, fault)| fault).collect()
}

fn ways(stream: &Stream) -> Option<Fault> {
    let Stream { altered, leaked, misled, .. } = *stream;
    let right = [altered, leaked, misled] == [0; 3];
    (!right).then(|| Fault::Ways { stream: stream.name.clone(), altered, leaked, misled })
}

/// What is wrong with `trial`, whatever excuses it; empty if nothing is. A trial of a scenario that promises nothing has only to be measured.
pub fn faults(trial: &Trial) -> Vec<Fault> {
    let mut faults = Vec::new();
    for stream in &trial.streams {
        let counts = [stream.lost, stream.duplicated, stream.reordered, stream.flooded];
        if stream.sent == 0 {
            faults.push(Fault::Silent { stream: stream.name.clone() });
        } else if trial.hitless && counts.iter().any(|&n| n != 0) {
            faults.push(Fault::Frames {
                stream: stream.name.clone(),
                lost: stream.lost,
                duplicated: stream.duplicated,
                reordered: stream.reordered,
                flooded: stream.flooded,
            });
        }
    }
    if trial.hitless {
        faults.extend(trial.streams.iter().filter_map(ways));
        let missing = trial.missing.iter().cloned();
        faults.extend(missing.map(|Missing { kind, reason }| Fault::Missing { kind, reason }));
    }
    if trial.control_plane.serving_ms.is_none() {
        faults.push(Fault::Late("answered no configuration change"));
    }
    if trial.control_plane.ready_ms.is_none() {
        faults.push(Fault::Late("got no ready slave"));
    }
    if trial.hitless {
        if !trial.control_plane.authority {
            faults.extend(missing_parts(&trial.control_plane.proof));
        }
        if trial.carrier_changes != 0 {
            faults.push(Fault::Carrier(trial.carrier_changes));
        }
        if trial.control_plane.map_writes != 0 {
            faults.push(Fault::MapWrites(trial.control_plane.written.clone()));
        }
        if trial.control_plane.netlink_writes != 0 {
            faults.push(Fault::NetlinkWrites(trial.control_plane.written.clone()));
        }
    }
    faults
}

/// The whole run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Why it is red, one line each.
    pub reasons: Vec<String>,
}

impl Verdict {
    /// Judges a report.
    pub fn of(report: &Report) -> Self {
        let mut reasons = Vec::new();
        if report.trials.is_empty() && report.causes.is_empty() {
            reasons.push("no trial was made".to_owned());
        }
        if report.control.lost == 0 {
            reasons.push("the control trial lost nothing: the probe cannot see loss".to_owned());
        }
        if report.quiet.lost != 0 {
            reasons.push(format!("the quiet run lost {} frames: the rig carries no rate", report.quiet.lost));
        }
        let missing = report.missing.iter();
        reasons.extend(missing.map(|Missing { kind, reason }| format!("{kind}: not measured: {reason}")));
        let mut scenarios: Vec<&str> = report.trials.iter().map(|trial| trial.scenario.as_str()).collect();
        scenarios.dedup();
        for scenario in scenarios.into_iter().filter(|_| report.asked > 0) {
            let trials: Vec<&Trial> =
                report.trials.iter().filter(|trial| trial.scenario == scenario).collect();
            let tally = Tally::of(report.asked, &trials);
            match tally.more() {
                Ok(false) => {}
                Ok(true) => reasons.push(format!(
                    "{scenario}: {} of {} trials were made, void ones not counted",
                    tally.whole(),
                    report.asked
                )),
                Err(too_many) => reasons.push(format!("{scenario}: {too_many}")),
            }
        }
        for trial in &report.trials {
            reasons.extend(
                trial.faults.iter().map(|fault| format!("{} {}: {fault}", trial.scenario, trial.trial)),
            );
        }
        for row in &report.causes {
            reasons.extend(row.reasons().iter().map(|reason| format!("{}: {reason}", row.title())));
        }
        reasons.extend(on_both_fabrics(&report.causes));
        for caching in &report.caching {
            reasons
                .extend(caching.faults.iter().map(|fault| format!("RFC 2889, {}: {fault}", caching.cause)));
        }
        Self { reasons }
    }

    /// True if nothing speaks against it.
    pub fn green(&self) -> bool {
        self.reasons.is_empty()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::report::schema::{Control, ControlPlane, Mark, Timeline};

    /// A failover as it should be.
    pub(crate) fn green_trial(scenario: &str, number: u32) -> Trial {
        let stream = |from: &str, to: &str, pps: u64| Stream {
            name: format!("{from}-{to}"),
            kind: "switched".into(),
            from: from.into(),
            to: to.into(),
            asked_pps: pps,
            offered_pps: pps,
            sent: 3 * pps,
            received: 3 * pps,
            max_gap_us: 140.0,
            steady_max_gap_us: 120.0,
            ..Stream::default()
        };
        let proof = Authority {
            setting_kept: true,
            gap_begins_ms: Some(4.0),
            released: true,
            others_whole: true,
            old_powerless: true,
            epoch_plus_one: true,
        };
        let bins = |level: u64| (0..300).map(|i| level + i * 7 % 13).collect::<Vec<_>>();
        Trial {
            scenario: scenario.into(),
            cause: "SIGKILL".into(),
            trial: number,
            hitless: true,
            streams: vec![
                stream("h1", "h3", 100_000),
                stream("h3", "h1", 100_000),
                stream("h2", "h1", 5_000),
            ],
            control_plane: ControlPlane {
                detect_ms: 0.4 + f64::from(number) / 10.0,
                commit_ms: 1.0,
                serving_ms: Some(4.0),
                ready_ms: Some(210.0),
                epoch: u64::from(number) + 1,
                authority: proof.holds(),
                proof,
                ..ControlPlane::default()
            },
            timeline: Timeline {
                bin_ms: 10.0,
                marks: vec![
                    Mark { at_ms: 1000.0, what: "event".into() },
                    Mark { at_ms: 1001.5, what: "commit".into() },
                    Mark { at_ms: 1210.0, what: "ready".into() },
                ],
                series: vec![
                    ("h1-h3".into(), bins(1000)),
                    ("h3-h1".into(), bins(990)),
                    ("h2-h1".into(), bins(50)),
                    ("h4-h3".into(), bins(51)),
                    ("authority".into(), {
                        let mut authority = bins(10);
                        authority[101..110].fill(0);
                        authority
                    }),
                ],
            },
            ..Trial::default()
        }
    }

    /// A failover by an image that moved the label alone.
    pub(crate) fn label_only_trial() -> Trial {
        let mut trial = green_trial("crash", 2);
        trial.control_plane.proof.gap_begins_ms = None;
        trial.control_plane.authority = trial.control_plane.proof.holds();
        trial.faults = faults(&trial).iter().map(ToString::to_string).collect();
        trial
    }

    pub(crate) fn control() -> Control {
        let trial = green_trial("control", 1);
        let mut timeline = trial.timeline;
        timeline.series.iter_mut().for_each(|(_, bins)| bins[100..104].fill(0));
        timeline.marks = vec![Mark { at_ms: 1000.0, what: "down and up".into() }];
        Control { lost: 4123, what: "port 1:1 down and up".into(), timeline }
    }

    #[test]
    fn green_stays_green() {
        let report =
            Report { trials: vec![green_trial("crash", 1)], control: control(), ..Report::default() };
        assert!(faults(&report.trials[0]).is_empty());
        assert!(Verdict::of(&report).green());
    }

    #[test]
    fn moving_the_label_alone_is_red_though_nothing_was_lost() {
        let trial = label_only_trial();
        assert!(trial.streams.iter().all(|s| s.lost == 0));
        assert_eq!(trial.faults, ["authority: no gap in the authority flow within 500 ms of the commit"]);
        let report = Report { trials: vec![trial], control: control(), ..Report::default() };
        assert!(!Verdict::of(&report).green());
    }

    #[test]
    fn one_frame_of_any_kind_is_red() {
        for spoil in
            [|s: &mut Stream| s.lost = 1, |s: &mut Stream| s.duplicated = 1, |s: &mut Stream| s.reordered = 1]
        {
            let mut trial = green_trial("operator", 1);
            spoil(&mut trial.streams[1]);
            assert_eq!(faults(&trial).len(), 1);
            trial.hitless = false;
            assert!(faults(&trial).is_empty(), "a scenario that promises nothing may lose");
        }
    }

    #[test]
    fn a_leak_an_altered_frame_a_flow_astray_and_a_kind_that_is_missing_are_red() {
        for spoil in
            [|s: &mut Stream| s.leaked = 1, |s: &mut Stream| s.altered = 1, |s: &mut Stream| s.misled = 1]
        {
            let mut trial = green_trial("operator", 1);
            spoil(&mut trial.streams[1]);
            assert_eq!(faults(&trial).len(), 1);
        }
        let missing = vec![Missing { kind: "tagged".into(), reason: "refused".into() }];
        let mut trial = green_trial("operator", 1);
        trial.missing.clone_from(&missing);
        assert_eq!(faults(&trial).len(), 1);
        let trials = vec![green_trial("crash", 1)];
        let report = Report { trials, control: control(), missing, ..Report::default() };
        assert_eq!(Verdict::of(&report).reasons, ["tagged: not measured: refused"]);
    }

    #[test]
    fn a_control_trial_without_loss_is_red() {
        let report = Report { trials: vec![green_trial("crash", 1)], ..Report::default() };
        assert!(!Verdict::of(&report).green());
    }

    #[test]
    fn too_many_void_trials_and_too_few_that_count_are_red() {
        let mut void = green_trial("crash", 2);
        void.void = vec!["starved".into()];
        let trials =
            |whole, voids| [vec![green_trial("crash", 1); whole], vec![void.clone(); voids]].concat();
        let reasons = |whole, voids| {
            let trials = trials(whole, voids);
            Verdict::of(&Report { asked: 5, trials, control: control(), ..Report::default() }).reasons
        };
        assert!(reasons(5, 3).is_empty());
        assert_eq!(reasons(4, 3), ["crash: 4 of 5 trials were made, void ones not counted"]);
        assert!(reasons(5, 4)[0].starts_with("crash: 4 trials are void beside 5 that count"));
        assert!(!reasons(0, 4).is_empty());
    }

    #[test]
    fn no_trial_at_all_is_red() {
        assert!(!Verdict::of(&Report { control: control(), ..Report::default() }).green());
    }
}
