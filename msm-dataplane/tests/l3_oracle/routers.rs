//! Routers between two veths: the kernel's, and ours as its owner makes it, with what it gives to the stack in reach.

use std::collections::BTreeMap;

use msm_abi::{CpuClass, FdbKey, LimitEntry, Lport, svi_lport};
use msm_dataplane::{
    Desired, DesiredPort, DesiredVlan, Driver, Gateway, MsmSlot, Owner, PinTree, RouteTo, Routing,
    StaticEntry, Station,
};

use crate::{
    bed::{Bed, FDB, add_veth, object, run},
    host::{Host, sysctl},
    net::{Behind, HOSTS, MTU, ROUTER, ROUTES, addresses, ip, mac},
    packets::{fence, number, parts, source},
};

/// A frame in each of the places where it came out: the two ports, and the stack's two netdevs.
pub(crate) type Out = BTreeMap<u32, Vec<(usize, Vec<u8>)>>;
/// Where the stack's netdevs begin in [`Out`].
pub(crate) const STACK: usize = 2;

pub(crate) struct Router {
    pub(crate) name: &'static str,
    hosts: Vec<Host>,
    _owner: Option<Owner>,
}

fn hosts(ifindexes: &[u32]) -> Vec<Host> {
    let host = |ifindex: &u32| {
        add_veth(*ifindex);
        // Without, a veth takes no frame that XDP sends (drivers/net/veth.c: veth_xdp_xmit).
        run("ethtool", &["-K", &format!("h{ifindex}"), "gro", "on"]);
        Host::new(&format!("h{ifindex}"))
    };
    ifindexes.iter().map(host).collect()
}

fn colons(mac: [u8; 6]) -> String {
    mac.map(|octet| format!("{octet:02x}")).join(":")
}

/// The kernel's, with fixed neighbours.
pub(crate) fn linux() -> Router {
    let hosts = hosts(&[2001, 2002]);
    sysctl("ipv6/auto_flowlabels", "0");
    for side in 0..2 {
        let name = format!("p200{}", side + 1);
        let mtu = [1500, MTU][side].to_string();
        run("ip", &["link", "set", &name, "down"]);
        run("ip", &["link", "set", &name, "address", &colons(ROUTER), "mtu", &mtu]);
        let conf =
            |family: &str, key: &str, value: &str| sysctl(&format!("{family}/conf/{name}/{key}"), value);
        conf("ipv6", "disable_ipv6", "0");
        conf("ipv6", "accept_dad", "0");
        conf("ipv6", "addr_gen_mode", "1");
        for family in ["ipv4", "ipv6"] {
            conf(family, "forwarding", "1");
        }
        conf("ipv4", "rp_filter", "0");
        conf("ipv4", "send_redirects", "0");
        run("ip", &["link", "set", &name, "up"]);
        for (address, len) in addresses(side, 254).iter().zip([24, 64]) {
            run("ip", &["addr", "add", &format!("{address}/{len}"), "dev", &name]);
        }
        for host in 1..=HOSTS {
            for address in addresses(side, host) {
                let (address, lladdr) = (address.to_string(), colons(mac(side, host)));
                run("ip", &["neigh", "add", &address, "lladdr", &lladdr, "nud", "permanent", "dev", &name]);
            }
        }
    }
    for (prefix, behind) in ROUTES {
        let family = if prefix.contains(':') { "-6" } else { "-4" };
        match behind {
            Behind::Host(side, host) => {
                let via = addresses(side, host)[usize::from(family == "-6")].to_string();
                run("ip", &[family, "route", "add", prefix, "via", &via]);
            }
            Behind::Blackhole => run("ip", &[family, "route", "add", "blackhole", prefix]),
        }
    }
    Router { name: "a Linux router", hosts, _owner: None }
}

/// The pinned programs, by their owner.
pub(crate) fn ours(bed: &Bed, driver: Driver) -> Router {
    let (name, chassis, first) = match driver {
        Driver::Xdp => ("the XDP program", "dp-xdp", 1001),
        Driver::Tcx => ("the tcx program", "dp-tcx", 3001),
    };
    let hosts = hosts(&[first, first + 1, first + 100, first + 101]);
    let tree = PinTree::new(bed.bpffs(), chassis).expect("a bpffs");
    let mut owner = tree.create(MsmSlot::A, &object(), FDB).expect("a cold start");
    let changes = owner.reconcile(&desired(first, driver)).expect("reconciled");
    assert_eq!((changes.attached.len(), changes.port_faults.len()), (4, 0), "{changes:?}");
    let changes = owner.reconcile_routes(&routing()).expect("reconciled");
    assert!(changes.faults.is_empty(), "{changes:?}");
    Router { name, hosts, _owner: Some(owner) }
}

/// Of both sides: the port, the VLAN and its port of the stack.
const SIDES: [(Lport, u16, Lport); 2] = [(0, 1, svi_lport(0)), (64, 2, svi_lport(1))];

