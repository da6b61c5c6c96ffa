//! A trunk between the switch and Open vSwitch, which tags and untags by itself: VLANs meet across it, and nothing else does. Needs root.

mod common;

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsFd;
use std::process::Command;
use std::time::{Duration, Instant};

use common::client::script;
use common::ovs::Ovs;
use common::wire::{Seen, Spy, Wire, frame};
use common::{READY, assert_whole, flow, logs, port, ready, within};
use netns_tests::bed::{BedOptions, HOST_DEV, HostSpec, Slot, Testbed};
use netns_tests::probe::{Probe, ProbeReport, Shape, StreamSpec};
use rustix::process::Signal;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

const RED: u16 = 10;
const BLUE: u16 = 20;
/// VLAN of what has no tag on the trunk.
const NATIVE: u16 = 1;
/// The switch's end of the trunk, at port 2:1.
const TRUNK: &str = "trunk";
/// The end of Open vSwitch.
const UPLINK: &str = "uplink";
/// Its namespace, named like a host's: whoever takes the bed down finds it.
const BOX: &str = "h9";
/// Hosts behind Open vSwitch, the other ends of their netdevs, and their VLANs. Behind the switch are h1 in the red VLAN, h2 in the blue one, and h4 in
/// the native one, and in the red one with tags.
const BEHIND: [(&str, &str, u16); 3] = [("h3", "s2p1", RED), ("h5", "s1p3", BLUE), ("h6", "s2p3", NATIVE)];
const BROADCAST: [u8; 6] = [0xff; 6];
/// Frames a second of a stream: a switch in user space carries eight of them, also beside what else runs.
const PPS: u32 = 250;
/// What is sent arrives within it, or not at all.
const ARRIVES: Duration = Duration::from_secs(5);

const CONFIGURATION: &str = "\
configure ports 2:1 netdev trunk
configure ports 1:3 netdev none
configure ports 2:3 netdev none
create vlan red
configure vlan red tag 10
create vlan blue
configure vlan blue tag 20
configure vlan Default delete ports 1:1-1:2
configure vlan red add ports 1:1
configure vlan red add ports 2:1-2:2 tagged
configure vlan blue add ports 1:2
configure vlan blue add ports 2:1 tagged
";

