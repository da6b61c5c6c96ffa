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

/// Everything that a run found, and the reasons if it is red.
pub fn run(report: &Report) -> String {
    let mut text = series(report) + &super::cause_table::text(report);
    Verdict::of(report).reasons.iter().for_each(|reason| text.push_str(&format!("RED   {reason}\n")));
    text
}

/// One row a scenario, with the control trial first; then one a kind of traffic.
pub fn series(report: &Report) -> String {
    let head = [
        "scenario",
        "trials",
        "void",
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
        ["control", "1", "-", "-", &lost.to_string(), "-", "-", "-", "-", "-", "-", "-", "-", control]
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
        let counted: Vec<&Trial> = trials.iter().copied().filter(|t| t.void.is_empty()).collect();
        rows.push(vec![
            scenario.to_owned(),
            counted.len().to_string(),
            (trials.len() - counted.len()).to_string(),
            sum(|s| s.sent),
            sum(|s| s.lost),
            sum(|s| s.duplicated),
            sum(|s| s.reordered),
            sum(|s| s.flooded),
            median_p99(&counted, |t| Some(t.control_plane.detect_ms)),
            median_p99(&counted, |t| Some(t.control_plane.commit_ms)),
            median_p99(&counted, |t| t.control_plane.serving_ms),
            median_p99(&counted, |t| t.control_plane.ready_ms),
            trials.iter().map(|t| t.control_plane.map_writes).sum::<u64>().to_string(),
            match (red, counted.len()) {
                (0, 0) => "RED: all are void".to_owned(),
                (0, _) => "hitless".to_owned(),
                (red, counted) => format!("RED: {red} of {counted}"),
            },
        ]);
    }
    let mut text = columns(&head, &rows);
    text.push_str("  (times: median/p99 over trials, from the event; frames also of void trials, which are made again)\n\n");
    text.push_str(&kinds(report));
    report.quiet.misses.iter().for_each(|miss| text.push_str(&format!("MISS  {miss}\n")));
    for trial in report.trials.iter().filter(|trial| !trial.void.is_empty()) {
        text.push_str(&format!("VOID  {} {}: {}\n", trial.scenario, trial.trial, trial.void.join("; ")));
    }
    text
}

/// One row a kind of traffic, over all trials; a kind that could not be measured says so.
fn kinds(report: &Report) -> String {
    let head = [
        "kind",
        "streams",
        "sent",
        "lost",
        "dup",
        "reordered",
        "flooded",
        "altered",
        "leaked",
        "misled",
        "verdict",
    ];
    let mut names: Vec<&str> = Vec::new();
    for stream in report.trials.iter().flat_map(|trial| &trial.streams) {
        if !names.contains(&stream.kind.as_str()) {
            names.push(&stream.kind);
        }
    }
    let row = |name: &&str| {
        let streams = || report.trials.iter().flat_map(|t| &t.streams).filter(|s| s.kind == **name);
        let sum = |count: fn(&super::schema::Stream) -> u64| streams().map(count).sum::<u64>();
        let spoiled = [sum(|s| s.lost), sum(|s| s.duplicated), sum(|s| s.reordered), sum(|s| s.flooded)];
        let astray = [sum(|s| s.altered), sum(|s| s.leaked), sum(|s| s.misled)];
        let whole = spoiled.iter().chain(&astray).all(|count| *count == 0);
        let absent = report.trials.iter().filter(|t| t.missing.iter().any(|m| m.kind == **name)).count();
        let most = report.trials.iter().map(|t| t.streams.iter().filter(|s| s.kind == **name).count()).max();
        let mut cells = vec![(*name).to_owned(), most.unwrap_or(0).to_string(), sum(|s| s.sent).to_string()];
        cells.extend(spoiled.iter().chain(&astray).map(u64::to_string));
        cells.push(match (whole, absent) {
            (true, 0) => "hitless".to_owned(),
            (_, 0) => "RED".to_owned(),
            (_, absent) => format!("RED: not measured in {absent}"),
        });
        cells
    };
    let mut rows: Vec<Vec<String>> = names.iter().map(row).collect();
    for missing in report.missing.iter().filter(|missing| !names.contains(&missing.kind.as_str())) {
        let mut cells = vec!["-".to_owned(); head.len()];
        cells[0].clone_from(&missing.kind);
        cells[head.len() - 1] = "MISS: not measured".to_owned();
        rows.push(cells);
    }
    if rows.is_empty() { String::new() } else { columns(&head, &rows) }
}

