//! Mirroring: copies of what ports receive and send, at a monitor port (`enable mirroring`, `configure mirroring`).

use std::fmt;
use std::sync::Arc;

use msm_abi::Lport;

use super::{Config, Refusal, render::Text};
use crate::port::PortName;
use crate::portlist::{Missing, PortList, PortSet};

/// Which of a port's frames are copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mirrored {
    /// Those that it receives.
    Ingress,
    /// Those that it sends.
    Egress,
    /// All.
    #[default]
    Both,
}

impl Mirrored {
    /// Each with its word.
    pub const ALL: [(&'static str, Self); 3] =
        [("ingress", Self::Ingress), ("egress", Self::Egress), ("ingress-and-egress", Self::Both)];
}

/// A monitor port and whom it monitors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirroring {
    /// Where the copies go; `None`: mirroring is off, and then nobody is monitored.
    pub monitor: Option<Lport>,
    /// Ports whose received frames are copied.
    pub received: PortSet,
    /// Ports whose sent frames are copied.
    pub sent: PortSet,
}

/// A change of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MirroringChange {
    /// `enable mirroring to port`
    Enable(PortName),
    /// `disable mirroring`
    Disable,
    /// `configure mirroring add ports`
    Add(PortList, Mirrored),
    /// `configure mirroring delete`; `None`: all
    Delete(Option<PortList>),
}

impl Mirroring {
    /// Ports that are monitored.
    #[must_use]
    pub fn ports(&self) -> PortSet {
        self.received.union(&self.sent).copied().collect()
    }

    pub(super) fn render(&self, out: &mut Text) {
        out.section("Mirroring Configuration");
        let Some(monitor) = self.monitor else { return };
        out.line(&MirroringChange::Enable(PortName::of(monitor)));
        let both: PortSet = self.received.intersection(&self.sent).copied().collect();
        let only = |ports: &PortSet| ports.difference(&both).copied().collect::<PortSet>();
        for (ports, what) in [
            (only(&self.received), Mirrored::Ingress),
            (only(&self.sent), Mirrored::Egress),
            (both.clone(), Mirrored::Both),
        ] {
            if !ports.is_empty() {
                out.line(&MirroringChange::Add(PortList::of(&ports), what));
            }
        }
    }
}

pub(super) fn apply(config: &mut Config, change: &MirroringChange) -> Result<(), Refusal> {
    let facts = Arc::clone(config.facts());
    let resolve = |ports: &PortList| ports.resolve(&facts.ports).map_err(Refusal::NoPort);
    let mut mirroring = Mirroring::clone(&config.mirroring);
    match change {
        MirroringChange::Enable(port) => {
            if !facts.ports.contains(&port.lport()) {
                return Err(Refusal::NoPort(Missing::Port(*port)));
            }
            if mirroring.ports().contains(&port.lport()) {
                return Err(Refusal::PortInUse {
                    port: *port,
                    user: "mirroring, as a monitored port".into(),
                });
            }
            let lport = port.lport();
            if let Some(master) = config.sharing.master(lport) {
                return Err(Refusal::PortGrouped { port: *port, master: PortName::of(master) });
            }
            let member = |vlan: &super::Vlan| vlan.untagged.contains(&lport) || vlan.tagged.contains(&lport);
            if let Some((vlan, _)) = config.vlans.iter().find(|(_, vlan)| member(vlan)) {
                return Err(Refusal::MonitorIsMember { port: *port, vlan: vlan.clone() });
            }
            mirroring.monitor = Some(lport);
        }
        MirroringChange::Disable => mirroring = Mirroring::default(),
        MirroringChange::Add(ports, what) => {
            let Some(monitor) = mirroring.monitor else { return Err(Refusal::MirroringOff) };
            let ports = resolve(ports)?;
            if ports.contains(&monitor) {
                let (port, user) = (PortName::of(monitor), "mirroring, as the monitor port".to_owned());
                return Err(Refusal::PortInUse { port, user });
            }
            for lport in ports {
                mirroring.received.remove(&lport);
                mirroring.sent.remove(&lport);
                if *what != Mirrored::Egress {
                    mirroring.received.insert(lport);
                }
                if *what != Mirrored::Ingress {
                    mirroring.sent.insert(lport);
                }
            }
        }
        MirroringChange::Delete(ports) => {
            let ports = ports.as_ref().map_or_else(|| Ok(facts.ports.clone()), resolve)?;
            mirroring.received.retain(|lport| !ports.contains(lport));
            mirroring.sent.retain(|lport| !ports.contains(lport));
        }
    }
    config.mirroring = Arc::new(mirroring);
    Ok(())
}

impl fmt::Display for Mirrored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(_, what)| what == self).map_or("", |(word, _)| word))
    }
}

impl fmt::Display for MirroringChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enable(port) => write!(f, "enable mirroring to port {port}"),
            Self::Disable => f.write_str("disable mirroring"),
            Self::Add(ports, what) => write!(f, "configure mirroring add ports {ports} {what}"),
            Self::Delete(Some(ports)) => write!(f, "configure mirroring delete ports {ports}"),
            Self::Delete(None) => f.write_str("configure mirroring delete all"),
        }
    }
}
