//! What FRR is to run and to be told: made of our configuration. Pure.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use msm_config::Config;
use msm_config::model::{LinkType, OspfTimers, OspfVlan, Rip, Source, Vlan};

use super::Daemon;
use super::lines::Block;
use super::orders::{Link, Orders, Speaker};

/// A router's: routes follow a change within 50 ms, and at most 5 times a second while changes go on.
const OSPF_THROTTLES: [&str; 3] =
    ["timers throttle spf 0 50 200", "timers throttle lsa all 0", "timers lsa min-arrival 0"];

/// After its start BGP tells nobody anything before its neighbours are there, or 5 s have passed since the first was: what it has not
/// heard again would be gone for the others.
const BGP_DELAY: &str = "update-delay 30 5";

/// What is to run and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// For the supervisor.
    pub(super) orders: Orders,
    /// Configuration of each daemon that is to run.
    pub(super) blocks: BTreeMap<Daemon, Block>,
}

/// What `config` wants. `netdev` names the interface of a VLAN.
pub(super) fn wanted(config: &Config, netdev: impl Fn(&Vlan) -> String) -> Wanted {
    let router_id = largest(config);
    let hold_s = u32::try_from(config.failover.timeout.as_secs()).unwrap_or(60);
    let mut blocks = BTreeMap::new();
    let mut speaker = None;
    if config.ospf.enabled {
        let id = config.ospf.router_id.or(router_id);
        blocks.insert(Daemon::Ospfd, ospf(config, id, hold_s, &netdev));
        speaker = id.map(|router_id| Speaker { router_id, links: links(config, &netdev) });
    }
    if let Some(number) = config.bgp.as_number.filter(|_| config.bgp.enabled) {
        blocks.insert(Daemon::Bgpd, bgp(config, number, config.bgp.router_id.or(router_id), hold_s));
    }
    if config.rip.enabled {
        blocks.insert(Daemon::Ripd, rip(config, &netdev));
    }
    if !blocks.is_empty() {
        blocks.insert(Daemon::Zebra, Block::default());
    }
    Wanted {
        orders: Orders { daemons: blocks.keys().copied().collect(), hold_s, anew: 0, ospf: speaker },
        blocks,
    }
}

/// The largest address of the switch.
fn largest(config: &Config) -> Option<Ipv4Addr> {
    let address = |vlan: &Vlan| vlan.interface.map(|interface| interface.address);
    config.vlans.iter().filter(|(_, vlan)| vlan.vid != 0).filter_map(|(_, vlan)| address(vlan)).max()
}

/// FRR's word. Static routes are in the kernel, where zebra finds them.
fn word(source: Source) -> &'static str {
    match source {
        Source::Direct => "connected",
        Source::Static => "kernel",
        Source::Ospf => "ospf",
        Source::Bgp => "bgp",
        Source::Rip => "rip",
    }
}

fn ospf(config: &Config, id: Option<Ipv4Addr>, hold_s: u32, netdev: &impl Fn(&Vlan) -> String) -> Block {
    let mut out = Block::default();
    for (name, settings) in &config.ospf.vlans {
        if let Some(vlan) = config.vlans.get(name) {
            out.blocks.push((format!("interface {}", netdev(vlan)), ospf_interface(settings)));
        }
    }
    let router = out.block_mut("router ospf".to_owned());
    if let Some(id) = id {
        router.line(format!("ospf router-id {id}"));
    }
    OSPF_THROTTLES.iter().for_each(|line| router.line(*line));
    for (source, export) in &config.ospf.exports {
        let cost = export.cost.map_or_else(String::new, |cost| format!(" metric {cost}"));
        let kind = if export.type_1 { " metric-type 1" } else { "" };
        router.line(format!("redistribute {}{cost}{kind}", word(*source)));
    }
    router.line(format!("graceful-restart grace-period {hold_s}"));
    router.line("graceful-restart helper enable");
    router.line("capability opaque");
    out
}

