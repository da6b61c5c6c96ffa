//! What a capture records: every frame of its port, byte for byte, and no other.

use aya::maps::RingBuf;
use msm_abi::{
    CAPTURE_RING, CAPTURE_SNAP, CaptureDirection, CaptureHeader, FdbEntry, FloodHeader, HEADER_VERSION,
    Lport, PlaneConfig, PortEntry, capture_of, header_flags, names, port_flags,
};
use msm_dataplane::tables::capture;

use crate::frames::*;
use crate::plane::*;

const RECEIVED: u16 = CaptureDirection::Received as u16;
const SENT: u16 = CaptureDirection::Sent as u16;

struct Capture(RingBuf<aya::maps::MapData>);

impl Capture {
    fn of(plane: &mut Plane, lport: Lport) -> Self {
        plane.config(PlaneConfig {
            fdb_age: AGE,
            fdb_refresh: REFRESH,
            capture: capture_of(lport),
            ..PlaneConfig::default()
        });
        Self(RingBuf::try_from(plane.take(names::CAPTURE)).expect("a ring"))
    }

    /// What was recorded since the last time: direction, length, bytes.
    fn frames(&mut self) -> Vec<(u16, u32, Vec<u8>)> {
        let mut frames = Vec::new();
        while let Some(record) = self.0.next() {
            let (header, bytes): (CaptureHeader, _) = capture::record(&record).expect("a header");
            assert_eq!(header.captured as usize, bytes.len());
            assert!(header.time_ns > 0);
            frames.push((header.direction, header.len, bytes.to_vec()));
        }
        frames
    }
}

fn whole(direction: u16, frame: &[u8]) -> (u16, u32, Vec<u8>) {
    (direction, frame.len() as u32, frame.to_vec())
}

fn copy(plane: &Plane, frame: &[u8], vid: u16, flags: u16) -> Outcome {
    let header = FloodHeader { version: HEADER_VERSION, vid, lport: P11, flags };
    plane.run_program(names::PROG_EGRESS_TEST, frame, &header.to_wire().to_be_bytes())
}

#[test]
fn received_frames_are_as_they_came() {
    let mut plane = Plane::new();
    plane.vlan(10, 0, &[P12], &[P11]);
    plane.station(S12, 10, FdbEntry::new(P12, 0, now_stamp()));
    let mut capture = Capture::of(&mut plane, P11);
    let (unicast, flooded, dropped) = (tagged(S12, S11, 10), frame(BROADCAST, S11), frame(BPDU, S11));
    for sent in [&unicast, &flooded, &dropped] {
        // Metadata of a peer is no part of the frame.
        plane.run_program(names::PROG_INGRESS, sent, &[1; 8]);
    }
    // A disabled port receives, and drops.
    plane.port(PortEntry { flags: port_flags::VALID, ..port_entry(P11) });
    plane.run(&flooded);
    let expected = [&unicast, &flooded, &dropped, &flooded].map(|frame| whole(RECEIVED, frame));
    assert_eq!(capture.frames(), expected);
}

#[test]
fn sent_frames_are_as_they_leave() {
    let mut plane = Plane::new();
    plane.vlan(10, 0, &[P12], &[P11, P21]);
    plane.station(S12, 10, FdbEntry::new(P12, 0, now_stamp()));
    plane.station(S21, 10, FdbEntry::new(P21, 0, now_stamp()));
    let mut capture = Capture::of(&mut plane, P12);
    let sent = tagged(S12, S11, 10);
    plane.run(&sent);
    plane.run(&tagged(S21, S11, 10)); // to another port
    assert_eq!(capture.frames(), [whole(SENT, &untag(&sent))]);
    // Flooded copies are recorded where they leave.
    plane.run(&tagged(BROADCAST, S11, 10));
    assert_eq!(capture.frames(), []);
    plane.come_in_by(P12);
    let flooded = tagged(BROADCAST, S11, 10);
    copy(&plane, &flooded, 10, header_flags::TAGGED);
    assert_eq!(capture.frames(), [whole(SENT, &untag(&flooded))]);
    copy(&plane, &flooded, 11, header_flags::TAGGED); // no member
    plane.come_in_by(P21);
    copy(&plane, &flooded, 10, header_flags::TAGGED); // another port
    assert_eq!(capture.frames(), []);
    // Unicast that the netdev is gone of was not sent.
    plane.come_in_by(P11);
    assert!(plane.delete(names::TX, &u32::from(P12)));
    plane.run(&sent);
    assert_eq!(capture.frames(), []);
}

#[test]
fn long_frames_are_cut_and_fragments_are_in() {
    let mut plane = Plane::new();
    plane.station(S12, 1, FdbEntry::new(P12, 0, now_stamp()));
    let mut capture = Capture::of(&mut plane, P12);
    for len in [14, 1518, 1526, CAPTURE_SNAP, CAPTURE_SNAP + 1, 9000] {
        let sent = sized(S12, S11, None, len);
        plane.run(&sent);
        let kept = sent[..len.min(CAPTURE_SNAP)].to_vec();
        assert_eq!(capture.frames(), [(SENT, len as u32, kept)], "{len} bytes");
    }
}

#[test]
fn without_a_capture_nothing_is_recorded() {
    let mut plane = Plane::new();
    let mut capture = Capture::of(&mut plane, P11);
    plane.config(PlaneConfig { fdb_age: AGE, fdb_refresh: REFRESH, ..PlaneConfig::default() });
    plane.run(&frame(BROADCAST, S11));
    copy(&plane, &frame(BROADCAST, S11), 1, 0);
    assert_eq!(capture.frames(), []);
}

#[test]
fn a_full_ring_counts_what_is_lost_and_takes_on_when_it_is_read() {
    let mut plane = Plane::new();
    let mut capture = Capture::of(&mut plane, P11);
    let sent = sized(BROADCAST, S11, None, 1500);
    let room = CAPTURE_RING / (1500 + 24 + 8 + 7) - 1;
    let (outcome, _) = plane.run_repeated(names::PROG_INGRESS, &sent, &[], 2 * room);
    assert_eq!(outcome.action, XDP_REDIRECT, "it forwards on");
    let kept = capture.frames();
    assert!(kept.len() as u32 >= room, "{} of {room}", kept.len());
    assert_eq!(kept.len() as u64 + plane.captures_lost(), u64::from(2 * room));
    plane.run(&sent);
    assert_eq!(capture.frames().len(), 1);
}
