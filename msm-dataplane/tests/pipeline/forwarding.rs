//! What reaches the wire: unicast, flood, tags, metadata, counters.

use msm_abi::{FabricState, FdbEntry, FloodHeader, HEADER_VERSION, PortEntry, header_flags, names};

use crate::frames::*;
use crate::plane::*;
use crate::reference::flow_flags;

#[test]
fn unicast_goes_to_its_port_unchanged() {
    let plane = Plane::new();
    plane.station(S12, 1, FdbEntry::new(P12, 0, now_stamp()));
    plane.station(S21, 1, FdbEntry::new(P21, FdbEntry::STATIC, 0));
    for (destination, lport) in [(S12, P12), (S21, P21)] {
        let sent = frame(destination, S11);
        let outcome = plane.run(&sent);
        assert_eq!(outcome.action, XDP_REDIRECT);
        assert_eq!((outcome.frame, outcome.metadata), (sent, vec![]));
        let counters = plane.counters(u32::from(lport));
        assert_eq!((counters.tx_frames, counters.tx_bytes, counters.flooded), (1, 64, 0));
    }
    let counters = plane.counters(u32::from(P11));
    assert_eq!((counters.rx_frames, counters.rx_bytes, counters.flooded), (2, 128, 0));
    assert_eq!(plane.drops(P11), []);
}

#[test]
fn unknown_group_and_forwarded_control_addresses_flood() {
    let plane = Plane::new();
    // A control address is flooded even where somebody wrote it into the FDB.
    plane.station(EAPS, 1, FdbEntry::new(P12, FdbEntry::STATIC, 0));
    for (n, destination) in [STRANGER, GROUP, BROADCAST, EAPS].into_iter().enumerate() {
        let sent = frame(destination, S11);
        let outcome = plane.run(&sent);
        assert_eq!((outcome.action, &outcome.frame), (XDP_REDIRECT, &sent));
        let flags = flow_flags(&sent, 1, P11);
        let header = FloodHeader { version: HEADER_VERSION, vid: 1, lport: P11, flags };
        assert_eq!(outcome.header(), header);
        assert_eq!(plane.counters(u32::from(P11)).flooded, n as u64 + 1);
    }
}

#[test]
fn metadata_of_a_peer_is_none_of_ours() {
    let plane = Plane::new();
    plane.station(S12, 1, FdbEntry::new(P12, 0, now_stamp()));
    for len in [4, 8, 16, 32] {
        // What a flooded frame of another switch would bring.
        let foreign = [0x4d, 0x02, 0, 1, 0, 0, 0, 1].repeat(4)[..len].to_vec();
        let unicast = plane.run_program(names::PROG_INGRESS, &frame(S12, S11), &foreign);
        assert_eq!((unicast.action, unicast.metadata), (XDP_REDIRECT, vec![]), "{len} bytes");
        assert_eq!(unicast.frame, frame(S12, S11));
        let flooded = plane.run_program(names::PROG_INGRESS, &frame(BROADCAST, S11), &foreign);
        let flags = flow_flags(&frame(BROADCAST, S11), 1, P11);
        let header = FloodHeader { version: HEADER_VERSION, vid: 1, lport: P11, flags };
        assert_eq!((flooded.header(), flooded.frame), (header, frame(BROADCAST, S11)), "{len} bytes");
    }
}

#[test]
fn unicast_is_tagged_as_its_port_wants() {
    let mut plane = Plane::new();
    // In VLAN 10 1:2 is untagged, the others tagged. Frames come in by 1:1 with tag 10.
    plane.vlan(10, 0, &[P12], &[P11, P21]);
    plane.station(S12, 10, FdbEntry::new(P12, 0, now_stamp()));
    plane.station(S21, 10, FdbEntry::new(P21, 0, now_stamp()));
    let tci = 0xA000 | 10; // priority 5
    let popped = plane.run(&tagged(S12, S11, tci));
    assert_eq!((popped.action, popped.frame), (XDP_REDIRECT, untag(&tagged(S12, S11, tci))));
    assert_eq!(plane.counters(u32::from(P12)).tx_bytes, 64);
    let kept = plane.run(&tagged(S21, S11, tci));
    assert_eq!((kept.action, kept.frame), (XDP_REDIRECT, tagged(S21, S11, tci)));
    assert_eq!(plane.counters(u32::from(P21)).tx_bytes, 68);
    // And from 1:2, whose untagged VLAN is 10.
    plane.port(PortEntry { pvid: 10, ..port_entry(P12) });
    let pushed = plane.run(&frame(S21, S12));
    assert_eq!((pushed.action, pushed.frame), (XDP_REDIRECT, tag(&frame(S21, S12), 10)));
    assert_eq!(plane.counters(u32::from(P21)).tx_bytes, 68 + 68);
    assert_eq!(plane.fdb(S12, 10).map(FdbEntry::lport), Some(P12), "learned in VLAN 10");
    assert_eq!(plane.fdb(S12, 1), None);
}

#[test]
fn a_priority_tag_is_untagged() {
    let mut plane = Plane::new();
    plane.vlan(1, 0, &[P11, P12], &[P21]);
    plane.station(S12, 1, FdbEntry::new(P12, 0, now_stamp()));
    plane.station(S21, 1, FdbEntry::new(P21, 0, now_stamp()));
    let priority = 0xE000;
    let untagged = plane.run(&tagged(S12, S11, priority));
    assert_eq!(untagged.frame, frame(S12, S11));
    let retagged = plane.run(&tagged(S21, S11, priority));
    assert_eq!(retagged.frame, tagged(S21, S11, priority | 1), "the priority stays");
    let flooded = plane.run(&tagged(BROADCAST, S11, priority));
    let flags = header_flags::TAGGED | flow_flags(&tagged(BROADCAST, S11, priority), 1, P11);
    assert_eq!((flooded.header().vid, flooded.header().flags), (1, flags));
    assert_eq!(flooded.frame, tagged(BROADCAST, S11, priority), "the copies are tagged at egress");
}

#[test]
fn a_flood_says_what_its_fabric_does() {
    let plane = Plane::new();
    for (state, flags) in [
        (FabricState { present: 1, programmed: 1 }, 0),
        (FabricState { present: 0, programmed: 0 }, header_flags::FABRIC_ABSENT),
        (FabricState { present: 1, programmed: 0 }, header_flags::FABRIC_UNPROGRAMMED),
    ] {
        plane.fabric(0, state);
        let outcome = plane.run(&frame(BROADCAST, S11));
        let flags = flags | flow_flags(&frame(BROADCAST, S11), 1, P11);
        assert_eq!((outcome.action, outcome.header().flags), (XDP_REDIRECT, flags));
    }
}

#[test]
fn what_came_in_is_sent_flooded_or_dropped() {
    let plane = Plane::new();
    plane.station(S12, 1, FdbEntry::new(P12, 0, now_stamp()));
    for _ in 0..3 {
        for destination in [S12, BROADCAST, BPDU, STRANGER, S11] {
            plane.run(&frame(destination, S11));
        }
    }
    let came = plane.counters(u32::from(P11));
    let sent: u64 = ALL.iter().map(|&lport| plane.counters(u32::from(lport)).tx_frames).sum();
    assert_eq!((came.rx_frames, sent, came.flooded, came.drops.iter().sum()), (15, 3, 6, 6u64));
}