/// What FRR does by itself it does not print either.
fn ospf_interface(settings: &OspfVlan) -> Block {
    let OspfVlan { area, link, passive, timers, cost, priority } = *settings;
    let usual = OspfTimers::default();
    let mut out = Block::default();
    if link == LinkType::PointToPoint {
        out.line("ip ospf network point-to-point");
    }
    if let Some(cost) = cost {
        out.line(format!("ip ospf cost {cost}"));
    }
    for (name, is, usual) in [
        ("hello-interval", timers.hello_s, usual.hello_s),
        ("dead-interval", timers.dead_s, usual.dead_s),
        ("retransmit-interval", timers.retransmit_s, usual.retransmit_s),
        ("transmit-delay", timers.transit_s, usual.transit_s),
    ] {
        if is != usual {
            out.line(format!("ip ospf {name} {is}"));
        }
    }
    if priority != 1 {
        out.line(format!("ip ospf priority {priority}"));
    }
    out.line(format!("ip ospf area {area}"));
    if passive {
        out.line("ip ospf passive");
    }
    out
}

fn links(config: &Config, netdev: &impl Fn(&Vlan) -> String) -> Vec<Link> {
    let link = |(name, settings): (&_, &OspfVlan)| {
        let vlan = config.vlans.get(name)?;
        Some(Link {
            netdev: netdev(vlan),
            address: vlan.interface?.address,
            area: settings.area,
            broadcast: settings.link != LinkType::PointToPoint,
        })
    };
    config.ospf.vlans.iter().filter(|(_, settings)| !settings.passive).filter_map(link).collect()
}

fn bgp(config: &Config, number: u32, id: Option<Ipv4Addr>, hold_s: u32) -> Block {
    let mut out = Block::default();
    let router = out.block_mut(format!("router bgp {number}"));
    if let Some(id) = id {
        router.line(format!("bgp router-id {id}"));
    }
    router.line("no bgp ebgp-requires-policy");
    router.line("no bgp network import-check");
    router.line(BGP_DELAY);
    router.line("bgp graceful-restart");
    router.line("bgp graceful-restart preserve-fw-state");
    for what in ["restart-time", "stalepath-time", "rib-stale-time"] {
        router.line(format!("bgp graceful-restart {what} {hold_s}"));
    }
    for (address, neighbor) in &config.bgp.neighbors {
        router.line(format!("neighbor {address} remote-as {}", neighbor.remote_as));
        if !neighbor.enabled {
            router.line(format!("neighbor {address} shutdown"));
        }
        // Inside an AS every neighbour may be far.
        if neighbor.multihop && neighbor.remote_as != number {
            router.line(format!("neighbor {address} ebgp-multihop 255"));
        }
        if let Some((keepalive, hold)) = neighbor.timers {
            router.line(format!("neighbor {address} timers {keepalive} {hold}"));
        }
        router.line(format!("neighbor {address} timers connect 1"));
    }
    let family = router.block_mut("address-family ipv4 unicast".to_owned());
    for (address, length) in &config.bgp.networks {
        family.line(format!("network {address}/{length}"));
    }
    for source in &config.bgp.exports {
        family.line(format!("redistribute {}", word(*source)));
    }
    for (address, neighbor) in &config.bgp.neighbors {
        if neighbor.next_hop_self {
            family.line(format!("neighbor {address} next-hop-self"));
        }
    }
    out
}

