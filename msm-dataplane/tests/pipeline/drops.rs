//! Every reason to drop a frame, and where it is counted.

use msm_abi::{ControlAction, DropReason, FabricState, FdbEntry, GateState, PortEntry, names, port_flags};

use crate::frames::*;
use crate::plane::*;

/// Asserts that `frame`, coming in by 1:1, is dropped for this reason and no other, and counted once, there.
#[track_caller]
fn dropped(plane: &Plane, frame: &[u8], reason: DropReason) {
    let before = plane.counters(u32::from(P11));
    let outcome = plane.run(frame);
    let mut expected = before;
    expected.rx_frames += 1;
    expected.rx_bytes += frame.len() as u64;
    expected.drops[reason as usize] += 1;
    let after = plane.counters(u32::from(P11));
    assert_eq!(outcome.action, XDP_DROP, "{reason:?}: {outcome:?}");
    expected.learned = after.learned; // whether a dropped frame teaches is the learning tests' business
    assert_eq!(after, expected, "{reason:?}");
    assert_eq!(outcome.metadata, [], "a dropped frame has no header");
}

#[test]
fn a_header_that_is_cut_off() {
    let plane = Plane::new();
    for len in 14..=64 {
        // Without a tag 14 bytes are a frame.
        assert_eq!(plane.run(&sized(BROADCAST, S11, None, len)).action, XDP_REDIRECT, "{len} bytes");
    }
    for len in 14..18 {
        dropped(&plane, &sized(BROADCAST, S11, Some(0), len), DropReason::Truncated);
    }
    for len in 18..=64 {
        assert_eq!(plane.run(&sized(BROADCAST, S11, Some(0), len)).action, XDP_REDIRECT, "{len} bytes");
    }
}

#[test]
fn a_netdev_that_is_no_port() {
    let plane = Plane::new();
    plane.port(PortEntry { flags: port_flags::ENABLED, ..port_entry(P11) });
    assert_eq!(plane.run(&frame(BROADCAST, S11)).action, XDP_DROP);
    assert_eq!(plane.drops(NO_PORT), [(DropReason::PortDisabled, 1)]);
    assert_eq!(plane.counters(u32::from(P11)).rx_frames, 0);
}

#[test]
fn a_disabled_port() {
    let plane = Plane::new();
    plane.port(PortEntry { flags: port_flags::VALID, ..port_entry(P11) });
    dropped(&plane, &frame(BROADCAST, S11), DropReason::PortDisabled);
    assert_eq!(plane.fdb(S11, 1), None);
}

#[test]
fn a_vlan_that_the_port_is_no_member_of() {
    let mut plane = Plane::new();
    plane.vlan(10, 0, &[P12], &[P11]);
    plane.vlan(20, 0, &[P11, P12], &[P21]);
    dropped(&plane, &tagged(BROADCAST, S11, 1), DropReason::NotMember); // untagged member only
    dropped(&plane, &tagged(BROADCAST, S11, 20), DropReason::NotMember); // likewise
    dropped(&plane, &tagged(BROADCAST, S11, 30), DropReason::NotMember); // no such VLAN
    dropped(&plane, &tagged(BROADCAST, S11, 0xFFF), DropReason::NotMember);
    plane.port(PortEntry { pvid: 10, ..port_entry(P11) });
    dropped(&plane, &frame(BROADCAST, S11), DropReason::NotMember); // tagged member only
    plane.port(PortEntry { pvid: 0, ..port_entry(P11) });
    dropped(&plane, &frame(BROADCAST, S11), DropReason::NotMember);
    assert_eq!(plane.fdb(S11, 1), None);
}

#[test]
fn a_source_that_cannot_be() {
    let plane = Plane::new();
    for source in [BROADCAST, GROUP, [0; 6], BPDU] {
        dropped(&plane, &frame(S12, source), DropReason::BadSource);
        assert_eq!(plane.fdb(source, 1), None);
    }
}

#[test]
fn control_addresses() {
    let plane = Plane::new();
    for last in 0..=0x0f {
        dropped(&plane, &frame([1, 0x80, 0xc2, 0, 0, last], S11), DropReason::Control);
    }
    // The next address is an ordinary group address.
    assert_eq!(plane.run(&frame([1, 0x80, 0xc2, 0, 0, 0x10], S11)).action, XDP_REDIRECT);
    plane.control(BPDU, 0, ControlAction::Trap);
    dropped(&plane, &frame(BPDU, S11), DropReason::NoTrap);
    plane.control(EAPS, 0, ControlAction::Discard);
    dropped(&plane, &frame(EAPS, S11), DropReason::Control);
    // The VLAN's own entry wins.
    plane.control(EAPS, 1, ControlAction::Forward);
    assert_eq!(plane.run(&frame(EAPS, S11)).action, XDP_REDIRECT);
    plane.control(BPDU, 1, ControlAction::Forward);
    assert_eq!(plane.run(&frame(BPDU, S11)).header().vid, 1);
}

