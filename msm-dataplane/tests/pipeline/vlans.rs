//! VLANs that come, go, share a member set or have no members.

use msm_abi::{DropReason, FdbEntry, VlanEntry, names};

use crate::frames::*;
use crate::plane::*;

#[test]
fn a_vlan_without_members_takes_nothing_and_sends_nothing() {
    let mut plane = Plane::new();
    plane.vlan(10, 0, &[], &[]);
    assert_eq!(plane.run(&tagged(BROADCAST, S11, 10)).action, XDP_DROP);
    assert_eq!(plane.drops(P11), [(DropReason::NotMember, 1)]);
}

#[test]
fn a_vlan_changes_its_tag() {
    let mut plane = Plane::new();
    plane.vlan(10, 0, &[P12], &[P11]);
    plane.station(S12, 10, FdbEntry::new(P12, 0, now_stamp()));
    assert_eq!(plane.run(&tagged(S12, S11, 10)).action, XDP_REDIRECT);
    // Another tag is another VLAN: the stations of the old one are not known in it.
    plane.vlan(20, 0, &[P12], &[P11]);
    plane.set(names::VLANS, &10u32, &VlanEntry::default());
    assert_eq!(plane.run(&tagged(S12, S11, 10)).action, XDP_DROP);
    assert_eq!(plane.drops(P11), [(DropReason::NotMember, 1)]);
    assert_eq!(plane.run(&tagged(S12, S11, 20)).header().vid, 20);
}

#[test]
fn vlans_share_a_member_set() {
    let mut plane = Plane::new();
    plane.vlan(10, 0, &[], &[P11, P12]);
    let entry: VlanEntry = plane.get(names::VLANS, &10u32).expect("an array's entry");
    plane.set(names::VLANS, &30u32, &entry);
    assert_eq!(plane.run(&tagged(BROADCAST, S11, 30)).header().vid, 30, "the set of 10, the VLAN 30");
    // Which set it is, is the entry's word, not the id's.
    plane.set(names::VLANS, &30u32, &VlanEntry { flood: 31, ..entry });
    assert_eq!(plane.run(&tagged(BROADCAST, S11, 30)).action, XDP_DROP);
    assert_eq!(plane.drops(P11), [(DropReason::NoEgress, 1)]);
}
