//! Bad input and bad luck: each costs who brought it, and nobody else. Needs root.

mod common;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{
    READY, assert_whole, fdb_count, fill, load_for, port, ready, ready_bed, resident_kib, traffic, within,
};
use netns_tests::bed::{BedOptions, HOST_DEV, Slot, Testbed, mac_text};
use netns_tests::bench::load::Place;
use probe_abi::{GenState, load_names, side};
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketType, connect, send, socket};

/// A port whose netdev comes back is attached by then.
const BACK: Duration = Duration::from_secs(1);
const GIGABYTE: u64 = 1 << 30;
/// Resident memory of an MSM with 60,000 stations.
const RESIDENT_KIB: u64 = 40 * 1024;

/// What a hostile peer must not change.
fn same_processes(bed: &Testbed) -> [i32; 3] {
    let msm = |slot| bed.pid(slot).expect("an MSM").as_raw_pid();
    [msm(Slot::A), msm(Slot::B), bed.backplane_pid().expect("a backplane").as_raw_pid()]
}

#[test]
fn a_netdev_deleted_and_made_again_is_a_port_within_a_second() {
    let (bed, _) = ready_bed("ho1-");
    let host = bed.host("h2").expect("host");
    let ip = |netns: &netns_tests::bed::Netns, line: &str| {
        let done = netns.command("ip").args(line.split_whitespace()).status().expect("ip");
        assert!(done.success(), "ip {line}");
    };
    let spec = &host.spec;
    ip(bed.switch_netns(), &format!("link del {}", spec.switch_dev));
    within(BACK, "the loss is seen", || port(&bed, &spec.port)["state"] != "active");
    ip(
        bed.switch_netns(),
        &format!(
            "link add name {} index {} type veth peer name {HOST_DEV} index {} netns {} address {}",
            spec.switch_dev,
            spec.switch_ifindex,
            spec.ifindex,
            host.netns.name(),
            mac_text(host.mac())
        ),
    );
    ip(&host.netns, &format!("addr add {}/24 dev {HOST_DEV}", host.ip()));
    ip(&host.netns, &format!("link set {HOST_DEV} up"));
    ip(bed.switch_netns(), &format!("link set {} up", spec.switch_dev));
    let took = within(BACK, "the port is active again", || port(&bed, &spec.port)["state"] == "active");
    println!("port back after {took:?}");
    let probe = traffic(&bed, 20_000);
    common::flow(0.5);
    assert_whole(&probe.stop().expect("a report"));
}

#[test]
fn a_full_fdb_floods_and_never_evicts() {
    const CAPACITY: u32 = 1024;
    let (bed, _) =
        ready(BedOptions { prefix: "ho2-".into(), fdb_capacity: Some(CAPACITY), ..BedOptions::default() });
    let mut load = load_for(&bed);
    fill(&mut load, &bed, "h1", 8);
    let known = fdb_count(&bed);
    assert!(known >= 8, "{known}");
    fill(&mut load, &bed, "h3", 4 * CAPACITY);
    assert_eq!(fdb_count(&bed), u64::from(CAPACITY), "full to the last entry");
    // Every host has a sink: a frame to a known station is counted once, a flooded one at every other host.
    let mut copies_of_1000 = |to_stations: u32| {
        let (from_side, to_side) = (side(3), side(1));
        load.order(GenState {
            random: 7,
            from_side,
            to_side,
            from_stations: 1,
            to_stations,
            ..GenState::default()
        })
        .expect("orders");
        let before = load.taken().expect("a count");
        load.generate(load_names::GEN_DRAW, Place::host(bed.host("h3").expect("host")), 1000, 0)
            .expect("frames");
        within(BACK, "the frames arrive", || load.taken().expect("a count") - before >= 1000);
        load.taken().expect("a count") - before
    };
    assert_eq!(copies_of_1000(8), 1000, "stations that were there first are still known");
    let copies = copies_of_1000(4 * CAPACITY);
    assert!(copies > 2000, "stations that found no room are flooded: {copies} copies of 1000");
}

