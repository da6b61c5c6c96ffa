//! `show iproute|ipfdb|iparp|ipconfig`: tables in the manual's columns.

use std::fmt::Write;

use super::super::views::l3::{Hosts, IpConfig, Neighbours, Routes};

fn or_dash(text: Option<&str>) -> &str {
    text.unwrap_or("-")
}

/// A line a gateway.
pub(super) fn routes(view: &Routes) -> String {
    let mut text =
        format!("{:<10} {:<28} {:<26} {:>6} {:<6} VLAN\n", "Ori", "Destination", "Gateway", "Mtr", "Flags");
    for route in &view.routes {
        let fault = route.fault.as_ref().map_or(String::new(), |fault| format!(" ({fault})"));
        let flags = format!(
            "{}{}",
            if route.active { 'U' } else { '-' },
            if route.hops.len() > 1 { 'm' } else { '-' }
        );
        let lines = if route.hops.is_empty() {
            vec![(route.kind.as_str(), "-")]
        } else {
            let hop = |hop: &super::super::views::l3::Hop| {
                let netdev = hop.netdev.as_deref();
                (
                    hop.gateway.clone().unwrap_or_else(|| "direct".to_owned()),
                    hop.vlan.as_deref().or(netdev).map(str::to_owned),
                )
            };
            let hops: Vec<_> = route.hops.iter().map(hop).collect();
            for (gateway, vlan) in &hops {
                let _ = writeln!(
                    text,
                    "{:<10} {:<28} {gateway:<26} {:>6} {flags:<6} {}{fault}",
                    route.origin,
                    route.destination,
                    route.metric,
                    or_dash(vlan.as_deref())
                );
            }
            continue;
        };
        for (gateway, vlan) in lines {
            let _ = writeln!(
                text,
                "{:<10} {:<28} {gateway:<26} {:>6} {flags:<6} {vlan}{fault}",
                route.origin, route.destination, route.metric
            );
        }
    }
    let _ =
        writeln!(text, "Flags: (U) in force, (m) one of several\nTotal number of routes = {}.", view.count);
    text
}

/// A line a host.
pub(super) fn hosts(view: &Hosts) -> String {
    let mut text = format!("{:<40} {:<17} {:<20} {:>4} Port\n", "Dest IP Addr", "MAC Address", "VLAN", "VID");
    for host in &view.hosts {
        let _ = writeln!(
            text,
            "{:<40} {:<17} {:<20} {:>4} {}",
            host.address,
            host.mac,
            or_dash(host.vlan.as_deref()),
            host.vid,
            or_dash(host.port.as_deref())
        );
    }
    let _ = writeln!(text, "Total number of IP FDB entries = {}.", view.count);
    text
}

/// A line a neighbour, then the counts.
pub(super) fn neighbours(view: &Neighbours) -> String {
    let mut text = format!(
        "{:<40} {:<17} {:<10} {:<6} {:<20} {:>4} Port\n",
        "Destination", "Mac", "State", "Static", "VLAN", "VID"
    );
    for row in &view.neighbours {
        let _ = writeln!(
            text,
            "{:<40} {:<17} {:<10} {:<6} {:<20} {:>4} {}",
            row.address,
            or_dash(row.mac.as_deref()),
            row.state,
            if row.fixed { "YES" } else { "NO" },
            or_dash(row.vlan.as_deref()),
            row.vid,
            or_dash(row.port.as_deref())
        );
    }
    let dynamic = view.count - view.static_count - view.pending_count;
    let _ = writeln!(
        text,
        "\nDynamic Entries  : {dynamic}\nStatic Entries   : {}\nPending Entries  : {}\nTimeout          : {} minutes",
        view.static_count, view.pending_count, view.timeout_min
    );
    text
}

/// A block a VLAN.
pub(super) fn ip_config(view: &IpConfig) -> String {
    let word = |on: bool| if on { "Enabled" } else { "Disabled" };
    let mut text = String::new();
    for row in &view.interfaces {
        let _ = writeln!(text, "{} (VID {}), netdev {}:", row.vlan, row.vid, or_dash(row.netdev.as_deref()));
        let _ = writeln!(text, "     IP address:      {}", or_dash(row.address.as_deref()));
        for address in &row.addresses6 {
            let _ = writeln!(text, "     IPv6 address:    {address}");
        }
        let _ = writeln!(text, "     IP forwarding:   {}", word(row.forwarding));
        let _ = writeln!(text, "     IPv6 forwarding: {}", word(row.forwarding6));
        let _ = writeln!(text, "     IP MTU:          {}", row.mtu);
        let _ = writeln!(text, "     MAC address:     {}", or_dash(row.mac.as_deref()));
        let _ = writeln!(text, "     State:           {}", if row.up { "up" } else { "down" });
    }
    let _ = writeln!(
        text,
        "Static routes: {}   Static neighbours: {}   ARP timeout: {} minutes",
        view.static_routes, view.static_neighbours, view.arp_timeout_min
    );
    text
}
