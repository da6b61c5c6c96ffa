//! `capture port`: the file holds what the port received and sent, byte for byte, and nothing else. Needs root.

mod common;

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use common::client::{client, command, script};
use common::wire::{Wire, frame};
use common::{READY, assert_whole, flow, ready_bed, traffic, within};
use netns_tests::bed::Testbed;

/// Station numbers beyond those of hosts and flows.
const fn station(host: u8, n: u8) -> [u8; 6] {
    [0x02, 0, 0x07, 0, n, host]
}

const BROADCAST: [u8; 6] = [0xff; 6];
const TAG: u16 = 10;
/// Number of a frame that only shows that the capture has begun.
const MARKER: u32 = 0xFEED_FACE;
const FRAMES: u32 = 400;

/// A frame of a capture.
#[derive(Clone, PartialEq, Eq)]
struct Captured {
    received: bool,
    time: u64,
    bytes: Vec<u8>,
}

/// The frames of a pcapng file (draft-ietf-opsawg-pcapng), little endian; as far as it is written.
fn read(path: &Path) -> Vec<Captured> {
    let file = std::fs::read(path).unwrap_or_default();
    let word =
        |at: usize| file.get(at..at + 4).map(|bytes| u32::from_le_bytes(bytes.try_into().expect("four")));
    let (mut frames, mut at) = (Vec::new(), 0);
    while let (Some(kind), Some(length)) = (word(at), word(at + 4)) {
        let length = length as usize;
        if at + length > file.len() {
            break;
        }
        assert!(length >= 12 && word(at + length - 4) == Some(length as u32), "a whole block at {at}");
        if kind == 6 {
            let high = word(at + 12).expect("in it");
            let low = word(at + 16).expect("in it");
            let (captured, original) =
                (word(at + 20).expect("in it") as usize, word(at + 24).expect("in it"));
            assert_eq!(captured as u32, original, "whole frames");
            let mut option = at + 28 + captured.next_multiple_of(4);
            let mut received = None;
            while let Some(head) = word(option).filter(|head| head & 0xffff != 0) {
                if head & 0xffff == 2 {
                    received = word(option + 4).map(|flags| flags & 3 == 1);
                }
                option += 4 + ((head >> 16) as usize).next_multiple_of(4);
            }
            frames.push(Captured {
                received: received.expect("a direction"),
                time: u64::from(high) << 32 | u64::from(low),
                bytes: file[at + 28..at + 28 + captured].to_vec(),
            });
        }
        at += length;
    }
    frames
}

fn number(bytes: &[u8]) -> Option<u32> {
    let at = bytes.windows(2).position(|pair| pair == [0x88, 0xb5])?;
    Some(u32::from_be_bytes(bytes.get(at + 2..at + 6)?.try_into().ok()?))
}

/// Frames in the file that are no markers.
fn numbered(path: &Path) -> usize {
    read(path).iter().filter(|captured| number(&captured.bytes) != Some(MARKER)).count()
}