#[test]
fn a_second_chassis_of_the_same_name_is_refused() {
    let (bed, before) = ready_bed("ho3-");
    let file = bed.run_dir().with_extension("toml");
    let mut command = bed.switch_netns().command(bed.msm_ctl().expect("a binary"));
    command
        .arg("chassis")
        .arg("--file")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut second = command.spawn().expect("started");
    let ended = Instant::now() + Duration::from_secs(5);
    while second.try_wait().expect("a child").is_none() {
        if Instant::now() > ended {
            let _ = second.kill();
            panic!("the second chassis runs on");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = second.wait_with_output().expect("its output");
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "refused");
    assert!(said.contains(&bed.options().chassis()), "it names the chassis: {said}");
    let after = bed.wait_ready(READY).expect("the first one goes on");
    assert_eq!(after.epoch, before.epoch);
}

/// Nonsense: without any form, and in the form of messages (four bytes of length, then that many).
fn nonsense(framed: bool) -> Vec<u8> {
    let mut chunk = vec![0xA5_u8; 1 << 20];
    if framed {
        chunk.chunks_mut(1024).for_each(|message| message[..4].copy_from_slice(&1020_u32.to_be_bytes()));
    }
    chunk
}

/// Writes `bytes` to a stream until they are taken or the other end hangs up; how many were taken.
fn pour(mut stream: UnixStream, chunk: &[u8], bytes: u64) -> u64 {
    stream.set_write_timeout(Some(Duration::from_secs(2))).expect("a timeout");
    let mut poured = 0;
    while poured < bytes {
        let left = usize::try_from(bytes - poured).unwrap_or(usize::MAX).min(chunk.len());
        match stream.write(&chunk[..left]) {
            Ok(0) | Err(_) => break,
            Ok(n) => poured += n as u64,
        }
    }
    let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
    let _ = stream.read(&mut [0; 64]);
    poured
}

#[test]
fn garbage_costs_only_who_sends_it() {
    let (bed, before) = ready_bed("ho4-");
    let processes = same_processes(&bed);
    let probe = traffic(&bed, 50_000);
    for slot in Slot::ALL {
        let cli = bed.run_dir().join(format!("cli-{slot}.sock"));
        for (framed, bytes) in [(false, 3), (false, 70_000), (false, GIGABYTE), (true, GIGABYTE)] {
            let poured = pour(UnixStream::connect(&cli).expect("the CLI socket"), &nonsense(framed), bytes);
            println!("cli-{slot}: {poured} of {bytes} bytes taken before it hung up");
        }
        let tsync = bed.run_dir().join(format!("tsync-{slot}.sock"));
        let Ok(address) = SocketAddrUnix::new(&tsync) else { panic!("a path for a socket") };
        for length in [0_usize, 1, 64, 60_000, 200_000] {
            let fd = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).expect("a socket");
            // An MSM listens or not, as its role has it; it may also hang up at once.
            if connect(&fd, &address).is_ok() {
                for byte in [0_u8, 0xFF, 0x0A] {
                    let _ = send(&fd, &vec![byte; length], SendFlags::NOSIGNAL);
                }
            }
        }
    }
    let after = bed.wait_ready(READY).expect("still ready");
    assert_eq!((after.master, after.epoch), (before.master, before.epoch), "nothing failed over");
    assert_eq!(same_processes(&bed), processes, "no process died of it");
    let resident = bed.pid(before.master).map(resident_kib).expect("a process");
    assert!(resident < RESIDENT_KIB, "{resident} KiB after a gigabyte of garbage");
    assert_whole(&probe.stop().expect("a report"));
}

#[test]
fn an_msm_with_60_000_stations_is_small() {
    let (bed, before) = ready_bed("ho5-");
    let mut load = load_for(&bed);
    fill(&mut load, &bed, "h3", 60_000);
    assert!(fdb_count(&bed) >= 60_000);
    for slot in [before.master, before.slave] {
        let resident = resident_kib(bed.pid(slot).expect("a pid"));
        println!("slot {slot}: {resident} KiB");
        assert!(resident <= RESIDENT_KIB, "slot {slot}: {resident} KiB");
    }
}
