//! What becomes of flooded copies at the port they leave by.

use msm_abi::{
    DropReason, FloodHeader, GateState, HEADER_VERSION, PortEntry, header_flags, names, port_flags,
};

use crate::frames::*;
use crate::plane::*;

/// Runs a copy of a frame that came in by 1:1, at the port that the plane's frames "come in by".
fn copy(plane: &Plane, frame: &[u8], vid: u16, flags: u16) -> Outcome {
    let header = FloodHeader { version: HEADER_VERSION, vid, lport: P11, flags };
    plane.run_program(names::PROG_EGRESS_TEST, frame, &header.to_wire().to_be_bytes())
}

#[track_caller]
fn dropped(plane: &Plane, outcome: &Outcome, lport: u16, reason: DropReason) {
    assert_eq!(outcome.action, XDP_DROP);
    assert!(plane.drops(lport).contains(&(reason, 1)), "{reason:?}: {:?}", plane.drops(lport));
    assert_eq!(plane.counters(u32::from(lport)).tx_flood_copies, 0);
}

#[test]
fn unicast_passes() {
    let plane = Plane::new();
    plane.port(PortEntry::default()); // it is not even asked whose port this is
    let outcome = plane.run_program(names::PROG_EGRESS_TEST, &frame(S12, S11), &[]);
    assert_eq!((outcome.action, outcome.frame, outcome.metadata), (XDP_PASS, frame(S12, S11), vec![]));
}

#[test]
fn a_member_sends_it_without_the_header() {
    let plane = Plane::new();
    plane.come_in_by(P12);
    let outcome = copy(&plane, &frame(BROADCAST, S11), 1, 0);
    assert_eq!((outcome.action, outcome.frame, outcome.metadata), (XDP_PASS, frame(BROADCAST, S11), vec![]));
    assert_eq!(plane.counters(u32::from(P12)).tx_flood_copies, 1);
}

#[test]
fn each_member_tags_as_it_wants() {
    let mut plane = Plane::new();
    plane.vlan(10, 0, &[P12], &[P21]);
    let (plain, with_tag) = (frame(BROADCAST, S11), tagged(BROADCAST, S11, 0x600A));
    plane.come_in_by(P12);
    assert_eq!(copy(&plane, &plain, 10, 0).frame, plain);
    assert_eq!(copy(&plane, &with_tag, 10, header_flags::TAGGED).frame, untag(&with_tag));
    plane.come_in_by(P21);
    assert_eq!(copy(&plane, &plain, 10, 0).frame, tag(&plain, 10));
    assert_eq!(copy(&plane, &with_tag, 10, header_flags::TAGGED).frame, with_tag);
    let priority = tagged(BROADCAST, S11, 0x6000);
    assert_eq!(copy(&plane, &priority, 10, header_flags::TAGGED).frame, with_tag);
    assert_eq!(plane.counters(u32::from(P21)).tx_flood_copies, 3);
}

#[test]
fn who_is_no_member_sends_nothing() {
    let mut plane = Plane::new();
    plane.vlan(10, 0, &[P12], &[P21]);
    plane.come_in_by(P22);
    let outcome = copy(&plane, &frame(BROADCAST, S11), 10, 0);
    dropped(&plane, &outcome, P22, DropReason::EgressNotMember);
    plane.come_in_by(P12);
    let outcome = copy(&plane, &frame(BROADCAST, S11), 11, 0);
    dropped(&plane, &outcome, P12, DropReason::EgressNotMember); // no such VLAN
}

#[test]
fn a_disabled_port_sends_nothing() {
    let plane = Plane::new();
    plane.port(PortEntry { flags: port_flags::VALID, ..port_entry(P12) });
    let outcome = copy(&plane, &frame(BROADCAST, S11), 1, 0);
    dropped(&plane, &outcome, P12, DropReason::PortDisabled);
    plane.port(PortEntry::default());
    assert_eq!(copy(&plane, &frame(BROADCAST, S11), 1, 0).action, XDP_DROP);
    assert_eq!(plane.drops(NO_PORT), [(DropReason::PortDisabled, 1)]);
}

#[test]
fn a_gate_holds_copies_back() {
    let mut plane = Plane::new();
    plane.vlan(1, 3, &ALL, &[]);
    plane.come_in_by(P12);
    plane.gate(3, P12, GateState::Learning, 0);
    let outcome = copy(&plane, &frame(BROADCAST, S11), 1, 0);
    dropped(&plane, &outcome, P12, DropReason::EgressGate);
    plane.gate(3, P12, GateState::Forwarding, 0);
    assert_eq!(copy(&plane, &frame(BROADCAST, S11), 1, 0).action, XDP_PASS);
}

#[test]
fn without_a_fabric_copies_stay_in_their_module() {
    let plane = Plane::new();
    for (flags, reason) in [
        (header_flags::FABRIC_ABSENT, DropReason::FabricAbsent),
        (header_flags::FABRIC_UNPROGRAMMED, DropReason::FabricUnprogrammed),
    ] {
        plane.come_in_by(P12);
        assert_eq!(copy(&plane, &frame(BROADCAST, S11), 1, flags).action, XDP_PASS);
        plane.come_in_by(P21);
        let outcome = copy(&plane, &frame(BROADCAST, S11), 1, flags);
        dropped(&plane, &outcome, P21, reason);
    }
}

#[test]
fn metadata_that_is_not_ours_is_not_sent() {
    let plane = Plane::new();
    plane.come_in_by(P12);
    let foreign = FloodHeader { version: HEADER_VERSION + 1, vid: 1, lport: P11, flags: 0 };
    let outcome =
        plane.run_program(names::PROG_EGRESS_TEST, &frame(BROADCAST, S11), &foreign.to_wire().to_be_bytes());
    dropped(&plane, &outcome, P12, DropReason::Truncated);
    assert_eq!(plane.run_program(names::PROG_EGRESS_TEST, &frame(BROADCAST, S11), &[0; 4]).action, XDP_DROP);
}
