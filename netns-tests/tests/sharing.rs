//! Load sharing between the switch and a host with three ports; LACP with Open vSwitch. Needs root.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::client::script;
use common::ovs::Ovs;
use common::wire::{Wire, frame};
use common::{READY, kill_everybody, logs, port, ready_bed, within};
use netns_tests::bed::{Netns, Testbed};
use rustix::process::Signal;

/// Netdevs of the host whose ports are one; their ports are 1:1, 1:2 and 2:1.
const DEVICES: [&str; 3] = ["eth0", "p2", "p3"];
const DEVICE_PORTS: [&str; 3] = ["1:1", "1:2", "2:1"];
/// The station behind the group.
const STATION: [u8; 6] = [2, 0, 0, 0, 0x77, 1];
const BROADCAST: [u8; 6] = [0xff; 6];
/// A link that is cut is out of the hash by then.
const BAR: Duration = Duration::from_millis(10);
/// This machine has other things to do too: a test fails at this much only.
const GRACE: Duration = Duration::from_millis(100);

fn ip(args: &[&str]) {
    let output = Command::new("ip").args(args).output().expect("iproute2");
    assert!(output.status.success(), "ip {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// h1 gets the netdevs of h2 and h3.
fn bundle(bed: &Testbed, prefix: &str) {
    let h1 = format!("{prefix}h1");
    for (host, device) in [("h2", "p2"), ("h3", "p3")] {
        ip(&["-n", &format!("{prefix}{host}"), "link", "set", "eth0", "netns", &h1, "name", device]);
        ip(&["-n", &h1, "link", "set", device, "up"]);
    }
    bed.wait_ready(READY).expect("ports are up again");
}

/// A packet socket at a netdev of the calling thread's namespace; it hears all that comes in.
fn socket(device: &str) -> io::Result<OwnedFd> {
    let name = std::ffi::CString::new(device)?;
    // SAFETY: the name is a C string.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    let all = (libc::ETH_P_ALL as u16).to_be();
    // SAFETY: no memory is passed.
    let fd = unsafe {
        libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0)
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: all zero is a lawful value.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = all;
    address.sll_ifindex = index as i32;
    let length = size_of_val(&address) as libc::socklen_t;
    // SAFETY: the address lives over the call and has the length that is said.
    let bound = unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), length) };
    if bound < 0 { Err(io::Error::last_os_error()) } else { Ok(fd) }
}

/// Numbers of the frames that came, by netdev.
struct Ears {
    heard: Arc<Mutex<BTreeMap<u32, Vec<usize>>>>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Ears {
    fn of(netns: &Netns, devices: &'static [&'static str]) -> Self {
        let (heard, stop) = (Arc::new(Mutex::new(BTreeMap::new())), Arc::new(AtomicBool::new(false)));
        let (to, ended) = (Arc::clone(&heard), Arc::clone(&stop));
        let (ready, is_ready) = std::sync::mpsc::channel();
        let thread = netns.spawn(move || {
            let sockets: Vec<OwnedFd> = devices.iter().map(|d| socket(d).expect("a packet socket")).collect();
            ready.send(()).expect("the test waits");
            while !ended.load(Ordering::Relaxed) {
                if !sockets.iter().enumerate().fold(false, |any, (i, socket)| take(socket, i, &to) || any) {
                    std::thread::sleep(Duration::from_micros(200));
                }
            }
        });
        is_ready.recv().expect("sockets");
        Self { heard, stop, thread: Some(thread.expect("inside")) }
    }

