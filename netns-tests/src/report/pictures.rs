//! Pictures of causes, as SVG drawn from the report alone: frames over time with every flow's gap, the parts of a takeover, loss by fabric.

use std::fmt::Write;

use super::cause_table::verdict;
use super::causes::{CauseRow, CauseTrial, Class, FabricLoss};

const INK: &str = "#282c34";
const FAINT: &str = "#e1e4e8";
const GREY: &str = "#82828c";
const RED: &str = "#c81e1e";
/// Okabe and Ito's colours: apart for every kind of colour vision.
const BETWEEN: &str = "#0072b2";
const INSIDE: &str = "#009e73";
const DETECT: &str = "#e69f00";
const COMMIT: &str = "#0072b2";
const SERVING: &str = "#56b4e9";
const LOST: &str = "#d55e00";

const WIDTH: f64 = 1180.0;
/// Room for names at the left.
const NAMES: f64 = 330.0;
/// Height of a row of the timeline and of a bar.
const STRIP: f64 = 66.0;
const BAR: f64 = 26.0;
/// Takeovers up to so many ms are drawn beside each other; the longer ones, which wait for a timer, on an axis of their own.
const SHORT_MS: f64 = 100.0;
/// Least time shown after the event, and what is shown before it.
const ZOOM_MS: f64 = 40.0;

/// An SVG being written.
struct Canvas(String);

impl Canvas {
    fn new(height: f64, about: &str) -> Self {
        Self(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" height=\"{height:.0}\" \
             font-family=\"sans-serif\" font-size=\"12\" role=\"img\" aria-label=\"{}\">\n",
            escape(about)
        ))
    }

    fn rect(&mut self, (x, y): (f64, f64), (w, h): (f64, f64), colour: &str, title: &str) {
        let title =
            if title.is_empty() { String::new() } else { format!("<title>{}</title>", escape(title)) };
        let (w, h) = (w.max(0.5), h.max(0.5));
        let _ = writeln!(
            self.0,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" fill=\"{colour}\">{title}</rect>"
        );
    }

    fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), colour: &str) {
        let _ = writeln!(
            self.0,
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\" stroke-width=\"1\"/>"
        );
    }

    fn text(&mut self, (x, y): (f64, f64), colour: &str, text: &str) {
        let _ = writeln!(self.0, "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{colour}\">{}</text>", escape(text));
    }

    fn area(&mut self, points: &[(f64, f64)], base: f64, colour: &str) {
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
        let mut path = format!("M{:.1} {base:.1}", first.0);
        points.iter().for_each(|(x, y)| path += &format!(" L{x:.1} {y:.1}"));
        let _ = write!(path, " L{:.1} {base:.1} Z", last.0);
        let _ = writeln!(
            self.0,
            "<path d=\"{path}\" fill=\"{colour}\" fill-opacity=\"0.45\" stroke=\"{colour}\"/>"
        );
    }

    fn end(self) -> String {
        self.0 + "</svg>\n"
    }
}

/// Text in HTML and SVG.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The trial that a row's picture shows: a red one, else one that counts.
fn shown(row: &CauseRow) -> Option<&CauseTrial> {
    let red = row.trials.iter().find(|trial| !trial.faults.is_empty() && !trial.streams.is_empty());
    red.or_else(|| row.measured().next())
}

fn title(row: &CauseRow) -> [String; 2] {
    let recovery = row.recovery.trim_end_matches(" msm-failover");
    [row.cause.clone(), format!("{}, recovery {recovery}: {}", row.configuration, verdict(row))]
}

fn colour_of(row: &CauseRow) -> &'static str {
    if row.reasons().is_empty() { INK } else { RED }
}

fn names(canvas: &mut Canvas, row: &CauseRow, y: f64) {
    let [cause, what] = title(row);
    canvas.text((4.0, y + 14.0), colour_of(row), &cause);
    canvas.text((4.0, y + 29.0), GREY, &what);
}

