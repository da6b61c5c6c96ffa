//! Access lists: both entries decide as the list does, by the tables that the owner's code writes.

use msm_abi::{DropReason, PlaneConfig, PortEntry, names, port_flags};
use msm_dataplane::plane as owner;
use msm_dataplane::plane::acl::{AclFields, AclList};
use msm_dataplane::tables::plane_config;

use crate::acl_lists::Random;
use crate::mirror::Mirror;
use crate::plane::*;
use crate::wire;

/// Lists, and frames for each.
const LISTS: usize = 40;
const FRAMES: usize = 40;

fn list(random: &mut Random) -> AclList {
    let rules = 1 + random.below(100);
    let mut list = random.list(rules);
    for ports in list.rules.iter_mut().filter_map(|rule| rule.ingress.as_mut()) {
        ports.iter_mut().for_each(|lport| *lport = ALL[usize::from(*lport) % 4]);
    }
    list
}

#[test]
fn both_entries_decide_as_the_list_does() {
    let mut plane = Plane::new();
    plane.vlan(wire::TAG, 0, &[], &ALL);
    let mut owner = owner::Plane::new(Mirror::of(&plane));
    let config = PlaneConfig { fdb_age: AGE, fdb_refresh: REFRESH, ..PlaneConfig::default() };
    plane_config::set(owner.store_mut(), config).expect("written");
    let random = &mut Random(0xac1);
    let denied =
        |fields: &AclFields| plane.counters(fields.ingress.into()).drops[DropReason::AclDenied as usize];
    for _ in 0..LISTS {
        let list = list(random);
        owner.reconcile_acl(&list).expect("installed");
        for _ in 0..FRAMES {
            let mut fields = random.frame();
            fields.ingress = ALL[usize::from(fields.ingress) % 4];
            let (tagged, salt) = (random.one_in(3), random.below(1 << 40));
            let frame = wire::frame(&fields, tagged, salt);
            let rule = list.decide(&fields).map(|rule| &list.rules[rule]);
            let hits = || rule.map_or(0, |rule| plane.acl_hits(rule.counter.into()));
            let by_xdp_alone = frame[12..14] == [0x81, 0] || frame.len() < 34;
            // A test run shows the tcx entry a tag in the frame, where it never is, and refuses IPv4 frames without a header.
            for by_tcx in [false, true].into_iter().take(if by_xdp_alone { 1 } else { 2 }) {
                let entry = port_entry(fields.ingress);
                let flags = if by_tcx { entry.flags | port_flags::TCX } else { entry.flags };
                plane.port(PortEntry { flags, ..entry });
                let before = (denied(&fields), hits());
                if by_tcx {
                    plane.run_tcx(&frame);
                } else {
                    plane.run(&frame);
                }
                let is_denied = u64::from(rule.is_some_and(|rule| !rule.permit));
                let counted = u64::from(rule.is_some());
                assert_eq!(
                    (denied(&fields), hits()),
                    (before.0 + is_denied, before.1 + counted),
                    "tcx {by_tcx}: {fields:?} {frame:02x?} by {rule:?}"
                );
            }
        }
    }
    owner.reconcile_acl(&AclList::default()).expect("installed");
    let config: PlaneConfig = plane.get(names::PLANE_CONFIG, &0u32).expect("an entry");
    assert_eq!(config.acl & !1, 0, "no rules");
}
