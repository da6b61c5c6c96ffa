use super::*;
use serde_json::json;

/// The shape that programs rely on, key by key (docs/design.md).
#[test]
fn an_fdb_row_has_the_documented_shape() {
    let second = (1_000_000_000u64 >> STAMP_SHIFT) as u32 + 1;
    let key = FdbKey::new([2, 0, 0, 0, 0, 1], 1);
    let row = station(10 * second, key, FdbEntry::new(129, 0, 0));
    assert_eq!(
        serde_json::to_value(row).expect("JSON"),
        json!({"mac": "02:00:00:00:00:01", "vlan": "Default", "vid": 1, "port": "3:2", "age_s": 10, "flags": ["dynamic"]})
    );
    let blackhole = FdbEntry::new(NO_LPORT, FdbEntry::STATIC | FdbEntry::BLACKHOLE, 0);
    let row = station(10 * second, key, blackhole);
    assert_eq!((row.port.as_str(), row.age_s, row.flags), ("", 0, vec!["static".into(), "blackhole".into()]));
}

#[test]
fn a_port_row_has_the_documented_shape() {
    let mut counters = PortCounters { rx_frames: 7, ..PortCounters::default() };
    counters.drops[DropReason::Hairpin as usize] = 3;
    let device = Netdev { ifindex: 1001, admin_up: true, carrier: true, ..Netdev::default() };
    let row = port(PortName::of(0), "s1p1", Some(&device), vec!["text".into()], &counters);
    let row = serde_json::to_value(row).expect("JSON");
    assert_eq!(row["port"], "1:1");
    assert_eq!(row["netdev"], "s1p1");
    assert_eq!(row["ifindex"], 1001);
    assert_eq!(row["state"], "active");
    assert_eq!(row["faults"], json!(["text"]));
    assert_eq!(row["rx_frames"], 7);
    assert_eq!(row["drops"], json!({"hairpin": 3}));
    for (admin_up, carrier, state) in [(true, false, "ready"), (false, false, "disabled")] {
        let device = Netdev { admin_up, carrier, ..device.clone() };
        let row = port(PortName::of(0), "s1p1", Some(&device), Vec::new(), &counters);
        assert_eq!(row.state, state);
    }
    let row = port(PortName::of(0), "s1p1", None, Vec::new(), &counters);
    assert_eq!((row.state.as_str(), row.ifindex), ("absent", 0));
}

#[test]
fn show_fdb_is_what_its_view_reads() {
    let stations = (1..4u8).map(|n| (FdbKey::new([2, 0, 0, 0, 0, n], 1), FdbEntry::new(0, 0, 0))).collect();
    let rows = FdbRows { stations, now: 0, capacity: 65_536, aging_s: 300 };
    let bytes = serde_json::to_vec(&rows).expect("JSON");
    let view: views::Fdb = serde_json::from_slice(&bytes).expect("the view");
    assert_eq!((view.count, view.capacity, view.agingtime_s), (3, 65_536, 300));
    assert_eq!(view.entries[2].mac, "02:00:00:00:00:03");
}
