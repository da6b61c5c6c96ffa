//! The picture of a run: throughput of each stream over time, gaps in red, failovers marked. Drawn from the report alone.

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::schema::{Report, Timeline, Trial};

/// Trials drawn of each scenario: more would be too thin to read. Red ones are drawn first, then void ones.
const TRIALS_SHOWN: usize = 5;
const WIDTH: u32 = 1600;
const ROW_HEIGHT: u32 = 270;
const HEAD_HEIGHT: u32 = 84;
/// A lane is 1 high: a stream at its usual rate fills this much of it,
const LANE_USUAL: f64 = 0.62;
/// and at any rate no more than this.
const LANE_FULL: f64 = 0.92;

const INK: RGBColor = RGBColor(40, 44, 52);
const FAINT: RGBColor = RGBColor(225, 228, 232);
const GAP: RGBColor = RGBColor(235, 90, 70);
const EVENT: RGBColor = RGBColor(200, 30, 30);
const COMMIT: RGBColor = RGBColor(20, 130, 60);
const OTHER_MARK: RGBColor = RGBColor(130, 130, 140);
/// Okabe and Ito's colours: apart for every kind of colour vision.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(120, 94, 240),
];

/// One chart: a title and what to draw.
struct Panel<'a> {
    title: String,
    red: bool,
    timeline: &'a Timeline,
}

fn trial_panel(trial: &Trial) -> Panel<'_> {
    let lost: u64 = trial.streams.iter().map(|s| s.lost).sum();
    let void = if trial.void.is_empty() { "" } else { ", void" };
    let title = format!("{} {}: {}, lost {lost}{void}", trial.scenario, trial.trial, trial.cause);
    Panel { title, red: !trial.faults.is_empty(), timeline: &trial.timeline }
}

/// Rows of panels: the control trial, then one row a scenario.
fn rows(report: &Report) -> Vec<(String, Vec<Panel<'_>>)> {
    let mut rows = Vec::new();
    let control = &report.control;
    if !control.timeline.series.is_empty() {
        let title = format!("control: {}, lost {}", control.what, control.lost);
        rows.push((
            String::new(),
            vec![Panel { title, red: control.lost == 0, timeline: &control.timeline }],
        ));
    }
    let mut scenarios: Vec<&str> = report.trials.iter().map(|t| t.scenario.as_str()).collect();
    scenarios.dedup();
    for scenario in scenarios {
        let mut trials: Vec<&Trial> = report.trials.iter().filter(|t| t.scenario == scenario).collect();
        let all = trials.len();
        trials.sort_by_key(|t| (t.faults.is_empty(), t.void.is_empty(), t.trial));
        trials.truncate(TRIALS_SHOWN);
        trials.sort_by_key(|t| t.trial);
        let note = if all > trials.len() {
            format!("{} of {all} trials of {scenario}", trials.len())
        } else {
            String::new()
        };
        rows.push((note, trials.into_iter().map(trial_panel).collect()));
    }
    rows
}

fn stream_names(report: &Report) -> Vec<String> {
    let timelines = report.trials.iter().map(|t| &t.timeline).chain([&report.control.timeline]);
    let mut names: Vec<String> = Vec::new();
    for (name, _) in timelines.flat_map(|t| &t.series) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// The usual bin of a stream: the median of those with frames.
fn usual(bins: &[u64]) -> f64 {
    let full: Vec<f64> = bins.iter().filter(|n| **n > 0).map(|n| *n as f64).collect();
    super::stats::median(&full).unwrap_or(1.0)
}

/// First and past-last bin of every run of empty bins between two bins with frames.
fn gaps(bins: &[u64]) -> Vec<(usize, usize)> {
    let Some(first) = bins.iter().position(|&n| n > 0) else { return Vec::new() };
    let last = bins.iter().rposition(|&n| n > 0).unwrap_or(first);
    let mut gaps: Vec<(usize, usize)> = Vec::new();
    for (at, _) in bins[first..last].iter().enumerate().filter(|(_, n)| **n == 0) {
        let bin = first + at;
        match gaps.last_mut() {
            Some((_, end)) if *end == bin => *end += 1,
            _ => gaps.push((bin, bin + 1)),
        }
    }
    gaps
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type DrawError = DrawingAreaErrorKind<std::io::Error>;

fn font(size: u32, colour: RGBColor) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&colour)
}

fn mark_colour(what: &str) -> RGBColor {
    match what {
        "event" => EVENT,
        "commit" => COMMIT,
        _ => OTHER_MARK,
    }
}

/// One stream's lane: its rate as an area of the height that its usual rate has in every lane, its gaps as red blocks.
fn draw_lane(
    chart: &mut Chart<'_, '_>,
    base: f64,
    bin_ms: f64,
    (name, bins): &(String, Vec<u64>),
    colour: RGBColor,
) -> Result<(), DrawError> {
    let usual = usual(bins);
    let at = |bin: usize| bin as f64 * bin_ms;
    let top = |frames: u64| base + (frames as f64 / usual * LANE_USUAL).min(LANE_FULL);
    let points = bins.iter().enumerate().map(|(i, n)| (at(i) + bin_ms / 2.0, top(*n)));
    chart
        .draw_series(AreaSeries::new(points, base, colour.mix(0.30)).border_style(colour.stroke_width(1)))?;
    for (from, to) in gaps(bins) {
        chart.draw_series([Rectangle::new(
            [(at(from), base), (at(to), base + LANE_FULL)],
            GAP.mix(0.55).filled(),
        )])?;
    }
    let rate = usual / bin_ms.max(f64::MIN_POSITIVE);
    let label = format!("{name}  {rate:.1}k/s");
    chart.draw_series([Text::new(label, (bin_ms * 2.0, base + 0.27), font(12, INK))])?;
    Ok(())
}

