//! The table of causes: one row a cause and configuration, with what had to happen and what did.

use super::causes::{CauseRow, CauseTrial};
use super::rfc::{Caching, ResetReport};
use super::schema::Report;
use super::stats::median;

/// Heads of [`cells`].
pub const HEAD: [&str; 16] = [
    "cause",
    "configuration",
    "recovery",
    "must be",
    "trials",
    "lost",
    "reset ms",
    "detect ms",
    "commit ms",
    "serving ms",
    "ready ms",
    "recorded",
    "booted with",
    "stations",
    "carrier",
    "verdict",
];

/// The same value of all trials, or the values.
fn all_of(row: &CauseRow, value: impl Fn(&CauseTrial) -> String) -> String {
    let mut values: Vec<String> = row.measured().map(value).collect();
    values.dedup();
    if values.is_empty() { "-".to_owned() } else { values.join(", ") }
}

fn time(row: &CauseRow, value: fn(&CauseTrial) -> Option<f64>) -> String {
    let values: Vec<f64> = row.measured().filter_map(value).collect();
    median(&values).map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}"))
}

/// Red, green, or what is missing.
pub fn verdict(row: &CauseRow) -> String {
    let misses = row.counted().filter(|trial| !trial.misses.is_empty()).count();
    match (&row.not_available, row.reasons().is_empty(), misses) {
        (Some(_), _, _) => "RED: not available".to_owned(),
        (None, false, _) => "RED".to_owned(),
        (None, true, 0) => row.expected.words(),
        (None, true, _) => format!("{}, MISS", row.expected.words()),
    }
}

/// One row as the table has it, times as medians over trials.
pub fn cells(row: &CauseRow) -> Vec<String> {
    let lost: u64 = row.trials.iter().map(CauseTrial::lost).sum();
    let counted = row.counted().count();
    let measured = row.trials.iter().any(|trial| !trial.streams.is_empty());
    let figure = |value: String| if measured { value } else { "-".to_owned() };
    vec![
        row.cause.clone(),
        row.configuration.clone(),
        row.recovery.trim_end_matches(" msm-failover").to_owned(),
        row.expected.words(),
        counted.to_string(),
        figure(lost.to_string()),
        time(row, |trial| Some(trial.reset_ms_timestamp())),
        time(row, |trial| trial.seen.detect_ms),
        time(row, |trial| trial.seen.commit_ms),
        time(row, |trial| trial.seen.serving_ms),
        time(row, |trial| trial.seen.ready_ms),
        all_of(row, |trial| trial.seen.recorded.clone()),
        all_of(row, |trial| if trial.seen.setting_kept { "inherited" } else { "flash" }.to_owned()),
        all_of(row, |trial| format!("{}/{}", trial.seen.stations_after, trial.seen.stations_before)),
        all_of(row, |trial| trial.seen.carrier_changes.to_string()),
        verdict(row),
    ]
}

/// Below the table: why rows are red, what was slow, what was void.
pub fn notes(rows: &[CauseRow]) -> Vec<String> {
    let mut notes = Vec::new();
    for row in rows {
        for trial in &row.trials {
            notes.extend(
                trial.misses.iter().map(|miss| format!("MISS  {} {}: {miss}", row.title(), trial.trial)),
            );
            if !trial.void.is_empty() {
                notes.push(format!("VOID  {} {}: {}", row.title(), trial.trial, trial.void.join("; ")));
            }
        }
    }
    notes
}

/// Heads of [`caching`].
pub const CACHING: [&str; 6] = ["RFC 2889 across", "addresses", "sent", "arrived", "flooded", "verdict"];

/// One row a failover.
pub fn caching(rows: &[Caching]) -> Vec<Vec<String>> {
    let row = |row: &Caching| {
        let counts = [row.addresses, row.sent, row.arrived, row.flooded].map(|n| n.to_string());
        let verdict = if row.faults.is_empty() { "all known".to_owned() } else { "RED".to_owned() };
        [vec![row.cause.clone()], counts.to_vec(), vec![verdict]].concat()
    };
    rows.iter().map(row).collect()
}

/// Heads of [`resets`].
pub const RESETS: [&str; 10] = [
    "RFC 6201 test",
    "cause",
    "configuration",
    "kind",
    "manner",
    "trials",
    "frames lost",
    "ms by loss",
    "ms by time stamps",
    "ms, least to most",
];

