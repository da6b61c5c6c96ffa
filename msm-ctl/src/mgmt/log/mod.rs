//! The log: every event goes to the memory buffer, to nvram, to syslog hosts and to a file of the run directory, as far as each wants it.
//!
//! No target makes the one who logs wait: what cannot be taken at once is counted and lost. Each MSM keeps its own log.

mod entry;
mod file;
mod layer;
mod nvram;
mod ring;
mod severity;
mod syslog;
mod time;

use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use msm_proto::Slot;
use tracing_subscriber::layer::SubscriberExt;

pub(crate) use entry::LogLine;
pub(crate) use severity::Severity;
pub(crate) use syslog::SyslogHost;
pub(crate) use time::stamp;

use crate::flash::Flash;
use entry::Entry;
use ring::Ring;
use severity::Threshold;

/// Lines of the memory buffer: the manual's `memory-buffer number-of-messages`.
const MEMORY: usize = 1000;
/// Most lines of the memory buffer: some MB.
pub(crate) const MEMORY_MAX: usize = 20_000;

/// Where lines are kept in the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Lost at a boot.
    MemoryBuffer,
    /// Kept over a boot.
    Nvram,
}

/// The least severe line that each target takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Levels {
    /// The memory buffer's.
    pub(crate) memory_buffer: Severity,
    /// Nvram's.
    pub(crate) nvram: Severity,
}

impl Default for Levels {
    fn default() -> Self {
        Self { memory_buffer: Severity::Info, nvram: Severity::Warning }
    }
}

/// The log of this process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Log(Arc<Inner>);

struct Inner {
    memory: Ring,
    memory_level: Threshold,
    nvram: Arc<Ring>,
    nvram_level: Threshold,
    flash: Option<Flash>,
    syslog: syslog::Door,
}

impl Log {
    /// A log that keeps lines in `flash`, if there is one. `slot` is the MSM's.
    fn new(flash: Option<Flash>, slot: Option<Slot>) -> Self {
        let levels = Levels::default();
        Self(Arc::new(Inner {
            memory: Ring::new(MEMORY),
            memory_level: Threshold::new(Some(levels.memory_buffer)),
            nvram: Arc::new(Ring::new(nvram::LINES)),
            nvram_level: Threshold::new(Some(levels.nvram)),
            flash,
            syslog: syslog::Door::new(slot),
        }))
    }

    /// Up to `limit` lines of `severity` and above, newest first as the manual has them.
    pub(crate) fn lines(&self, target: Target, severity: Severity, limit: usize) -> Vec<LogLine> {
        self.ring(target).newest(severity, limit).iter().map(|entry| entry.shown()).collect()
    }

    /// Forgets the lines of a target.
    pub(crate) fn clear(&self, target: Target) {
        self.ring(target).clear();
        if target == Target::Nvram
            && let Some(flash) = &self.0.flash
        {
            flash.log_changed();
        }
    }

    /// What each target takes from now on.
    pub(crate) fn set_levels(&self, levels: Levels) {
        self.0.memory_level.set(Some(levels.memory_buffer));
        self.0.nvram_level.set(Some(levels.nvram));
    }

    /// Number of lines of the memory buffer, 1 to [`MEMORY_MAX`].
    pub(crate) fn set_memory(&self, lines: usize) {
        self.0.memory.resize(lines.min(MEMORY_MAX));
    }

    /// Who gets the lines by syslog, at most [`syslog::HOSTS`]; nobody at the start.
    pub(crate) fn set_syslog(&self, hosts: Vec<SyslogHost>) {
        self.0.syslog.set_hosts(hosts);
    }

    /// What syslog hosts know this MSM by.
    pub(crate) fn set_name(&self, sys_name: &str, role: &str) {
        self.0.syslog.set_name(sys_name, role);
    }

    /// Sends to syslog hosts for as long as it is polled: a task of its own. A second one ends at once.
    pub(crate) fn send_syslog(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.syslog.sender()
    }

    fn ring(&self, target: Target) -> &Ring {
        match target {
            Target::MemoryBuffer => &self.0.memory,
            Target::Nvram => &self.0.nvram,
        }
    }

    /// True if a target takes lines of `severity`.
    fn wants(&self, severity: Severity) -> bool {
        let inner = &self.0;
        inner.memory_level.lets(severity) || inner.nvram_level.lets(severity) || inner.syslog.wants(severity)
    }

    fn take(&self, entry: &Arc<Entry>) {
        let inner = &self.0;
        if inner.memory_level.lets(entry.severity) {
            inner.memory.push(Arc::clone(entry));
        }
        if inner.nvram_level.lets(entry.severity) {
            inner.nvram.push(Arc::clone(entry));
            if let Some(flash) = &inner.flash {
                flash.log_changed();
            }
        }
        inner.syslog.take(entry);
    }
}

impl Default for Log {
    /// A log that nothing is written to.
    fn default() -> Self {
        Self::new(None, None)
    }
}

/// Starts the log of this process: memory buffer, `file`, the terminal if asked for, and nvram if there is a flash. Reads the lines of
/// earlier runs from it.
pub(crate) fn start(
    file: &Path,
    terminal: bool,
    flash: Option<Flash>,
    slot: Option<Slot>,
) -> io::Result<Log> {
    let log = Log::new(flash, slot);
    let recalled = log.0.flash.as_ref().map_or(Ok(()), |flash| nvram::keep(&log.0.nvram, flash));
    let file = Some(Mutex::new(file::BoundedFile::open(file)?));
    let sink = layer::Sink { log: log.clone(), file, terminal };
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(sink))
        .map_err(io::Error::other)?;
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("?");
        tracing::error!(target: "msm.exception", severity = "critical", "task {name} panicked: {panic}");
    }));
    if let Err(why) = recalled {
        tracing::error!(target: "msm.log", "nvram's log starts empty: {why}");
    }
    Ok(log)
}

#[cfg(test)]
mod tests;