fn desired(first: u32, driver: Driver) -> Desired {
    let mut desired = Desired {
        fabrics: [msm_abi::FabricState { present: 1, programmed: 1 }; msm_abi::FABRICS],
        router_mac: ROUTER,
        cpu: [(CpuClass::Redirect, LimitEntry::of(0, 1))].into(),
        ..Desired::default()
    };
    for (side, (lport, vid, svi)) in (0u32..).zip(SIDES) {
        let port = |ifindex, driver| DesiredPort {
            ifindex: Some(ifindex),
            enabled: true,
            pvid: vid,
            driver,
            ..DesiredPort::default()
        };
        desired.ports.insert(lport, port(first + side, driver));
        desired.ports.insert(svi, port(first + 100 + side, driver));
        let vlan = DesiredVlan {
            untagged: [lport].into(),
            svi: Some(svi),
            routed: true,
            routed6: true,
            mtu: [1500, MTU][side as usize],
            ..DesiredVlan::default()
        };
        desired.vlans.insert(vid, vlan);
        for host in 1..=HOSTS {
            let key = FdbKey::new(mac(side as usize, host), vid);
            desired.static_fdb.insert(key, StaticEntry { lport, blackhole: false });
        }
    }
    desired
}

/// As the kernel's tables are told to the owner.
fn routing() -> Routing {
    let mut routing = Routing::default();
    let prefix = |text: String| text.parse().expect("a prefix");
    for (side, (_, vid, _)) in SIDES.into_iter().enumerate() {
        let net = side + 1;
        for host in 1..=HOSTS {
            let station = Station { mac: mac(side, host), vid };
            routing.hosts.extend(addresses(side, host).map(|address| (address, station)));
        }
        routing.routes.extend([
            (prefix(format!("10.0.{net}.0/24")), RouteTo::Connected { vid }),
            (prefix(format!("10.0.{net}.254/32")), RouteTo::Local),
            (prefix(format!("10.0.{net}.255/32")), RouteTo::Local),
            (prefix(format!("2001:db8:{net}::/64")), RouteTo::Connected { vid }),
            (prefix(format!("2001:db8:{net}::254/128")), RouteTo::Local),
            // The anycast address of a network's routers.
            (prefix(format!("2001:db8:{net}::/128")), RouteTo::Local),
        ]);
    }
    for (text, behind) in ROUTES {
        let to = match behind {
            Behind::Host(side, host) => {
                let gateway = addresses(side, host)[usize::from(text.contains(':'))];
                RouteTo::Hops(vec![Gateway { ip: gateway, vid: SIDES[side].1 }])
            }
            Behind::Blackhole => RouteTo::Blackhole,
        };
        routing.routes.insert(prefix(text.to_owned()), to);
    }
    routing
}

/// What a router says itself: ARP, ICMP and neighbour discovery.
fn is_its_own(frame: &[u8]) -> bool {
    let it = parts(frame);
    let protocol = match it.kind {
        0x0806 => return true,
        0x0800 => it.packet.get(9) == Some(&1),
        0x86dd => number(frame).is_none() && matches!(it.packet.get(6), Some(58 | 0)),
        _ => false,
    };
    // The second of a network's host 0 is the anycast address of its routers.
    let of = |side, address| addresses(side, 254).contains(&address) || addresses(side, 0)[1] == address;
    let own = |address| address == ip("::") || (0..2).any(|side| of(side, address));
    protocol && source(frame).is_some_and(own)
}

impl Router {
    /// Puts frames in, all from `side`, and waits until the last one's way is done.
    pub(crate) fn pass(&self, side: usize, frames: &[Vec<u8>], last: u32) -> Out {
        frames.iter().for_each(|frame| self.hosts[side].send(frame));
        // Over, back, and to the stack.
        for to in [addresses(1 - side, 1), addresses(side, 2), addresses(side, 254)] {
            self.hosts[side].send(&fence(side, to[0], last));
        }
        let mut out = Out::new();
        for at in [0, 1, STACK + side].into_iter().filter(|at| *at < self.hosts.len()) {
            self.hosts[at].watch(&format!("fence {last:x} from {side} at {at} of {}", self.name), |frame| {
                match number(&frame) {
                    _ if at < STACK && is_its_own(&frame) => false,
                    Some(number) if number == last => true,
                    Some(number) => {
                        out.entry(number).or_default().push((at, frame));
                        false
                    }
                    // To the stack goes what has no number too.
                    None => {
                        assert!(at >= STACK, "{} sends what nobody gave it: {frame:02x?}", self.name);
                        false
                    }
                }
            });
        }
        out
    }

    /// That the stack was given nothing of the other side's VLAN.
    pub(crate) fn is_silent(&self, side: usize) -> bool {
        self.hosts.get(STACK + 1 - side).is_none_or(Host::is_silent)
    }
}