/// One row a reset, averages over its trials.
pub fn resets(report: &ResetReport) -> Vec<Vec<String>> {
    let row = |reset: &super::rfc::Reset| {
        let no_loss = reset.lost_frames == 0.0;
        let ms = |value: f64| if no_loss { "no loss".to_owned() } else { format!("{value:.1}") };
        let (least, most) = reset.reset_ms_range;
        vec![
            reset.test.clone(),
            reset.cause.clone(),
            format!("{}, {}", reset.configuration, reset.recovery.trim_end_matches(" msm-failover")),
            reset.kind.clone(),
            reset.manner.clone(),
            reset.trials.to_string(),
            format!("{:.1}", reset.lost_frames),
            ms(reset.reset_ms_loss),
            ms(reset.reset_ms_timestamp),
            if no_loss { "no loss".to_owned() } else { format!("{least:.1} to {most:.1}") },
        ]
    };
    report.resets.iter().map(row).collect()
}

/// What RFC 6201 wants said beside the results, name and value.
pub fn parameters(report: &ResetReport) -> Vec<(String, String)> {
    let own = [
        ("throughput", format!("{} frames/s, {} bit/s", report.throughput_fps, report.throughput_bps)),
        ("traffic before each event", format!("{:.0} s", report.steady_secs)),
        ("trials", report.trials.to_string()),
        ("frame size", format!("{} octets with FCS", report.frame_octets)),
        ("protocol", report.protocol.clone()),
        ("media", report.media.clone()),
        ("speed", report.speed.clone()),
        ("encapsulation", report.encapsulation.clone()),
    ];
    own.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(report.factors.clone()).collect()
}

/// Everything about causes as plain columns; empty if there were none.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    if !report.causes.is_empty() {
        let rows: Vec<Vec<String>> = report.causes.iter().map(cells).collect();
        text += &super::table::columns(&HEAD, &rows);
        text += "  (times: medians over trials, from the event; stations: far ends known after and before)\n";
        notes(&report.causes).iter().for_each(|note| text += &format!("{note}\n"));
        text.push('\n');
    }
    if !report.caching.is_empty() {
        text += &super::table::columns(&CACHING, &caching(&report.caching));
        text.push('\n');
    }
    if let Some(rfc) = &report.rfc6201 {
        text += &super::table::columns(&RESETS, &resets(rfc));
        text += "  (averages over trials)\n";
        parameters(rfc).iter().for_each(|(name, value)| text += &format!("  {name}: {value}\n"));
        rfc.search.iter().for_each(|line| text += &format!("  search: {line}\n"));
        text.push('\n');
    }
    text
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::report::judge::tests::{good, hitless, not_hitless, partial};

    /// Rows of every class, one red, one not available.
    pub(crate) fn rows() -> Vec<CauseRow> {
        let row = |cause: &str, expected: super::super::causes::Expected| CauseRow {
            cause: cause.into(),
            trigger: "SIGKILL".into(),
            configuration: "hitless".into(),
            recovery: "all msm-failover".into(),
            trials: vec![good(&expected)],
            expected,
            not_available: None,
        };
        let mut red = row("slave rebooted", hitless());
        red.trials[0].faults = vec!["h1-h3: 7 lost, 0 duplicated, 0 reordered".into()];
        let missing = CauseRow {
            trials: Vec::new(),
            not_available: Some("no such command".into()),
            ..row("out of memory", hitless())
        };
        vec![
            row("operator", hitless()),
            row("hot removal of the master", partial()),
            row("watchdog", not_hitless()),
            red,
            missing,
        ]
    }

    #[test]
    fn each_row_says_what_had_to_be_and_what_was() {
        let text = text(&Report { causes: rows(), ..Report::default() });
        let line = |cause: &str| {
            let line = text.lines().find(|line| line.trim_start().starts_with(cause)).expect("its row");
            line.trim_end().to_owned()
        };
        assert!(line("operator").ends_with("   hitless"), "{text}");
        assert!(line("hot removal").ends_with("partial"), "{text}");
        assert!(line("watchdog").contains("flash") && line("watchdog").contains("0/64"), "{text}");
        assert!(line("slave rebooted").ends_with("RED"), "{text}");
        assert!(line("out of memory").ends_with("RED: not available"), "{text}");
    }
}
