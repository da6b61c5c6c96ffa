//! Ports by themselves (`enable|disable ports`).

use std::fmt;

use super::{Facts, Refusal, render::Text};
use crate::portlist::{PortList, PortSet};

/// Which ports an operator has disabled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    /// These.
    pub disabled: PortSet,
}

/// A change of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortsChange {
    /// True: `enable ports`.
    pub enable: bool,
    /// `None`: all.
    pub ports: Option<PortList>,
}

impl Ports {
    pub(super) fn apply(&mut self, facts: &Facts, change: &PortsChange) -> Result<(), Refusal> {
        let ports = match &change.ports {
            Some(list) => list.resolve(&facts.ports).map_err(Refusal::NoPort)?,
            None => facts.ports.clone(),
        };
        for lport in ports {
            if change.enable {
                self.disabled.remove(&lport);
            } else {
                self.disabled.insert(lport);
            }
        }
        Ok(())
    }

    pub(super) fn render(&self, out: &mut Text) {
        out.section("Ports Configuration");
        if !self.disabled.is_empty() {
            out.line(&PortsChange { enable: false, ports: Some(PortList::of(&self.disabled)) });
        }
    }
}

impl fmt::Display for PortsChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.enable { "enable" } else { "disable" };
        match &self.ports {
            Some(ports) => write!(f, "{verb} ports {ports}"),
            None => write!(f, "{verb} ports all"),
        }
    }
}
