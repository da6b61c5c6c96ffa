//! Who the switch is (`configure snmp sysName|sysLocation|sysContact`).

use std::fmt;

use super::{Facts, render::Text};

/// Name, location, contact (RFC 3418 system group).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct System {
    /// Name of the switch; the prompt shows it.
    pub name: String,
    /// Where it is.
    pub location: String,
    /// Who answers for it.
    pub contact: String,
}

/// A change of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SystemChange {
    /// `configure snmp sysName`
    Name(String),
    /// `configure snmp sysLocation`
    Location(String),
    /// `configure snmp sysContact`
    Contact(String),
}

impl System {
    pub(super) fn factory(facts: &Facts) -> Self {
        Self { name: facts.sys_name.clone(), ..Self::default() }
    }

    pub(super) fn apply(&mut self, change: &SystemChange) {
        match change {
            SystemChange::Name(text) => self.name.clone_from(text),
            SystemChange::Location(text) => self.location.clone_from(text),
            SystemChange::Contact(text) => self.contact.clone_from(text),
        }
    }

    pub(super) fn render(&self, out: &mut Text) {
        out.section("SNMP Configuration");
        out.line(&SystemChange::Name(self.name.clone()));
        for change in
            [SystemChange::Location(self.location.clone()), SystemChange::Contact(self.contact.clone())]
        {
            match &change {
                SystemChange::Location(text) | SystemChange::Contact(text) if text.is_empty() => {}
                change => out.line(change),
            }
        }
    }
}

impl fmt::Display for SystemChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(text) => write!(f, "configure snmp sysName \"{text}\""),
            Self::Location(text) => write!(f, "configure snmp sysLocation \"{text}\""),
            Self::Contact(text) => write!(f, "configure snmp sysContact \"{text}\""),
        }
    }
}
