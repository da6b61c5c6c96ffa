//! Every example of the reference, on a live switch.

use std::path::Path;

use crate::common::client::script;
use crate::common::{READY, logs, ready_bed};

/// The examples of docs/commands.md: command, lines.
fn examples() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/commands.md");
    let text = std::fs::read_to_string(&path).expect("docs/commands.md");
    let mut examples = Vec::new();
    let (mut command, mut open) = (String::new(), None::<String>);
    for line in text.lines() {
        match (&mut open, line) {
            (None, "```") => open = Some(String::new()),
            (Some(lines), "```") => {
                examples.push((command.clone(), std::mem::take(lines)));
                open = None;
            }
            (Some(lines), line) => *lines += &format!("{line}\n"),
            (None, line) => {
                if let Some(heading) = line.strip_prefix("## ") {
                    command = heading.trim_matches('`').to_owned();
                }
            }
        }
    }
    examples
}

#[test]
fn every_example_of_the_reference_is_done() {
    let (bed, _) = ready_bed("ce1-");
    let examples = examples();
    assert!(examples.len() > 60, "{} examples", examples.len());
    let mut failed = Vec::new();
    for (command, lines) in &examples {
        let ended = script(&bed, lines);
        if !ended.status.success() {
            failed.push(format!("{command}:\n{lines}{ended:#?}"));
        }
        // Some of them reboot or fail over, or have nothing replicated any more.
        script(&bed, "unconfigure switch all\n").good();
        if let Err(error) = bed.wait_ready(READY) {
            panic!("after {command}: {error}\n{}", logs(&bed));
        }
    }
    for file in ["/tmp/msm-example.cfg", "/tmp/msm-example.pcapng"] {
        let _ = std::fs::remove_file(file);
    }
    assert!(failed.is_empty(), "{} of {} examples:\n{}", failed.len(), examples.len(), failed.join("\n"));
}