fn run(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output().expect("started");
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A bed with Open vSwitch behind port 2:1.
fn trunked(prefix: &str) -> (Testbed, Ovs) {
    let ports = [(1, 1), (1, 2), (2, 1), (2, 2), (1, 3), (2, 3)];
    let hosts = (1..).zip(ports).map(|(number, (slot, port))| HostSpec::new(number, slot, port)).collect();
    let (bed, _) = ready(BedOptions { prefix: prefix.into(), hosts, ..BedOptions::default() });
    let (switch, other) = (format!("{prefix}sw"), format!("{prefix}{BOX}"));
    run("ip", &["netns", "add", &other]);
    // Different indexes: equal ones tell of a lost carrier a second late.
    let pair = format!(
        "link add name {TRUNK} index 2101 netns {switch} type veth peer name {UPLINK} index 2201 netns {other}"
    );
    run("ip", &pair.split(' ').collect::<Vec<_>>());
    let net = format!("--net=/run/netns/{other}");
    run("nsenter", &[&net, "ethtool", "-K", UPLINK, "tx", "off", "txvlan", "off", "gro", "on"]);
    for (netns, device) in [(&switch, TRUNK), (&other, UPLINK)] {
        run("ip", &["-n", netns, "link", "set", device, "addrgenmode", "none", "up"]);
    }
    script(&bed, CONFIGURATION).good();
    for (_, device, _) in BEHIND {
        run("ip", &["-n", &switch, "link", "set", device, "netns", &other]);
        run("ip", &["-n", &other, "link", "set", device, "addrgenmode", "none", "up"]);
    }
    let ovs = Ovs::start(&other);
    ovs.vsctl(&["add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev"]);
    let native = format!("tag={NATIVE}");
    ovs.vsctl(&["add-port", "br0", UPLINK, &native, "vlan_mode=native-untagged", &trunks(&[RED, BLUE])]);
    for (_, device, vlan) in BEHIND {
        let tag = format!("tag={vlan}");
        ovs.vsctl(&["add-port", "br0", device, &tag, "other_config:priority-tags=if-nonzero"]);
    }
    within(ARRIVES, "the trunk is up", || port(&bed, "2:1")["state"] == "active");
    (bed, ovs)
}

fn trunks(vlans: &[u16]) -> String {
    format!("trunks={}", vlans.iter().map(u16::to_string).collect::<Vec<_>>().join(","))
}

/// Every pair of hosts that share a VLAN across the trunk, both ways.
fn streams() -> Vec<StreamSpec> {
    let stream = |name: &str, from: &str, to: &str| StreamSpec::new(name, from, to, 4, PPS);
    let tagged = |tag, tag_at_end| Shape { tag, tag_at_end, ..Shape::default() };
    vec![
        stream("red out", "h1", "h3"),
        stream("red in", "h3", "h1"),
        stream("blue out", "h2", "h5"),
        stream("blue in", "h5", "h2"),
        stream("native out", "h4", "h6"),
        stream("native in", "h6", "h4"),
        stream("red out, tagged host", "h4", "h3").shaped(tagged(RED, 0)),
        stream("red in, tagged host", "h3", "h4").shaped(tagged(0, RED)),
    ]
}

fn start(bed: &Testbed) -> Probe {
    let mut probe = Probe::new(bed, streams()).expect("a probe");
    probe.start().expect("stations learned, frames under way");
    probe
}

/// The slave is ready; ports are not asked, since two have no netdev.
fn slave_ready(bed: &Testbed, master: Slot) {
    within(READY, "a slave again", || {
        bed.show("msm-failover").is_ok_and(|shown| shown["ready_slot"] == master.other().letter())
    });
}

/// A failover by command, and one by death of the master, with frames both ways.
fn fail_over_twice(bed: &Testbed, ovs: &Ovs) {
    let probe = start(bed);
    flow(0.5);
    for by_command in [true, false] {
        let (master, epoch) = bed.owner().expect("an owner");
        if by_command {
            script(bed, "run msm-failover\n").good();
        } else {
            bed.kill(master, Signal::KILL).expect("killed");
        }
        within(READY, "the other is master", || {
            bed.owner().is_ok_and(|owner| owner == (master.other(), epoch + 1))
        });
        slave_ready(bed, master.other());
        flow(0.5);
    }
    let report = probe.stop().expect("a report");
    println!("{}", summary(&report));
    if !report.clean() {
        println!("Open vSwitch: {}", ovs.appctl(&["dpctl/show", "-s"]));
    }
    assert_whole(&report);
}

fn summary(report: &ProbeReport) -> String {
    let line = |stream: &netns_tests::probe::StreamReport| {
        let (name, sent, lost, other) = (&stream.name, stream.sent, stream.lost, stream.flooded);
        format!("{name}: sent {sent}, lost {lost}, elsewhere {other}")
    };
    report.streams.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Takes the blue VLAN from the trunk by `cut` under traffic, which the check that is used above must see; `mend` puts it back.
fn is_seen(bed: &Testbed, cut: impl FnOnce(), mend: impl FnOnce()) {
    let probe = start(bed);
    flow(0.2);
    cut();
    flow(0.5);
    mend();
    let report = probe.stop().expect("a report");
    println!("{}", summary(&report));
    assert!(!report.clean(), "red");
    for stream in &report.streams {
        assert_eq!(stream.lost > 0, stream.name.starts_with("blue"), "{}", summary(&report));
    }
}

/// A broadcast frame: who sends it, with which tag, and who takes it, with which tag.
struct Case {
    from: &'static str,
    tci: Option<u16>,
    /// Its tag on the trunk.
    trunk: Option<u16>,
    to: &'static [(&'static str, Option<u16>)],
}

/// A tag with a priority.
const fn tci(priority: u16, vlan: u16) -> Option<u16> {
    Some(priority << 13 | vlan)
}

const CASES: [Case; 10] = [
    Case { from: "h1", tci: None, trunk: tci(0, RED), to: &[("h3", None), ("h4", tci(0, RED))] },
    Case { from: "h2", tci: None, trunk: tci(0, BLUE), to: &[("h5", None)] },
    Case { from: "h4", tci: None, trunk: None, to: &[("h6", None)] },
    Case { from: "h4", tci: tci(0, RED), trunk: tci(0, RED), to: &[("h1", None), ("h3", None)] },
    Case { from: "h3", tci: None, trunk: tci(0, RED), to: &[("h1", None), ("h4", tci(0, RED))] },
    Case { from: "h5", tci: None, trunk: tci(0, BLUE), to: &[("h2", None)] },
    Case { from: "h6", tci: None, trunk: None, to: &[("h4", None)] },
    // A priority is kept wherever there is a tag.
    Case { from: "h1", tci: tci(5, 0), trunk: tci(5, RED), to: &[("h3", tci(5, 0)), ("h4", tci(5, RED))] },
    Case { from: "h3", tci: tci(6, 0), trunk: tci(6, RED), to: &[("h1", None), ("h4", tci(6, RED))] },
    Case { from: "h4", tci: tci(3, RED), trunk: tci(3, RED), to: &[("h1", None), ("h3", tci(3, 0))] },
];