    /// What has come so far, and nothing of it again.
    fn heard(&self) -> BTreeMap<u32, Vec<usize>> {
        std::mem::take(&mut *self.heard.lock().expect("no panic"))
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

/// Reads what there is at a socket; false if nothing.
fn take(socket: &OwnedFd, device: usize, to: &Mutex<BTreeMap<u32, Vec<usize>>>) -> bool {
    let mut any = false;
    loop {
        let mut bytes = [0u8; 256];
        // SAFETY: all zero is a lawful value.
        let mut from: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        let mut length = size_of_val(&from) as libc::socklen_t;
        // SAFETY: both buffers live over the call and have the lengths that are said.
        let count = unsafe {
            libc::recvfrom(
                socket.as_raw_fd(),
                bytes.as_mut_ptr().cast(),
                bytes.len(),
                0,
                (&raw mut from).cast(),
                &raw mut length,
            )
        };
        if count < 0 {
            return any;
        }
        any = true;
        if count >= 18 && from.sll_pkttype != libc::PACKET_OUTGOING && bytes[12..14] == [0x88, 0xb5] {
            let number = u32::from_be_bytes([bytes[14], bytes[15], bytes[16], bytes[17]]);
            to.lock().expect("no panic").entry(number).or_default().push(device);
        }
    }
}

/// Waits until so many frames have come, and a little for what should not come.
fn collect(ears: &Ears, count: usize) -> BTreeMap<u32, Vec<usize>> {
    let mut all = BTreeMap::new();
    within(Duration::from_secs(5), &format!("{count} frames"), || {
        all.extend(ears.heard());
        all.len() >= count
    });
    std::thread::sleep(Duration::from_millis(50));
    for (number, devices) in ears.heard() {
        all.entry(number).or_insert_with(Vec::new).extend(devices);
    }
    all
}

fn source(flow: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0x44, flow]
}

/// Sends by a netdev of h1.
fn from_group(bed: &Testbed, device: &str, bytes: &[u8]) {
    let send = || {
        let socket = socket(device).expect("a packet socket");
        // SAFETY: the buffer lives over the call.
        let sent = unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0) };
        assert_eq!(sent, bytes.len() as isize, "{}", io::Error::last_os_error());
    };
    bed.host("h1").expect("h1").enter(send).expect("inside");
}

fn used(bed: &Testbed) -> Vec<String> {
    let groups = bed.show("sharing").expect("show sharing");
    let ports = groups["groups"][0]["ports"].as_array().cloned().unwrap_or_default();
    let used = ports.iter().filter(|port| port["buckets"].as_u64() > Some(0));
    used.filter_map(|port| Some(port["port"].as_str()?.to_owned())).collect()
}

/// Sets a netdev of h1 up or down.
fn set_up(bed: &Testbed, device: &str, up: bool) {
    let netns = bed.host("h1").expect("h1").netns.name();
    ip(&["-n", netns, "link", "set", device, if up { "up" } else { "down" }]);
}

