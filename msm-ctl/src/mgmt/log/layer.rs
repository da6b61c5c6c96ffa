//! Where events become lines: each goes to the targets whose threshold it passes.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use super::Log;
use super::entry::{Entry, component};
use super::file::BoundedFile;
use super::severity::{Severity, Words};

/// Longest line, in characters: what a hostile peer makes us log is cut here.
const LINE: usize = 1024;
/// What the file and the terminal get.
const FILE: Severity = Severity::Info;
/// Field of an event that says its severity, where its level cannot.
const SEVERITY: &str = "severity";

pub(super) struct Sink {
    pub(super) log: Log,
    pub(super) file: Option<Mutex<BoundedFile>>,
    pub(super) terminal: bool,
}

impl<S: Subscriber> Layer<S> for Sink {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Dependencies speak up at WARN; our own levels mean what they say, and thresholds change.
        let ours = metadata.target().starts_with("msm");
        let most = if ours { Level::DEBUG } else { Level::WARN };
        if *metadata.level() > most { Interest::never() } else { Interest::sometimes() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        // An event may say that it is worse than its level, never that it is less.
        let severity = Severity::of(*metadata.level());
        severity <= FILE || self.log.wants(severity)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let mut text = Text::default();
        event.record(&mut text);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let entry = Arc::new(Entry {
            at_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            severity: text.severity.unwrap_or_else(|| Severity::of(*metadata.level())),
            component: component(metadata.target()),
            message: text.line,
        });
        if entry.severity <= FILE && (self.file.is_some() || self.terminal) {
            let printed = format!("{}\n", entry.shown());
            if let Some(file) = &self.file {
                // A full disk must not end a switch: the ring still has the line.
                let _ = file.lock().unwrap_or_else(PoisonError::into_inner).write(&printed);
            }
            if self.terminal {
                let _ = io::stderr().write_all(printed.as_bytes());
            }
        }
        self.log.take(&entry);
    }
}

#[derive(Default)]
struct Text {
    line: String,
    severity: Option<Severity>,
}

impl Text {
    fn add(&mut self, name: &str, value: &str) {
        if name == SEVERITY
            && let Ok(severity) = value.parse()
        {
            self.severity = Some(severity);
            return;
        }
        if !self.line.is_empty() {
            self.line.push(' ');
        }
        if name != "message" {
            self.line.push_str(name);
            self.line.push('=');
        }
        // One line an event, whatever a peer's text has in it.
        self.line.extend(value.chars().map(|c| if c.is_control() { ' ' } else { c }));
        if let Some((cut, _)) = self.line.char_indices().nth(LINE) {
            self.line.truncate(cut);
        }
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.add(field.name(), &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), value);
    }
}
