//! Ports as netdevs: bring-up, and the links' ups and downs.

use msm_abi::Lport;
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::l3::names;
use crate::netlink::{self, BringUpError, Fault, Limits, LinkEvent, Netdev, Severity, View};
use msm_config::Config;
use msm_config::port::PortName;

/// What bring-up could not do. What is wrong with a netdev is in the view, and is judged there whenever it changes.
pub(crate) struct Report {
    /// Which.
    pub(crate) lport: Lport,
    /// Why it could not be tried; `None` when it was.
    pub(crate) failure: Option<String>,
}

/// A port to be readied.
pub(crate) struct Port {
    /// Which.
    pub(crate) lport: Lport,
    /// Its netdev.
    pub(crate) netdev: String,
    /// What the netdev must keep to.
    pub(crate) limits: Limits,
}

/// Readies `ports` one after the other, logs what is wrong with each, and tells what could not be tried.
pub(crate) async fn bring_up(ports: Vec<Port>, reports: mpsc::Sender<Report>) {
    for Port { lport, netdev, limits } in ports {
        let port = PortName::of(lport);
        let mut failure = None;
        match netlink::bring_up(&netdev, &limits).await {
            Ok(report) => {
                for mended in &report.mended {
                    info!(target: "msm.port", "port {port}: mended: {}", mended.what());
                }
                for fault in &report.faults {
                    warn!(target: "msm.port", "port {port}: {fault}");
                }
            }
            Err(BringUpError::Refused(fault)) => warn!(target: "msm.port", "port {port}: {fault}"),
            Err(BringUpError::Netlink(error)) => {
                warn!(target: "msm.port", "port {port}: {error}");
                failure = Some(error.to_string());
            }
        }
        if reports.send(Report { lport, failure }).await.is_err() {
            return;
        }
    }
}

/// Sets the links of `ports` up or down. The programs stay attached.
pub(crate) async fn set_all(ports: &[Port], view: &View, up: bool) {
    for Port { lport, netdev, .. } in ports {
        let Some(device) = view.get(netdev) else { continue };
        if let Err(error) = netlink::set_admin(device.ifindex, up).await {
            warn!(target: "msm.port", "port {}: {error}", PortName::of(*lport));
        }
    }
}

/// Which port an event is about, and whether it came to be (again). Logs what operators look for.
pub(crate) fn heard(config: &Config, event: &LinkEvent) -> Option<Lport> {
    let port = |netdev: &str| config.ports.port_of(config.facts(), netdev);
    match event {
        LinkEvent::Added(device) => {
            let lport = port(&device.name)?;
            info!(target: "msm.port", "port {}: netdev {} is there (ifindex {})", PortName::of(lport), device.name, device.ifindex);
            Some(lport)
        }
        LinkEvent::Removed { name, ifindex } => {
            let lport = port(name)?;
            warn!(target: "msm.port", "port {}: netdev {name} (ifindex {ifindex}) is gone", PortName::of(lport));
            None
        }
        LinkEvent::Changed { before, after } => {
            let lport = port(&after.name).or_else(|| port(&before.name))?;
            if before.carrier != after.carrier {
                let state = if after.carrier { "up" } else { "down" };
                info!(target: "msm.port", "port {}: link {state}", PortName::of(lport));
            }
            (before.name != after.name || grew_faults(before, after)).then_some(lport)
        }
        LinkEvent::Resynced => None,
    }
}

/// Whether a port of the stack came to be again under its old index, whose program is gone.
pub(crate) fn renewed(event: &LinkEvent) -> bool {
    matches!(event, LinkEvent::Added(device) if names::of_inner(device.ifindex).is_some())
}

/// Something is wrong now that was not: bring-up may mend it. A link that an operator set down stays down.
fn grew_faults(before: &Netdev, after: &Netdev) -> bool {
    let faults = |device: &Netdev| {
        let mut faults = device.faults(&Limits::default(), None);
        faults.retain(|fault| {
            fault.severity() != Severity::Warning && !matches!(fault, Fault::AdminDown { .. })
        });
        faults
    };
    let known = faults(before);
    faults(after).iter().any(|fault| !known.contains(fault))
}
