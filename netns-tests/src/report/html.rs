//! The report as one HTML file that needs no other: tables, and the pictures inside it.

use super::cause_table::{self, verdict};
use super::pictures::{self, escape};
use super::schema::Report;
use super::verdict::Verdict;
use super::{svg, table};

const STYLE: &str = "body{font:14px/1.45 sans-serif;color:#282c34;margin:24px auto;max-width:1240px;padding:0 16px}\
h1{font-size:24px;margin:0 0 4px}h2{font-size:18px;margin:32px 0 8px}p{margin:4px 0 10px}\
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:12px}\
th,td{border-bottom:1px solid #e1e4e8;padding:3px 8px;text-align:left;white-space:nowrap}\
td.n{text-align:right;font-variant-numeric:tabular-nums}\
.red{color:#c81e1e;font-weight:bold}.green{color:#14823c}.grey{color:#82828c}pre{font-size:12px;overflow-x:auto}svg{max-width:100%;height:auto}";

fn rows(head: &[&str], rows: &[Vec<String>], red: impl Fn(usize) -> bool) -> String {
    let mut text = "<div class=scroll><table><tr>".to_owned();
    head.iter().for_each(|name| text += &format!("<th>{}</th>", escape(name)));
    text += "</tr>\n";
    for (i, row) in rows.iter().enumerate() {
        text += "<tr>";
        for (column, cell) in row.iter().enumerate() {
            let number = !cell.is_empty() && cell.chars().all(|c| c.is_ascii_digit() || ".-/".contains(c));
            let class = match (column + 1 == row.len(), red(i), number) {
                (true, true, _) => " class=red",
                (true, false, _) => " class=green",
                (false, _, true) => " class=n",
                (false, _, false) => "",
            };
            text += &format!("<td{class}>{}</td>", escape(cell));
        }
        text += "</tr>\n";
    }
    text + "</table></div>\n"
}

fn section(title: &str, about: &str, body: &str) -> String {
    format!("<h2>{}</h2>\n<p class=grey>{}</p>\n{body}\n", escape(title), escape(about))
}

/// The whole file.
///
/// # Errors
/// A drawing error of the picture of failovers in series.
pub fn page(report: &Report) -> Result<String, String> {
    let judged = Verdict::of(report);
    let (word, class) = if judged.green() { ("green", "green") } else { ("red", "red") };
    let red = report.causes.iter().filter(|row| !row.reasons().is_empty()).count();
    let mut text = format!(
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8><title>Failover report</title><style>{STYLE}</style></head><body>\n\
         <h1>Failover report: <span class={class}>{word}</span></h1>\n\
         <p class=grey>{} causes and configurations, {red} red; {} failovers in series; kernel {}, {} CPUs; schema {}</p>\n",
        report.causes.len(),
        report.trials.len(),
        escape(&report.host.kernel),
        report.host.cpus,
        report.schema,
    );
    if !report.causes.is_empty() {
        let cells: Vec<Vec<String>> = report.causes.iter().map(cause_table::cells).collect();
        let is_red = |i: usize| verdict(&report.causes[i]).contains("RED");
        text += &section(
            "Causes",
            "What each had to be and what it was; times are medians over trials, in ms from the event.",
            &rows(&cause_table::HEAD, &cells, is_red),
        );
        text += &section(
            "Frames over time, and every flow's gap",
            "Of each row a red trial, else the first that counts.",
            &pictures::timeline(&report.causes),
        );
        text += &section(
            "Parts of a takeover",
            "Detection, commit and serving; below, on an axis of their own, causes that wait for a timer.",
            &pictures::takeovers(&report.causes),
        );
        text += &section(
            "Loss by fabric",
            "Causes that take one fabric away.",
            &pictures::fabrics(&report.causes),
        );
    }
    if !report.caching.is_empty() {
        let cells = cause_table::caching(&report.caching);
        let is_red = |i: usize| !report.caching[i].faults.is_empty();
        text += &section(
            "RFC 2889: address caching across a failover",
            "Learned before it, sent to after it; flooded: frames that a monitor port saw.",
            &rows(&cause_table::CACHING, &cells, is_red),
        );
    }
    if let Some(rfc) = &report.rfc6201 {
        let mut body = rows(&cause_table::RESETS, &cause_table::resets(rfc), |_| false);
        let parameters: Vec<Vec<String>> =
            cause_table::parameters(rfc).into_iter().map(|(name, value)| vec![name, value]).collect();
        body += &rows(&["parameter", "value"], &parameters, |_| false);
        body += &format!("<pre>{}</pre>", escape(&rfc.search.join("\n")));
        text += &section(
            "RFC 6201: reset",
            "Averages over trials. In RFC 7654's words, frames lost are TPL_frames and the time by loss is TPL_time of the switchover.",
            &body,
        );
    }
    if !report.trials.is_empty() {
        let body = format!("<pre>{}</pre>\n{}", escape(&table::series(report)), svg::draw(report)?);
        text += &section(
            "Failovers in series",
            "With proof of authority in each: an unsaved setting, one flow blackholed and released, no writes, epoch plus one.",
            &body,
        );
    }
    let notes = cause_table::notes(&report.causes);
    if !judged.reasons.is_empty() || !notes.is_empty() {
        let lines: Vec<String> =
            judged.reasons.iter().map(|line| format!("RED   {line}")).chain(notes).collect();
        text += &section(
            "Notes",
            "Why the run is red, what was slow, what says nothing.",
            &format!("<pre>{}</pre>", escape(&lines.join("\n"))),
        );
    }
    Ok(text + "</body></html>\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::cause_table::tests::rows as causes;
    use crate::report::verdict::tests::{control, green_trial};

    #[test]
    fn one_file_has_the_table_and_the_pictures_and_needs_no_other() {
        let report = Report {
            causes: causes(),
            control: control(),
            trials: vec![green_trial("crash", 1)],
            ..Report::default()
        };
        let page = page(&report).expect("drawn");
        if let Some(path) = std::env::var_os("MSM_TEST_HTML") {
            std::fs::write(path, &page).expect("the page for a look");
        }
        assert_eq!(page.matches("<svg").count(), 4);
        for line in cause_table::text(&report).lines().filter(|line| line.starts_with("  hot")) {
            assert!(page.contains(line.split("   ").next().expect("a cell").trim()));
        }
        assert!(page.contains("Failover report: <span class=red>red"), "a red row makes it red");
        let outside = ["src=", "href=", "@import", "url("];
        assert!(outside.iter().all(|word| !page.contains(word)), "nothing from elsewhere");
    }

    #[test]
    fn what_the_switch_says_is_no_html() {
        let mut rows = causes();
        rows[4].not_available = Some("<b>& \"x\"".into());
        let page = page(&Report { causes: rows, control: control(), ..Report::default() }).expect("drawn");
        assert!(page.contains("&lt;b&gt;&amp; &quot;x&quot;") && !page.contains("<b>&"));
    }
}
