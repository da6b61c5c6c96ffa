//! The system call counter, on this very process. Needs root.

use aya::maps::{HashMap, Map, MapData};
use netns_tests::bed::{BedOptions, SwitchKind, Testbed};
use netns_tests::probe::SyscallWatch;
use probe_abi::names;
use rustix::process::getpid;

#[test]
fn writes_to_maps_are_counted_by_map_and_reads_are_not() {
    let object = std::fs::read(netns_tests::object_path().unwrap()).unwrap();
    let mut object = aya::Ebpf::load(&object).unwrap();
    let map = object.take_map(names::WATCHED).unwrap();
    let mut map: HashMap<MapData, u32, u8> = HashMap::try_from(map as Map).unwrap();
    let watch = SyscallWatch::start(&[getpid()]).unwrap();
    let before = watch.map_writes_by_map(getpid()).unwrap();
    for key in 0..5 {
        map.insert(key, 1, 0).unwrap();
    }
    map.remove(&3).unwrap();
    for _ in 0..100 {
        map.get(&1, 0).unwrap();
    }
    let after = watch.map_writes_by_map(getpid()).unwrap();
    let moved = |name: &str| after.get(name).unwrap_or(&0) - before.get(name).unwrap_or(&0);
    assert_eq!(moved("WATCHED"), 6, "{before:?} {after:?}");
    let others: u64 = after.keys().filter(|name| *name != "WATCHED").map(|name| moved(name)).sum();
    assert_eq!(others, 0, "{before:?} {after:?}");
    assert!(!watch.other_writes(getpid()).unwrap().contains_key("PROG_LOAD"));
}

/// Tables that are written by mapping them make no call for what is written.
#[test]
fn tables_that_are_mapped_to_be_written_are_counted() {
    let bed = Testbed::start(BedOptions { prefix: "tw2-".to_owned(), ..BedOptions::default() }).unwrap();
    let ready = bed.wait_ready(std::time::Duration::from_secs(30)).unwrap();
    let master = bed.pid(ready.master).unwrap();
    let watch = SyscallWatch::start(&[master]).unwrap();
    let mut cli = bed.cli().unwrap();
    cli.run("show access-list").unwrap();
    let before = watch.map_writes_by_map(master).unwrap();
    assert!(!before.keys().any(|name| name.starts_with("ACL_")), "{before:?}");
    cli.run("create access-list one ip destination 192.0.2.0/24 source any permit precedence 10").unwrap();
    let after = watch.map_writes_by_map(master).unwrap();
    assert!(after.contains_key("ACL_BITS") && after.contains_key("TABLES"), "{after:?}");
}

#[test]
fn programs_and_maps_that_are_made_are_other_writes() {
    let mut watch = SyscallWatch::start(&[getpid()]).unwrap();
    let object = std::fs::read(netns_tests::object_path().unwrap()).unwrap();
    let made = aya::Ebpf::load(&object).unwrap();
    let writes = watch.other_writes(getpid()).unwrap();
    assert!(writes["MAP_CREATE"] >= made.maps().count() as u64, "{writes:?}");
    watch.reset().unwrap();
    assert!(watch.other_writes(getpid()).unwrap().is_empty());
}

#[test]
fn netlink_requests_that_change_something_are_counted_by_type() {
    const RTM_NEWLINK: u16 = 16;
    const RTM_DELLINK: u16 = 17;
    let options = BedOptions { prefix: "tw1-".to_owned(), switch: SwitchKind::None, ..BedOptions::default() };
    let bed = Testbed::start(options).unwrap();
    // A tool by another name is executed as `msm-ctl`: it is watched from its first call.
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("msm-ctl");
    let install = |tool: &str| {
        let places = ["/usr/sbin", "/sbin", "/usr/bin"].map(|place| std::path::Path::new(place).join(tool));
        std::fs::copy(places.iter().find(|path| path.exists()).unwrap(), &program).unwrap();
    };
    let watch = SyscallWatch::start(&[]).unwrap();
    let run = |arguments: &[&str]| {
        let mut child = bed.switch_netns().command(&program).args(arguments).spawn().unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        assert!(child.wait().unwrap().success());
        watch.netlink_writes(pid).unwrap()
    };
    install("ip");
    let changed = run(&["link", "set", "s1p1", "down"]);
    assert!(changed.contains_key(&RTM_NEWLINK) && !changed.contains_key(&RTM_DELLINK), "{changed:?}");
    let shown = run(&["route", "show"]);
    assert!(shown.is_empty(), "{shown:?}");
    // Generic netlink, whose control messages have RTM_NEWLINK's number, on a socket that is closed by now.
    install("ethtool");
    let features = run(&["--show-features", "s1p2"]);
    assert!(features.is_empty(), "{features:?}");
}
