//! docs/performance.md: the last tables, with the machine they were taken on.

use super::Options;
use crate::report::schema::{BenchReport, Profile};
use crate::report::table;

/// Functions of each contender in a table of times.
const FUNCTIONS: usize = 12;

/// A table in Markdown.
fn markdown(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(ToString::to_string).collect();
    let rule: Vec<String> = head.iter().map(|_| "---".to_owned()).collect();
    let mut text = line(&head) + &line(&rule);
    rows.iter().for_each(|row| text += &line(row));
    text + "\n"
}

/// Where the time of a frame goes: a table for each scenario that was sampled, a column for each contender.
fn profiles(report: &BenchReport) -> String {
    if report.profiles.is_empty() {
        return String::new();
    }
    let mut text = "## Where a frame's time goes\n\n\
         Nanoseconds a frame by kernel function, from samples of the CPU (which slow it); programs of the switch by their names.\n\n"
        .to_owned();
    for of_scenario in report.profiles.chunk_by(|a, b| a.scenario == b.scenario) {
        let head: Vec<String> =
            of_scenario.iter().map(|p| format!("{} ({:.0})", p.who, p.frame_ns)).collect();
        let head: Vec<&str> =
            [of_scenario[0].scenario.as_str()].into_iter().chain(head.iter().map(String::as_str)).collect();
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in of_scenario.iter().flat_map(|p| p.functions.iter().take(FUNCTIONS)) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let row = |name: &&str| {
            let cell = |profile: &Profile| {
                let found = profile.functions.iter().find(|(function, _)| function == name);
                found.map_or_else(|| "-".to_owned(), |(_, ns)| format!("{ns:.0}"))
            };
            [(*name).to_owned()].into_iter().chain(of_scenario.iter().map(cell)).collect()
        };
        text += &markdown(&head, &names.iter().map(row).collect::<Vec<_>>());
    }
    text
}

/// The page.
pub(super) fn page(report: &BenchReport, options: &Options) -> String {
    let machine = &report.machine;
    let kind = if machine.virtual_machine { "virtual machine" } else { "machine" };
    let mut text = format!(
        "# Performance\n\n\
         Drawn by `cargo xtask bench --write docs/performance.md`; not to be edited.\n\n\
         Taken on a {kind} with {} CPUs ({}), {} GB of memory, kernel {}.\n\n",
        machine.cpus,
        machine.cpu,
        machine.memory_mb.div_ceil(1024),
        machine.kernel.split('-').next().unwrap_or_default()
    );
    text += &format!(
        "Who is compared takes turns within a round ({} rounds of {} ms), and only rates of the same round are compared: ratio is the median of the\n\
         rounds, with the smallest and the largest beside it. Generator, switch and receiver run in one softirq of one CPU; frames are 64 bytes long where\n\
         nothing else is said, and are counted at the receiving hosts (of a flood: all copies). `net` is a frame's time less that of the floor, which is\n\
         the generator and one veth hop alone: frames dropped by XDP at the first port. `bare` is a redirect without any switch. The bridge and\n\
         `ip_forward` are received by tcx or by XDP, whichever is faster.\n\n",
        options.rounds, options.millis
    );
    let parts: [(&[&str], Vec<Vec<String>>); 3] = [
        (&table::RATES, table::rates(report)),
        (&table::TCP, table::tcp(report)),
        (&table::LATENCY, table::latency(report)),
    ];
    for (head, rows) in parts.iter().filter(|(_, rows)| !rows.is_empty()) {
        text += &markdown(head, rows);
    }
    if !report.tcp.is_empty() {
        text += "TCP: iperf3 with cubic, hosts with the offloads that Linux gives them, ports of this switch by driver tcx.\n\
                 Latency: one way, from the sender's call to the receiver's first program, both ends on the same clock.\n\n";
    }
    text += &profiles(report);
    for missing in &report.unavailable {
        text += &format!("- `{}` was not measured: {}\n", missing.scenario, missing.reason);
    }
    text.trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::schema::{BenchRow, Unavailable};

    #[test]
    fn the_page_has_rows_misses_and_what_is_missing() {
        let row = BenchRow { scenario: "l2".into(), ratio: 0.7, bar: Some(0.8), ..BenchRow::default() };
        let missing = Unavailable { scenario: "acl".into(), reason: "refused".into() };
        let profile = |who: &str, functions: &[(&str, f64)]| Profile {
            scenario: "16 stations".into(),
            who: who.into(),
            frame_ns: 500.0,
            functions: functions.iter().map(|(name, ns)| ((*name).to_owned(), *ns)).collect(),
        };
        let profiles = vec![
            profile("here", &[("ingress (program)", 80.4), ("veth_poll", 9.0)]),
            profile("bare", &[("veth_poll", 8.0)]),
        ];
        let report =
            BenchReport { rows: vec![row], unavailable: vec![missing], profiles, ..BenchReport::default() };
        let options = Options {
            only: Vec::new(),
            list: false,
            peers: false,
            profile: false,
            json: None,
            write: None,
            rounds: 9,
            millis: 250,
            prefix: "b-".into(),
        };
        let text = page(&report, &options);
        assert!(text.contains("| MISS |"), "{text}");
        assert!(text.contains("| 16 stations | here (500) | bare (500) |"), "{text}");
        assert!(text.contains("| ingress (program) | 80 | - |\n| veth_poll | 9 | 8 |"), "{text}");
        assert!(text.ends_with("- `acl` was not measured: refused\n"), "{text}");
    }
}