fn draw_panel(area: &Area<'_>, panel: &Panel<'_>, names: &[String]) -> Result<(), DrawError> {
    let timeline = panel.timeline;
    let bins = timeline.series.iter().map(|(_, bins)| bins.len()).max().unwrap_or(0).max(1);
    let end = bins as f64 * timeline.bin_ms.max(1.0);
    let lanes = names.len().max(1) as f64;
    let title = font(15, if panel.red { EVENT } else { INK });
    let mut chart = ChartBuilder::on(area)
        .caption(&panel.title, title)
        .margin(6)
        .margin_left(18)
        .margin_right(18)
        .x_label_area_size(28)
        .build_cartesian_2d(0.0..end, 0.0..lanes)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(FAINT)
        .disable_y_mesh()
        .axis_style(OTHER_MARK)
        .label_style(font(12, INK))
        .x_labels(6)
        .x_label_formatter(&|ms| format!("{:.1} s", ms / 1000.0))
        .draw()?;
    for series in &timeline.series {
        let index = names.iter().position(|n| *n == series.0).unwrap_or(0);
        let base = lanes - 1.0 - index as f64;
        draw_lane(&mut chart, base, timeline.bin_ms, series, COLOURS[index % COLOURS.len()])?;
    }
    for mark in &timeline.marks {
        let line = LineSeries::new(
            [(mark.at_ms, 0.0), (mark.at_ms, lanes)],
            mark_colour(&mark.what).stroke_width(1),
        );
        chart.draw_series(line)?;
    }
    Ok(())
}

fn draw_head(area: &Area<'_>, report: &Report) -> Result<(), DrawError> {
    let lost: u64 = report.trials.iter().flat_map(|t| &t.streams).map(|s| s.lost).sum();
    let title = format!(
        "{} failovers, {lost} frames lost; control trial lost {}",
        report.trials.len(),
        report.control.lost
    );
    area.draw_text(&title, &font(24, INK), (16, 12))?;
    let about = "a lane a stream, as high as its frames received a second; red block: no frame arrived";
    let machine = format!("{about}   ({}, {} CPUs)", report.host.kernel, report.host.cpus);
    area.draw_text(&machine, &font(13, OTHER_MARK), (16, 40))?;
    let marks = [("| event", EVENT), ("| commit", COMMIT), ("| serving, release, ready", OTHER_MARK)];
    let mut x = 16;
    for (name, colour) in marks {
        area.draw_text(name, &font(14, colour), (x, 61))?;
        x += name.len() as i32 * 8 + 22;
    }
    Ok(())
}

/// The picture as SVG text.
///
/// # Errors
/// A drawing error of plotters; there is no file behind it.
pub fn draw(report: &Report) -> Result<String, String> {
    let rows = rows(report);
    let names = stream_names(report);
    let height = HEAD_HEIGHT + ROW_HEIGHT * rows.len().max(1) as u32;
    let mut text = String::new();
    let drawn = (|| -> Result<(), DrawError> {
        let root = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
        root.fill(&WHITE)?;
        let (head, body) = root.split_vertically(HEAD_HEIGHT);
        draw_head(&head, report)?;
        for (row, (note, panels)) in body.split_evenly((rows.len().max(1), 1)).iter().zip(&rows) {
            for (area, panel) in row.split_evenly((1, panels.len().max(1))).iter().zip(panels) {
                draw_panel(area, panel, &names)?;
            }
            row.draw_text(note, &font(12, OTHER_MARK), (WIDTH as i32 - 190, 0))?;
        }
        root.present()
    })();
    drawn.map_err(|error| format!("the picture could not be drawn: {error}"))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::verdict::tests::{control, green_trial, label_only_trial};

    #[test]
    fn gaps_lie_between_frames() {
        assert_eq!(gaps(&[0, 0, 5, 0, 0, 3, 0, 1, 0]), [(3, 5), (6, 7)]);
        assert!(gaps(&[0, 0]).is_empty() && gaps(&[]).is_empty());
    }

    #[test]
    fn every_scenario_and_red_trial_is_in_the_picture() {
        let mut trials: Vec<Trial> = (1..=5).map(|n| green_trial("operator", n)).collect();
        trials.extend((3..=20).map(|n| green_trial("crash", n)));
        trials.push(label_only_trial());
        let report = Report { trials, control: control(), ..Report::default() };
        let svg = draw(&report).expect("drawn");
        assert!(svg.contains("control: port 1:1 down and up, lost 4123"));
        assert!(svg.contains("operator 5: SIGKILL"), "all five trials of the first scenario");
        assert!(svg.contains("crash 2: SIGKILL"), "the red one, though it comes last");
        assert!(svg.contains("5 of 19 trials of crash"));
        if let Some(path) = std::env::var_os("MSM_TEST_SVG") {
            std::fs::write(path, svg).expect("the picture for a look");
        }
    }

    #[test]
    fn an_empty_report_is_still_a_picture() {
        assert!(draw(&Report::default()).expect("drawn").contains("0 failovers"));
    }
}