/// Frames received in each bin, of streams between modules or inside them.
fn bins(trial: &CauseTrial, inside: bool) -> Vec<u64> {
    let of_kind = |name: &str| {
        let ends = trial.streams.iter().find(|stream| stream.name == name);
        // One flow a stream inside a module, many between them.
        ends.is_some_and(|stream| (stream.flows == 1) == inside)
    };
    let mut sum: Vec<u64> = Vec::new();
    for (_, bins) in trial.timeline.series.iter().filter(|(name, _)| of_kind(name)) {
        sum.resize(sum.len().max(bins.len()), 0);
        sum.iter_mut().zip(bins).for_each(|(sum, n)| *sum += n);
    }
    sum
}

/// Left half of a strip: throughput of the whole trial. Right half: the event at close quarters, a line a flow that lost frames.
fn strip(canvas: &mut Canvas, trial: &CauseTrial, y: f64) {
    let half = (WIDTH - NAMES - 30.0) / 2.0;
    let (left, right) = (NAMES, NAMES + half + 20.0);
    let lane = STRIP / 2.0 - 8.0;
    let bin_ms = trial.timeline.bin_ms.max(1.0);
    let length_ms =
        trial.timeline.series.iter().map(|(_, bins)| bins.len()).max().unwrap_or(1) as f64 * bin_ms;
    for (inside, colour, top) in [(false, BETWEEN, y + 2.0), (true, INSIDE, y + 6.0 + lane)] {
        let bins = bins(trial, inside);
        let mut usual: Vec<u64> = bins.iter().copied().filter(|n| *n > 0).collect();
        usual.sort_unstable();
        let usual = usual.get(usual.len() / 2).copied().unwrap_or(1).max(1) as f64;
        let base = top + lane;
        let points: Vec<(f64, f64)> = bins
            .iter()
            .enumerate()
            .map(|(i, n)| {
                let x = left + (i as f64 + 0.5) * bin_ms / length_ms * half;
                (x, base - (*n as f64 / usual * 0.75).min(1.0) * lane)
            })
            .collect();
        canvas.area(&points, base, colour);
    }
    let event_ms =
        trial.timeline.marks.iter().find(|mark| mark.what == "event").map_or(0.0, |mark| mark.at_ms);
    for mark in &trial.timeline.marks {
        let x = left + mark.at_ms / length_ms * half;
        canvas.line((x, y), (x, y + STRIP - 8.0), mark_colour(&mark.what));
    }
    // At close quarters.
    let last = trial.outages.iter().map(|outage| outage.end_ms).fold(0.0, f64::max);
    let end_ms = (last * 1.15).max(trial.seen.serving_ms.unwrap_or(0.0) * 1.15).max(ZOOM_MS);
    let begin_ms = -end_ms / 10.0;
    let at = |ms: f64| right + (ms.clamp(begin_ms, end_ms) - begin_ms) / (end_ms - begin_ms) * half;
    canvas.rect((right, y + 1.0), (half, STRIP - 18.0), "#f6f7f9", "");
    let flows = trial.outages.len().max(1) as f64;
    let step = ((STRIP - 20.0) / flows).min(4.0);
    for (i, outage) in trial.outages.iter().enumerate() {
        let (from, to) = (at(outage.begin_ms), at(outage.end_ms));
        let about = format!(
            "{} flow {}: {} lost, {:.1} to {:.1} ms",
            outage.stream, outage.flow, outage.lost, outage.begin_ms, outage.end_ms
        );
        canvas.rect((from, y + 2.0 + i as f64 * step), (to - from, (step * 0.8).max(0.5)), LOST, &about);
    }
    for mark in &trial.timeline.marks {
        let ms = mark.at_ms - event_ms;
        if (begin_ms..=end_ms).contains(&ms) {
            canvas.line((at(ms), y), (at(ms), y + STRIP - 17.0), mark_colour(&mark.what));
        }
    }
    let said = match trial.outages.len() {
        0 => format!("no flow lost a frame; {end_ms:.0} ms shown"),
        n => format!(
            "{n} flows lost {} frames, the last until {last:.1} ms; {end_ms:.0} ms shown",
            trial.lost()
        ),
    };
    canvas.text((right, y + STRIP - 5.0), GREY, &said);
}

fn mark_colour(what: &str) -> &'static str {
    match what {
        "event" => RED,
        "commit" => "#14823c",
        _ => GREY,
    }
}