fn rip(config: &Config, netdev: &impl Fn(&Vlan) -> String) -> Block {
    let mut out = Block::default();
    let router = out.block_mut("router rip".to_owned());
    for vlan in config.rip.vlans.iter().filter_map(|name| config.vlans.get(name)) {
        router.line(format!("network {}", netdev(vlan)));
    }
    for (source, cost) in &config.rip.exports {
        let cost = cost.map_or_else(String::new, |cost| format!(" metric {cost}"));
        router.line(format!("redistribute {}{cost}", word(*source)));
    }
    let Rip { update_s, timeout_s, garbage_s, .. } = *config.rip;
    let usual = Rip::default();
    if (update_s, timeout_s, garbage_s) != (usual.update_s, usual.timeout_s, usual.garbage_s) {
        router.line(format!("timers basic {update_s} {timeout_s} {garbage_s}"));
    }
    router.line("version 2");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use msm_config::Facts;
    use msm_config::model::script;
    use std::sync::Arc;

    fn of(commands: &str) -> Wanted {
        let facts = Facts {
            ports: (0..4).collect(),
            netdevs: Default::default(),
            sys_name: "t".into(),
            options: msm_proto::Options::default(),
        };
        let config =
            Config::factory(&Arc::new(facts)).with(&script(commands).expect("commands")).expect("lawful");
        wanted(&config, |vlan| format!("v{}", vlan.vid))
    }

    #[test]
    fn nothing_enabled_wants_nothing() {
        let wanted = of(
            "configure vlan Default ipaddress 10.0.0.1/24\nconfigure ospf add vlan Default area 0.0.0.0\n",
        );
        assert!(wanted.blocks.is_empty() && wanted.orders.daemons.is_empty());
    }

    #[test]
    fn ospf_is_what_frr_prints() {
        let wanted = of(
            "configure vlan Default ipaddress 10.0.0.1/24\nconfigure ospf add vlan Default area 0.0.0.0 link-type point-to-point\n\
             configure ospf vlan Default timer 5 1 1 4\nconfigure ospf vlan Default cost 7\n\
             enable ospf export static cost 3 ase-type-1\nenable ospf export direct\nenable ospf\n",
        );
        let expected = "interface v1\n ip ospf network point-to-point\n ip ospf cost 7\n ip ospf hello-interval 1\n ip ospf dead-interval 4\n \
            ip ospf area 0.0.0.0\nexit\nrouter ospf\n ospf router-id 10.0.0.1\n timers throttle spf 0 50 200\n timers throttle lsa all 0\n \
            timers lsa min-arrival 0\n redistribute connected\n redistribute kernel metric 3 metric-type 1\n graceful-restart grace-period 60\n \
            graceful-restart helper enable\n capability opaque\nexit\n";
        assert_eq!(wanted.blocks[&Daemon::Ospfd].write(), expected);
        assert_eq!(wanted.orders.daemons, [Daemon::Zebra, Daemon::Ospfd].into());
        let speaker = wanted.orders.ospf.expect("it speaks");
        assert_eq!((speaker.router_id, speaker.links.len()), ([10, 0, 0, 1].into(), 1));
        assert!(!speaker.links[0].broadcast);
    }

    #[test]
    fn bgp_is_what_frr_prints() {
        let wanted = of(
            "configure bgp AS-number 65001\nconfigure bgp routerid 1.1.1.1\nconfigure bgp add network 10.9.0.0 16\n\
             create bgp neighbor 10.0.0.2 remote-AS-number 65002 multi-hop\nconfigure bgp neighbor 10.0.0.2 timer keep-alive 1 hold-time 3\n\
             create bgp neighbor 10.0.0.3 remote-AS-number 65001\nenable bgp neighbor 10.0.0.3\nconfigure bgp neighbor 10.0.0.3 next-hop-self\n\
             enable bgp export ospf\nenable bgp\nconfigure msm-failover timeout 90\n",
        );
        let text = wanted.blocks[&Daemon::Bgpd].write();
        for line in [
            "\n neighbor 10.0.0.2 shutdown\n",
            "\n neighbor 10.0.0.2 ebgp-multihop 255\n",
            "\n neighbor 10.0.0.2 timers 1 3\n",
            "\n bgp graceful-restart restart-time 90\n",
            " address-family ipv4 unicast\n  network 10.9.0.0/16\n  redistribute ospf\n  neighbor 10.0.0.3 next-hop-self\n exit-address-family\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(!text.contains("10.0.0.3 shutdown") && !text.contains("10.0.0.3 ebgp"), "{text}");
        assert_eq!(Block::read(&text), wanted.blocks[&Daemon::Bgpd]);
    }

    #[test]
    fn rip_says_its_timers_if_they_are_unusual() {
        let text = of("configure rip add vlan Default\nenable rip\n").blocks[&Daemon::Ripd].write();
        assert_eq!(text, "router rip\n network v1\n version 2\nexit\n");
        let text = of("configure rip updatetime 5\nenable rip export bgp cost 4\nenable rip\n").blocks
            [&Daemon::Ripd]
            .write();
        assert_eq!(
            text,
            "router rip\n redistribute bgp metric 4\n timers basic 5 180 120\n version 2\nexit\n"
        );
    }
}
