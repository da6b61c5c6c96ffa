//! What the forwarding plane is to be: out of the chassis file, the configuration and the netdevs that there are. Pure.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use msm_abi::{CpuClass, FdbKey, LimitEntry, LimitKind, Lport, NO_LPORT, svi_lport};
use msm_dataplane::tables::limits::KINDS;
use msm_dataplane::{Desired, DesiredPort, DesiredVlan, Driver, StaticEntry, Touched};

use super::drivers::Drivers;
use super::fabrics::Fabrics;
use super::groups::{self, Live};
use crate::config::chassis::Chassis;
use crate::netlink::{Fault, Limits, Netdev, Severity};
use msm_config::Config;
use msm_config::model::{Place, Static, Vlan, Vlans};

/// A burst of what a port floods is what comes in this part of a second,
const FLOOD_BURST: u32 = 20;
/// and never fewer frames: a host that begins sends several at once.
const FLOOD_BURST_MIN: u32 = 8;

/// The plane, with the faults that keep a port out of it.
pub(super) struct Plan {
    /// For `Owner::reconcile`.
    pub(super) desired: Desired,
    /// Ports whose netdev cannot be attached, and why.
    pub(super) refused: BTreeMap<Lport, Fault>,
}

/// What of a port is its netdev's.
#[derive(Clone, Copy)]
struct Attachment {
    ifindex: Option<u32>,
    driver: Driver,
    slow: bool,
}

/// The plane of `chassis` under `config`. `netdev` finds one by name, `drivers` says how frames of ports come in whose driver is `auto`, `fabrics`
/// what carries frames between modules, `inner` whether the inner end of an interface is there, and its ifindex.
pub(super) fn plan(
    chassis: &Chassis,
    config: &Config,
    drivers: &Drivers,
    fabrics: &Fabrics,
    live: &Live<'_>,
    netdev: impl Fn(&str) -> Option<Netdev>,
    inner: impl Fn(u16) -> Option<u32>,
) -> Plan {
    let mut refused = BTreeMap::new();
    let mut ports = BTreeMap::new();
    for &lport in &config.facts().ports {
        let device = config.ports.netdev(config.facts(), lport).and_then(&netdev);
        let driver = drivers.of(config, lport);
        let fault = device.as_ref().and_then(|device| {
            let faults = device.faults(&Limits::of(driver), None);
            faults.into_iter().find(|fault| fault.severity() == Severity::Refused)
        });
        let slow = device.as_ref().is_some_and(|device| !device.takes_xdp_frames());
        let ifindex = device.filter(|_| fault.is_none()).map(|device| device.ifindex);
        refused.extend(fault.map(|fault| (lport, fault)));
        ports.insert(lport, port(config, live, lport, Attachment { ifindex, driver, slow }));
    }
    ports.extend(config.vlans.iter().filter_map(|(_, vlan)| {
        let number = vlan.svi?;
        Some((svi_lport(number), interface(vlan, inner(number))))
    }));
    let vlans = config.vlans.iter().filter(|(_, v)| v.vid != 0).map(|(_, v)| (v.vid, vlan(v))).collect();
    let desired = Desired {
        ports,
        vlans,
        // The programs know the defaults.
        control: groups::control(config).into_iter().collect(),
        fabrics: fabrics.states(),
        buckets: fabrics.buckets(),
        fdb_age: age(config),
        static_fdb: stations(config),
        groups: groups::groups(config, live),
        router_mac: chassis.system_mac.0,
        limits: limits(config),
        cpu: cpu(config),
        learning: learning(config),
        mirror: config.mirroring.monitor,
    };
    Plan { desired, refused }
}

