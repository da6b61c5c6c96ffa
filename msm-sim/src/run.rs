//! Many seeds, on some threads; the first that breaks a law is reduced and told with its history.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

use msm_proto::Cause;

use crate::{
    broken::Broken,
    checks::{Totals, Violation},
    plan::Plan,
    play::play,
    shrink::shrink,
};

/// What is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// First seed.
    pub from: u64,
    /// How many.
    pub seeds: u64,
    /// Workers.
    pub threads: usize,
    /// A law that the world breaks.
    pub broken: Broken,
}

/// What came of the seeds.
#[derive(Debug)]
pub struct Report {
    /// A seed that breaks a law, and how.
    pub failed: Option<(u64, Vec<Violation>)>,
    /// What was exercised, in words.
    pub text: String,
    /// That is enough.
    pub worth: bool,
}

/// Runs the seeds until one breaks a law.
#[must_use]
pub fn run(ask: &Ask) -> Report {
    let (from, seeds, broken) = (ask.from, ask.seeds, ask.broken);
    let begun = Instant::now();
    let next = AtomicU64::new(0);
    let work = || {
        let mut totals = Totals::default();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= seeds {
                return (totals, None);
            }
            let played = play(&Plan::of(from + at), broken, false);
            totals.add(&played.totals);
            if !played.violations.is_empty() {
                next.store(seeds, Ordering::Relaxed);
                return (totals, Some((from + at, played.violations)));
            }
        }
    };
    let workers: Vec<_> = thread::scope(|scope| {
        let others: Vec<_> = (1..ask.threads).map(|_| scope.spawn(work)).collect();
        let mine = work();
        let others = others.into_iter().map(|other| other.join().expect("a worker catches panics"));
        std::iter::once(mine).chain(others).collect()
    });
    let mut totals = Totals::default();
    let mut failed: Option<(u64, Vec<Violation>)> = None;
    for (part, why) in workers {
        totals.add(&part);
        // The lowest of those found.
        failed = [failed, why].into_iter().flatten().min_by_key(|(seed, _)| *seed);
    }
    let [hitless, partial, discarding, adopted] = totals.takeovers;
    let causes = Cause::ALL.iter().zip(totals.causes).filter(|(_, many)| *many > 0);
    let causes: Vec<_> = causes.map(|(cause, many)| format!("{cause} {many}")).collect();
    let text = format!(
        "{seeds} seeds in {:.1} s: {} commands acknowledged; takeovers: {hitless} hitless, {partial} partial, {discarding} \
         not hitless, {adopted} boots; causes: {}; {} resets, {} commands ended a master, {} were given up, {} flashes \
         synchronized, {} runs replayed",
        begun.elapsed().as_secs_f64(),
        totals.acknowledged,
        causes.join(", "),
        totals.resets,
        totals.killed,
        totals.given_up,
        totals.synchronized,
        totals.replayed,
    );
    let worth = totals.acknowledged > seeds && hitless > seeds / 4 && totals.synchronized > seeds / 50;
    Report { failed, text, worth }
}

/// One seed with all that happens in it. `reduced`: only what its violation needs, if it has one.
#[must_use]
pub fn tell(seed: u64, broken: Broken, reduced: bool) -> (String, Vec<Violation>) {
    let whole = Plan::of(seed);
    let first = play(&whole, broken, true);
    let (plan, played) = match first.violations.first() {
        Some(violation) if reduced => {
            let plan = shrink(&whole, broken, violation.law);
            let played = play(&plan, broken, true);
            (plan, played)
        }
        _ => (whole.clone(), first),
    };
    let steps: Vec<_> =
        plan.steps.iter().map(|step| format!("  {:?}, then {:?}", step.action, step.then)).collect();
    let text = format!(
        "{}\n\nseed {seed}, digest {:016x}, {} of {} steps:\n  {:?}\n{}",
        played.history,
        played.digest,
        plan.steps.len(),
        whole.steps.len(),
        plan.setting,
        steps.join("\n")
    );
    (text, played.violations)
}
