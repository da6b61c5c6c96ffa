//! How serious a line is, in the words of the manual's Event Management System.

use std::sync::atomic::{AtomicU8, Ordering};

pub(crate) use msm_config::model::Severity;
use tracing::Level;

/// What a line of the log and RFC 5424 call it.
pub(crate) trait Words: Sized {
    /// As a line of the log has it.
    fn short(self) -> &'static str;
    /// Numerical code of RFC 5424, table 2.
    fn code(self) -> u8;
    /// Of an event that does not say more. `tracing` has no critical and no notice: such events have a field `severity`
    /// with that word.
    fn of(level: Level) -> Self;
}

impl Words for Severity {
    fn short(self) -> &'static str {
        match self {
            Self::Critical => "Crit",
            Self::Error => "Erro",
            Self::Warning => "Warn",
            Self::Notice => "Noti",
            Self::Info => "Info",
            Self::Debug => "Debu",
        }
    }

    fn code(self) -> u8 {
        self as u8 + 2
    }

    fn of(level: Level) -> Self {
        match level {
            Level::ERROR => Self::Error,
            Level::WARN => Self::Warning,
            Level::INFO => Self::Info,
            Level::DEBUG | Level::TRACE => Self::Debug,
        }
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

    pub(super) fn lets(&self, severity: Severity) -> bool {
        (severity as u8) < self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_lets_itself_and_worse_through() {
        let threshold = Threshold::new(None);
        assert!(!threshold.lets(Severity::Critical));
        for (_, severity) in Severity::ALL {
            threshold.set(Some(severity));
            for (_, other) in Severity::ALL {
                assert_eq!(threshold.lets(other), other <= severity);
            }
        }
    }
}
