//! Where log lines go (`configure log target`, `configure syslog`).

use std::collections::BTreeMap;
use std::fmt;

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Refusal, render::Text};

/// Syslog hosts at once.
const HOSTS_MAX: usize = 8;

/// Lines of the ring in memory (manual).
const LINES_DEFAULT: u32 = 1000;

/// How bad, worst first; names as EMS has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The switch cannot work.
    Critical,
    /// Something failed.
    Error,
    /// Redundancy is lost, or something will fail.
    Warning,
    /// Out of the ordinary.
    Notice,
    /// For the record.
    Info,
    /// For developers.
    Debug,
}

impl Severity {
    /// All, worst first, with their words.
    pub const ALL: [(&'static str, Self); 6] = [
        ("critical", Self::Critical),
        ("error", Self::Error),
        ("warning", Self::Warning),
        ("notice", Self::Notice),
        ("info", Self::Info),
        ("debug", Self::Debug),
    ];
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|(word, _)| *word == text);
        found.map(|(_, severity)| severity).ok_or_else(|| {
            format!(
                "\"{}\" is no severity; critical, error, warning, notice, info or debug",
                text.escape_default()
            )
        })
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL[*self as usize].0)
    }
}

/// local0 to local7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility(pub u8);

impl fmt::Display for Facility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "local{}", self.0)
    }
}

/// Where syslog goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyslogHost {
    /// UDP port.
    pub port: u16,
    /// Facility.
    pub facility: Facility,
    /// This bad or worse.
    pub severity: Severity,
}

/// Default UDP port (RFC 5426 3.3).
const SYSLOG_PORT: u16 = 514;

/// Where log lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The ring in memory keeps what is this bad or worse.
    pub memory: Severity,
    /// The ring that outlives a boot keeps what is this bad or worse.
    pub nvram: Severity,
    /// Syslog is sent.
    pub syslog: bool,
    /// To these, by address or name.
    pub hosts: BTreeMap<String, SyslogHost>,
    /// Configuration commands are logged.
    pub commands: bool,
    /// Lines that the ring in memory holds.
    pub lines: u32,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            memory: Severity::Info,
            nvram: Severity::Warning,
            syslog: true,
            hosts: BTreeMap::new(),
            commands: true,
            lines: LINES_DEFAULT,
        }
    }
}

/// A change of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogChange {
    /// `configure log target memory-buffer severity`
    Memory(Severity),
    /// `configure log target nvram severity`
    Nvram(Severity),
    /// `configure log target memory-buffer number-of-messages`
    Lines(u32),
    /// `enable|disable syslog`
    Syslog(bool),
    /// `configure syslog add`
    AddHost(String, SyslogHost),
    /// `configure syslog delete`
    DeleteHost(String),
    /// `enable|disable cli-config-logging`
    Commands(bool),
}

impl Log {
    pub(super) fn apply(&mut self, change: &LogChange) -> Result<(), Refusal> {
        match change {
            LogChange::Memory(severity) => self.memory = *severity,
            LogChange::Nvram(severity) => self.nvram = *severity,
            LogChange::Lines(lines) => self.lines = *lines,
            LogChange::Syslog(on) => self.syslog = *on,
            LogChange::Commands(on) => self.commands = *on,
            LogChange::AddHost(name, host) => {
                if self.hosts.contains_key(name) {
                    return Err(Refusal::SyslogExists(name.clone()));
                }
                if self.hosts.len() == HOSTS_MAX {
                    return Err(Refusal::TooMany { what: "syslog hosts", most: HOSTS_MAX });
                }
                self.hosts.insert(name.clone(), *host);
            }
            LogChange::DeleteHost(name) => {
                self.hosts.remove(name).ok_or_else(|| Refusal::NoSyslog(name.clone()))?;
            }
        }
        Ok(())
    }

    pub(super) fn render(&self, out: &mut Text) {
        let default = Self::default();
        out.section("Log target Configuration");
        if self.memory != default.memory {
            out.line(&LogChange::Memory(self.memory));
        }
        if self.nvram != default.nvram {
            out.line(&LogChange::Nvram(self.nvram));
        }
        if self.lines != default.lines {
            out.line(&LogChange::Lines(self.lines));
        }
        if self.commands != default.commands {
            out.line(&LogChange::Commands(self.commands));
        }
        for (name, host) in &self.hosts {
            out.line(&LogChange::AddHost(name.clone(), *host));
        }
        if self.syslog != default.syslog {
            out.line(&LogChange::Syslog(self.syslog));
        }
    }
}

impl SyslogHost {
    /// A host at the usual port.
    #[must_use]
    pub fn new(port: Option<u16>, facility: Facility, severity: Option<Severity>) -> Self {
        Self { port: port.unwrap_or(SYSLOG_PORT), facility, severity: severity.unwrap_or(Severity::Info) }
    }
}

fn verb(on: bool) -> &'static str {
    if on { "enable" } else { "disable" }
}

impl fmt::Display for LogChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(severity) => write!(f, "configure log target memory-buffer severity {severity}"),
            Self::Nvram(severity) => write!(f, "configure log target nvram severity {severity}"),
            Self::Lines(lines) => write!(f, "configure log target memory-buffer number-of-messages {lines}"),
            Self::Syslog(on) => write!(f, "{} syslog", verb(*on)),
            Self::AddHost(name, host) => {
                let SyslogHost { port, facility, severity } = host;
                write!(f, "configure syslog add \"{name}\" port {port} {facility} {severity}")
            }
            Self::DeleteHost(name) => write!(f, "configure syslog delete \"{name}\""),
            Self::Commands(on) => write!(f, "{} cli-config-logging", verb(*on)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_read_as_they_are_written() {
        for (_, severity) in Severity::ALL {
            assert_eq!(severity.to_string().parse(), Ok(severity));
        }
        assert!("warn".parse::<Severity>().expect_err("short").contains("warning"));
    }
}
