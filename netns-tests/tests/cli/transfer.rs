//! upload and download: local files, TFTP, and servers that are none.

use netns_tests::bed::{MGMT_SERVER, Slot, Testbed};
use netns_tests::probe::SyscallWatch;

use crate::common::client::{command, script};
use crate::common::tftp::Server;
use crate::common::{READY, assert_same, commands, configuration, has, kill_everybody, ready_bed};
use crate::syslog::with_mgmt_address;

const SOME: &str = "create vlan red\nconfigure vlan red tag 10\nconfigure vlan red add ports 1:1,2:2 tagged\n\
    configure vlan Default ipaddress 10.9.0.1/16\ncreate fdbentry 02:00:00:00:00:77 vlan red port 1:1\n\
    configure fdb agingtime 450\ndisable ports 1:2\nenable ports 1:2\ncreate account user guest secret\n";

/// Map writes but META's of both MSMs, and carrier changes, that `work` makes.
fn effects(bed: &Testbed, work: impl FnOnce()) -> (u64, u64) {
    let pids = Slot::ALL.map(|slot| bed.pid(slot).expect("a pid"));
    let watch = SyscallWatch::start(&pids).expect("a watch");
    let carrier = bed.carrier_changes().expect("counted");
    work();
    let writes = pids.iter().map(|&pid| {
        let mut writes = watch.map_writes_by_map(pid).expect("counts");
        writes.remove("META");
        writes.values().sum::<u64>()
    });
    (writes.sum(), bed.carrier_changes().expect("counted") - carrier)
}

#[test]
fn a_configuration_that_is_downloaded_again_changes_nothing() {
    let (bed, _) = ready_bed("cx1-");
    let server = Server::start(bed.mgmt().expect("a management network"));
    with_mgmt_address(&bed);
    script(&bed, SOME).good();
    let before = configuration(&bed);
    let folder = tempfile::tempdir().expect("a folder");
    let local = folder.path().join("a file.cfg");
    command(&bed, &format!("upload configuration {MGMT_SERVER} up.cfg")).good();
    command(&bed, &format!("upload configuration \"{}\"", local.display())).good();
    let sent = String::from_utf8(server.file("up.cfg").expect("it arrived")).expect("text");
    assert_same(&commands(&sent), &before, "what is uploaded is what is shown");
    assert_same(&commands(&std::fs::read_to_string(&local).expect("written")), &before, "the local file");
    let (writes, _) = effects(&bed, || drop(command(&bed, "create vlan seen").good()));
    assert!(writes > 0, "the watch sees a change");
    command(&bed, "delete vlan seen").good();
    for from in [format!("{MGMT_SERVER} up.cfg"), format!("\"{}\"", local.display())] {
        let (writes, carrier) = effects(&bed, || {
            command(&bed, &format!("download configuration {from} incremental")).good();
        });
        assert_eq!((writes, carrier), (0, 0), "map writes and carrier changes of {from}");
        assert_same(&configuration(&bed), &before, "nothing changed");
    }
}

#[test]
fn incremental_applies_whole_or_not_at_all_and_the_other_kind_waits_for_a_boot() {
    let (bed, ready) = ready_bed("cx2-");
    let server = Server::start(bed.mgmt().expect("a management network"));
    with_mgmt_address(&bed);
    script(&bed, SOME).good();
    server.put("more.cfg", "create vlan more\nconfigure vlan more tag 77\n");
    command(&bed, &format!("download configuration {MGMT_SERVER} more.cfg incremental")).good();
    let before = configuration(&bed);
    assert!(has(&before, "create vlan more") && has(&before, "create vlan red"), "on top of what runs");
    // The third line cannot be: the first two are not made.
    server.put(
        "half.cfg",
        "create vlan half\nconfigure vlan half tag 78\nconfigure vlan half add ports 9:9 tagged\n",
    );
    let error = command(&bed, &format!("download configuration {MGMT_SERVER} half.cfg incremental"))
        .refused("9:9")
        .err;
    assert!(error.contains('3'), "which line: {error}");
    server.put("text.cfg", "create vlan text\nLorem ipsum dolor\n");
    for kind in ["incremental", ""] {
        let error =
            command(&bed, &format!("download configuration {MGMT_SERVER} text.cfg {kind}")).refused("2").err;
        assert!(error.contains("Lorem") || error.contains("line 2"), "which line: {error}");
        server.put("binary.cfg", vec![0x7f, b'E', b'L', b'F', 0, 0xff, 0xfe, b'\n', 3, 4]);
        command(&bed, &format!("download configuration {MGMT_SERVER} binary.cfg {kind}")).refused("");
    }
    assert_same(&configuration(&bed), &before, "nothing changed");
    // Without incremental: nothing now, all of it after a boot.
    server.put("boot.cfg", "create vlan booted\nconfigure snmp sysName booted\n");
    command(&bed, &format!("download configuration {MGMT_SERVER} boot.cfg")).good();
    assert_same(&configuration(&bed), &before, "what runs stays");
    command(&bed, "synchronize").good();
    kill_everybody(&bed);
    bed.start_chassis().expect("started");
    let after = bed.wait_ready(READY).expect("both MSMs");
    assert_eq!(after.epoch, ready.epoch + 1);
    let booted = configuration(&bed);
    assert!(has(&booted, "create vlan booted") && !has(&booted, "create vlan red"), "{booted:?}");
}

#[test]
fn a_server_that_is_none_costs_a_clear_error() {
    let (bed, ready) = ready_bed("cx3-");
    let server = Server::start(bed.mgmt().expect("a management network"));
    with_mgmt_address(&bed);
    script(&bed, SOME).good();
    let before = configuration(&bed);
    let cases = [
        ("missing.cfg", "not found"),
        ("short.cfg", "announced"),
        ("long.cfg", "announced"),
        ("huge.cfg", "bytes"),
        ("garbage.cfg", "no TFTP packet"),
        ("endless.cfg", "bytes"),
        ("silent.cfg", "does not answer"),
        ("stall.cfg", "stopped answering"),
    ];
    for name in ["short.cfg", "long.cfg", "huge.cfg", "endless.cfg", "stall.cfg"] {
        server.put(name, "create vlan evil\n".repeat(500));
    }
    // Beside each other: the silent ones take their time.
    std::thread::scope(|scope| {
        for (file, wanted) in cases {
            let bed = &bed;
            scope.spawn(move || {
                let line = format!("download configuration {MGMT_SERVER} {file} incremental");
                let error = command(bed, &line).refused(wanted).err;
                assert!(error.contains(file), "which file: {error}");
            });
        }
        for (file, wanted) in [("silent-up.cfg", "does not answer"), ("garbage-up.cfg", "no TFTP packet")] {
            let bed = &bed;
            scope.spawn(move || {
                command(bed, &format!("upload configuration {MGMT_SERVER} {file}")).refused(wanted);
            });
        }
    });
    // Nobody there, and no name for it.
    command(&bed, "download configuration nobody.example.com x.cfg").refused("nobody.example.com");
    assert_same(&configuration(&bed), &before, "nothing changed");
    let after = bed.wait_ready(READY).expect("ready");
    assert_eq!((after.master, after.epoch), (ready.master, ready.epoch), "nobody died of it");
}
