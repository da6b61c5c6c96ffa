//! Tables for people, in plain columns.

use super::schema::{BenchReport, Report, Trial};
use super::stats::{median, percentile};
use super::verdict::Verdict;

/// Lays out `rows` under `head`; every column is as wide as its widest cell, numbers to the right.
pub fn columns(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &[String]| {
        let mut text = String::new();
        for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            let numeric = column > 0
                && rows.iter().all(|r| r[column].starts_with(|c: char| c.is_ascii_digit() || c == '-'));
            let padded = if numeric { format!("{cell:>width$}") } else { format!("{cell:<width$}") };
            text.push_str(if column == 0 { "  " } else { "   " });
            text.push_str(&padded);
        }
        text.trim_end().to_owned() + "\n"
    };
    let head: Vec<String> = head.iter().map(ToString::to_string).collect();
    let rule: Vec<String> = widths.iter().map(|w| "-".repeat(*w)).collect();
    let mut text = line(&head) + &line(&rule);
    rows.iter().for_each(|row| text.push_str(&line(row)));
    text
}

fn median_p99(trials: &[&Trial], time: impl Fn(&Trial) -> Option<f64>) -> String {
    let values: Vec<f64> = trials.iter().filter_map(|t| time(t)).collect();
    match (median(&values), percentile(&values, 99.0)) {
        (Some(median), Some(p99)) => format!("{median:.1}/{p99:.1}"),
        _ => "-".to_owned(),
    }
}

/// One row a scenario, with the control trial first, and the reasons if the run is red.
pub fn run(report: &Report) -> String {
    let head = [
        "scenario",
        "trials",
        "sent",
        "lost",
        "dup",
        "reordered",
        "flooded",
        "detect ms",
        "commit ms",
        "serving ms",
        "ready ms",
        "map writes",
        "verdict",
    ];
    let lost = report.control.lost;
    let control = if lost > 0 { "loses, as it must" } else { "RED: loses nothing" };
    let mut rows = vec![
        ["control", "1", "-", &lost.to_string(), "-", "-", "-", "-", "-", "-", "-", "-", control]
            .map(str::to_owned)
            .to_vec(),
    ];
    let mut scenarios: Vec<&str> = report.trials.iter().map(|t| t.scenario.as_str()).collect();
    scenarios.dedup();
    for scenario in scenarios {
        let trials: Vec<&Trial> = report.trials.iter().filter(|t| t.scenario == scenario).collect();
        let sum = |count: fn(&super::schema::Stream) -> u64| {
            trials.iter().flat_map(|t| &t.streams).map(count).sum::<u64>().to_string()
        };
        let red = trials.iter().filter(|t| !t.faults.is_empty()).count();
        rows.push(vec![
            scenario.to_owned(),
            trials.len().to_string(),
            sum(|s| s.sent),
            sum(|s| s.lost),
            sum(|s| s.duplicated),
            sum(|s| s.reordered),
            sum(|s| s.flooded),
            median_p99(&trials, |t| Some(t.control_plane.detect_ms)),
            median_p99(&trials, |t| Some(t.control_plane.commit_ms)),
            median_p99(&trials, |t| t.control_plane.serving_ms),
            median_p99(&trials, |t| t.control_plane.ready_ms),
            trials.iter().map(|t| t.control_plane.map_writes).sum::<u64>().to_string(),
            if red == 0 { "hitless".to_owned() } else { format!("RED: {red} of {}", trials.len()) },
        ]);
    }
    let mut text = columns(&head, &rows);
    text.push_str("  (times: median/p99 over trials, from the event)\n");
    report.quiet.misses.iter().for_each(|miss| text.push_str(&format!("MISS  {miss}\n")));
    Verdict::of(report).reasons.iter().for_each(|reason| text.push_str(&format!("RED   {reason}\n")));
    text
}

/// One row a comparison, and whether its bar is met.
pub fn bench(report: &BenchReport) -> String {
    let head = [
        "64-byte known unicast",
        "here Mpps",
        "peer",
        "peer Mpps",
        "ratio",
        "min",
        "max",
        "net ratio",
        "bar",
        "",
    ];
    let row = |row: &super::schema::BenchRow| {
        let verdict = match row.bar {
            None => "shown",
            Some(_) if row.missed() => "MISS",
            Some(_) => "PASS",
        };
        let optional = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.2}"));
        vec![
            row.name.clone(),
            format!("{:.3}", row.here_mpps),
            row.peer.clone(),
            format!("{:.3}", row.peer_mpps),
            format!("{:.3}", row.ratio),
            format!("{:.3}", row.ratio_min),
            format!("{:.3}", row.ratio_max),
            optional(row.net_ratio),
            optional(row.bar),
            verdict.to_owned(),
        ]
    };
    columns(&head, &report.rows.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::schema::BenchRow;
    use crate::report::verdict::tests::{control, green_trial, label_only_trial};

    #[test]
    fn a_red_trial_shows_in_its_row_and_below() {
        let trials = vec![green_trial("operator", 1), green_trial("crash", 1), label_only_trial()];
        let text = run(&Report { trials, control: control(), ..Report::default() });
        assert!(text.contains("RED: 1 of 2"), "{text}");
        assert!(text.contains("RED   crash 2: authority: no gap"), "{text}");
        let operator = text.lines().find(|l| l.trim_start().starts_with("operator")).expect("its row");
        assert!(operator.ends_with("hitless"), "{text}");
    }

    #[test]
    fn columns_line_up() {
        let text =
            columns(&["a", "number"], &[vec!["long name".into(), "1".into()], vec!["b".into(), "22".into()]]);
        let ends: Vec<usize> = text.lines().skip(1).map(|l| l.chars().count()).collect();
        assert!(ends.windows(2).all(|w| w[0] == w[1]), "{text}");
    }

    #[test]
    fn bench_rows_say_pass_miss_or_shown() {
        let row = |ratio, bar| BenchRow { ratio, bar, ..BenchRow::default() };
        let text = bench(&BenchReport {
            schema: 1,
            rows: vec![row(0.81, Some(0.8)), row(0.79, Some(0.8)), row(0.1, None)],
        });
        let ends: Vec<&str> = text.lines().skip(2).filter_map(|l| l.split_whitespace().last()).collect();
        assert_eq!(ends, ["PASS", "MISS", "shown"]);
    }
}
