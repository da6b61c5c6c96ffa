//! The self test finds what is broken behind the owner's back, and nothing where nothing is.

use msm_abi::{FABRIC_BUCKETS, FabricState, names};
use msm_dataplane::{Desired, DesiredPort, DesiredVlan, Owner, tables};

use crate::bed::{Bed, add_veth};
use crate::fds::pinned;

const PORT: u16 = 3;
const IFINDEX: u32 = 1004;

fn desired() -> Desired {
    let mut desired = Desired {
        ports: [(
            PORT,
            DesiredPort { ifindex: Some(IFINDEX), enabled: true, pvid: 1, ..DesiredPort::default() },
        )]
        .into(),
        vlans: [(1, DesiredVlan { untagged: [PORT].into(), ..DesiredVlan::default() })].into(),
        buckets: (0..FABRIC_BUCKETS).map(|bucket| (bucket % 2) as u8).collect(),
        ..Desired::default()
    };
    desired.fabrics[..2].fill(FabricState { present: 1, programmed: 1 });
    desired
}

fn sound(owner: &mut Owner) {
    assert_eq!(owner.golden_frames().expect("run"), Vec::<String>::new());
    assert_eq!(owner.observer().invariants().expect("read"), Vec::<String>::new());
}

#[test]
fn golden_frames_and_invariants_find_what_is_broken() {
    Bed::run(|bed| {
        add_veth(IFINDEX);
        let mut owner = bed.create();
        owner.reconcile(&desired()).expect("made");
        sound(&mut owner);
        // It leaves nothing behind.
        assert_eq!(owner.reconcile(&desired()).expect("the same").writes, 0);
        assert_eq!(owner.observer().fdb_len().expect("read"), 0);
        assert_eq!(
            tables::ports::get(owner.observer().store(), 1).expect("read"),
            msm_abi::PortEntry::default()
        );

        let dir = bed.dir(owner.name());
        let mut states: aya::maps::Array<_, [u32; 8]> =
            aya::maps::Map::Array(pinned(&dir.join(names::FABRICS))).try_into().expect("an array");
        states.set(0, [1, 1, 1, 0, 0, 0, 0, 0], 0).expect("written");
        let found = owner.observer().invariants().expect("read");
        assert!(found[0].contains("fabric 1") && found.len() == 9 && found[8] == "504 more", "{found:?}");
        owner.reconcile(&desired()).expect("mended");
        sound(&mut owner);

        let mut vlans: aya::maps::Array<_, [u16; 136]> =
            aya::maps::Map::Array(pinned(&dir.join(names::VLANS))).try_into().expect("an array");
        let good = vlans.get(&1, 0).expect("read");
        let mut bad = good;
        bad[1] = 4000;
        vlans.set(1, bad, 0).expect("written");
        let found = owner.observer().invariants().expect("read");
        assert!(found[0].contains("VLAN 1 floods to set 4000"), "{found:?}");
        vlans.set(1, good, 0).expect("written");
        sound(&mut owner);

        let mut ports: aya::maps::Array<_, [u16; 8]> =
            aya::maps::Map::Array(pinned(&dir.join(names::PORTS))).try_into().expect("an array");
        ports.set(77, [9, 9, 1, 3, 0, 0, 0, 0], 0).expect("written");
        let found = owner.observer().invariants().expect("read");
        assert!(found[0].contains("netdev 77 is logical port 9"), "{found:?}");
        ports.set(77, [0; 8], 0).expect("written");
        sound(&mut owner);

        let mut dispatch: aya::maps::ProgramArray<_> =
            aya::maps::Map::ProgramArray(pinned(&dir.join(names::DISPATCH))).try_into().expect("an array");
        dispatch.clear_index(&0).expect("removed");
        let found = owner.golden_frames().expect("run");
        assert!(
            found.iter().any(|text| text.contains("dispatch:") && text.contains("no-program")),
            "{found:?}"
        );
    });
}
