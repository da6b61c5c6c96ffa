//! Traps: a protocol's frames are in its ring, with what must be known of them, and on no wire.

use aya::maps::RingBuf;
use msm_abi::{
    ControlAction, ControlKey, ControlValue, CpuClass, DropReason, LimitEntry, PortEntry, TRAP_RING,
    TrapHeader, names, port_flags,
};

use crate::frames::*;
use crate::plane::*;

const SLOW_PROTOCOLS: [u8; 6] = [1, 0x80, 0xc2, 0, 0, 2];
const HEADER: usize = size_of::<TrapHeader>();

fn trapping(plane: &Plane, action: ControlAction) {
    let key = ControlKey { mac: SLOW_PROTOCOLS, ..ControlKey::default() };
    plane.set(names::CONTROL, &key, &ControlValue { action: action as u32, class: CpuClass::Lacp as u32 });
}

/// Port, class and bytes of each record.
fn records(ring: &mut RingBuf<aya::maps::MapData>) -> Vec<(u16, u32, Vec<u8>)> {
    let mut records = Vec::new();
    while let Some(record) = ring.next() {
        let captured = u32::from_ne_bytes(record[12..16].try_into().expect("four")) as usize;
        let lport = u16::from_ne_bytes(record[16..18].try_into().expect("two"));
        let class = u32::from_ne_bytes(record[20..24].try_into().expect("four"));
        assert!(record.len() >= HEADER + captured);
        records.push((lport, class, record[HEADER..HEADER + captured].to_vec()));
    }
    records
}

#[test]
fn a_trapped_frame_is_in_the_ring_whatever_its_vlan() {
    let mut plane = Plane::new();
    let mut ring = RingBuf::try_from(plane.take(names::TRAP_LACP)).expect("a ring");
    trapping(&plane, ControlAction::Trap);
    let sent = sized(SLOW_PROTOCOLS, S11, None, 124);
    assert_eq!(plane.run(&sent).action, XDP_DROP, "taken off the wire");
    plane.port(PortEntry { pvid: 0, ..port_entry(P12) });
    plane.run(&sent);
    assert_eq!(records(&mut ring), [(P11, 0, sent.clone()), (P12, 0, sent.clone())]);
    assert_eq!((plane.drops(P11), plane.counters(u32::from(P11)).to_cpu), (vec![], 1));
    plane.come_in_by(P11);
    trapping(&plane, ControlAction::TrapAndForward);
    assert_eq!(plane.run(&sent).action, XDP_REDIRECT);
    assert_eq!(records(&mut ring).len(), 1);
    plane.run_tcx(&sent);
    assert_eq!(records(&mut ring), [], "what XDP hands on it has trapped");
    let entry = port_entry(P11);
    plane.port(PortEntry { flags: entry.flags | port_flags::TCX, ..entry });
    plane.run_tcx(&sent);
    assert_eq!(records(&mut ring), [(P11, 0, sent)], "by tcx the same");
}

#[test]
fn a_full_ring_and_a_rate_are_counted() {
    let mut plane = Plane::new();
    let mut ring = RingBuf::try_from(plane.take(names::TRAP_LACP)).expect("a ring");
    trapping(&plane, ControlAction::Trap);
    let sent = sized(SLOW_PROTOCOLS, S11, None, 1500);
    let room = TRAP_RING / 1536;
    plane.run_repeated(names::PROG_INGRESS, &sent, &[], 2 * room);
    let counted = plane.cpu(CpuClass::Lacp);
    assert_eq!(counted.passed, u64::from(2 * room));
    assert!(counted.full > 0 && plane.drops(P11) == [(DropReason::CpuLimited, counted.full)]);
    assert_eq!(records(&mut ring).len() as u64, counted.passed - counted.full);
    plane.set(names::CPU_LIMITS, &(CpuClass::Lacp as u32), &LimitEntry::of(1, 3));
    plane.run_repeated(names::PROG_INGRESS, &sent, &[], 20);
    assert!((3..=4).contains(&records(&mut ring).len()));
    assert!(plane.cpu(CpuClass::Lacp).limited >= 16);
}

#[test]
fn a_closed_port_takes_what_is_trapped_and_no_more() {
    let mut plane = Plane::new();
    let mut ring = RingBuf::try_from(plane.take(names::TRAP_LACP)).expect("a ring");
    trapping(&plane, ControlAction::Trap);
    let entry = port_entry(P11);
    for flags in [entry.flags | port_flags::CLOSED, entry.flags | port_flags::CLOSED | port_flags::TCX] {
        plane.port(PortEntry { flags, ..entry });
        let run = |frame: &[u8]| {
            if flags & port_flags::TCX == 0 { plane.run(frame).action } else { plane.run_tcx(frame).0 }
        };
        let before = plane.counters(P11.into()).drops[DropReason::IngressGate as usize];
        run(&frame(BROADCAST, S11));
        run(&sized(SLOW_PROTOCOLS, S11, None, 124));
        assert_eq!(records(&mut ring).len(), 1);
        let dropped = plane.counters(P11.into()).drops[DropReason::IngressGate as usize] - before;
        assert_eq!((dropped, plane.fdb(S11, 1)), (1, None));
    }
}
