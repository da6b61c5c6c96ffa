//! `ports`, `mirroring`, `cpu-protection` and `capture`.

use msm_abi::CpuClass;

use super::rule::{Rule, given};
use super::{Action, Command};
use crate::grammar::Arguments;
use crate::model::{Change, CpuChange, Driver, FLOODS, Learning, Mirrored, MirroringChange, PortsChange};
use crate::netdev::NetdevName;

/// Frames of a capture without a count.
const FRAMES: u32 = 10_000;
/// Seconds of a capture without a duration.
const SECONDS: u32 = 60;

fn enable(a: &Arguments, enable: bool) -> Result<Command, String> {
    change(PortsChange::Enable { enable, ports: a.ports("portlist") })
}

fn change(change: PortsChange) -> Result<Command, String> {
    Ok(Command::Change(Change::Ports(change)))
}

fn mirroring(change: MirroringChange) -> Result<Command, String> {
    Ok(Command::Change(Change::Mirroring(change)))
}

fn netdev(a: &Arguments) -> Result<Option<NetdevName>, String> {
    a.text("name").map(|name| name.parse().map_err(|e: crate::netdev::BadNetdev| e.to_string())).transpose()
}

fn learning(a: &Arguments) -> Result<Learning, String> {
    let words = [
        ("unlimited-learning", Learning::Unlimited),
        ("lock-learning", Learning::Lock),
        ("unlock-learning", Learning::Unlock),
    ];
    given(a.number("stations").map(Learning::Limit).or_else(|| a.which(&words)))
}

pub(super) const RULES: &[Rule] = &[
    Rule::new("enable ports [all | <portlist>]", "Lets ports receive and send", |a| enable(a, true))
        .default("all ports are enabled")
        .example(&["enable ports 1:1-1:2"]),
    Rule::new("disable ports [all | <portlist>]", "Stops ports from receiving and sending", |a| {
        enable(a, false)
    })
    .example(&["disable ports 1:2", "enable ports 1:2"]),
    Rule::new(
        "configure ports <portlist> driver [xdp | tcx | auto]",
        "How frames come in: xdp is the fast one and needs the other end's transmit offloads off; tcx takes them as they are; auto is tcx where the other end's offloads would break under XDP, decided when the link comes up",
        |a| {
            let driver = given(a.which(&Driver::ALL))?;
            change(PortsChange::Driver { ports: given(a.ports("portlist"))?, driver })
        },
    )
    .default("xdp")
    .example(&["configure ports 1:1 driver auto", "configure ports 1:1 driver xdp"]),
    Rule::new(
        "configure ports <portlist> rate-limit flood [broadcast | multicast | unknown-destmac] [no-limit | <pps:0..10000000>]",
        "Frames a second that a port may flood of a kind; those over it are dropped and counted (class redirect: forwarded, and their senders not told of the shorter way)",
        |a| {
            let kind = given(a.which(&FLOODS))?;
            change(PortsChange::Rate { ports: given(a.ports("portlist"))?, kind, rate: a.number("pps") })
        },
    )
    .default("no-limit")
    .example(&[
        "configure ports 1:1-1:2 rate-limit flood broadcast 500",
        "configure ports 1:2 rate-limit flood broadcast no-limit",
    ]),
    Rule::new(
        "configure ports <portlist> [limit-learning <stations:1..1048576> | unlimited-learning | lock-learning | unlock-learning]",
        "Stations that a port may learn; frames of others are dropped and counted. A locked port learns no new ones",
        |a| change(PortsChange::Learning { ports: given(a.ports("portlist"))?, learning: learning(a)? }),
    )
    .default("unlimited-learning, not locked")
    .example(&[
        "configure ports 1:1 limit-learning 16",
        "configure ports 1:1 lock-learning",
        "configure ports 1:1 unlock-learning",
        "configure ports 1:1 unlimited-learning",
    ]),
    Rule::new(
        "configure ports <port> netdev [none | <name:netdev>]",
        "Which netdev a port is; the port moves to it at once",
        |a| change(PortsChange::Netdev { port: given(a.port("port"))?, netdev: netdev(a)? }),
    )
    .default("as the chassis file says")
    .example(&["configure ports 2:2 netdev spare0", "unconfigure ports 2:2 netdev"]),
    Rule::new("unconfigure ports <port> netdev", "A port is the netdev again that the chassis file names", |a| {
        change(PortsChange::FileNetdev(given(a.port("port"))?))
    })
    .example(&["configure ports 2:2 netdev none", "unconfigure ports 2:2 netdev"]),
    Rule::new(
        "enable mirroring to port <port>",
        "Copies of mirrored frames go to this port, which must be in no VLAN",
        |a| mirroring(MirroringChange::Enable(given(a.port("port"))?)),
    )
    .default("off")
    .example(&["configure vlan Default delete ports 2:2", "enable mirroring to port 2:2"]),
    Rule::new("disable mirroring", "Copies no frames; forgets of which ports", |_| {
        mirroring(MirroringChange::Disable)
    })
    .example(&["disable mirroring"]),
    Rule::new(
        "configure mirroring add ports <portlist> {[ingress | egress | ingress-and-egress]}",
        "Copies what ports receive, send, or both to the monitor port, as it is on the wire",
        |a| {
            let what = a.which(&Mirrored::ALL).unwrap_or_default();
            mirroring(MirroringChange::Add(given(a.ports("portlist"))?, what))
        },
    )
    .default("ingress-and-egress")
    .example(&[
        "configure vlan Default delete ports 2:2",
        "enable mirroring to port 2:2",
        "configure mirroring add ports 1:1 ingress",
    ]),
    Rule::new(
        "configure mirroring delete [all | ports <portlist>]",
        "Copies frames of these ports no more",
        |a| mirroring(MirroringChange::Delete(a.ports("portlist"))),
    )
    .example(&["configure mirroring delete all"]),
    Rule::new(
        "configure cpu-protection [lacp | stp | eaps | esrp | arp | routing | local | resolve | exception | flood | redirect] [default | rate <pps:1..1000000>]",
        "Frames a second of a class that may go to the control plane; those over it are dropped and counted",
        |a| {
            let class = CpuClass::ALL.map(|(class, word)| (word, class));
            let change = CpuChange { class: given(a.which(&class))?, rate: a.number("pps") };
            Ok(Command::Change(Change::Cpu(change)))
        },
    )
    .default("lacp, arp, flood 4000; routing, local 20000; redirect 10; others 2000")
    .example(&["configure cpu-protection arp rate 1000", "configure cpu-protection arp default"]),
    Rule::new(
        "capture port <port> <file> {count <frames:1..1000000>} {duration <seconds:1..3600>}",
        "Writes what a port really receives and sends into a pcapng file where the client runs",
        |a| {
            Ok(Command::Act(Action::Capture {
                port: given(a.port("port"))?,
                file: given(a.text("file"))?,
                count: a.number("frames").unwrap_or(FRAMES),
                seconds: a.number("seconds").unwrap_or(SECONDS),
            }))
        },
    )
    .default("ends after 10,000 frames or 60 seconds, or with Ctrl-C")
    .example(&["capture port 1:1 /tmp/msm-example.pcapng count 100 duration 1"]),
    Rule::new("clear counters", "Counters of all ports, and of frames for the control plane, begin at zero", |_| {
        Ok(Command::Act(Action::ClearCounters))
    })
    .example(&["clear counters"]),
];
