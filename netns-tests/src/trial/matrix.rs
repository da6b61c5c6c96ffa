//! Every cause under given options, a bed for each combination: rows with what must happen and what did.

use anyhow::Result;

use super::cause::Cause;
use super::event::{Case, event};
use super::expect::expected;
use super::progress::Progress;
use super::setup::{Recovery, Setup};
use super::strike::NotAvailable;
use super::{READY, Rig};
use crate::bed::{BedOptions, Testbed};
use crate::report::causes::{CauseRow, CauseTrial};
use crate::report::void::most_void;

/// How rows are made.
#[derive(Clone, Debug)]
pub struct Plan {
    /// First part of the names of namespaces.
    pub prefix: String,
    /// Frames a second and direction between modules.
    pub rate: u32,
    /// Trials of each row that count.
    pub trials: u32,
    /// Seconds of traffic before each event.
    pub steady_secs: f64,
}

/// Rows of a run: every cause in the factory's configuration and in the hitless one, exceptions under the other recovery levels too.
pub fn cases() -> Vec<Case> {
    let under = |setup: Setup, all: bool| {
        let causes = Cause::ALL.into_iter().filter(move |cause| all || cause.is_exception());
        causes.map(move |cause| Case { cause, setup })
    };
    let hitless = Setup::HITLESS;
    under(Setup::FACTORY, true)
        .chain(under(hitless, true))
        .chain(under(hitless.recovering(Recovery::Critical), false))
        .chain(under(hitless.recovering(Recovery::None), false))
        .collect()
}

/// Beds for rows, one at a time: the options of a chassis are its file's.
pub struct Matrix<'a> {
    plan: Plan,
    progress: &'a Progress,
    bed: Option<(Setup, Testbed)>,
    /// Events so far in this bed: each has a setting unlike any other's.
    made: u32,
}

impl<'a> Matrix<'a> {
    /// No bed yet.
    pub fn new(plan: Plan, progress: &'a Progress) -> Self {
        Self { plan, progress, bed: None, made: 0 }
    }

    /// A bed whose chassis has these options, in whatever state rows have left it.
    fn bed(&mut self, setup: Setup) -> Result<&Testbed> {
        // The level is a command; the rest is what a slave with its own flash boots with.
        let same = |there: &Setup| there.links == setup.links && there.slave == setup.slave;
        if !self.bed.as_ref().is_some_and(|(there, _)| same(there)) {
            self.fresh();
            let options = BedOptions {
                prefix: self.plan.prefix.clone(),
                failover: setup.options(),
                ..BedOptions::default()
            };
            let bed = Testbed::start(options)?;
            bed.wait_ready(READY)?;
            self.bed = Some((setup, bed));
        }
        Ok(&self.bed.as_ref().expect("there is one now").1)
    }

    /// Takes the bed down: the next row has a new one.
    fn fresh(&mut self) {
        self.bed = None;
        self.made = 0;
    }

    /// One row.
    ///
    /// # Errors
    /// A bed that does not start. What the switch cannot do is in the row.
    pub fn row(&mut self, case: Case) -> Result<CauseRow> {
        let Case { cause, setup } = case;
        let mut row = CauseRow {
            cause: cause.name(),
            trigger: cause.to_string(),
            configuration: setup.name(),
            recovery: setup.recovery.to_string(),
            expected: expected(cause, setup),
            ..CauseRow::default()
        };
        let mut void = 0;
        while row.counted().count() < self.plan.trials as usize && void <= most_void(self.plan.trials) {
            match self.trial(case, &row) {
                Ok(trial) => {
                    self.progress.line(&summary(&row, &trial));
                    void += u32::from(!trial.void.is_empty());
                    let red = !trial.faults.is_empty();
                    row.trials.push(trial);
                    if red {
                        // What comes next shall not suffer from it.
                        self.fresh();
                        break;
                    }
                }
                Err(error) => {
                    self.fresh();
                    let Some(why) = error.downcast_ref::<NotAvailable>() else {
                        row.trials.push(broken(row.trials.len() as u32 + 1, &error));
                        break;
                    };
                    row.not_available = Some(why.to_string());
                    break;
                }
            }
        }
        if row.not_available.is_some()
            || !row.expected.heals
            || row.expected.moves == Some(false) && cause.is_exception()
        {
            // A task is dead or mute, or half a cause was made.
            self.fresh();
        }
        if let Some(why) = &row.not_available {
            self.progress.line(&format!("{}: not available: {why}", row.title()));
        }
        Ok(row)
    }

    fn trial(&mut self, case: Case, row: &CauseRow) -> Result<CauseTrial> {
        let (rate, steady_secs) = (self.plan.rate, self.plan.steady_secs);
        self.made += 1;
        let made = self.made;
        let rig = Rig::bare(self.bed(case.setup)?, rate);
        let mut trial = event(&rig, case, &row.expected, made, steady_secs)?;
        trial.trial = row.trials.len() as u32 + 1;
        Ok(trial)
    }
}

/// A trial that could not be measured to its end: red, with what was in the way.
fn broken(number: u32, error: &anyhow::Error) -> CauseTrial {
    CauseTrial { trial: number, faults: vec![format!("not measured: {error:#}")], ..CauseTrial::default() }
}

/// A trial in one line.
fn summary(row: &CauseRow, trial: &CauseTrial) -> String {
    let seen = &trial.seen;
    let time = |ms: Option<f64>| ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}"));
    let verdict = match (trial.faults.is_empty(), trial.void.is_empty(), trial.misses.is_empty()) {
        (false, _, _) => format!("RED: {}", trial.faults.join("; ")),
        (true, false, _) => format!("VOID, made again: {}", trial.void.join("; ")),
        (true, true, false) => format!("ok; MISS {}", trial.misses.join("; ")),
        (true, true, true) => "ok".to_owned(),
    };
    format!(
        "{} {}: {}: lost {} for {:.1} ms | ms: detect {} commit {} serving {} ready {} | {} {}, carrier {} | {verdict}",
        row.title(),
        trial.trial,
        row.expected.words(),
        trial.lost(),
        trial.reset_ms_timestamp(),
        time(seen.detect_ms),
        time(seen.commit_ms),
        time(seen.serving_ms),
        time(seen.ready_ms),
        seen.recorded,
        if seen.setting_kept { "inherited" } else { "flash" },
        seen.carrier_changes,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_tried_in_both_configurations_and_exceptions_under_every_level() {
        let cases = cases();
        for cause in Cause::ALL {
            let of_cause: Vec<&Case> = cases.iter().filter(|case| case.cause == cause).collect();
            assert!(of_cause.iter().any(|case| case.setup == Setup::FACTORY), "{cause}");
            assert!(of_cause.iter().any(|case| case.setup == Setup::HITLESS), "{cause}");
            assert_eq!(of_cause.len(), if cause.is_exception() { 4 } else { 2 }, "{cause}");
        }
    }
}
