//! Void trials: their senders were kept from their CPUs, so what they show is the machine's and not the switch's.
//!
//! A sender that was away during the failover makes its trial void whether it looks good or not, for what was not sent could not be lost.
//! One that was away before or after it, and offered too little, saw the failover all the same: it only excuses. Void excuses only what is seen by frames that did not come in time. What happened to a frame, what the new master wrote, and who owns the
//! maps do not depend on senders: such a trial is red. And it excuses a few trials of a run, never a run.

use std::fmt;

use super::schema::Trial;
use super::verdict::{Fault, faults};

/// A sender that offers less than this share of its rate did not carry it.
pub const OFFERED_AT_LEAST: f64 = 0.97;
/// Longest time that a sender may be away while the failover happens: less than half of the silence that proves authority, and what
/// the proof allows for a sender's lateness.
pub const STALL_MS: f64 = 20.0;
/// Void trials that a series may have at least, however short it is; a longer one may have half as many as it has trials.
const VOID_AT_LEAST: u32 = 3;

/// Void trials that `asked` trials may have.
pub fn most_void(asked: u32) -> u32 {
    (asked / 2).max(VOID_AT_LEAST)
}

impl Fault {
    /// True if a sender that was away could be all there is behind it.
    fn of_senders(&self) -> bool {
        matches!(self, Self::NoGap | Self::NotBack)
    }
}

/// How a trial's senders failed it, `faulty` or not; `None` if they did not, or if the switch itself may have kept them from sending.
fn starved(trial: &Trial, faulty: bool) -> Option<String> {
    let known = trial.streams.iter().filter(|stream| stream.asked_pps > 0 && stream.offered_pps > 0);
    let share = |asked: u64, offered: u64| offered as f64 / asked as f64;
    let least =
        known.min_by(|a, b| share(a.asked_pps, a.offered_pps).total_cmp(&share(b.asked_pps, b.offered_pps)));
    let low = least.filter(|stream| share(stream.asked_pps, stream.offered_pps) < OFFERED_AT_LEAST);
    let senders = &trial.senders;
    let mut reasons = Vec::new();
    let mut away_ms: f64 = 0.0;
    if senders.stall_ms > STALL_MS {
        away_ms = senders.stall_ms;
        reasons.push(format!(
            "a sender was kept from its CPU for {:.0} ms of the failover; {STALL_MS:.0} are allowed for",
            senders.stall_ms
        ));
    }
    if let Some(stream) = low.filter(|_| faulty || !reasons.is_empty()) {
        let secs = |pps: u64| stream.sent as f64 / pps as f64;
        away_ms = away_ms.max((secs(stream.offered_pps) - secs(stream.asked_pps)) * 1e3);
        reasons
            .push(format!("{} offered {} of {} frames/s", stream.name, stream.offered_pps, stream.asked_pps));
    }
    // The product goes before the senders: if it ran for as long, it may be what they waited for.
    (away_ms > senders.msm_cpu_ms && !reasons.is_empty())
        .then(|| format!("{} (the MSMs ran for {:.0} ms meanwhile)", reasons.join("; "), senders.msm_cpu_ms))
}

/// Writes into `trial` whether it is red, void, or neither.
pub fn judge(trial: &mut Trial) {
    let found = faults(trial);
    let text = |faults: &[Fault]| faults.iter().map(ToString::to_string).collect::<Vec<_>>();
    (trial.faults, trial.void) = match starved(trial, !found.is_empty()) {
        Some(reason) if found.iter().all(Fault::of_senders) => {
            (Vec::new(), std::iter::once(reason).chain(text(&found)).collect())
        }
        _ => (text(&found), Vec::new()),
    };
}

/// How many trials of a series were made, and what is left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    asked: u32,
    whole: u32,
    void: u32,
}

/// Too many trials of a series were void.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyVoid {
    /// Trials that were asked for.
    pub asked: u32,
    /// Trials that count.
    pub whole: u32,
    /// Trials that do not.
    pub void: u32,
}

impl Tally {
    /// Nothing made yet of `asked` trials.
    pub fn new(asked: u32) -> Self {
        Self { asked, whole: 0, void: 0 }
    }

    /// Trials made so far.
    pub fn of(asked: u32, trials: &[&Trial]) -> Self {
        let mut tally = Self::new(asked);
        trials.iter().for_each(|trial| tally.count(trial));
        tally
    }

    /// One more was made.
    pub fn count(&mut self, trial: &Trial) {
        if trial.void.is_empty() {
            self.whole += 1;
        } else {
            self.void += 1;
        }
    }

    /// Trials that count.
    pub fn whole(&self) -> u32 {
        self.whole
    }

    /// Trials that were made.
    pub fn made(&self) -> u32 {
        self.whole + self.void
    }

    /// Trials that say nothing.
    pub fn void(&self) -> u32 {
        self.void
    }

    /// True if there is another one to make.
    ///
    /// # Errors
    /// `TooManyVoid` if it would be in vain.
    pub fn more(&self) -> Result<bool, TooManyVoid> {
        let Self { asked, whole, void } = *self;
        if void > most_void(asked) { Err(TooManyVoid { asked, whole, void }) } else { Ok(whole < asked) }
    }
}

impl fmt::Display for TooManyVoid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked, whole, void } = self;
        write!(
            f,
            "{void} trials are void beside {whole} that count, and of {asked} at most {} may be: the senders are kept from their CPUs, this \
             machine does not carry the load; end what else runs on it, give it more CPUs, or use a lower rate (`run --rate`)",
            most_void(*asked)
        )
    }
}

impl std::error::Error for TooManyVoid {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::schema::{Missing, Stream};
    use crate::report::verdict::tests::{green_trial, label_only_trial};

