//! Interfaces: each VLAN with an address has a pair of veths, with addresses and settings of a router. Looks first, writes what differs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use msm_abi::SVIS;
use msm_config::Config;

use super::{names, sysctl};
use crate::netlink::{Addresses, End, Found, Netdev, NetlinkError, Pairs, View, look};

/// EEXIST.
const THERE: i32 = rustix::io::Errno::EXIST.raw_os_error();

/// A VLAN's interface as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interface {
    vid: u16,
    mtu: u16,
    addresses: BTreeSet<(IpAddr, u8)>,
    forwarding: bool,
    forwarding6: bool,
    timeout_s: u32,
}

/// For which neighbours an interface remembers what it does not use, if it always does: the most that the kernel's setting holds, about a year.
const ALWAYS_S: u32 = 30_000_000;

/// Interfaces by number.
pub(super) fn wanted(config: &Config) -> BTreeMap<u16, Interface> {
    let timeout_s = match config.routing.timeout_min {
        0 => ALWAYS_S,
        minutes => u32::from(minutes) * 60,
    };
    let interface = |vlan: &msm_config::model::Vlan| {
        let v4 = vlan.interface.map(|i| (IpAddr::V4(i.address), i.prefix));
        let v6 = vlan.interfaces6.iter().map(|i| (IpAddr::V6(i.address), i.prefix));
        Interface {
            vid: vlan.vid,
            mtu: vlan.mtu(),
            addresses: v4.into_iter().chain(v6).collect(),
            forwarding: vlan.forwarding && vlan.interface.is_some(),
            forwarding6: vlan.forwarding6 && !vlan.interfaces6.is_empty(),
            timeout_s,
        }
    };
    config.vlans.iter().filter_map(|(_, vlan)| Some((vlan.svi?, interface(vlan)))).collect()
}

impl Interface {
    fn ends(&self, number: u16, mac: [u8; 6]) -> [End; 2] {
        let mtu = u32::from(self.mtu);
        [
            End { ifindex: names::outer(number), name: names::outer_name(self.vid), mac: Some(mac), mtu },
            End { ifindex: names::inner(number), name: names::inner_name(self.vid), mac: None, mtu },
        ]
    }

    fn has_ipv6(&self) -> bool {
        self.addresses.iter().any(|(address, _)| address.is_ipv6())
    }

    /// Settings of the outer end, below /proc/sys/net.
    fn settings(&self) -> Vec<(String, String)> {
        let name = names::outer_name(self.vid);
        let flag = |on: bool| if on { "1" } else { "0" }.to_owned();
        let v4 = [
            ("forwarding", flag(self.forwarding)),
            // Two paths to one network are lawful (RFC 3704 section 2.4): what may come in is the access lists' to say.
            ("rp_filter", flag(false)),
            ("accept_redirects", flag(false)),
            ("secure_redirects", flag(false)),
            ("accept_source_route", flag(false)),
            // RFC 1812 section 5.2.7.2.
            ("send_redirects", flag(true)),
            ("bc_forwarding", flag(false)),
            // All interfaces have one MAC: each answers for its own address only, and asks by it.
            ("arp_ignore", "1".to_owned()),
            ("arp_announce", "2".to_owned()),
            ("proxy_arp", flag(false)),
        ];
        let v6 = [
            ("disable_ipv6", flag(!self.has_ipv6())),
            ("forwarding", flag(self.forwarding6)),
            // Linux 6.17: forwards by this interface without all others.
            ("force_forwarding", flag(self.forwarding6)),
            ("accept_ra", flag(false)),
            ("autoconf", flag(false)),
            ("accept_redirects", flag(false)),
            ("keep_addr_on_down", "1".to_owned()),
        ];
        let v4 = v4.into_iter().map(|(key, value)| (format!("ipv4/conf/{name}/{key}"), value));
        let v6 = v6.into_iter().map(|(key, value)| (format!("ipv6/conf/{name}/{key}"), value));
        let neighbours = ["ipv4", "ipv6"]
            .map(|family| (format!("{family}/neigh/{name}/gc_stale_time"), self.timeout_s.to_string()));
        v4.chain(v6).chain(neighbours).collect()
    }
}

/// The netdevs at the interfaces' indices: what is different there, somebody has changed.
pub(super) fn there(view: &View) -> Vec<Netdev> {
    let ends = (0..SVIS as u16).flat_map(|number| [names::outer(number), names::inner(number)]);
    let still = |device: Netdev| Netdev { carrier: false, carrier_changes: 0, xdp_features: 0, ..device };
    ends.filter_map(|ifindex| view.by_index(ifindex)).map(still).collect()
}