fn verdict(bar: Option<f64>, missed: bool) -> String {
    match bar {
        None => "shown",
        Some(_) if missed => "MISS",
        Some(_) => "PASS",
    }
    .to_owned()
}

fn optional(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{v:.digits$}"))
}

/// Heads of [`rates`].
pub const RATES: [&str; 13] = [
    "scenario",
    "what",
    "here Mpps",
    "peer",
    "peer Mpps",
    "ratio",
    "min",
    "max",
    "net ratio",
    "net ns",
    "peer net ns",
    "bar",
    "",
];

/// One row a comparison of rates, and whether its bar is met.
pub fn rates(report: &BenchReport) -> Vec<Vec<String>> {
    let row = |row: &super::schema::BenchRow| {
        vec![
            row.scenario.clone(),
            row.name.clone(),
            format!("{:.3}", row.here_mpps),
            row.peer.clone(),
            format!("{:.3}", row.peer_mpps),
            format!("{:.3}", row.ratio),
            format!("{:.3}", row.ratio_min),
            format!("{:.3}", row.ratio_max),
            optional(row.net_ratio, 2),
            optional(row.here_net_ns, 0),
            optional(row.peer_net_ns, 0),
            optional(row.bar, 2),
            verdict(row.bar, row.missed()),
        ]
    };
    report.rows.iter().map(row).collect()
}

/// Heads of [`tcp`].
pub const TCP: [&str; 9] = ["TCP", "here Gbit/s", "peer", "peer Gbit/s", "ratio", "min", "max", "bar", ""];

/// One row a comparison of throughput.
pub fn tcp(report: &BenchReport) -> Vec<Vec<String>> {
    let row = |row: &super::schema::TcpRow| {
        vec![
            row.name.clone(),
            format!("{:.2}", row.here_gbit_s),
            row.peer.clone(),
            format!("{:.2}", row.peer_gbit_s),
            format!("{:.3}", row.ratio),
            format!("{:.3}", row.ratio_min),
            format!("{:.3}", row.ratio_max),
            optional(row.bar, 2),
            verdict(row.bar, row.missed()),
        ]
    };
    report.tcp.iter().map(row).collect()
}

/// Heads of [`latency`].
pub const LATENCY: [&str; 7] = ["latency", "who", "p50 us", "p99 us", "p99.9 us", "slowest us", "lost"];

/// Two rows a comparison of latencies.
pub fn latency(report: &BenchReport) -> Vec<Vec<String>> {
    let line = |name: &str, who: &str, at: &super::schema::Percentiles| {
        let us = |value: f64| format!("{value:.1}");
        let mut cells = vec![name.to_owned(), who.to_owned()];
        cells.extend([us(at.p50_us), us(at.p99_us), us(at.p999_us), us(at.max_us), at.lost.to_string()]);
        cells
    };
    let both = |row: &super::schema::LatencyRow| {
        [line(&row.name, "here", &row.here), line(&row.name, &row.peer, &row.at_peer)]
    };
    report.latency.iter().flat_map(both).collect()
}

/// Everything that was found.
pub fn bench(report: &BenchReport) -> String {
    let mut text = String::new();
    let parts: [(&[&str], Vec<Vec<String>>); 3] =
        [(&RATES, rates(report)), (&TCP, tcp(report)), (&LATENCY, latency(report))];
    for (head, rows) in parts.iter().filter(|(_, rows)| !rows.is_empty()) {
        text += &columns(head, rows);
        text.push('\n');
    }
    for missing in &report.unavailable {
        text += &format!("{}: not available: {}\n", missing.scenario, missing.reason);
    }
    text
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
    fn a_void_trial_is_named_and_its_times_do_not_count() {
        let mut void = green_trial("operator", 2);
        void.control_plane.detect_ms = 900.0;
        void.void = vec!["a sender was away".into()];
        let trials = vec![green_trial("operator", 1), void];
        let text = run(&Report { asked: 1, trials, control: control(), ..Report::default() });
        assert!(text.contains("VOID  operator 2: a sender was away\n"), "{text}");
        let operator = text.lines().find(|l| l.trim_start().starts_with("operator")).expect("its row");
        let cells: Vec<&str> = operator.split_whitespace().collect();
        assert_eq!((cells[1], cells[2], cells[8], cells[13]), ("1", "1", "0.5/0.5", "hitless"), "{text}");
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
            ..BenchReport::default()
        });
        let ends: Vec<&str> = text.lines().skip(2).filter_map(|l| l.split_whitespace().last()).collect();
        assert_eq!(ends, ["PASS", "MISS", "shown"]);
    }
}
