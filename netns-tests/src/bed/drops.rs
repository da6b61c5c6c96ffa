//! Where frames go missing: the drop counters of every veth end and of the switch.

use std::collections::BTreeMap;
use std::io;

use super::host::HOST_DEV;
use super::{Answer, BedError, Host, Netns, Result, ethtool, link};

/// Drop counters by place: `h1/eth0 rx_queue_0_drops`, `switch 1:1 hairpin`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DropSites {
    /// Counter by place.
    pub counters: BTreeMap<String, u64>,
    /// Why the switch's own counters are not among them.
    pub unread: Option<String>,
}

impl DropSites {
    /// What moved since `before`, a line each: `h1/eth0 rx_queue_0_drops +3`.
    #[must_use]
    pub fn since(&self, before: &DropSites) -> Vec<String> {
        let moved = |(site, &now): (&String, &u64)| {
            let moved = now.saturating_sub(before.counters.get(site).copied().unwrap_or(0));
            (moved > 0).then(|| format!("{site} +{moved}"))
        };
        let unread = self.unread.as_ref().map(|why| format!("switch: not read: {why}"));
        self.counters.iter().filter_map(moved).chain(unread).collect()
    }

    /// Both ends of every port.
    pub(super) fn of_netdevs(switch: &Netns, hosts: &[Host]) -> Result<Self> {
        let mut sites = Self::default();
        for host in hosts {
            sites.add_netdevs(&host.netns, &host.spec.name, &[HOST_DEV])?;
        }
        let ports: Vec<_> = hosts.iter().map(|host| host.spec.switch_dev.as_str()).collect();
        sites.add_netdevs(switch, "sw", &ports)?;
        Ok(sites)
    }

    fn add_netdevs(&mut self, netns: &Netns, place: &str, devs: &[&str]) -> Result<()> {
        let read = || -> io::Result<Vec<(String, u64)>> {
            let mut counters = Vec::new();
            for link in link::list()?.iter().filter(|link| devs.contains(&link.name.as_str())) {
                let dev = &link.name;
                counters.push((format!("{place}/{dev} rx_dropped"), link.rx_dropped));
                counters.push((
                    format!("{place}/{dev} tx_dropped (peer's ring full, or no carrier)"),
                    link.tx_dropped,
                ));
                let driver = ethtool::stats(dev)?;
                let drops = driver.into_iter().filter(|(name, _)| is_loss(name, dev));
                counters.extend(drops.map(|(name, value)| (format!("{place}/{dev} {name}"), value)));
            }
            Ok(counters)
        };
        let counters = netns.enter(read)?.map_err(BedError::io(format!("reading counters of {place}")))?;
        self.counters.extend(counters);
        Ok(())
    }

    /// The product's own counters, from its answer to `show ports`.
    pub(super) fn add_switch(&mut self, shown: Result<Answer>) {
        let ports = match shown {
            Ok(answer) => answer.data,
            Err(error) => {
                self.unread = Some(error.to_string());
                return;
            }
        };
        for port in ports["ports"].as_array().into_iter().flatten() {
            let name = port["port"].as_str().unwrap_or("?");
            for (reason, count) in port["drops"].as_object().into_iter().flatten() {
                self.counters.insert(format!("switch {name} {reason}"), count.as_u64().unwrap_or(0));
            }
        }
    }
}

/// veth's statistics that mean a lost frame. A host's `xdp_drops` do not: there the probe's receiver takes its frames so.
fn is_loss(name: &str, dev: &str) -> bool {
    let queue_drops =
        name.starts_with("rx_queue_") && name.ends_with("_drops") && !name.ends_with("xdp_drops");
    queue_drops || name.ends_with("_errors") || (name.ends_with("xdp_drops") && dev != HOST_DEV)
}