#[test]
fn a_static_group_shares_and_leaves_out_what_is_cut() {
    let (bed, _) = ready_bed("sg1-");
    bundle(&bed, "sg1-");
    script(&bed, "enable sharing 1:1 grouping 1:1-1:2,2:1 algorithm address-based\n").good();
    script(&bed, "configure vlan Default add ports 1:2\n").refused("load-sharing group of port 1:1");
    within(Duration::from_secs(5), "all used", || used(&bed).len() == 3);

    // What comes in by any of them goes out by none, and once elsewhere.
    let h4 = bed.host("h4").expect("h4");
    let there = Ears::of(&h4.netns, &["eth0"]);
    let here = Ears::of(&bed.host("h1").expect("h1").netns, &DEVICES);
    for (number, device) in DEVICES.iter().enumerate() {
        from_group(&bed, device, &frame(BROADCAST, STATION, None, number as u32, 60));
    }
    let arrived = collect(&there, 3);
    assert!(arrived.values().all(|devices| devices.len() == 1), "{arrived:?}");
    assert_eq!(here.heard(), BTreeMap::new(), "no echo\n{}", logs(&bed));

    // A flood goes to one of them; a station behind the group is found by all.
    let wire = Wire::of(h4);
    for flow in 0..60u8 {
        wire.send(&frame(BROADCAST, source(flow), None, 100 + u32::from(flow), 60));
        wire.send(&frame(STATION, source(flow), None, 200 + u32::from(flow), 60));
    }
    let arrived = collect(&here, 120);
    assert!(arrived.values().all(|devices| devices.len() == 1), "once each: {arrived:?}");
    let taken = |device: usize| arrived.values().filter(|devices| devices[0] == device).count();
    assert!((0..3).all(|device| taken(device) >= 15), "{:?}", [taken(0), taken(1), taken(2)]);

    // The same link is cut twice within a second.
    let stop = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&stop);
    let sender = std::thread::spawn(move || {
        let mut sent = Vec::new();
        while !ended.load(Ordering::Relaxed) {
            let number = 1000 + sent.len() as u32;
            sent.push(Instant::now());
            wire.send(&frame(STATION, source((number % 60) as u8), None, number, 60));
            std::thread::sleep(Duration::from_micros(100));
        }
        sent
    });
    let mut cuts = Vec::new();
    for _ in 0..2 {
        std::thread::sleep(Duration::from_millis(150));
        cuts.push(Instant::now());
        set_up(&bed, "p2", false);
        std::thread::sleep(Duration::from_millis(150));
        assert_eq!(used(&bed), ["1:1", "2:1"]);
        set_up(&bed, "p2", true);
        within(Duration::from_secs(2), "it is used again", || used(&bed).len() == 3);
    }
    std::thread::sleep(Duration::from_millis(100));
    stop.store(true, Ordering::Relaxed);
    let sent = sender.join().expect("no panic");
    std::thread::sleep(Duration::from_millis(100));
    let heard: BTreeSet<u32> = here.heard().into_keys().collect();
    let lost: Vec<Instant> =
        (1000u32..).zip(&sent).filter(|(number, _)| !heard.contains(number)).map(|(_, at)| *at).collect();
    println!("{} frames in {:?}, {} lost", sent.len(), sent[sent.len() - 1] - sent[0], lost.len());
    for (i, cut) in cuts.iter().enumerate() {
        let until = cuts.get(i + 1).copied().unwrap_or_else(Instant::now);
        let mine: Vec<&Instant> = lost.iter().filter(|at| **at >= *cut && **at < until).collect();
        let outage = mine.first().zip(mine.last()).map_or(Duration::ZERO, |(first, last)| **last - **first);
        let since = mine.last().map_or(Duration::ZERO, |last| **last - *cut);
        println!("cut {i}: {} lost in {outage:?}, the last {since:?} after the cut began", mine.len());
        if outage > BAR {
            println!("MISS carrier: {outage:?}; bar {BAR:?}");
        }
        assert!(outage < GRACE, "{outage:?}\n{}", logs(&bed));
    }
    assert!(lost.iter().all(|at| *at >= cuts[0]), "nothing is lost before");

    // With nobody there, a cut is not acted on, as documented: without that, nothing above would prove anything.
    kill_everybody(&bed);
    set_up(&bed, "p2", false);
    here.heard();
    let wire = Wire::of(h4);
    (0..60u8).for_each(|flow| wire.send(&frame(STATION, source(flow), None, 200 + u32::from(flow), 60)));
    let arrived = collect(&here, 20);
    assert!((20..=45).contains(&arrived.len()), "{}", arrived.len());
}

/// Its counters that must stand still, and what it says of members.
fn steady(ovs: &Ovs) -> (Vec<String>, Vec<String>) {
    let counters = ovs.appctl(&["lacp/show-stats", "bond0"]);
    let still =
        |line: &&str| ["Expired", "Defaulted", "Carrier", "Bad"].iter().any(|word| line.contains(word));
    let state = ovs.appctl(&["lacp/show", "bond0"]);
    let told = |line: &&str| line.contains("state:") || line.contains("member:") || line.contains("status:");
    let lines = |text: &str, keep: &dyn Fn(&&str) -> bool| {
        text.lines().filter(keep).map(|l| l.trim().to_owned()).collect()
    };
    (lines(&counters, &still), lines(&state, &told))
}

