//! Namespaces, veth pairs and offloads of a bed.

use super::host::{HOST_DEV, mac_of, mac_text};
use super::{BedError, BedOptions, Host, HostSpec, Netns, Result, SwitchKind, ethtool, ip};

/// Makes the hosts and their ports; the switch namespace is there.
pub(super) fn hosts(options: &BedOptions, switch: &Netns) -> Result<Vec<Host>> {
    let mut hosts = Vec::new();
    for spec in &options.hosts {
        hosts.push(host(&options.prefix, spec, switch)?);
    }
    let mut lines = vec!["link set lo up".to_owned()];
    if options.switch == SwitchKind::Bridge {
        lines.push("link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0".to_owned());
        lines.push("link set br0 up".to_owned());
    }
    for HostSpec { switch_dev, .. } in &options.hosts {
        if options.switch == SwitchKind::Bridge {
            lines.push(format!("link set {switch_dev} master br0"));
        }
        lines.push(format!("link set {switch_dev} up"));
    }
    quiet_ports(switch, options)?;
    ip::batch(Some(switch.name()), &lines)?;
    if options.switch == SwitchKind::Bridge {
        bridge_gro(switch, options)?;
    }
    Ok(hosts)
}

fn host(prefix: &str, spec: &HostSpec, switch: &Netns) -> Result<Host> {
    let name = format!("{prefix}{}", spec.name);
    let netns = Netns::create(&name)?;
    let HostSpec { switch_dev, switch_ifindex, ifindex, number, .. } = spec;
    // Straight into the namespaces, with indexes of our choice on both ends: see `HostSpec::switch_ifindex`.
    ip::batch(
        None,
        &[format!(
            "link add name {switch_dev} index {switch_ifindex} netns {} type veth \
             peer name {HOST_DEV} index {ifindex} netns {name} address {}",
            switch.name(),
            mac_text(mac_of(spec))
        )],
    )?;
    netns.enter(|| {
        no_ipv6(HOST_DEV)?;
        let failed = |what: &str| BedError::io(format!("{what} on {name}/{HOST_DEV}"));
        ethtool::set_gro(HOST_DEV, true).map_err(failed("GRO on"))?;
        ethtool::set_tx_checksum(HOST_DEV, false).map_err(failed("transmit checksum offload off"))?;
        ethtool::set_tx_vlan(HOST_DEV, false).map_err(failed("transmit VLAN offload off"))
    })??;
    ip::batch(
        Some(&name),
        &[
            "link set lo up".to_owned(),
            format!("addr add 10.0.0.{number}/24 dev {HOST_DEV}"),
            format!("link set {HOST_DEV} up"),
        ],
    )?;
    Ok(Host { spec: spec.clone(), netns })
}

fn quiet_ports(switch: &Netns, options: &BedOptions) -> Result<()> {
    switch.enter(|| options.hosts.iter().try_for_each(|host| no_ipv6(&host.switch_dev)))?
}

/// GRO for the bridge's ports, which have no XDP program to make veth poll. Once they are up: while a netdev is down, veth does not tell
/// its peer that frames may now be redirected to it (drivers/net/veth.c, veth_set_features).
fn bridge_gro(switch: &Netns, options: &BedOptions) -> Result<()> {
    switch.enter(|| {
        options.hosts.iter().try_for_each(|HostSpec { switch_dev, .. }| {
            let failed = BedError::io(format!("GRO on {}/{switch_dev}", switch.name()));
            ethtool::set_gro(switch_dev, true).map_err(failed)
        })
    })?
}

/// Router solicitations and neighbour discovery are not the traffic that is measured.
pub(super) fn no_ipv6(dev: &str) -> Result<()> {
    let path = format!("/proc/sys/net/ipv6/conf/{dev}/disable_ipv6");
    match std::fs::write(&path, "1") {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()), // a kernel without IPv6
        other => other.map_err(BedError::io(format!("writing {path}"))),
    }
}
