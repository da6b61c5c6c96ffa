//! Progress: a bar on a terminal, plain lines otherwise.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::report::schema::Trial;

/// Where a run is.
pub struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// For `steps` calls of [`Progress::step`].
    pub fn new(steps: u64) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { bar: None };
        }
        let bar = ProgressBar::new(steps);
        let style =
            ProgressStyle::with_template("{spinner} {elapsed_precise} [{bar:24}] {pos}/{len} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar: Some(bar) }
    }

    /// Begins the next step.
    pub fn step(&self, what: &str) {
        match &self.bar {
            Some(bar) => {
                bar.inc(1);
                bar.set_message(what.to_owned());
            }
            None => println!("{what}"),
        }
    }

    /// A finding that stays on the screen.
    pub fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(format!("  {text}")),
            None => println!("  {text}"),
        }
    }

    /// No more steps.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A trial in one line.
pub(super) fn summary(trial: &Trial) -> String {
    let sum = |count: fn(&crate::report::schema::Stream) -> u64| trial.streams.iter().map(count).sum::<u64>();
    let times = &trial.control_plane;
    let optional = |ms: Option<f64>| ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}"));
    let verdict = match (trial.faults.is_empty(), trial.void.is_empty()) {
        (false, _) => format!("RED: {}", trial.faults.join("; ")),
        (true, false) => format!("VOID, made again: {}", trial.void.join("; ")),
        (true, true) => "ok".to_owned(),
    };
    format!(
        "{} {}: {}: sent {} lost {} dup {} reordered {} | ms: detect {:.1} commit {:.1} serving {} ready {} | {verdict}",
        trial.scenario,
        trial.trial,
        trial.cause,
        sum(|s| s.sent),
        sum(|s| s.lost),
        sum(|s| s.duplicated),
        sum(|s| s.reordered),
        times.detect_ms,
        times.commit_ms,
        optional(times.serving_ms),
        optional(times.ready_ms),
    )
}