/// A strip a row: throughput over the trial, and every flow's gap around the event.
pub fn timeline(rows: &[CauseRow]) -> String {
    let head = 34.0;
    let mut canvas = Canvas::new(
        head + STRIP * rows.len().max(1) as f64,
        "frames over time and each flow's gap, a strip a cause",
    );
    let half = (WIDTH - NAMES - 30.0) / 2.0;
    canvas.text((NAMES, 14.0), INK, "frames received, whole trial");
    canvas.text((NAMES + 190.0, 14.0), BETWEEN, "between modules");
    canvas.text((NAMES + 300.0, 14.0), INSIDE, "inside");
    canvas.text(
        (NAMES + half + 20.0, 14.0),
        INK,
        "around the event: a line a flow that lost frames, as long as its gap",
    );
    canvas.text((NAMES, 29.0), RED, "| event");
    canvas.text((NAMES + 60.0, 29.0), "#14823c", "| commit");
    canvas.text((NAMES + 130.0, 29.0), GREY, "| serving, release, ready");
    for (i, row) in rows.iter().enumerate() {
        let y = head + i as f64 * STRIP;
        canvas.line((0.0, y - 2.0), (WIDTH, y - 2.0), FAINT);
        names(&mut canvas, row, y);
        match shown(row) {
            Some(trial) => strip(&mut canvas, trial, y),
            None => canvas.text((NAMES, y + 22.0), RED, &nothing(row)),
        }
    }
    canvas.end()
}

/// Why there is no picture, as much of it as fits; the notes have all of it.
fn nothing(row: &CauseRow) -> String {
    const FITS: usize = 120;
    let why = row.reasons().first().cloned().unwrap_or_else(|| "not measured".to_owned());
    if why.chars().count() > FITS { why.chars().take(FITS).chain("...".chars()).collect() } else { why }
}

/// Parts of a takeover: event to detection, to commit, to serving; medians over trials.
fn parts(row: &CauseRow) -> Option<[f64; 3]> {
    let median = |value: fn(&CauseTrial) -> Option<f64>| {
        super::stats::median(&row.measured().filter_map(value).collect::<Vec<_>>())
    };
    let commit = median(|trial| trial.seen.commit_ms)?;
    let detect = median(|trial| trial.seen.detect_ms).unwrap_or(commit).min(commit);
    let serving = median(|trial| trial.seen.serving_ms).unwrap_or(commit).max(commit);
    Some([detect, commit - detect, serving - commit])
}

/// A bar a row whose mastership moved.
pub fn takeovers(rows: &[CauseRow]) -> String {
    let bars: Vec<(&CauseRow, [f64; 3])> = rows.iter().filter_map(|row| Some((row, parts(row)?))).collect();
    let total = |parts: &[f64; 3]| parts.iter().sum::<f64>();
    let (short, long): (Vec<_>, Vec<_>) = bars.into_iter().partition(|(_, parts)| total(parts) <= SHORT_MS);
    let groups: Vec<_> = [short, long].into_iter().filter(|group| !group.is_empty()).collect();
    let height: f64 = groups.iter().map(|group| 46.0 + (BAR + 8.0) * group.len() as f64).sum::<f64>() + 24.0;
    let mut canvas = Canvas::new(height, "detection, commit and serving of each cause, as stacked bars");
    for (x, colour, name) in
        [(0.0, DETECT, "event to detection"), (160.0, COMMIT, "to commit"), (260.0, SERVING, "to serving")]
    {
        canvas.rect((NAMES + x, 4.0), (12.0, 12.0), colour, "");
        canvas.text((NAMES + x + 17.0, 14.0), INK, name);
    }
    let mut y = 24.0;
    for group in groups {
        let most = group.iter().map(|(_, parts)| total(parts)).fold(1.0, f64::max);
        let width = WIDTH - NAMES - 150.0;
        for tick in 0..=4 {
            let (x, ms) = (NAMES + width * f64::from(tick) / 4.0, most * f64::from(tick) / 4.0);
            canvas.line((x, y + 16.0), (x, y + 22.0 + (BAR + 8.0) * group.len() as f64), FAINT);
            canvas.text((x - 8.0, y + 13.0), GREY, &format!("{ms:.0} ms"));
        }
        y += 22.0;
        for (row, parts) in group {
            names(&mut canvas, row, y - 4.0);
            let mut x = NAMES;
            for (part, (colour, name)) in
                parts.iter().zip([(DETECT, "detect"), (COMMIT, "commit"), (SERVING, "serving")])
            {
                let w = part / most * width;
                canvas.rect((x, y), (w, BAR), colour, &format!("{name}: {part:.2} ms"));
                x += w;
            }
            let [detect, commit, serving] = parts;
            let said = format!("{detect:.1} + {commit:.1} + {serving:.1} ms");
            canvas.text((x + 6.0, y + 17.0), INK, &said);
            y += BAR + 8.0;
        }
        y += 24.0;
    }
    canvas.end()
}

