//! Routing as hosts see it: two VLANs with addresses, hosts in each, the switch between them. Needs root.

mod common;

use std::net::{IpAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::client::script;
use common::icmp::{Echo, answers, echo};
use common::wire::{Tap, Wire};
use common::{READY, flow, logs, ready_bed, within};
use netns_tests::bed::{Host, Ready, Testbed, wait_dead};
use netns_tests::probe::SyscallWatch;
use rustix::process::Signal;

/// For everything that the kernel and the switch have to agree on first.
const SOON: Duration = Duration::from_secs(5);
/// For an answer on a wire.
const ANSWER: Duration = Duration::from_secs(2);

/// VLAN red, 10.1.0.0/24, with h1 and h2; VLAN blue, 10.2.0.0/24, with h3 and h4. IPv6 likewise.
fn routed(prefix: &str) -> (Testbed, Ready) {
    let (bed, ready) = ready_bed(prefix);
    script(
        &bed,
        "create vlan red\ncreate vlan blue\nconfigure vlan Default delete ports all\n\
         configure vlan red add ports 1:1-1:2\nconfigure vlan red tag 10\n\
         configure vlan blue add ports 2:1-2:2\nconfigure vlan blue tag 20\n\
         configure vlan red ipaddress 10.1.0.1/24\nconfigure vlan blue ipaddress 10.2.0.1/24\n\
         configure vlan red ipaddress 2001:db8:1::1/64\nconfigure vlan blue ipaddress 2001:db8:2::1/64\n\
         enable ipforwarding\nenable ipforwarding ipv6\n",
    )
    .good();
    for (host, net) in [("h1", 1), ("h2", 1), ("h3", 2), ("h4", 2)] {
        let host = bed.host(host).expect("a host");
        host.enter(|| std::fs::write("/proc/sys/net/ipv6/conf/eth0/disable_ipv6", "0").expect("IPv6"))
            .expect("inside");
        let n = host.spec.number;
        ip(host, "addr flush dev eth0 scope global");
        ip(host, &format!("addr add 10.{net}.0.1{n}/24 dev eth0"));
        ip(host, &format!("route add default via 10.{net}.0.1"));
        ip(host, &format!("addr add 2001:db8:{net}::1{n}/64 dev eth0 nodad"));
        ip(host, &format!("route add default via 2001:db8:{net}::1"));
    }
    // The interfaces come after the command, and their IPv6 addresses are probed for first.
    let h1 = bed.host("h1").expect("h1");
    within(SOON, "the switch answers", || answers(h1, "10.1.0.1") && answers(h1, "2001:db8:1::1"));
    within(SOON, "the other VLAN's address answers", || answers(h1, "2001:db8:2::1"));
    (bed, ready)
}

fn ip(host: &Host, line: &str) {
    let done = host.command("ip").args(line.split(' ')).output().expect("ip");
    assert!(done.status.success(), "ip {line}: {done:?}");
}

/// Rows of `show <what>`.
fn rows(bed: &Testbed, what: &str, list: &str) -> Vec<serde_json::Value> {
    bed.show(what).expect("an answer")[list].as_array().expect("a list").clone()
}

#[test]
fn hosts_reach_each_other_through_the_switch_and_errors_are_answered() {
    let (bed, _) = routed("l31-");
    let [h1, h3, h4] = ["h1", "h3", "h4"].map(|name| bed.host(name).expect("a host"));
    // The first packet waits in the stack until the neighbour has answered.
    for to in ["10.2.0.13", "2001:db8:2::13", "10.1.0.12"] {
        let wanted = if to.contains(':') { 129 } else { 0 };
        let got =
            echo(h1, Echo::to(to), ANSWER).unwrap_or_else(|| panic!("no answer of {to}\n{}", logs(&bed)));
        assert_eq!((got.kind.0, got.from.to_string().as_str()), (wanted, to));
        assert!(answers(h1, to), "and again");
    }
    // Traceroute.
    for (to, expected, router) in
        [("10.2.0.13", (11, 0), "10.1.0.1"), ("2001:db8:2::13", (3, 0), "2001:db8:1::1")]
    {
        let got = echo(h1, Echo { ttl: 1, ..Echo::to(to) }, ANSWER).expect("an error");
        assert_eq!((got.kind, got.from.to_string().as_str()), (expected, router));
    }
    // Too big.
    script(&bed, "configure ip-mtu 1400 vlan blue\n").good();
    for (to, expected) in [("10.2.0.13", (3, 4)), ("2001:db8:2::13", (2, 0))] {
        within(SOON, "too big is answered", || {
            let got = echo(h1, Echo { size: 1420, ..Echo::to(to) }, ANSWER);
            got.is_some_and(|got| got.kind == expected && got.mtu == 1400)
        });
    }
    // Nowhere, into a hole, and to a host behind a host.
    let got = echo(h1, Echo::to("10.99.0.1"), ANSWER).expect("an error");
    assert_eq!(got.kind, (3, 0), "net unreachable");
    ip(h4, "addr add 10.9.1.1/32 dev lo");
    script(
        &bed,
        "configure iproute add blackhole 10.99.0.0/16\nconfigure iproute add 10.9.0.0/16 10.2.0.14\n\
         configure iproute add 10.7.0.0/16 10.3.0.1\nconfigure iparp add 10.2.0.13 02:00:00:00:00:03\n",
    )
    .good();
    within(SOON, "a static route", || answers(h1, "10.9.1.1"));
    within(SOON, "a hole", || echo(h1, Echo::to("10.99.0.1"), Duration::from_millis(300)).is_none());
    let routes = rows(&bed, "iproute", "routes");
    let of =
        |destination: &str| routes.iter().find(|row| row["destination"] == destination).expect("a route");
    assert_eq!(
        (&of("10.9.0.0/16")["origin"], &of("10.9.0.0/16")["active"]),
        (&"static".into(), &true.into())
    );
    assert_eq!(
        (&of("10.7.0.0/16")["active"], &of("10.99.0.0/16")["kind"]),
        (&false.into(), &"blackhole".into())
    );
    assert_eq!(of("10.1.0.0/24")["hops"][0]["vlan"], "red");
    within(SOON, "a placed neighbour", || {
        let rows = rows(&bed, "iparp vlan blue", "neighbours");
        rows.iter().any(|row| row["address"] == "10.2.0.13" && row["static"] == true)
    });
    assert!(answers(h1, "10.2.0.13") && answers(h3, "10.1.0.11"));
    script(&bed, "configure iparp delete 10.2.0.13\nconfigure iproute delete 10.9.0.0/16 10.2.0.14\n").good();
    within(SOON, "the route is gone", || !answers(h1, "10.9.1.1"));
}

/// ICMP messages of a type among IPv4 frames, ICMPv6 ones among IPv6 frames: who sent each, and the message.
fn messages(frames: &[Vec<u8>], kind: u8) -> Vec<(IpAddr, Vec<u8>)> {
    let message = |frame: &Vec<u8>| {
        let (from, at) = match frame[12..14] {
            [0x08, 0x00] if frame[23] == 1 => (IpAddr::from(<[u8; 4]>::try_from(&frame[26..30]).ok()?), 34),
            [0x86, 0xdd] if frame[20] == 58 => (IpAddr::from(<[u8; 16]>::try_from(&frame[22..38]).ok()?), 54),
            _ => return None,
        };
        (frame[at] == kind).then(|| (from, frame[at..].to_vec()))
    };
    frames.iter().filter_map(message).collect()
}

/// Sends numbered datagrams; each must come, once. How many came behind a later one.
fn datagrams(from: &Host, source: &str, to: &Host, address: &str) -> usize {
    const COUNT: u32 = 300;
    let receiver = to.enter(|| UdpSocket::bind((address, 5006))).expect("inside").expect("a socket");
    receiver.set_read_timeout(Some(Duration::from_millis(500))).expect("a deadline");
    let sender = from.enter(|| UdpSocket::bind((source, 0))).expect("inside").expect("a socket");
    let mut came = Vec::new();
    let mut drain = |last: bool| {
        // A socket has room for some 200.
        receiver.set_nonblocking(!last).expect("set");
        let mut buffer = [0; 8];
        while let Ok(4) = receiver.recv(&mut buffer) {
            came.push(u32::from_be_bytes(buffer[..4].try_into().expect("4")));
        }
    };
    for number in 0..COUNT {
        sender.send_to(&number.to_be_bytes(), (address, 5006)).expect("sent");
        std::thread::sleep(Duration::from_millis(2));
        drain(false);
    }
    drain(true);
    let late = came.windows(2).filter(|two| two[0] > two[1]).count();
    came.sort_unstable();
    assert_eq!(came, (0..COUNT).collect::<Vec<_>>(), "each once");
    late
}

#[test]
fn a_host_is_told_of_a_shorter_way() {
    let (bed, _) = routed("l35-");
    let [h1, h2, h3] = ["h1", "h2", "h3"].map(|name| bed.host(name).expect("a host"));
    // A second router on the VLAN; and h1, which does not heed what it is told.
    ip(h2, "addr add 10.8.0.1/32 dev lo");
    ip(h1, "addr add 10.77.0.1/32 dev lo");
    ip(h1, "route add 2001:db8:1::12/128 via 2001:db8:1::1");
    for file in [
        "ipv4/conf/all/accept_redirects",
        "ipv4/conf/eth0/accept_redirects",
        "ipv6/conf/eth0/accept_redirects",
    ] {
        let path = format!("/proc/sys/net/{file}");
        h1.enter(|| std::fs::write(path, "0").expect("heedless")).expect("inside");
    }
    script(
        &bed,
        "configure iproute add 10.8.0.0/16 10.1.0.12\nconfigure iproute add 10.77.0.0/16 10.1.0.11\n",
    )
    .good();
    // All neighbours are known: nothing of what follows is the stack's to resolve.
    for (host, router) in [(h2, "10.1.0.1"), (h2, "2001:db8:1::1"), (h3, "10.2.0.1")] {
        within(SOON, "the router answers", || answers(host, router));
    }
    within(SOON, "the neighbours are hosts of the tables", || {
        let known = rows(&bed, "ipfdb", "hosts");
        ["10.1.0.12", "2001:db8:1::12", "10.2.0.13"]
            .iter()
            .all(|address| known.iter().any(|row| row["address"] == *address))
    });
    within(SOON, "the static routes", || {
        let routes = rows(&bed, "iproute", "routes");
        let active = |to: &str| routes.iter().any(|row| row["destination"] == to && row["active"] == true);
        active("10.8.0.0/16") && active("10.77.0.0/16")
    });
    let class = || {
        let classes = rows(&bed, "cpu-protection", "classes");
        let row = classes.iter().find(|row| row["class"] == "redirect").expect("its class").clone();
        (row["passed"].as_u64().expect("a count"), row["limited"].as_u64().expect("a count"))
    };
    let tap = Tap::for_kind(h1, 0x0800);
    let told = |tap: &Tap, kind| messages(&tap.take(), kind);

    // Normal routing, and what comes from behind h1: nobody is told anything.
    datagrams(h1, "10.1.0.11", h3, "10.2.0.13");
    datagrams(h1, "10.77.0.1", h2, "10.8.0.1");
    assert_eq!(told(&tap, 5), []);
    assert_eq!(class(), (0, 0));

    let late = datagrams(h1, "10.1.0.11", h2, "10.8.0.1");
    let redirects = told(&tap, 5);
    let (passed, limited) = class();
    println!(
        "{} redirects for {passed} of 300 datagrams, {limited} over the rate, {late} late",
        redirects.len()
    );
    assert!((1..=30).contains(&passed) && passed + limited == 300, "{passed} and {limited}");
    assert!(!redirects.is_empty() && redirects.len() as u64 <= passed, "{redirects:02x?}");
    for (from, message) in &redirects {
        // For the host, by 10.1.0.12; the packet that it is about: to 10.8.0.1.
        assert_eq!((from.to_string().as_str(), message[1]), ("10.1.0.1", 1));
        assert_eq!((&message[4..8], &message[24..28]), (&[10, 1, 0, 12][..], &[10, 8, 0, 1][..]));
    }
    assert!(late as u64 <= passed, "{late} of {passed}");

    // IPv6: h2 itself, to which h1 has a route by the switch.
    let tap = Tap::for_kind(h1, 0x86dd);
    datagrams(h1, "2001:db8:1::11", h2, "2001:db8:1::12");
    let redirects = told(&tap, 137);
    let h2 = "2001:db8:1::12".parse::<std::net::Ipv6Addr>().expect("an address").octets();
    assert!(!redirects.is_empty(), "{}", logs(&bed));
    assert!(redirects.iter().all(|(_, message)| message[8..24] == h2 && message[24..40] == h2));
}

/// What a host knows as the station of a neighbour.
fn station_of(host: &Host, address: &str) -> [u8; 6] {
    let done = host.command("ip").args(["neigh", "show", address]).output().expect("ip");
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let (_, behind) = said.split_once("lladdr ").expect("resolved");
    let octets = behind.split_whitespace().next().expect("an address").split(':');
    let octets: Vec<u8> = octets.map(|octet| u8::from_str_radix(octet, 16).expect("hex")).collect();
    octets.try_into().expect("six")
}

/// The kernel puts a provider's tag (802.1ad) beside a frame before tcx sees it, and leaves it in the bytes that XDP sees: to neither of the entries
/// is what is behind it a packet to route.
#[test]
fn a_packet_behind_a_service_tag_is_routed_by_no_entry() {
    let (bed, _) = routed("l36-");
    let [h1, h3] = ["h1", "h3"].map(|name| bed.host(name).expect("a host"));
    within(SOON, "h3 answers", || answers(h1, "10.2.0.13"));
    let router = station_of(h1, "10.1.0.1");
    let packet = |tag: &[u8], number: u8| {
        let mut packet = vec![0x45, 0, 0, 29, 0, number, 0, 0, 64, 17, 0, 0, 10, 1, 0, 11, 10, 2, 0, 13];
        let words = packet.chunks_exact(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
        let sum: u32 = words.sum();
        let check = !((sum & 0xffff) + (sum >> 16)) as u16;
        packet[10..12].copy_from_slice(&check.to_be_bytes());
        packet.extend([0x13, 0x8f, 0x13, 0x8f, 0, 9, 0, 0, number]);
        packet.resize(46, 0);
        [&router[..], &h1.mac(), tag, &[0x08, 0x00], &packet].concat()
    };
    let wire = Wire::of(h1);
    for driver in ["xdp", "tcx"] {
        script(&bed, &format!("configure ports 1:1,2:1 driver {driver}\n")).good();
        let tap = Tap::for_kind(h3, 0x0800);
        wire.send(&packet(&[0x88, 0xa8, 0, 5], 1));
        wire.send(&packet(&[], 2));
        let numbers: Vec<u8> = tap
            .take()
            .iter()
            .filter(|frame| frame.len() > 42 && frame[36..38] == [0x13, 0x8f])
            .map(|frame| frame[42])
            .collect();
        assert_eq!(numbers, [2], "driver {driver}");
    }
}

#[test]
fn a_neighbour_that_changes_its_station_or_its_port_is_found_again() {
    let (bed, _) = routed("l32-");
    let [h1, h3, h4] = ["h1", "h3", "h4"].map(|name| bed.host(name).expect("a host"));
    within(SOON, "h3 answers", || answers(h1, "10.2.0.13") && answers(h1, "2001:db8:2::13"));
    within(SOON, "h3 is a host of the tables", || {
        rows(&bed, "ipfdb vlan blue", "hosts").iter().any(|row| row["address"] == "10.2.0.13")
    });
    within(SOON, "the kernel keeps it resolved", || {
        let rows = rows(&bed, "iparp", "neighbours");
        rows.iter().any(|row| row["address"] == "10.2.0.13" && row["managed"] == true)
    });
    // Another station, which says so.
    ip(h3, "link set eth0 address 02:00:00:00:00:33");
    within(SOON, "h3 reaches the switch with its new station", || answers(h3, "10.2.0.1"));
    within(SOON, "h3 answers by its new station", || answers(h1, "10.2.0.13"));
    // Its address at another port.
    ip(h3, "addr del 10.2.0.13/24 dev eth0");
    ip(h4, "addr add 10.2.0.13/24 dev eth0");
    let announce = h4.command("ip").args("neigh flush dev eth0".split(' ')).output().expect("ip");
    assert!(announce.status.success());
    // The kernel probes what is not heard of: the old station is silent.
    within(Duration::from_secs(60), "the address is found at h4", || answers(h1, "10.2.0.13"));
    script(&bed, "clear iparp\n").good();
    within(SOON, "forgotten, and asked for again", || answers(h1, "10.2.0.13"));
}

#[test]
fn an_interface_that_somebody_deletes_is_made_again_and_goes_with_its_address() {
    let (bed, _) = routed("l33-");
    let h1 = bed.host("h1").expect("h1");
    let there =
        |name: &str| bed.links(bed.switch_netns()).expect("links").iter().any(|link| link.name == name);
    assert!(there("v10") && there("vi10") && there("v20"));
    script(&bed, "configure iproute add 10.9.0.0/16 10.1.0.12\n").good();
    let has_route = || {
        rows(&bed, "iproute", "routes")
            .iter()
            .any(|row| row["destination"] == "10.9.0.0/16" && row["active"] == true)
    };
    within(SOON, "the static route", has_route);
    bed.switch_netns()
        .enter(|| {
            let done = std::process::Command::new("ip").args(["link", "del", "v10"]).status().expect("ip");
            assert!(done.success());
        })
        .expect("inside");
    let took = within(Duration::from_secs(1), "v10 is there again", || there("v10") && there("vi10"));
    println!("made again after {took:?}");
    within(SOON, "the switch answers again", || answers(h1, "10.1.0.1"));
    within(SOON, "the static route is back", has_route);
    // Its name follows the VLAN's id; it stays what it is.
    script(&bed, "configure vlan red tag 11\n").good();
    within(SOON, "it is called v11", || there("v11") && !there("v10"));
    within(SOON, "the switch answers by v11", || answers(h1, "10.1.0.1"));
    script(&bed, "unconfigure vlan red ipaddress\n").good();
    within(SOON, "it goes with its address", || !there("v11") && !there("vi11"));
    assert!(there("v20"));
    script(&bed, "delete vlan blue\n").good();
    within(SOON, "and with its VLAN", || !there("v20"));
}

#[test]
fn a_routed_stream_outlives_the_master_and_the_next_one_writes_nothing() {
    const PPS: u64 = 2000;
    let (bed, before) = routed("l34-");
    let [h1, h3] = ["h1", "h3"].map(|name| bed.host(name).expect("a host"));
    script(
        &bed,
        "configure iproute add 10.9.0.0/16 10.2.0.14\nconfigure iparp add 10.1.0.77 02:00:00:00:00:77\n",
    )
    .good();
    within(SOON, "h3 answers", || answers(h1, "10.2.0.13") && answers(h1, "2001:db8:2::13"));
    // What the neighbours are is settled: nothing is left to be written by anybody.
    within(SOON, "the kernel keeps the hosts", || {
        let rows = rows(&bed, "iparp", "neighbours");
        let kept = |address: &str| rows.iter().any(|row| row["address"] == address && row["managed"] == true);
        kept("10.2.0.13") && kept("10.1.0.11") && kept("2001:db8:2::13")
    });
    bed.wait_ready(READY).expect("a ready slave");
    let stop = AtomicBool::new(false);
    let (sent, got) = std::thread::scope(|scope| {
        let receiver = h3.enter(|| UdpSocket::bind("10.2.0.13:5005")).expect("inside").expect("a socket");
        receiver.set_read_timeout(Some(Duration::from_millis(500))).expect("a deadline");
        let receive = scope.spawn(move || {
            let (mut got, mut buffer) = (std::collections::BTreeMap::<u64, u32>::new(), [0; 64]);
            while let Ok(length) = receiver.recv(&mut buffer) {
                assert_eq!(length, 8);
                *got.entry(u64::from_be_bytes(buffer[..8].try_into().expect("8"))).or_default() += 1;
            }
            got
        });
        let sender = h1.enter(|| UdpSocket::bind("10.1.0.11:0")).expect("inside").expect("a socket");
        let stop = &stop;
        let send = scope.spawn(move || {
            let begun = std::time::Instant::now();
            let mut sent = 0u64;
            while !stop.load(Ordering::Relaxed) {
                let due = u64::try_from(begun.elapsed().as_micros()).expect("short") * PPS / 1_000_000;
                while sent <= due {
                    sender.send_to(&sent.to_be_bytes(), "10.2.0.13:5005").expect("sent");
                    sent += 1;
                }
                std::thread::sleep(Duration::from_micros(200));
            }
            sent
        });
        flow(0.5);
        let heir = bed.pid(before.slave).expect("a pid");
        let watch = SyscallWatch::start(&[heir]).expect("a watch");
        let (_, dead) = bed.kill(before.master, Signal::KILL).expect("killed");
        wait_dead(&dead, SOON).expect("dead");
        let after = bed.wait_ready(READY).expect("both MSMs again");
        assert_eq!((after.master, after.epoch), (before.slave, before.epoch + 1));
        // Longer than the new master looks at what it has made without a reason.
        flow(6.0);
        let mut writes = watch.map_writes_by_map(heir).expect("counts");
        writes.remove("META");
        assert!(writes.is_empty(), "{writes:?}\n{}", logs(&bed));
        let netlink = watch.netlink_writes(heir).expect("counts");
        assert!(netlink.is_empty(), "{netlink:?}\n{}", logs(&bed));
        stop.store(true, Ordering::Relaxed);
        (send.join().expect("a sender"), receive.join().expect("a receiver"))
    });
    assert!(sent > PPS, "{sent} sent");
    let lost: Vec<u64> = (0..sent).filter(|number| !got.contains_key(number)).take(10).collect();
    assert!(lost.is_empty(), "lost, first of all: {lost:?} of {sent}");
    assert!(got.values().all(|times| *times == 1), "twice");
}