/// Where the other switch receives and sends: at our end XDP is before any socket.
fn at_uplink(prefix: &str) -> Spy {
    let netns = File::open(format!("/run/netns/{prefix}{BOX}")).expect("a namespace");
    let open = move || {
        move_into_link_name_space(netns.as_fd(), Some(LinkNameSpaceType::Network)).expect("inside");
        Spy::of(UPLINK)
    };
    std::thread::spawn(open).join().expect("a socket")
}

/// Every frame reaches the hosts of its VLAN with the right tag, once, and nobody else.
fn each_vlan_by_itself(bed: &Testbed, when: &str) {
    let mut spies: BTreeMap<&str, Spy> = BTreeMap::new();
    for host in bed.hosts() {
        spies.insert(&host.spec.name, host.enter(|| Spy::of(HOST_DEV)).expect("inside"));
    }
    spies.insert(TRUNK, at_uplink(&bed.options().prefix));
    let mut heard: BTreeMap<u32, Vec<(&str, Option<u16>)>> = BTreeMap::new();
    let listen = |heard: &mut BTreeMap<u32, Vec<_>>| {
        for (place, spy) in &spies {
            let received = spy.take().into_iter().filter(|seen| !seen.sent || *place == TRUNK);
            for Seen { number, tci, .. } in received {
                heard.entry(number).or_default().push((*place, tci));
            }
        }
    };
    let mut expected = BTreeMap::new();
    for (number, case) in (1u32..).zip(&CASES) {
        let host = bed.host(case.from).expect("a host");
        let from = [2, 0, 0, 0, 0x55, host.spec.number];
        Wire::of(host).send(&frame(BROADCAST, from, case.tci, number, 60));
        let mut to: Vec<_> = case.to.iter().copied().chain([(TRUNK, case.trunk)]).collect();
        to.sort_unstable();
        expected.insert(number, to);
    }
    let count = |heard: &BTreeMap<u32, Vec<_>>| heard.values().map(Vec::len).sum::<usize>();
    let until = Instant::now() + ARRIVES;
    while count(&heard) < count(&expected) && Instant::now() < until {
        listen(&mut heard);
        std::thread::sleep(Duration::from_millis(2));
    }
    // And a little for what should not come.
    std::thread::sleep(Duration::from_millis(100));
    listen(&mut heard);
    heard.values_mut().for_each(|to| to.sort_unstable());
    assert_eq!(heard, expected, "{when}\n{}", logs(bed));
}

/// Open vSwitch itself pushes and pops the tags that our checks see.
fn it_tags(ovs: &Ovs) {
    let flows = ovs.appctl(&["dpctl/dump-flows"]);
    for part in [format!("push_vlan(vid={RED}"), format!("push_vlan(vid={BLUE}"), "pop_vlan".to_owned()] {
        assert!(flows.contains(&part), "{part}\n{flows}");
    }
}

#[test]
fn vlans_meet_open_vswitch_on_a_trunk() {
    let (bed, ovs) = trunked("tg1-");
    for driver in ["xdp", "tcx"] {
        script(&bed, &format!("configure ports 1:1-1:2,2:1-2:2 driver {driver}\n")).good();
        println!("driver {driver}");
        each_vlan_by_itself(&bed, driver);
        fail_over_twice(&bed, &ovs);
        it_tags(&ovs);
    }
    // What was counted there would have been lost without the VLAN on either end of the trunk.
    is_seen(
        &bed,
        || drop(ovs.vsctl(&["set", "port", UPLINK, &trunks(&[RED])])),
        || drop(ovs.vsctl(&["set", "port", UPLINK, &trunks(&[RED, BLUE])])),
    );
    is_seen(
        &bed,
        || drop(script(&bed, "configure vlan blue delete ports 2:1\n").good()),
        || drop(script(&bed, "configure vlan blue add ports 2:1 tagged\n").good()),
    );
    each_vlan_by_itself(&bed, "mended");
}