/// Makes `desired`, which is that of `before`, that of `after`; netdevs and drivers aside. Says what it touched.
pub(super) fn edit(desired: &mut Desired, before: &Config, after: &Config, live: &Live<'_>) -> Touched {
    let mut touched = Touched::default();
    if !Arc::ptr_eq(&before.vlans, &after.vlans) {
        interfaces(desired, after, &mut touched);
        for (old, new) in changed(&before.vlans, &after.vlans) {
            if let Some(old) = old.filter(|old| old.vid != 0)
                && after.vlans.name_of(old.vid).is_none()
            {
                desired.vlans.remove(&old.vid);
                touched.vlans.insert(old.vid);
            }
            if let Some(new) = new.filter(|new| new.vid != 0) {
                let wanted = vlan(new);
                if desired.vlans.get(&new.vid) != Some(&wanted) {
                    desired.vlans.insert(new.vid, wanted);
                    touched.vlans.insert(new.vid);
                }
            }
        }
    }
    for (lport, is) in desired.ports.range_mut(..svi_lport(0)) {
        let attachment = Attachment { ifindex: is.ifindex, driver: is.driver, slow: is.slow };
        let wanted = port(after, live, *lport, attachment);
        if *is != wanted {
            *is = wanted;
            touched.ports.insert(*lport);
        }
    }
    if !Arc::ptr_eq(&before.fdb, &after.fdb) || !Arc::ptr_eq(&before.vlans, &after.vlans) {
        let wanted = stations(after);
        let keys = desired.static_fdb.keys().chain(wanted.keys());
        touched.stations =
            keys.filter(|key| desired.static_fdb.get(key) != wanted.get(key)).copied().collect();
        desired.static_fdb = wanted;
    }
    touched.groups = groups::follow_groups(desired, after, live);
    touched.config |= replace(&mut desired.control, groups::control(after).into_iter().collect());
    touched.config |= replace(&mut desired.fdb_age, age(after));
    if !Arc::ptr_eq(&before.ports, &after.ports) {
        touched.config |= replace(&mut desired.limits, limits(after));
        touched.config |= replace(&mut desired.learning, learning(after));
    }
    if !Arc::ptr_eq(&before.cpu, &after.cpu) {
        touched.config |= replace(&mut desired.cpu, cpu(after));
    }
    touched.config |= replace(&mut desired.mirror, after.mirroring.monitor);
    touched
}

/// Ports of the stack; a new one's netdev is yet to be made.
fn interfaces(desired: &mut Desired, after: &Config, touched: &mut Touched) {
    let mut known = desired.ports.split_off(&svi_lport(0));
    for (_, vlan) in after.vlans.iter() {
        let Some(lport) = vlan.svi.map(svi_lport) else { continue };
        let was = known.remove(&lport);
        let is = interface(vlan, was.and_then(|port| port.ifindex));
        if was != Some(is) {
            touched.ports.insert(lport);
        }
        desired.ports.insert(lport, is);
    }
    touched.ports.extend(known.into_keys());
}

/// The port of a VLAN's interface.
fn interface(vlan: &Vlan, ifindex: Option<u32>) -> DesiredPort {
    DesiredPort { ifindex, enabled: true, pvid: vlan.vid, ..DesiredPort::default() }
}

/// VLANs that are not the very same before and after. Both are in the order of their names and share what did not change, so they are walked
/// side by side: looking each name up took most of a command's time at 2,500 VLANs.
fn changed<'a>(
    before: &'a Vlans,
    after: &'a Vlans,
) -> impl Iterator<Item = (Option<&'a Arc<Vlan>>, Option<&'a Arc<Vlan>>)> {
    let (mut before, mut after) = (before.iter().peekable(), after.iter().peekable());
    std::iter::from_fn(move || {
        loop {
            let order = match (before.peek(), after.peek()) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((old, _)), Some((new, _))) if ptr::eq(old.as_str(), new.as_str()) => Ordering::Equal,
                (Some((old, _)), Some((new, _))) => old.cmp(new),
            };
            let old = if order.is_le() { before.next().map(|(_, old)| old) } else { None };
            let new = if order.is_ge() { after.next().map(|(_, new)| new) } else { None };
            match (old, new) {
                (Some(old), Some(new)) if Arc::ptr_eq(old, new) => {}
                pair => return Some(pair),
            }
        }
    })
}

fn age(config: &Config) -> Duration {
    Duration::from_secs(u64::from(config.fdb.aging_s))
}

/// Writes what differs; whether it did.
fn replace<T: PartialEq>(place: &mut T, wanted: T) -> bool {
    let differs = *place != wanted;
    if differs {
        *place = wanted;
    }
    differs
}

