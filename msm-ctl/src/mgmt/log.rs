//! The log: a bounded ring in memory for `show log`, and a bounded file in the run directory.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// Lines of the ring: the manual's `memory-buffer number-of-messages`.
const RING: usize = 1000;
/// Longest line: what a hostile peer makes us log is cut here.
const LINE: usize = 1024;
/// Bytes of a log file before it becomes `<file>.1`; a chassis keeps at most six such files.
const FILE_MAX: u64 = 512 * 1024;

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogLine {
    /// `MM/DD/YYYY HH:MM:SS.cc`, UTC.
    pub(crate) time: String,
    /// `Crit`, `Erro`, `Warn`, `Info`, `Debu`.
    pub(crate) severity: String,
    /// `Component.Condition`.
    pub(crate) component: String,
    /// The text.
    pub(crate) message: String,
}

impl std::fmt::Display for LogLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} <{}:{}> {}", self.time, self.severity, self.component, self.message)
    }
}

/// The ring. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Ring(Arc<Mutex<VecDeque<LogLine>>>);

impl Ring {
    /// The lines, newest first as the manual has them.
    pub(crate) fn lines(&self) -> Vec<LogLine> {
        let ring = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        ring.iter().rev().cloned().collect()
    }

    fn push(&self, line: LogLine) {
        let mut ring = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if ring.len() == RING {
            ring.pop_front();
        }
        ring.push_back(line);
    }
}

/// A log file that never grows past [`FILE_MAX`].
struct BoundedFile {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl BoundedFile {
    fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, bytes })
    }

    /// The file stays the same inode, since standard error is open on it too: what is full is copied aside.
    fn write(&mut self, line: &str) -> io::Result<()> {
        if self.bytes + line.len() as u64 > FILE_MAX {
            let mut old = self.path.clone().into_os_string();
            old.push(".1");
            std::fs::copy(&self.path, old)?;
            self.file.set_len(0)?;
            self.bytes = 0;
        }
        self.file.write_all(line.as_bytes())?;
        self.bytes += line.len() as u64;
        Ok(())
    }
}

struct Sink {
    ring: Ring,
    file: Option<Mutex<BoundedFile>>,
    terminal: bool,
}

impl<S: Subscriber> Layer<S> for Sink {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        // Dependencies speak up at WARN; our own levels mean what they say.
        let ours = metadata.target().starts_with("msm");
        if *metadata.level() > if ours { Level::INFO } else { Level::WARN } {
            return;
        }
        let mut text = Text::default();
        event.record(&mut text);
        let line = LogLine {
            time: stamp(SystemTime::now()),
            severity: severity(*metadata.level()).to_owned(),
            component: component(metadata.target()),
            message: text.0,
        };
        let printed = format!("{line}\n");
        if let Some(file) = &self.file {
            // A full disk must not end a switch: the ring still has the line.
            let _ = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner).write(&printed);
        }
        if self.terminal {
            let _ = io::stderr().write_all(printed.as_bytes());
        }
        self.ring.push(line);
    }
}

/// Starts the log of this process: ring, `file`, and the terminal if asked for.
pub(crate) fn start(file: &Path, terminal: bool) -> io::Result<Ring> {
    let ring = Ring::default();
    let sink = Sink { ring: ring.clone(), file: Some(Mutex::new(BoundedFile::open(file)?)), terminal };
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(sink))
        .map_err(io::Error::other)?;
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(target: "msm.exception", "task {} panicked: {panic}", std::thread::current().name().unwrap_or("?"));
    }));
    Ok(ring)
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn add(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        if name != "message" {
            self.0.push_str(name);
            self.0.push('=');
        }
        // One line an event, whatever a peer's text has in it.
        self.0.extend(value.chars().map(|c| if c.is_control() { ' ' } else { c }));
        if let Some((cut, _)) = self.0.char_indices().nth(LINE) {
            self.0.truncate(cut);
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

fn severity(level: Level) -> &'static str {
    match level {
        Level::ERROR => "Erro",
        Level::WARN => "Warn",
        Level::INFO => "Info",
        Level::DEBUG | Level::TRACE => "Debu",
    }
}

/// `msm_ctl::msm::tsync` is `Msm.Tsync`, `msm.failover` is `Msm.Failover`.
fn component(target: &str) -> String {
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

/// `MM/DD/YYYY HH:MM:SS.cc` in UTC.
pub(crate) fn stamp(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    format!(
        "{month:02}/{day:02}/{year:04} {:02}:{:02}:{:02}.{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        since.subsec_millis() / 10
    )
}

/// Year, month and day of a day since 1970-01-01 (proleptic Gregorian; Hinnant, "chrono-compatible low-level date algorithms").
pub(crate) fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let era = z / 146_097;
    let of_era = z % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_stamp_is_the_manuals() {
        let time = UNIX_EPOCH + Duration::from_millis(1_709_210_096_789);
        assert_eq!(stamp(time), "02/29/2024 12:34:56.78");
        assert_eq!(civil(0), (1970, 1, 1));
    }

    #[test]
    fn the_ring_keeps_the_newest() {
        let ring = Ring::default();
        for n in 0..RING + 5 {
            ring.push(LogLine {
                time: String::new(),
                severity: String::new(),
                component: String::new(),
                message: n.to_string(),
            });
        }
        let lines = ring.lines();
        assert_eq!(lines.len(), RING);
        assert_eq!(lines[0].message, (RING + 4).to_string());
        assert_eq!(lines[RING - 1].message, "5");
    }

    #[test]
    fn a_file_stays_bounded_and_the_last_part_is_kept() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("log");
        let mut file = BoundedFile::open(&path).expect("opens");
        let line = "x".repeat(1000);
        for _ in 0..1500 {
            file.write(&line).expect("writes");
        }
        assert!(std::fs::metadata(&path).expect("there").len() <= FILE_MAX);
        assert!(std::fs::metadata(dir.path().join("log.1")).expect("there").len() <= FILE_MAX);
    }

    #[test]
    fn components_are_two_words() {
        assert_eq!(component("msm_ctl::msm::tsync"), "Msm.Tsync");
        assert_eq!(component("msm.failover"), "Msm.Failover");
        assert_eq!(component("msm_dataplane"), "Msm_dataplane");
    }
}
