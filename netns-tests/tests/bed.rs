//! The testbed itself: what it makes, and that nothing of it stays. Needs root.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use netns_tests::bed::{
    BedError, BedOptions, HOST_DEV, HostSpec, MGMT_DEV, MGMT_SERVER, MGMT_SWITCH, SwitchKind, Testbed,
    mac_text,
};
use rustix::process::{Pid, Signal, kill_process};

/// Environment variable with the prefix of the bed that a child process holds; also what it prints once it does.
const HELD: &str = "BED_HELD_BY_CHILD";

fn bridge(prefix: &str) -> BedOptions {
    BedOptions { prefix: prefix.to_owned(), switch: SwitchKind::Bridge, ..BedOptions::default() }
}

/// Namespaces of the prefix, and files of its chassis.
fn leftovers(prefix: &str) -> Vec<String> {
    let stem = prefix.trim_end_matches('-');
    let names = |dir: &str| -> Vec<String> {
        let entries = std::fs::read_dir(dir).into_iter().flatten();
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
    };
    let mut left: Vec<_> = names("/run/netns").into_iter().filter(|name| name.starts_with(prefix)).collect();
    left.extend(names("/run/msm").into_iter().filter(|name| name.starts_with(&format!("{stem}-bed"))));
    left
}

/// A TCP connection opens: needs ARP, and checksums that survive the way.
fn reaches(bed: &Testbed, from: &str, to: &str) -> bool {
    let (from, to) = (bed.host(from).unwrap(), bed.host(to).unwrap());
    let listener = to.enter(|| TcpListener::bind((to.ip(), 0))).unwrap().unwrap();
    let address = listener.local_addr().unwrap();
    from.enter(|| TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_ok()).unwrap()
}

#[test]
fn hosts_reach_each_other_over_named_ports() {
    let bed = Testbed::start(bridge("tb1-")).unwrap();
    for (from, to) in [("h1", "h2"), ("h1", "h3"), ("h4", "h1")] {
        assert!(reaches(&bed, from, to), "{from} to {to}");
    }
    let switch = bed.links(bed.switch_netns()).unwrap();
    for host in bed.hosts() {
        let HostSpec { switch_dev, switch_ifindex, ifindex, .. } = &host.spec;
        assert!(switch.iter().any(|link| link.name == *switch_dev && link.ifindex == *switch_ifindex));
        assert!(
            bed.links(&host.netns)
                .unwrap()
                .iter()
                .any(|link| link.name == HOST_DEV && link.ifindex == *ifindex)
        );
    }
    assert_eq!(mac_text(bed.host("h3").unwrap().mac()), "02:00:00:00:00:03");
}

#[test]
fn nothing_stays_after_drop_panic_and_a_killed_run() {
    drop(Testbed::start(bridge("tb2-")).unwrap());
    assert_eq!(leftovers("tb2-"), Vec::<String>::new());

    let child = Mutex::new(None);
    let panicked = std::panic::catch_unwind(|| {
        let bed = Testbed::start(bridge("tb2-")).unwrap();
        // A process of a host goes with it.
        *child.lock().unwrap() = Some(bed.host("h1").unwrap().command("sleep").arg("1000").spawn().unwrap());
        panic!("the test's own");
    });
    assert!(panicked.is_err());
    let killed = child.lock().unwrap().take().unwrap().wait().unwrap();
    assert_eq!(killed.signal(), Some(9));
    assert_eq!(leftovers("tb2-"), Vec::<String>::new());

    Testbed::start(bridge("tb2-")).unwrap().keep(); // as a killed run leaves it
    assert!(!leftovers("tb2-").is_empty());
    assert_eq!(Testbed::existing("tb2-").unwrap().hosts().len(), 4);
    Testbed::down("tb2-").unwrap();
    assert_eq!(leftovers("tb2-"), Vec::<String>::new());
    assert!(matches!(Testbed::existing("tb2-"), Err(BedError::NoBed { .. })));
    Testbed::down("tb2-").unwrap(); // there is none: fine
}

/// Not a test: what the next one runs in a process of its own.
#[test]
#[ignore = "run by `nothing_stays_after_a_signal`"]
fn holds_a_bed() {
    let Ok(prefix) = std::env::var(HELD) else { return };
    let _bed = Testbed::start(bridge(&prefix)).unwrap();
    println!("{HELD}");
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn nothing_stays_after_a_signal() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["holds_a_bed", "--exact", "--ignored", "--nocapture"])
            .env(HELD, "tb5-")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line.contains(HELD)), "the bed did not start");
        assert!(!leftovers("tb5-").is_empty());
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(signal.as_raw()));
        assert_eq!(leftovers("tb5-"), Vec::<String>::new());
    }
}

#[test]
fn the_management_network_is_beside_the_ports_and_goes_with_the_bed() {
    let bed = Testbed::start(BedOptions { prefix: "tb6-".to_owned(), ..BedOptions::default() }).unwrap();
    let (address, length) = MGMT_SWITCH;
    let line = format!("addr add {address}/{length} dev {MGMT_DEV}");
    assert!(bed.switch_netns().command("ip").args(line.split(' ')).status().unwrap().success());
    let listener = bed.in_switch(|| TcpListener::bind((address, 0))).unwrap().unwrap();
    let to = listener.local_addr().unwrap();
    let mg = bed.mgmt().unwrap();
    mg.enter(|| TcpStream::connect_timeout(&to, Duration::from_secs(2))).unwrap().unwrap();
    assert_eq!(mg.spawn(|| UdpSocket::bind((MGMT_SERVER, 69)).is_ok()).unwrap().join().ok(), Some(true));
    drop(bed);
    assert_eq!(leftovers("tb6-"), Vec::<String>::new());
}

#[test]
fn beds_live_beside_each_other_and_a_taken_name_is_said() {
    let first = Testbed::start(bridge("tb3-")).unwrap();
    let second = Testbed::start(bridge("tb3-x-")).unwrap();
    let taken = Testbed::start(bridge("tb3-")).unwrap_err();
    assert!(matches!(taken, BedError::NameTaken { .. }), "{taken}");
    assert!(taken.to_string().contains("--prefix"), "{taken}");
    drop(first); // takes only its own: `tb3-x-` begins with `tb3-`
    assert!(reaches(&second, "h1", "h4"));
}

#[test]
fn carrier_changes_and_drops_are_seen() {
    let bed = Testbed::start(bridge("tb4-")).unwrap();
    let (changes, drops) = (bed.carrier_changes().unwrap(), bed.drops().unwrap());
    assert!(drops.counters.keys().any(|site| site.starts_with("sw/s1p1 rx_queue_0_")), "{drops:?}");
    let set = |state: &str| {
        let mut ip = bed.switch_netns().command("ip");
        assert!(ip.args(["link", "set", "s1p1", state]).status().unwrap().success());
    };
    set("down");
    set("up");
    assert!(bed.carrier_changes().unwrap() > changes);
}