fn port(config: &Config, live: &Live<'_>, lport: Lport, attachment: Attachment) -> DesiredPort {
    let Attachment { ifindex, driver, slow } = attachment;
    let has_rate = |kind| config.ports.rates.contains_key(&(lport, kind));
    let group = config.sharing.master(lport);
    DesiredPort {
        ifindex,
        enabled: !config.ports.disabled.contains(&lport),
        pvid: config.vlans.pvid(group.unwrap_or(lport)).unwrap_or(0),
        group,
        closed: groups::closed(config, live, lport),
        driver,
        slow,
        limited: KINDS.into_iter().any(has_rate),
        // A group's stations are its master's.
        learn_limited: config.ports.learning(group.unwrap_or(lport)).is_some(),
        mirror_received: config.mirroring.received.contains(&lport),
        mirror_sent: config.mirroring.sent.contains(&lport),
    }
}

fn limits(config: &Config) -> BTreeMap<(Lport, LimitKind), LimitEntry> {
    let limit = |rate: u32| LimitEntry::of(rate, (rate / FLOOD_BURST).max(FLOOD_BURST_MIN));
    config.ports.rates.iter().map(|(of, rate)| (*of, limit(*rate))).collect()
}

fn cpu(config: &Config) -> BTreeMap<CpuClass, LimitEntry> {
    CpuClass::ALL.into_iter().map(|(class, _)| (class, config.cpu.limit(class))).collect()
}

fn learning(config: &Config) -> BTreeMap<Lport, Option<u32>> {
    let limited = config.ports.learning.keys().chain(&config.ports.locked);
    limited.filter_map(|lport| Some((*lport, config.ports.learning(*lport)?))).collect()
}

fn stations(config: &Config) -> BTreeMap<FdbKey, StaticEntry> {
    let station = |((name, mac), place): (&Static, &Place)| {
        let entry = match place {
            Place::Blackhole => StaticEntry { lport: NO_LPORT, blackhole: true },
            Place::Port(port) => StaticEntry { lport: port.lport(), blackhole: false },
        };
        Some((FdbKey::new(mac.0, config.vlans.get(name)?.vid), entry))
    };
    config.fdb.entries.iter().filter_map(station).collect()
}

