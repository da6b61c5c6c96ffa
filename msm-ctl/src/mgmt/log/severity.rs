//! How serious a line is, in the words of the manual's Event Management System.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU8, Ordering};

use serde::{Deserialize, Serialize};
use tracing::Level;

/// The worst is the least: `severity <= threshold` is "that severity and above".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// The switch, or a part of it, does not work.
    Critical,
    /// Something failed.
    Error,
    /// Something may fail.
    Warning,
    /// Unusual, and as it should be.
    Notice,
    /// Usual.
    Info,
    /// For who looks for a fault in the switch itself.
    Debug,
}

impl Severity {
    /// All, the worst first.
    pub(crate) const ALL: [Self; 6] =
        [Self::Critical, Self::Error, Self::Warning, Self::Notice, Self::Info, Self::Debug];

    /// As a line of the log has it.
    pub(crate) fn short(self) -> &'static str {
        match self {
            Self::Critical => "Crit",
            Self::Error => "Erro",
            Self::Warning => "Warn",
            Self::Notice => "Noti",
            Self::Info => "Info",
            Self::Debug => "Debu",
        }
    }

    /// Numerical code of RFC 5424, table 2.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Critical => 2,
            Self::Error => 3,
            Self::Warning => 4,
            Self::Notice => 5,
            Self::Info => 6,
            Self::Debug => 7,
        }
    }

    /// Of an event that does not say more. `tracing` has no critical and no notice: such events have a field `severity`
    /// with that word.
    pub(super) fn of(level: Level) -> Self {
        match level {
            Level::ERROR => Self::Error,
            Level::WARN => Self::Warning,
            Level::INFO => Self::Info,
            Level::DEBUG | Level::TRACE => Self::Debug,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Critical => "critical",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Info => "info",
            Self::Debug => "debug",
        })
    }
}

impl From<msm_config::model::Severity> for Severity {
    fn from(severity: msm_config::model::Severity) -> Self {
        Self::ALL[severity as usize]
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            // The manual has three; here they are one.
            "debug-summary" | "debug-verbose" | "debug-data" => return Ok(Self::Debug),
            _ => {}
        }
        Self::ALL.into_iter().find(|severity| severity.to_string() == text).ok_or_else(|| {
            format!(
                "\"{}\" is no severity; critical, error, warning, notice, info or debug",
                text.escape_default()
            )
        })
    }
}

/// A threshold that is read by every event and set at times.
#[derive(Debug)]
pub(super) struct Threshold(AtomicU8);

impl Threshold {
    /// Lets `severity` and worse through; none: nothing.
    pub(super) fn new(severity: Option<Severity>) -> Self {
        let threshold = Self(AtomicU8::new(0));
        threshold.set(severity);
        threshold
    }

    pub(super) fn set(&self, severity: Option<Severity>) {
        self.0.store(severity.map_or(0, |severity| severity as u8 + 1), Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Option<Severity> {
        let count = usize::from(self.0.load(Ordering::Relaxed));
        count.checked_sub(1).and_then(|last| Severity::ALL.get(last).copied())
    }

    pub(super) fn lets(&self, severity: Severity) -> bool {
        (severity as u8) < self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_read_as_they_are_written() {
        for severity in Severity::ALL {
            assert_eq!(severity.to_string().parse(), Ok(severity));
        }
        assert_eq!("debug-data".parse(), Ok(Severity::Debug));
        assert!("warn".parse::<Severity>().expect_err("short").contains("warning"));
    }

    #[test]
    fn a_threshold_lets_itself_and_worse_through() {
        let threshold = Threshold::new(None);
        assert!(!threshold.lets(Severity::Critical));
        for severity in Severity::ALL {
            threshold.set(Some(severity));
            assert_eq!(threshold.get(), Some(severity));
            for other in Severity::ALL {
                assert_eq!(threshold.lets(other), other <= severity);
            }
        }
    }
}
