//! The lines that outlast a boot, as the flash keeps them: JSON, one a line.

use std::sync::Arc;

use super::entry::Entry;
use super::ring::Ring;
use crate::flash::Flash;

/// Lines kept.
pub(super) const LINES: usize = 200;

/// Fills `ring` with the lines of earlier runs, and has the flash keep it from now on. The error is why there are none.
pub(super) fn keep(ring: &Arc<Ring>, flash: &Flash) -> Result<(), String> {
    let recalled = flash.load_log().map_err(|error| error.to_string()).and_then(|text| {
        text.unwrap_or_default()
            .lines()
            .map(|line| {
                serde_json::from_str(line).map_err(|error| format!("a line of the log in the flash: {error}"))
            })
            .collect::<Result<Vec<Entry>, String>>()
    });
    let recalled = recalled.map(|entries| entries.into_iter().for_each(|entry| ring.push(Arc::new(entry))));
    let source = Arc::clone(ring);
    flash.set_log_source(Arc::new(move || encode(&source.all())));
    recalled
}

fn encode(entries: &[Arc<Entry>]) -> String {
    let mut text = String::new();
    for entry in entries {
        if let Ok(line) = serde_json::to_string(entry.as_ref()) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}