#[test]
fn gates() {
    let mut plane = Plane::new();
    plane.vlan(1, 7, &ALL, &[]);
    plane.station(S12, 1, FdbEntry::new(P12, 0, now_stamp()));
    dropped(&plane, &frame(S12, S11), DropReason::IngressGate); // never written is discarding
    plane.gate(7, P11, GateState::Learning, 0);
    dropped(&plane, &frame(S12, S11), DropReason::IngressGate);
    plane.gate(7, P11, GateState::Forwarding, 0);
    dropped(&plane, &frame(S12, S11), DropReason::EgressGate);
    plane.gate(7, P12, GateState::Learning, 0);
    dropped(&plane, &frame(S12, S11), DropReason::EgressGate);
    plane.gate(7, P12, GateState::Forwarding, now_ns() + 3_600_000_000_000);
    assert_eq!(plane.run(&frame(S12, S11)).action, XDP_REDIRECT);
    // Past its time a gate is discarding.
    plane.gate(7, P12, GateState::Forwarding, now_ns() - 20_000_000);
    dropped(&plane, &frame(S12, S11), DropReason::EgressGate);
    plane.gate(7, P11, GateState::Forwarding, now_ns() - 20_000_000);
    dropped(&plane, &frame(S12, S11), DropReason::IngressGate);
    // A domain that cannot be is one whose gates nobody opens.
    plane.vlan(1, 64, &ALL, &[]);
    dropped(&plane, &frame(S12, S11), DropReason::IngressGate);
}

#[test]
fn stations_that_do_not_get_it() {
    let mut plane = Plane::new();
    let now = now_stamp();
    plane.station(S11, 1, FdbEntry::new(P11, 0, now));
    dropped(&plane, &frame(S11, STRANGER), DropReason::Hairpin);
    plane.station(S12, 1, FdbEntry::new(P12, FdbEntry::STATIC | FdbEntry::BLACKHOLE, now));
    dropped(&plane, &frame(S12, S11), DropReason::Blackhole);
    // The port left the VLAN, the FDB does not know yet.
    plane.station(S21, 1, FdbEntry::new(P21, 0, now));
    plane.vlan(1, 0, &[P11, P12], &[]);
    dropped(&plane, &frame(S21, S11), DropReason::EgressNotMember);
    // The netdev went away.
    plane.vlan(1, 0, &ALL, &[]);
    assert!(plane.delete(names::TX, &u32::from(P21)));
    dropped(&plane, &frame(S21, S11), DropReason::NoEgress);
    assert_eq!(plane.counters(u32::from(P21)).tx_frames, 0);
    assert!(plane.delete(names::FLOOD, &1u32));
    assert_eq!(plane.run(&frame(BROADCAST, S11)).action, XDP_DROP);
    assert_eq!(plane.counters(u32::from(P11)).drops[DropReason::NoEgress as usize], 2);
}

#[test]
fn a_fabric_that_is_gone() {
    let plane = Plane::new();
    let now = now_stamp();
    plane.station(S12, 1, FdbEntry::new(P12, 0, now));
    plane.station(S21, 1, FdbEntry::new(P21, 0, now));
    for (state, reason) in [
        (FabricState { present: 0, programmed: 1 }, DropReason::FabricAbsent),
        (FabricState { present: 1, programmed: 0 }, DropReason::FabricUnprogrammed),
    ] {
        plane.fabric(0, state);
        dropped(&plane, &frame(S21, S11), reason);
        assert_eq!(plane.run(&frame(S12, S11)).action, XDP_REDIRECT, "inside a module no fabric is needed");
    }
    // A bucket that names no fabric at all.
    plane.fabric(0, FabricState { present: 1, programmed: 1 });
    assert_eq!(plane.run(&frame(S21, S11)).action, XDP_REDIRECT);
    let bucket = bucket(S11, S21);
    plane.bucket(bucket, 4);
    dropped(&plane, &frame(S21, S11), DropReason::FabricAbsent);
    // Another fabric carries it again.
    plane.bucket(bucket, 3);
    plane.fabric(3, FabricState { present: 1, programmed: 1 });
    plane.fabric(0, FabricState::default());
    assert_eq!(plane.run(&frame(S21, S11)).action, XDP_REDIRECT);
}

fn bucket(source: [u8; 6], destination: [u8; 6]) -> u32 {
    use msm_abi::{FdbKey, fabric_bucket_index, flow_bucket, flow_hash};
    let hash = flow_hash(FdbKey::new(source, 1).0, FdbKey::new(destination, 1).0);
    fabric_bucket_index(0, flow_bucket(hash))
}

#[test]
fn a_frame_in_fragments() {
    let plane = Plane::new();
    dropped(&plane, &sized(BROADCAST, S11, None, 9000), DropReason::FloodFragments);
    plane.station(S12, 1, FdbEntry::new(P12, 0, now_stamp()));
    let jumbo = sized(S12, S11, None, 9000);
    let outcome = plane.run(&jumbo);
    assert_eq!((outcome.action, outcome.frame), (XDP_REDIRECT, jumbo), "unicast takes it");
    assert_eq!(plane.counters(u32::from(P12)).tx_bytes, 9000);
}

#[test]
fn no_program_in_the_dispatcher() {
    let plane = Plane::new();
    assert_eq!(plane.run_program(names::PROG_DISPATCH, &frame(BROADCAST, S11), &[]).action, XDP_DROP);
    assert_eq!(plane.drops(NO_PORT), [(DropReason::NoProgram, 1)]);
    plane.set(names::DISPATCH, &0u32, &plane.program_fd(names::PROG_INGRESS));
    let outcome = plane.run_program(names::PROG_DISPATCH, &frame(BROADCAST, S11), &[]);
    assert_eq!((outcome.action, outcome.header().vid), (XDP_REDIRECT, 1));
    assert_eq!(plane.drops(NO_PORT), [(DropReason::NoProgram, 1)]);
}