/// Begins a capture and waits until frames of the port are in the file.
fn begin(bed: &Testbed, line: &str, path: &Path, wire: &Wire) -> Child {
    let mut command = client(bed);
    command.args(["-c", line]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("a client");
    within(READY, "the capture begins", || {
        wire.send(&frame(station(9, 9), station(1, 9), None, MARKER, 60));
        read(path).iter().any(|captured| number(&captured.bytes) == Some(MARKER))
    });
    child
}

/// Interrupts the client, as Ctrl-C does; what it printed.
fn end(child: Child) -> String {
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("a signal");
    let output = child.wait_with_output().expect("its end");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_capture_is_what_the_port_received_and_sent() {
    let (bed, _) = ready_bed("cp1-");
    script(&bed, "create vlan red\nconfigure vlan red tag 10\nconfigure vlan red add ports 1:1,2:1 tagged\n")
        .good();
    let [h1, h2, h3, h4] = ["h1", "h2", "h3", "h4"].map(|name| Wire::of(bed.host(name).expect("a host")));
    // Stations are known before: what follows between h2 and h4 is no business of port 1:1.
    for (wire, host) in [(&h1, 1), (&h2, 2), (&h3, 3), (&h4, 4)] {
        wire.send(&frame(BROADCAST, station(host, 1), None, 0, 60));
    }
    h1.send(&frame(BROADCAST, station(1, 1), Some(TAG), 0, 60));
    h3.send(&frame(BROADCAST, station(3, 1), Some(TAG), 0, 60));
    within(READY, "six stations learned", || common::fdb_count(&bed) >= 6);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("one.pcapng");
    let line = format!("capture port 1:1 {} count 100000 duration 60", path.display());
    let child = begin(&bed, &line, &path, &h1);
    let (mut received, mut sent) = (Vec::new(), Vec::new());
    for n in 1..=FRAMES {
        let length = 60 + (n as usize * 37) % 1400;
        let tag = (n % 3 == 0).then_some(TAG);
        // To a known station, to one that nobody knows, to all.
        let to = |known| match n % 5 {
            0 => BROADCAST,
            1 => station(8, 8),
            _ => known,
        };
        let up = frame(to(station(3, 1)), station(1, 1), tag, n, length);
        h1.send(&up);
        received.push(up);
        let down = frame(to(station(1, 1)), station(3, 1), tag, n, length);
        h3.send(&down);
        sent.push(down);
        h2.send(&frame(station(4, 1), station(2, 1), None, n, length));
        h4.send(&frame(station(2, 1), station(4, 1), None, n, length));
        if n % 20 == 0 {
            // Not faster than the rings on the way.
            within(READY, "frames in the file", || numbered(&path) >= 2 * n as usize);
        }
    }
    end(child);
    let captured = read(&path);
    let of = |way: bool| -> Vec<Vec<u8>> {
        let frames = captured.iter().filter(|frame| frame.received == way).map(|frame| frame.bytes.clone());
        frames.filter(|bytes| number(bytes) != Some(MARKER)).collect()
    };
    compare("received", &of(true), &received);
    compare("sent", &of(false), &sent);
    assert!(captured.windows(2).all(|pair| pair[0].time <= pair[1].time), "in order of time");
    assert!(captured.iter().all(|frame| ![2, 4].contains(&frame.bytes[11])), "frames of other ports");
}

fn compare(what: &str, captured: &[Vec<u8>], expected: &[Vec<u8>]) {
    let numbers = |frames: &[Vec<u8>]| frames.iter().filter_map(|frame| number(frame)).collect::<Vec<_>>();
    let differing = captured.iter().zip(expected).position(|(is, should)| is != should);
    if let Some(at) = differing {
        panic!("{what}: frame {at}: {:02x?} instead of {:02x?}", captured[at], expected[at]);
    }
    assert_eq!(captured.len(), expected.len(), "{what}: {:?}", numbers(captured));
}

#[test]
fn a_capture_costs_the_traffic_nothing_and_ends_by_itself() {
    let (bed, ready) = ready_bed("cp2-");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("two.pcapng");
    let probe = traffic(&bed, 10_000);
    let line = format!("capture port 1:1 {} count 5000 duration 30", path.display());
    let ended = command(&bed, &line).good();
    assert_eq!(read(&path).len(), 5000, "{ended:?}");
    let short = folder.path().join("three.pcapng");
    let ended = command(&bed, &format!("capture port 1:2 {} duration 1", short.display())).good();
    assert!(ended.took < Duration::from_secs(5), "{ended:?}");
    flow(0.2);
    assert_whole(&probe.stop().expect("a report"));
    command(&bed, &format!("capture port 9:9 {}", short.display())).refused("9:9");
    command(&bed, "capture port 1:1 /nonexistent/folder/x.pcapng").refused("/nonexistent");
    assert_eq!(bed.wait_ready(READY).expect("ready").epoch, ready.epoch);
}
