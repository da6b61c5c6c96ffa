//! `run diagnostics` and `show diagnostics`.

use std::fmt::Write;

use super::wrapped;
use crate::diagnostics::Diagnosis;

pub(super) fn diagnosis(view: Option<&Diagnosis>) -> String {
    let Some(view) = view else {
        return "No self test has been run since this MSM started.\n".to_owned();
    };
    let mut text = String::new();
    for check in &view.checks {
        let _ = writeln!(text, "{:<16} {}", check.name, check.result);
        for finding in &check.findings {
            text.push_str(&wrapped("                 ", finding));
        }
    }
    let result = match (view.failed, view.checks.iter().any(|check| check.result == "failed")) {
        (true, _) => "FAILED: this MSM is reset if the other one can take over",
        (false, true) => "passed, with faults that keep no frame from its way",
        (false, false) => "passed",
    };
    let _ = writeln!(text, "{:<16} {result} ({})", "Diagnostics", view.at);
    text
}
