//! One line of the log: as it is kept, and as it is shown.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::severity::{Severity, Words};
use super::time::stamp;

/// A line as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// ms since 1970, UTC.
    pub(super) at_ms: u64,
    pub(super) severity: Severity,
    /// `Component.Condition`
    pub(super) component: String,
    pub(super) message: String,
}

impl Entry {
    /// Wall clock time of it.
    pub(super) fn at(&self) -> SystemTime {
        UNIX_EPOCH.checked_add(Duration::from_millis(self.at_ms)).unwrap_or(UNIX_EPOCH)
    }

    /// For a `show`.
    pub(super) fn shown(&self) -> LogLine {
        LogLine {
            time: stamp(self.at()),
            severity: self.severity.short().to_owned(),
            component: self.component.clone(),
            message: self.message.clone(),
        }
    }
}

/// A line as `show log` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogLine {
    /// `MM/DD/YYYY HH:MM:SS.cc`, UTC.
    pub(crate) time: String,
    /// `Crit`, `Erro`, `Warn`, `Noti`, `Info`, `Debu`.
    pub(crate) severity: String,
    /// `Component.Condition`.
    pub(crate) component: String,
    /// The text.
    pub(crate) message: String,
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <{}:{}> {}", self.time, self.severity, self.component, self.message)
    }
}

/// `msm_ctl::msm::tsync` is `Msm.Tsync`, `msm.failover` is `Msm.Failover`.
pub(super) fn component(target: &str) -> String {
    let path = target.strip_prefix("msm_ctl::").unwrap_or(target);
    let mut parts = path.split(['.', ':']).filter(|p| !p.is_empty());
    let mut capital = |part: &str| {
        let mut letters = part.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>())
    };
    let first = parts.next().and_then(&mut capital).unwrap_or_default();
    match parts.next_back().and_then(&mut capital) {
        Some(last) => format!("{first}.{last}"),
        None => first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_two_words() {
        assert_eq!(component("msm_ctl::msm::tsync"), "Msm.Tsync");
        assert_eq!(component("msm.failover"), "Msm.Failover");
        assert_eq!(component("msm_dataplane"), "Msm_dataplane");
    }

    #[test]
    fn a_line_is_the_manuals() {
        let entry = Entry {
            at_ms: 1_709_210_096_789,
            severity: Severity::Warning,
            component: "Msm.Failover".into(),
            message: "MSM b is gone".into(),
        };
        assert_eq!(entry.shown().to_string(), "02/29/2024 12:34:56.78 <Warn:Msm.Failover> MSM b is gone");
    }
}