/// Frames lost by fabric, of causes that take a fabric away.
pub fn fabrics(rows: &[CauseRow]) -> String {
    let partial: Vec<(&CauseRow, &CauseTrial)> = rows
        .iter()
        .filter(|row| row.expected.class == Class::Partial)
        .filter_map(|row| Some((row, shown(row)?)))
        .collect();
    let height =
        30.0 + partial.iter().map(|(_, trial)| 16.0 + 18.0 * trial.fabrics.len() as f64).sum::<f64>();
    let mut canvas = Canvas::new(height.max(50.0), "frames lost by fabric");
    canvas.text(
        (NAMES, 14.0),
        INK,
        "frames lost, by the fabric that flows were on; flows inside a module use none",
    );
    if partial.is_empty() {
        canvas.text((NAMES, 34.0), GREY, "no cause of the run takes one fabric alone away");
    }
    let most = partial.iter().flat_map(|(_, trial)| &trial.fabrics).map(|f| f.lost).max().unwrap_or(1).max(1);
    let mut y = 26.0;
    for (row, trial) in partial {
        names(&mut canvas, row, y);
        for FabricLoss { fabric, flows, flows_hit, lost, longest_ms } in &trial.fabrics {
            let name = match fabric.as_str() {
                "none" => "inside modules".to_owned(),
                "others" | "both" => "all others".to_owned(),
                slot => format!("fabric {}", slot.to_uppercase()),
            };
            canvas.text((NAMES, y + 12.0), INK, &name);
            let w = *lost as f64 / most as f64 * (WIDTH - NAMES - 520.0);
            canvas.rect((NAMES + 110.0, y + 2.0), (w, 12.0), if *lost > 0 { LOST } else { INSIDE }, "");
            let said = format!("{lost} frames of {flows_hit} of {flows} flows, at most {longest_ms:.1} ms");
            canvas.text((NAMES + 118.0 + w, y + 12.0), GREY, &said);
            y += 18.0;
        }
        y += 16.0;
    }
    canvas.end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::cause_table::tests::rows;

    #[test]
    fn pictures_show_every_row_and_what_was_lost() {
        let rows = rows();
        let picture = timeline(&rows);
        for row in &rows {
            assert!(picture.contains(&row.cause), "{}", row.cause);
        }
        assert!(picture.contains("not available: no such command"));
        assert_eq!(picture.matches("h1-h3 flow").count(), 64 + 1, "a line a flow that lost frames");
        assert!(picture.contains("no flow lost a frame"));
    }

    #[test]
    fn a_bar_has_three_parts_that_sum_up() {
        let rows = rows();
        assert_eq!(parts(&rows[0]), Some([1.0, 1.0, 6.0]));
        assert_eq!(parts(&rows[4]), None);
        assert!(takeovers(&rows).contains("1.0 + 1.0 + 6.0 ms"));
    }

    #[test]
    fn loss_by_fabric_is_of_partial_causes() {
        let picture = fabrics(&rows());
        assert!(picture.contains("hot removal") && !picture.contains("watchdog"));
        assert!(picture.contains("300 frames of 64 of 64 flows, at most 4.0 ms"));
        assert!(fabrics(&[]).contains("no cause of the run"));
    }
}