    /// A failover whose senders were away for `stall_ms` of it.
    fn stalled(mut trial: Trial, stall_ms: f64) -> Trial {
        trial.senders.stall_ms = stall_ms;
        trial
    }

    fn judged(mut trial: Trial) -> Trial {
        judge(&mut trial);
        trial
    }

    #[test]
    fn a_trial_whose_senders_were_away_says_nothing_though_it_looks_good() {
        let trial = judged(stalled(green_trial("crash", 1), 120.0));
        assert_eq!(
            trial.void,
            [
                "a sender was kept from its CPU for 120 ms of the failover; 20 are allowed for (the MSMs ran for 0 ms meanwhile)"
            ]
        );
        assert!(trial.faults.is_empty());
        assert!(judged(stalled(green_trial("crash", 1), STALL_MS)).void.is_empty(), "so much is allowed for");
    }

    #[test]
    fn too_little_offered_outside_the_failover_is_an_excuse_only() {
        let mut slow = label_only_trial();
        slow.streams[2].offered_pps = slow.streams[2].asked_pps * 96 / 100;
        assert!(judged(slow.clone()).void[0].starts_with("h2-h1 offered 4800 of 5000 frames/s"));
        slow.streams[2].offered_pps = slow.streams[2].asked_pps * 98 / 100;
        assert!(judged(slow).void.is_empty());
        let mut good = green_trial("crash", 1);
        good.streams[2].offered_pps = good.streams[2].asked_pps / 2;
        assert!(judged(good).void.is_empty(), "the failover was seen");
    }

    #[test]
    fn what_only_frames_in_time_can_show_is_excused_and_said() {
        let mut trial = stalled(label_only_trial(), 120.0);
        trial.control_plane.proof.released = false;
        let trial = judged(trial);
        assert!(trial.faults.is_empty());
        assert_eq!(
            trial.void[1..],
            [
                "authority: no gap in the authority flow within 500 ms of the commit",
                "authority: the authority flow did not come back"
            ]
        );
    }

    #[test]
    fn without_starvation_nothing_is_excused() {
        let trial = judged(stalled(label_only_trial(), 0.0));
        assert_eq!(trial.faults.len(), 1);
        assert!(trial.void.is_empty());
    }

    #[test]
    fn starvation_excuses_no_frame() {
        let spoils: [fn(&mut Stream); 8] = [
            |s| s.lost = 1,
            |s| s.duplicated = 1,
            |s| s.reordered = 1,
            |s| s.flooded = 1,
            |s| s.altered = 1,
            |s| s.leaked = 1,
            |s| s.misled = 1,
            |s| s.sent = 0,
        ];
        for spoil in spoils {
            let mut trial = stalled(green_trial("crash", 1), 240.0);
            trial.streams[0].offered_pps = 50_000;
            spoil(&mut trial.streams[1]);
            let trial = judged(trial);
            assert_eq!((trial.faults.len(), trial.void.len()), (1, 0), "{trial:?}");
        }
        // Nor what is excusable beside it.
        let mut trial = stalled(label_only_trial(), 240.0);
        trial.streams[1].lost = 1;
        let trial = judged(trial);
        assert_eq!((trial.faults.len(), trial.void.len()), (2, 0), "{trial:?}");
    }

    #[test]
    fn starvation_excuses_nothing_that_needs_no_frame() {
        let spoils: [fn(&mut Trial); 10] = [
            |t| t.control_plane.proof.setting_kept = false,
            |t| t.control_plane.proof.others_whole = false,
            |t| t.control_plane.proof.old_powerless = false,
            |t| t.control_plane.proof.epoch_plus_one = false,
            |t| t.control_plane.serving_ms = None,
            |t| t.control_plane.ready_ms = None,
            |t| t.control_plane.map_writes = 1,
            |t| t.control_plane.netlink_writes = 1,
            |t| t.carrier_changes = 1,
            |t| t.missing = vec![Missing { kind: "tagged".into(), reason: "not learned".into() }],
        ];
        for spoil in spoils {
            let mut trial = stalled(green_trial("crash", 1), 240.0);
            spoil(&mut trial);
            trial.control_plane.authority = trial.control_plane.proof.holds();
            let trial = judged(trial);
            assert_eq!((trial.faults.len(), trial.void.len()), (1, 0), "{trial:?}");
        }
    }

    #[test]
    fn a_switch_that_takes_the_cpu_itself_is_not_excused() {
        let mut trial = stalled(label_only_trial(), 120.0);
        trial.senders.msm_cpu_ms = 120.0;
        let trial = judged(trial);
        assert_eq!((trial.faults.len(), trial.void.len()), (1, 0), "{trial:?}");
    }

    #[test]
    fn void_trials_are_repeated_but_not_for_ever() {
        let whole = green_trial("crash", 1);
        let void = judged(stalled(whole.clone(), 120.0));
        let tally = |asked, made: &[(&Trial, usize)]| {
            let trials: Vec<&Trial> =
                made.iter().flat_map(|&(trial, n)| std::iter::repeat_n(trial, n)).collect();
            Tally::of(asked, &trials).more()
        };
        assert_eq!(tally(20, &[(&whole, 19), (&void, 10)]), Ok(true));
        assert_eq!(tally(20, &[(&whole, 20), (&void, 10)]), Ok(false));
        let too_many = TooManyVoid { asked: 20, whole: 20, void: 11 };
        assert_eq!(
            tally(20, &[(&whole, 20), (&void, 11)]),
            Err(too_many),
            "enough that count do not mend it"
        );
        assert!(too_many.to_string().contains("of 20 at most 10 may be"));
        assert_eq!(tally(1, &[(&void, 3)]), Ok(true), "a short series has some");
        assert!(tally(1, &[(&void, 4)]).is_err());
    }
}
