//! The tcx entry: what XDP hands on, and that both entries do the same.

use msm_abi::{
    DropReason, EgressEntry, FdbEntry, FdbKey, PlaneConfig, PortEntry, VlanEntry, egress_flags, names,
    port_flags, svi_lport, vlan_flags,
};

use crate::frames::*;
use crate::plane::*;

fn egress(plane: &Plane, flags: u16) {
    for lport in ALL {
        let entry = EgressEntry { ifindex: LOOPBACK, flags, group: 0 };
        plane.set(names::EGRESS, &u32::from(lport), &entry);
    }
}

fn tcx_port(plane: &Plane) {
    let entry = port_entry(P11);
    plane.port(PortEntry { flags: entry.flags | port_flags::TCX, ..entry });
}

#[test]
fn what_xdp_cannot_send_takes_the_other_way_and_is_counted_once() {
    let plane = Plane::new();
    egress(&plane, egress_flags::SLOW);
    plane.station(S12, 1, FdbEntry::new(P12, 0, now_stamp()));
    let sent = frame(S12, S11);
    let handed_on = plane.run(&sent);
    assert_eq!((handed_on.action, handed_on.frame), (XDP_PASS, sent.clone()), "unchanged");
    assert_eq!(plane.counters(u32::from(P11)).slow, 1);
    assert_eq!(plane.counters(u32::from(P12)).tx_frames, 0);
    assert_eq!(plane.run_tcx(&sent).0, TC_REDIRECT);
    let (from, to) = (plane.counters(u32::from(P11)), plane.counters(u32::from(P12)));
    assert_eq!((from.rx_frames, to.tx_frames, to.tx_bytes), (1, 1, 64));
    // Floods with such a member.
    let mut vlan: VlanEntry = plane.get(names::VLANS, &1u32).expect("a VLAN");
    vlan.flags |= vlan_flags::SLOW_FLOOD;
    plane.set(names::VLANS, &1u32, &vlan);
    assert_eq!(plane.run(&frame(BROADCAST, S11)).action, XDP_PASS);
    // What is mirrored, received or sent.
    egress(&plane, egress_flags::MIRRORED);
    assert_eq!(plane.run(&sent).action, XDP_PASS);
    egress(&plane, 0);
    assert_eq!(plane.run(&sent).action, XDP_REDIRECT);
    let entry = port_entry(P11);
    plane.port(PortEntry { flags: entry.flags | port_flags::MIRRORED, ..entry });
    assert_eq!(plane.run(&sent).action, XDP_PASS);
}

/// A routed frame for a port that XDP cannot send by is handed on as it came: the tcx entry routes it once, not twice.
#[test]
fn a_frame_is_handed_on_before_it_is_routed() {
    const ROUTER: u64 = 0x02e0_2b00_0001;
    let mut plane = Plane::new();
    plane.vlan(2, 0, &[], &[P21]);
    for vid in [1u32, 2] {
        let mut vlan: VlanEntry = plane.get(names::VLANS, &vid).expect("a VLAN");
        vlan.flags |= vlan_flags::ROUTED;
        (vlan.svi, vlan.mtu) = (svi_lport(vid as u16), 1500);
        plane.set(names::VLANS, &vid, &vlan);
    }
    plane.config(PlaneConfig {
        fdb_age: AGE,
        fdb_refresh: REFRESH,
        router_mac: ROUTER,
        ..PlaneConfig::default()
    });
    let neighbour = FdbKey::new(S21, 2).0;
    plane.set(names::IPFDB, &0x0A00_0209u32, &neighbour);
    plane.station(S21, 2, FdbEntry::new(P21, 0, now_stamp()));
    let mut sent = frame([2, 0xe0, 0x2b, 0, 0, 1], S11);
    sent[14..34].copy_from_slice(&[
        0x45, 0, 0, 50, 0, 0, 0, 0, 64, 17, 0x63, 0xaa, 10, 0, 1, 9, 10, 0, 2, 9, // 10.0.1.9 to 10.0.2.9
    ]);
    egress(&plane, egress_flags::SLOW);
    let handed_on = plane.run(&sent);
    assert_eq!((handed_on.action, handed_on.frame), (XDP_PASS, sent.clone()), "{:?}", plane.drops(P11));
    assert_eq!(plane.counters(u32::from(P11)).routed, 0);
    assert_eq!(plane.run_tcx(&sent).0, TC_REDIRECT);
    assert_eq!(plane.counters(u32::from(P11)).routed, 1);
    egress(&plane, 0);
    let routed = plane.run(&sent);
    assert_eq!((routed.action, &routed.frame[..6], routed.frame[26]), (XDP_REDIRECT, &S21[..], 63));
    assert_eq!(routed.frame[12..16], [0x81, 0, 0, 2]);
}

#[test]
fn both_entries_do_the_same() {
    for entry in [false, true] {
        let plane = Plane::new();
        egress(&plane, 0);
        tcx_port(&plane);
        plane.station(S12, 1, FdbEntry::new(P12, 0, now_stamp()));
        plane.station(STRANGER, 1, FdbEntry::new(P11, FdbEntry::STATIC | FdbEntry::BLACKHOLE, 0));
        for sent in [
            frame(S12, S11),
            frame(S11, S12),
            frame(STRANGER, S11),
            frame(BPDU, S11),
            frame(S12, GROUP),
            frame(S11, S21),
            sized(S12, S22, None, 1514),
        ] {
            if entry {
                plane.run_tcx(&sent);
            } else {
                plane.run(&sent);
            }
        }
        let counters = plane.counters(u32::from(P11));
        assert_eq!((counters.rx_frames, counters.learned), (7, 4), "tcx {entry}");
        let reasons: Vec<DropReason> = plane.drops(P11).iter().map(|(reason, _)| *reason).collect();
        use DropReason::*;
        assert_eq!(reasons, [BadSource, Control, Hairpin, Blackhole], "tcx {entry}");
        assert_eq!(plane.counters(u32::from(P12)).tx_frames, 1, "tcx {entry}: then it has moved");
    }
}

/// Copies of test runs go nowhere that a test could see; that each member is asked for once, it can.
#[test]
fn a_flood_is_copied_to_each_member() {
    let mut plane = Plane::new();
    egress(&plane, 0);
    tcx_port(&plane);
    plane.config(PlaneConfig { fdb_age: AGE, fdb_refresh: REFRESH, ..PlaneConfig::default() });
    plane.vlan(1, 0, &[P11, P12, P21], &[P22]);
    assert_eq!(plane.run_tcx(&frame(BROADCAST, S11)).0, TC_SHOT);
    assert_eq!(plane.counters(u32::from(P11)).flooded, 1);
    let copies = |lport: u16| {
        let counters = plane.counters(u32::from(lport));
        counters.tx_flood_copies + counters.drops.iter().sum::<u64>()
    };
    assert_eq!(ALL.map(copies), [0, 1, 1, 1]);
}