fn vlan(vlan: &Vlan) -> DesiredVlan {
    let svi = vlan.svi.map(svi_lport);
    DesiredVlan {
        untagged: vlan.untagged.clone(),
        tagged: vlan.tagged.clone(),
        routed: vlan.forwarding && vlan.interface.is_some(),
        routed6: vlan.forwarding6 && !vlan.interfaces6.is_empty(),
        mtu: svi.map_or(0, |_| vlan.mtu()),
        svi,
        ..DesiredVlan::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msm_config::model::script;
    use msm_proto::backplane::{Bay, Fabric};
    use std::path::Path;

    const FILE: &str = "name = \"t\"\ntype = \"BD6804\"\nsystem_mac = \"02:00:00:00:00:01\"\n\
        [[port]]\nport = \"1:1\"\nnetdev = \"p1\"\n[[port]]\nport = \"2:1\"\nnetdev = \"p2\"\n";

    fn chassis() -> Chassis {
        let dir = tempfile::tempdir().expect("temporary directory");
        let file = dir.path().join("t.toml");
        std::fs::write(&file, FILE).expect("written");
        Chassis::read(&file, Path::new("/")).expect("good")
    }

    fn whole() -> Fabrics {
        Fabrics::told(&[Bay::A, Bay::B], [Fabric::Present; 4])
    }

    const ALL: Live<'_> = Live {
        up: &|_| true,
        collecting: &std::collections::BTreeSet::new(),
        distributing: &std::collections::BTreeSet::new(),
    };

    #[test]
    fn a_group_uses_what_is_up_enabled_and_distributing() {
        let chassis = chassis();
        let config = |lines: &str| {
            Config::factory(&chassis.facts()).with(&script(lines).expect("commands")).expect("lawful")
        };
        let active = |lines: &str, live: &Live<'_>| {
            let plan = plan(
                &chassis,
                &config(lines),
                &Drivers::default(),
                &whole(),
                live,
                |_| Some(veth(1001, 1500)),
                |_| None,
            );
            assert_eq!(plan.desired.ports[&64].group, Some(0));
            assert_eq!(plan.desired.ports[&64].pvid, 1, "frames by any port are the master's");
            let lports: Vec<Lport> = plan.desired.groups[&0].active.iter().copied().collect();
            (lports, plan.desired.control.len())
        };
        let stated = "enable sharing 1:1 grouping 1:1,2:1\n";
        let dynamic = "enable sharing 1:1 grouping 1:1,2:1 dynamic\n";
        assert_eq!(active(stated, &ALL), (vec![0, 64], 0));
        assert_eq!(active(stated, &Live { up: &|lport| lport == 64, ..ALL }), (vec![64], 0));
        assert_eq!(active(&format!("{stated}disable ports 2:1\n"), &ALL), (vec![0], 0));
        assert_eq!(active(dynamic, &ALL), (vec![], 1), "LACP has not said so");
        assert_eq!(active(dynamic, &Live { distributing: &[64].into(), ..ALL }), (vec![64], 1));
    }

    #[test]
    fn a_port_that_lacp_does_not_collect_by_is_closed() {
        let chassis = chassis();
        let config = |lines: &str| {
            Config::factory(&chassis.facts()).with(&script(lines).expect("commands")).expect("lawful")
        };
        let planned = |config: &Config, live: &Live<'_>| {
            plan(&chassis, config, &Drivers::default(), &whole(), live, |_| Some(veth(1001, 1500)), |_| None)
                .desired
        };
        let stated = planned(&config("enable sharing 1:1 grouping 1:1,2:1\n"), &ALL);
        assert!(stated.ports.values().all(|port| !port.closed));
        for lines in
            ["enable sharing 1:1 grouping 1:1,2:1 dynamic\n", "enable sharing 1:1 grouping 1:1 dynamic\n"]
        {
            let config = config(lines);
            let mut desired = planned(&config, &ALL);
            assert!(desired.ports[&0].closed);
            let open = Live { collecting: &[0].into(), ..ALL };
            let touched = groups::follow(&mut desired, &config, &open);
            assert_eq!(touched, Touched { ports: [0].into(), ..Touched::default() });
            assert_eq!(desired, planned(&config, &open));
            assert!(!desired.ports[&0].closed);
            assert_eq!(desired.ports[&64].closed, config.sharing.is_hidden(64));
        }
    }

    fn veth(ifindex: u32, mtu: u32) -> Netdev {
        Netdev {
            ifindex,
            name: "p".into(),
            admin_up: true,
            carrier: true,
            mtu,
            kind: "veth".into(),
            xdp_features: 5,
            ..Netdev::default()
        }
    }

    #[test]
    fn a_netdev_that_is_not_there_or_cannot_be_is_no_port_and_hinders_no_other() {
        let chassis = chassis();
        let config = Config::factory(&chassis.facts());
        let plan = plan(
            &chassis,
            &config,
            &Drivers::default(),
            &whole(),
            &ALL,
            |name| (name == "p1").then(|| veth(1001, 1500)),
            |_| None,
        );
        assert_eq!(plan.desired.ports[&0].ifindex, Some(1001));
        assert_eq!(plan.desired.ports[&64].ifindex, None);
        assert!(plan.refused.is_empty(), "missing is no fault of a netdev");
        assert_eq!(plan.desired.vlans[&1].untagged.len(), 2, "membership is configuration");
        let plan = super::plan(
            &chassis,
            &config,
            &Drivers::default(),
            &whole(),
            &ALL,
            |_| Some(veth(1001, 9000)),
            |_| None,
        );
        assert!(plan.desired.ports.values().all(|port| port.ifindex.is_none()));
        assert_eq!(plan.refused.len(), 2);
    }

    #[test]
    fn the_configuration_is_in_it() {
        let chassis = chassis();
        let changes = script(
            "configure fdb agingtime 15\ncreate fdbentry 02:00:00:00:00:09 vlan Default blackhole\n\
             create vlan red\nconfigure vlan Default delete ports 1:1\nconfigure vlan red add ports 1:1\ndisable ports 2:1\n",
        )
        .expect("commands");
        let config = Config::factory(&chassis.facts()).with(&changes).expect("lawful");
        let desired =
            plan(&chassis, &config, &Drivers::default(), &whole(), &ALL, |_| None, |_| None).desired;
        assert_eq!(desired.fdb_age, Duration::from_secs(15));
        let entry = desired.static_fdb[&FdbKey::new([2, 0, 0, 0, 0, 9], 1)];
        assert!(entry.blackhole);
        assert_eq!((desired.ports[&0].pvid, desired.ports[&64].pvid), (4094, 1));
        assert!(desired.ports[&0].enabled && !desired.ports[&64].enabled);
        assert_eq!(desired.vlans[&4094].untagged, [0].into());
        assert_eq!(desired.vlans.len(), 2, "Mgmt is not switched");
    }

    #[test]
    fn a_vlan_with_an_address_has_a_port_to_the_stack() {
        let chassis = chassis();
        let config = Config::factory(&chassis.facts());
        let lines = "configure vlan Default ipaddress 10.0.0.1/24 interface 5\nenable ipforwarding\nconfigure ip-mtu 1400 vlan Default";
        let config = config.with(&script(lines).expect("commands")).expect("lawful");
        let desired = plan(
            &chassis,
            &config,
            &Drivers::default(),
            &whole(),
            &ALL,
            |_| None,
            |number| Some(21_000 + u32::from(number)),
        )
        .desired;
        let port = desired.ports[&svi_lport(5)];
        assert_eq!((port.ifindex, port.enabled, port.pvid), (Some(21_005), true, 1));
        let vlan = &desired.vlans[&1];
        assert_eq!((vlan.svi, vlan.routed, vlan.routed6, vlan.mtu), (Some(svi_lport(5)), true, false, 1400));
    }

    /// Whatever commands do, the edited plane is the one that is made anew.
    #[test]
    fn an_edited_plane_is_that_of_the_configuration() {
        let chassis = chassis();
        let device = |name: &str| Some(veth(if name == "p1" { 1001 } else { 2001 }, 1500));
        let mut config = Config::factory(&chassis.facts());
        let mut desired =
            plan(&chassis, &config, &Drivers::default(), &whole(), &ALL, device, |_| None).desired;
        for line in [
            "create vlan red",
            "configure vlan red tag 4094",
            "configure vlan red add ports all tagged",
            "create vlan blue",
            "configure vlan Default delete ports 1:1",
            "configure vlan blue add ports 1:1",
            "create fdbentry 02:00:00:00:00:09 vlan blue port 1:1",
            "configure vlan blue tag 7",
            "configure vlan red name green",
            "configure vlan blue name red",
            "disable ports 2:1",
            "configure ports 1:1 rate-limit flood broadcast 100",
            "configure ports 1:1,2:1 limit-learning 3",
            "configure ports 2:1 lock-learning",
            "configure ports 1:1 unlimited-learning",
            "configure cpu-protection arp rate 3",
            "configure vlan green delete ports 2:1",
            "configure vlan Default delete ports 2:1",
            "enable mirroring to port 2:1",
            "configure mirroring add ports 1:1 ingress",
            "configure mirroring add ports 1:1",
            "disable mirroring",
            "configure fdb agingtime 15",
            "configure vlan red ipaddress 10.0.0.1/24",
            "configure vlan green ipaddress 10.0.1.1/24 interface 7",
            "enable ipforwarding",
            "configure ip-mtu 1400 vlan red",
            "configure vlan red tag 4093",
            "configure vlan Default ipaddress 2001:db8::1/64",
            "enable ipforwarding ipv6",
            "unconfigure vlan red ipaddress",
            "delete vlan green",
            "configure vlan red tag 4094",
            "unconfigure switch",
            "enable sharing 2:1 grouping 1:1,2:1 dynamic",
            "disable sharing 2:1",
            "enable sharing 2:1 grouping 1:1,2:1 algorithm round-robin internal 9",
            "enable ports 2:1",
            "unconfigure switch",
        ] {
            let next = config.with(&script(line).expect(line)).expect(line);
            let before = desired.clone();
            let touched = edit(&mut desired, &config, &next, &ALL);
            let anew = plan(&chassis, &next, &Drivers::default(), &whole(), &ALL, device, |_| None).desired;
            assert_eq!(desired, anew, "{line}");
            assert_eq!(touched, Touched::between(&before, &anew), "{line}");
            config = next;
        }
    }
}
