//! The phases of a test run, and what is said of them at the end.

use std::fmt::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

#[derive(Default)]
pub(super) struct Phases {
    done: Vec<Phase>,
}

struct Phase {
    name: &'static str,
    took: Duration,
    outcome: Outcome,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    Skipped,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::Skipped => "skipped",
        }
    }
}

impl Phases {
    /// Runs one phase and says whether it passed.
    pub(super) fn run(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) -> bool {
        eprintln!("== {name}");
        let start = Instant::now();
        let result = work();
        let took = start.elapsed();
        if let Err(error) = &result {
            eprintln!("error: {error:#}");
        }
        let outcome = if result.is_ok() { Outcome::Passed } else { Outcome::Failed };
        eprintln!("== {name}: {} in {}", outcome.word(), show(took));
        self.done.push(Phase { name, took, outcome });
        result.is_ok()
    }

    /// Notes a phase that another's failure made pointless.
    pub(super) fn skip(&mut self, name: &'static str) -> bool {
        eprintln!("== {name}: skipped");
        self.done.push(Phase { name, took: Duration::ZERO, outcome: Outcome::Skipped });
        false
    }

    pub(super) fn report(&self) -> ExitCode {
        eprint!("\n{}", self.summary());
        if self.failed().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn failed(&self) -> Vec<&str> {
        self.done.iter().filter(|phase| phase.outcome == Outcome::Failed).map(|phase| phase.name).collect()
    }

    fn summary(&self) -> String {
        let mut text = String::new();
        for Phase { name, took, outcome } in &self.done {
            writeln!(text, "{name:<12} {:>12}  {}", show(*took), outcome.word()).expect("a string takes all");
        }
        let took = show(self.done.iter().map(|phase| phase.took).sum());
        let failed = self.failed();
        if failed.is_empty() {
            writeln!(text, "test: all {} phases passed in {took}", self.done.len())
        } else {
            writeln!(text, "test: FAILED in {took}: {}", failed.join(", "))
        }
        .expect("a string takes all");
        text
    }
}

fn show(took: Duration) -> String {
    let tenths = took.as_millis() / 100;
    if tenths < 600 {
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else {
        format!("{} min {} s", took.as_secs() / 60, took.as_secs() % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phases(outcomes: &[(&'static str, u64, Outcome)]) -> Phases {
        let phase = |&(name, ms, outcome)| Phase { name, took: Duration::from_millis(ms), outcome };
        Phases { done: outcomes.iter().map(phase).collect() }
    }

    #[test]
    fn durations_are_short() {
        let shown = |ms| show(Duration::from_millis(ms));
        assert_eq!(shown(0), "0.0 s");
        assert_eq!(shown(1_250), "1.2 s");
        assert_eq!(shown(59_999), "59.9 s");
        assert_eq!(shown(60_000), "1 min 0 s");
        assert_eq!(shown(754_000), "12 min 34 s");
    }

    #[test]
    fn a_good_run() {
        let run = phases(&[("format", 1_200, Outcome::Passed), ("black box", 90_000, Outcome::Passed)]);
        assert_eq!(
            run.summary(),
            "\
format              1.2 s  passed
black box      1 min 30 s  passed
test: all 2 phases passed in 1 min 31 s
"
        );
    }

    #[test]
    fn a_bad_run_names_what_failed() {
        let run = phases(&[
            ("lints", 0, Outcome::Failed),
            ("build", 0, Outcome::Failed),
            ("dataplane", 0, Outcome::Skipped),
        ]);
        assert!(
            run.summary()
                .ends_with("dataplane           0.0 s  skipped\ntest: FAILED in 0.0 s: lints, build\n")
        );
    }
}
