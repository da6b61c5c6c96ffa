//! Rates of floods and of what goes to the control plane, and the stations that a port may have.

use msm_abi::{
    CpuClass, CpuCounters, DropReason, FdbEntry, LearnEntry, LimitEntry, LimitKind, PlaneConfig, PortEntry,
    VlanEntry, learn_flags, limit_index, names, port_flags, svi_lport, vlan_flags,
};

use crate::frames::*;
use crate::plane::*;

const ROUTER: [u8; 6] = [2, 0xe0, 0x2b, 0, 0, 1];

fn limited(plane: &Plane, flags: u16) {
    let entry = port_entry(P11);
    plane.port(PortEntry { flags: entry.flags | flags, ..entry });
}

#[test]
fn each_kind_of_flood_has_its_rate() {
    let plane = Plane::new();
    limited(&plane, port_flags::LIMITED);
    for (kind, destination) in
        [(LimitKind::Broadcast, BROADCAST), (LimitKind::Multicast, GROUP), (LimitKind::Unknown, STRANGER)]
    {
        // So slow that no second frame comes due while the test runs.
        plane.set(names::LIMITS, &limit_index(P11, kind), &LimitEntry::of(1, 5));
        let passed = (0..20).filter(|_| plane.run(&frame(destination, S11)).action == XDP_REDIRECT).count();
        assert!((5..=6).contains(&passed), "{kind:?}: {passed}");
        plane.set(names::LIMITS, &limit_index(P11, kind), &LimitEntry::default());
        assert_eq!(plane.run(&frame(destination, S11)).action, XDP_REDIRECT, "{kind:?} without a rate");
    }
    assert!(
        plane.drops(P11).iter().all(|(reason, count)| *reason == DropReason::RateLimited && *count >= 42)
    );
    // What is known is no flood.
    plane.set(names::LIMITS, &limit_index(P11, LimitKind::Unknown), &LimitEntry::of(0, 1));
    plane.station(S12, 1, FdbEntry::new(P12, 0, now_stamp()));
    assert_eq!(plane.run(&frame(S12, S11)).action, XDP_REDIRECT);
}

#[test]
fn a_port_has_so_many_stations_and_no_more() {
    let plane = Plane::new();
    limited(&plane, port_flags::LEARN_LIMITED);
    let station = |n| [2, 0, 0, 9, 0, n];
    plane.set(names::LEARN, &u32::from(P11), &LearnEntry { limit: 3, flags: 0, removed: 0 });
    let taken = (0..6).filter(|n| plane.run(&frame(BROADCAST, station(*n))).action == XDP_REDIRECT).count();
    assert_eq!(taken, 3);
    assert_eq!(plane.drops(P11), [(DropReason::LearnLimited, 3)]);
    assert_eq!(plane.run(&frame(BROADCAST, station(0))).action, XDP_REDIRECT, "who is known is heard");
    // The owner removes one: there is room again.
    assert!(plane.forget(station(0), 1));
    plane.set(names::LEARN, &u32::from(P11), &LearnEntry { limit: 3, flags: 0, removed: 1 });
    assert_eq!(plane.run(&frame(BROADCAST, station(4))).action, XDP_REDIRECT);
    // A station that moves away makes room, too.
    plane.come_in_by(P12);
    plane.run(&frame(BROADCAST, station(1)));
    limited(&plane, port_flags::LEARN_LIMITED);
    assert_eq!(plane.run(&frame(BROADCAST, station(5))).action, XDP_REDIRECT);
    let locked = LearnEntry { limit: 100, flags: learn_flags::LOCKED, removed: 1 };
    plane.set(names::LEARN, &u32::from(P11), &locked);
    assert_eq!(plane.run(&frame(BROADCAST, station(9))).action, XDP_DROP);
    assert_eq!(plane.run(&frame(BROADCAST, station(5))).action, XDP_REDIRECT);
}

/// VLAN 1 with an interface: what is for it goes there, at the rate of its class.
#[test]
fn the_stack_is_protected_by_class() {
    let mut plane = Plane::new();
    let svi = svi_lport(0);
    plane.vlan(1, 0, &ALL, &[]);
    let mut entry: VlanEntry = plane.get(names::VLANS, &1u32).expect("a VLAN");
    entry.svi = svi;
    entry.mtu = 1500;
    plane.set(names::VLANS, &1u32, &entry);
    assert_eq!(entry.flags, vlan_flags::EXISTS, "not forwarded: the stack has it");
    plane.set(names::TX, &u32::from(svi), &[LOOPBACK, plane.program_fd(names::PROG_EGRESS) as u32]);
    let router_mac = u64::from_be_bytes([0, 0, 2, 0xe0, 0x2b, 0, 0, 1]);
    plane.config(PlaneConfig { fdb_age: AGE, fdb_refresh: REFRESH, router_mac, ..PlaneConfig::default() });
    let arp = with_type(&frame(ROUTER, S11), 0x0806);
    let other = with_type(&frame(ROUTER, S11), 0x88B5);
    plane.set(names::CPU_LIMITS, &(CpuClass::Arp as u32), &LimitEntry::of(1, 4));
    let passed = (0..10).filter(|_| plane.run(&arp).action == XDP_REDIRECT).count();
    assert!((4..=5).contains(&passed), "{passed}");
    assert_eq!(plane.run(&other).action, XDP_REDIRECT, "other classes have their own");
    let counted = plane.cpu(CpuClass::Arp);
    assert_eq!((counted.passed, counted.limited), (passed as u64, 10 - passed as u64));
    assert_eq!(plane.cpu(CpuClass::Flood), CpuCounters { passed: 1, ..CpuCounters::default() });
    assert_eq!(plane.drops(P11), [(DropReason::CpuLimited, 10 - passed as u64)]);
    assert_eq!(plane.counters(u32::from(P11)).to_cpu, passed as u64 + 1);
}