fn distributing(bed: &Testbed) -> usize {
    let shown = bed.show("lacp").expect("show lacp");
    let ports = shown["groups"][0]["ports"].as_array().cloned().unwrap_or_default();
    ports.iter().filter(|port| port["mux"] == "distributing").count()
}

#[test]
fn lacp_with_open_vswitch_stays_up_over_failovers() {
    let (bed, _) = ready_bed("sg2-");
    bundle(&bed, "sg2-");
    script(
        &bed,
        "enable sharing 1:1 grouping 1:1-1:2,2:1 dynamic algorithm address-based\nconfigure sharing 1:1 lacp timeout short\n",
    )
    .good();
    assert_eq!(used(&bed), Vec::<String>::new(), "nobody at the other end");
    // Nothing is taken by a port without a partner (IEEE 802.1AX-2014 6.4.15), but LACP's own.
    let there = Ears::of(&bed.host("h4").expect("h4").netns, &["eth0"]);
    let speak = |first: u32| {
        for (number, device) in (first..).zip(DEVICES) {
            from_group(&bed, device, &frame(BROADCAST, STATION, None, number, 60));
            from_group(&bed, device, &frame(BROADCAST, STATION, Some(1), 100 + number, 60));
        }
    };
    speak(0);
    within(Duration::from_secs(2), "frames dropped", || {
        DEVICE_PORTS.iter().all(|name| port(&bed, name)["drops"]["ingress-gate"].as_u64() >= Some(2))
    });
    assert_eq!(there.heard(), BTreeMap::new(), "taken without a partner\n{}", logs(&bed));
    let ovs = Ovs::start("sg2-h1");
    ovs.vsctl(&["add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev"]);
    ovs.vsctl(&[
        "add-bond",
        "br0",
        "bond0",
        "eth0",
        "p2",
        "p3",
        "lacp=active",
        "bond_mode=balance-slb",
        "other_config:lacp-time=fast",
    ]);
    let all = |bed: &Testbed| distributing(bed) == 3 && used(bed).len() == 3;
    let started = Instant::now();
    while !all(&bed) {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "{:#}\n{}\n{}\n{}",
            bed.show("lacp").expect("show lacp"),
            ovs.appctl(&["lacp/show", "bond0"]),
            ovs.log(),
            logs(&bed)
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("up in {:?}", started.elapsed());
    within(Duration::from_secs(10), "its members are up", || {
        ovs.appctl(&["lacp/show", "bond0"]).matches("distributing").count() >= 6
    });
    speak(10);
    assert_eq!(collect(&there, 3).len(), 3, "taken now, without tags");
    let before = steady(&ovs);
    let log = ovs.log().len();
    for round in 0..4 {
        let master = bed.master().expect("a master");
        if round % 2 == 0 {
            script(&bed, "run msm-failover\n").good();
        } else {
            bed.kill(master, Signal::KILL).expect("killed");
        }
        // Longer than its patience: three seconds.
        std::thread::sleep(Duration::from_secs(4));
        bed.wait_ready(READY).expect("a slave again");
        assert_ne!(bed.master().expect("a master"), master);
        let after = steady(&ovs);
        assert_eq!(after, before, "round {round}\n{}\n{}", &ovs.log()[log..], logs(&bed));
        assert!(all(&bed), "{:#}", bed.show("lacp").expect("show lacp"));
    }
    let said = ovs.log()[log..].to_owned();
    assert!(!said.contains("bond0"), "its log has something to say:\n{said}");

    // A link that goes takes its port out, on both sides, and comes back.
    set_up(&bed, "p3", false);
    within(Duration::from_secs(1), "out of use", || used(&bed) == ["1:1", "1:2"]);
    set_up(&bed, "p3", true);
    within(Duration::from_secs(10), "back in use", || all(&bed));
}
