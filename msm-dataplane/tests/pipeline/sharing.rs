//! Load sharing: a group is one port, and each frame leaves by one of its members.

use std::collections::BTreeSet;

use msm_abi::{
    Algorithm, DropReason, EgressEntry, FdbEntry, FloodHeader, HEADER_VERSION, Lport, PortEntry, ShareEntry,
    egress_flags, header_flags, names, port_flags, share_buckets,
};

use crate::frames::*;
use crate::plane::*;
use crate::reference::flow_flags;

/// The group of 2:1 and 2:2, whose master is 2:1; frames come in by 1:1.
fn group(plane: &Plane, algorithm: Algorithm, active: &[Lport]) {
    let buckets = share_buckets(&[P21, P22], |port| active.contains(&port)).unwrap_or([0; 64]);
    let share = ShareEntry { algorithm: algorithm as u32, active: active.len() as u32, buckets };
    plane.set(names::SHARING, &3u32, &share);
    let egress = EgressEntry { ifindex: LOOPBACK, flags: egress_flags::SHARED, group: 3 };
    plane.set(names::EGRESS, &u32::from(P21), &egress);
}

fn member(lport: Lport) -> PortEntry {
    let entry = port_entry(lport);
    PortEntry { logical: P21, flags: entry.flags | port_flags::GROUPED, ..entry }
}

/// How often each member has sent.
fn sent(plane: &Plane) -> (u64, u64) {
    (plane.counters(u32::from(P21)).tx_frames, plane.counters(u32::from(P22)).tx_frames)
}

#[test]
fn a_flow_stays_on_its_member_and_flows_are_spread() {
    let plane = Plane::new();
    group(&plane, Algorithm::Address, &[P21, P22]);
    plane.station(S21, 1, FdbEntry::new(P21, 0, now_stamp()));
    for flow in 0..64 {
        let before = sent(&plane);
        let source = [2, 0, 0, 1, 0, flow];
        for _ in 0..3 {
            assert_eq!(plane.run(&frame(S21, source)).action, XDP_REDIRECT);
        }
        let after = sent(&plane);
        let one = (after.0 - before.0, after.1 - before.1);
        assert!(one == (3, 0) || one == (0, 3), "{one:?}");
    }
    let (first, second) = sent(&plane);
    assert!(first.min(second) > 192 / 4, "{first} {second}");
}

#[test]
fn what_chooses_is_configured() {
    let plane = Plane::new();
    plane.station(S21, 1, FdbEntry::new(P21, 0, now_stamp()));
    group(&plane, Algorithm::Port, &[P21, P22]);
    for flow in 0..32 {
        plane.run(&frame(S21, [2, 0, 0, 1, 0, flow]));
    }
    let by_port = sent(&plane);
    assert!(by_port == (32, 0) || by_port == (0, 32), "all came in by one port: {by_port:?}");
    group(&plane, Algorithm::RoundRobin, &[P21, P22]);
    for _ in 0..32 {
        plane.run(&frame(S21, S11));
    }
    let in_turn = sent(&plane);
    let turns = (in_turn.0 - by_port.0, in_turn.1 - by_port.1);
    // Test runs may change the CPU, and each has a turn of its own.
    assert!(turns.0 >= 14 && turns.1 >= 14 && turns.0 + turns.1 == 32, "{turns:?}");
}

#[test]
fn a_member_that_is_down_gets_nothing_and_no_member_is_a_drop() {
    let plane = Plane::new();
    plane.station(S21, 1, FdbEntry::new(P21, 0, now_stamp()));
    group(&plane, Algorithm::Address, &[P22]);
    for flow in 0..32 {
        plane.run(&frame(S21, [2, 0, 0, 1, 0, flow]));
    }
    assert_eq!(sent(&plane), (0, 32));
    group(&plane, Algorithm::Address, &[]);
    assert_eq!(plane.run(&frame(S21, S11)).action, XDP_DROP);
    assert_eq!(plane.drops(P11), [(DropReason::GroupDown, 1)]);
}

#[test]
fn stations_are_learned_at_the_group() {
    let plane = Plane::new();
    group(&plane, Algorithm::Address, &[P21, P22]);
    plane.port(member(P22));
    plane.station(S22, 1, FdbEntry::new(P21, 0, now_stamp()));
    plane.run(&frame(BROADCAST, S21));
    assert_eq!(plane.fdb(S21, 1).map(FdbEntry::lport), Some(P21));
    assert_eq!(plane.run(&frame(S22, S21)).action, XDP_DROP);
    assert_eq!(
        plane.drops(P22),
        [(DropReason::Hairpin, 1)],
        "both are behind the group; physical ports count"
    );
}

#[test]
fn one_member_sends_a_copy_and_none_sends_it_back() {
    let plane = Plane::new();
    group(&plane, Algorithm::Address, &[P21, P22]);
    let mut senders = BTreeSet::new();
    for flow in 0..32 {
        let sent = frame(BROADCAST, [2, 0, 0, 1, 0, flow]);
        let header =
            FloodHeader { version: HEADER_VERSION, vid: 1, lport: P11, flags: flow_flags(&sent, 1, P11) };
        let mut copies = 0;
        for lport in [P21, P22] {
            plane.port(member(lport));
            let outcome = plane.run_program(names::PROG_EGRESS_TEST, &sent, &header.to_wire().to_be_bytes());
            if outcome.action == XDP_PASS {
                copies += 1;
                senders.insert(lport);
            }
        }
        assert_eq!(copies, 1);
        // What came in by the group leaves by none of its members, unless it was routed.
        let back = FloodHeader { lport: P21, ..header };
        for lport in [P21, P22] {
            plane.port(member(lport));
            let outcome = plane.run_program(names::PROG_EGRESS_TEST, &sent, &back.to_wire().to_be_bytes());
            assert_eq!(outcome.action, XDP_DROP);
        }
        let routed = FloodHeader { flags: back.flags | header_flags::ROUTED, ..back };
        let passed = [P21, P22].iter().filter(|lport| {
            plane.port(member(**lport));
            plane.run_program(names::PROG_EGRESS_TEST, &sent, &routed.to_wire().to_be_bytes()).action
                == XDP_PASS
        });
        assert_eq!(passed.count(), 1);
    }
    assert_eq!(senders.len(), 2, "both have their turn");
}