/// Makes the interfaces those `wanted`. How many writes it took, of netlink and of settings, and what could not be made.
pub(super) async fn make(view: &View, wanted: &BTreeMap<u16, Interface>, mac: [u8; 6]) -> (u64, Vec<String>) {
    let mut faults = Vec::new();
    let mut writes = 0;
    let found: Vec<(u16, Found)> = (0..SVIS as u16)
        .map(|number| (number, look(view, [names::outer(number), names::inner(number)])))
        .filter(|(number, found)| {
            wanted.contains_key(number) || matches!(found, Found::Pair(pair) if pair[0].mac == mac)
        })
        .collect();
    if found.is_empty() {
        return (0, faults);
    }
    let (mut pairs, mut addresses) = match (Pairs::open().await, Addresses::read().await) {
        (Ok(pairs), Ok(addresses)) => (pairs, addresses),
        (Err(error), _) | (_, Err(error)) => return (0, vec![error.to_string()]),
    };
    // Removed first: the name of one may be that of another.
    for (number, found) in &found {
        if let (None, Found::Pair(pair)) = (wanted.get(number), found)
            && let Err(error) = pairs.remove(&pair[0]).await
        {
            faults.push(error.to_string());
        }
    }
    if let Err(error) = step_aside(&mut pairs, wanted, &found, mac).await {
        faults.push(error.to_string());
    }
    for (number, found) in &found {
        let Some(interface) = wanted.get(number) else { continue };
        let taken = interface.ends(*number, mac).iter().any(|end| view.get(&end.name).is_some());
        match one(&mut pairs, &mut addresses, interface, *number, found, mac, taken).await {
            Ok(settings) => writes += settings,
            Err(error) => faults.push(format!("interface {}: {error}", names::outer_name(interface.vid))),
        }
    }
    if let Err(error) = of_all(wanted) {
        faults.push(error);
    }
    (writes + pairs.writes + addresses.writes, faults)
}

/// Ends whose name another end is to have get one of their own first: two VLANs may have exchanged their ids.
async fn step_aside(
    pairs: &mut Pairs,
    wanted: &BTreeMap<u16, Interface>,
    found: &[(u16, Found)],
    mac: [u8; 6],
) -> Result<(), NetlinkError> {
    let ends = |number: u16| wanted.get(&number).map(|interface| interface.ends(number, mac));
    let names: BTreeMap<String, u32> = wanted
        .keys()
        .filter_map(|number| ends(*number))
        .flatten()
        .map(|end| (end.name, end.ifindex))
        .collect();
    for (number, found) in found {
        let (Found::Pair(pair), Some(ends)) = (found, ends(*number)) else { continue };
        for (device, end) in pair.iter().zip(ends) {
            if names.get(&device.name).is_some_and(|ifindex| *ifindex != device.ifindex) {
                pairs.rename(&End { name: format!("v-{}", device.ifindex), ..end }).await?;
            }
        }
    }
    Ok(())
}

async fn one(
    pairs: &mut Pairs,
    addresses: &mut Addresses,
    interface: &Interface,
    number: u16,
    found: &Found,
    mac: [u8; 6],
    taken: bool,
) -> Result<u64, String> {
    let said = |error: NetlinkError| error.to_string();
    let [outer, inner] = interface.ends(number, mac);
    let up = |device: &Netdev| device.admin_up;
    let ready = match found {
        Found::Other(name) => {
            return Err(format!(
                "{name} has ifindex {} or {}, which are those of the interface; give it another",
                outer.ifindex, inner.ifindex
            ));
        }
        Found::Nothing => {
            match pairs.make(&outer, &inner).await {
                // It was made a moment ago: the view, which does not have it yet, tells when it does.
                Err(NetlinkError::Refused { source, .. })
                    if source.raw_os_error() == Some(THERE) && !taken => {}
                made => made.map_err(said)?,
            }
            [false, false]
        }
        Found::Pair(pair) => {
            pairs.mend(&pair[0], &outer).await.map_err(said)?;
            pairs.mend(&pair[1], &inner).await.map_err(said)?;
            [up(&pair[0]), up(&pair[1])]
        }
    };
    pairs.settle(outer.ifindex).await.map_err(said)?;
    // The inner end is a port: the stack has nothing to say there.
    let quiet = [(format!("ipv6/conf/{}/disable_ipv6", inner.name), "1".to_owned())];
    let writes = sysctl::set_all(interface.settings().into_iter().chain(quiet).collect()).await?;
    for (end, ready) in [(&outer, ready[0]), (&inner, ready[1])] {
        if !ready {
            pairs.up(end).await.map_err(said)?;
        }
    }
    addresses.set(outer.ifindex, &interface.addresses).await.map_err(said)?;
    Ok(writes)
}

/// What holds for all netdevs at once: the strictest of two filters counts, and IPv6 before Linux 6.17 forwards everywhere or nowhere.
fn of_all(wanted: &BTreeMap<u16, Interface>) -> Result<(), String> {
    if wanted.is_empty() {
        return Ok(());
    }
    sysctl::set("ipv4/conf/all/rp_filter", "0")?;
    // Routes say what their next-hop objects are, and are told of again when that changes.
    sysctl::set("ipv4/nexthop_compat_mode", "1")?;
    let by_interface = wanted.values().next().is_some_and(|interface| {
        let path = format!("/proc/sys/net/ipv6/conf/{}/force_forwarding", names::outer_name(interface.vid));
        std::path::Path::new(&path).exists()
    });
    if !by_interface && wanted.values().any(|interface| interface.forwarding6) {
        sysctl::set("ipv6/conf/all/forwarding", "1")?;
    }
    Ok(())
}
