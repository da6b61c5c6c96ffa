use super::*;
use msm_config::Facts;
use msm_config::model::{Config, script};
use serde_json::json;

use super::super::super::text::Layout;

fn running(commands: &str) -> Arc<Running> {
    let facts = Arc::new(Facts {
        ports: [0, 1, 129].into(),
        netdevs: Default::default(),
        sys_name: "t".into(),
        options: msm_proto::Options::default(),
    });
    let changes = script(commands).expect("commands");
    Arc::new(Running::of(Config::factory(&facts).with(&changes).expect("lawful")))
}

/// The shape that programs rely on, key by key (docs/design.md).
#[test]
fn an_fdb_row_has_the_documented_shape() {
    let second = (1_000_000_000u64 >> STAMP_SHIFT) as u32 + 1;
    let running = running("create vlan red\nconfigure vlan red tag 7\n");
    let key = FdbKey::new([2, 0, 0, 0, 0, 1], 7);
    let row = station(&running, 10 * second, key, FdbEntry::new(129, 0, 0));
    assert_eq!(
        serde_json::to_value(row).expect("JSON"),
        json!({"mac": "02:00:00:00:00:01", "vlan": "red", "vid": 7, "port": "3:2", "age_s": 10, "flags": ["dynamic"]})
    );
    let key = FdbKey::new([2, 0, 0, 0, 0, 1], 9);
    let blackhole = FdbEntry::new(NO_LPORT, FdbEntry::STATIC | FdbEntry::BLACKHOLE, 0);
    let row = station(&running, 10 * second, key, blackhole);
    assert_eq!(
        (row.port.as_str(), row.age_s, row.flags, row.vlan.as_str()),
        ("", 0, vec!["static".into(), "blackhole".into()], "VLAN9")
    );
}

fn stations(count: u32) -> Vec<(FdbKey, FdbEntry)> {
    (0..count)
        .map(|n| {
            let [_, a, b, c] = n.to_be_bytes();
            (FdbKey::new([2, 0, 0, a, b, c], 1), FdbEntry::new(0, 0, 0))
        })
        .collect()
}

#[test]
fn a_full_table_comes_in_bounded_pieces_and_its_rows_are_shown_as_they_come() {
    let rows = Rows::new(stations(60_000), running(""), 0, 65_536);
    let mut layout = Layout::new(msm_config::parse("show fdb").ok().as_ref());
    let (mut lines, mut pieces, mut json) = (0, 0, Vec::new());
    for piece in rows {
        pieces += 1;
        assert!(piece.len() <= CHUNK, "{}", piece.len());
        let text = layout.more(&piece);
        lines += text.lines().count();
        assert!(lines > 100 * pieces, "rows of piece {pieces} were kept back");
        json.extend(piece);
    }
    assert!(pieces > 50, "{pieces}");
    assert_eq!(lines, 60_001, "a head, and a line a station");
    let end = layout.end();
    assert!(end.contains("Total: 60000 Static: 0 Dyn: 60000  Capacity: 65536\n"), "{end}");
    let view: views::Fdb = serde_json::from_slice(&json).expect("the view");
    assert_eq!(
        (view.count, view.entries.len(), view.capacity, view.agingtime_s),
        (60_000, 60_000, 65_536, 300)
    );
    assert_eq!(view.entries[258].mac, "02:00:00:00:01:02");
    json.retain(|byte| *byte != b'\n');
    assert_eq!(serde_json::from_slice::<views::Fdb>(&json).expect("without line ends"), view);
}

#[test]
fn an_empty_table_has_a_head_and_a_foot() {
    let json: Vec<u8> = Rows::new(Vec::new(), running(""), 0, 8).flatten().collect();
    assert_eq!(serde_json::from_slice::<views::Fdb>(&json).expect("the view").count, 0);
    let mut layout = Layout::new(msm_config::parse("show fdb").ok().as_ref());
    let text = layout.more(&json) + &layout.end();
    assert!(text.starts_with("Index ") && text.contains("Total: 0"), "{text}");
}

#[test]
fn rows_are_shown_wherever_the_answer_is_cut() {
    let json: Vec<u8> = Rows::new(stations(3), running(""), 0, 8).flatten().collect();
    let whole = {
        let mut layout = Layout::new(msm_config::parse("show fdb").ok().as_ref());
        layout.more(&json) + &layout.end()
    };
    for size in 1..json.len() {
        let mut layout = Layout::new(msm_config::parse("show fdb").ok().as_ref());
        let mut text: String = json.chunks(size).map(|chunk| layout.more(chunk)).collect();
        text += &layout.end();
        assert_eq!(text, whole, "cut every {size} bytes");
    }
}

#[test]
fn a_selection_is_of_stations_vlans_and_ports_that_there_are() {
    let running = running("create vlan red\nconfigure vlan red tag 7\n");
    let wanted = |line: &str| {
        let command = msm_config::parse(line).expect("a command");
        let msm_config::Command::Show(msm_config::command::Show::Fdb(selection)) = command else {
            panic!("{line}")
        };
        Wanted::new(&selection, &running)
    };
    let has = |line: &str, vid, lport| {
        let key = FdbKey::new([2, 0, 0, 0, 0, 1], vid);
        wanted(line).unwrap_or_else(|why| panic!("{why}")).has(key, FdbEntry::new(lport, 0, 0))
    };
    assert!(has("show fdb", 1, 0));
    assert!(has("show fdb vlan red", 7, 0) && !has("show fdb vlan red", 1, 0));
    assert!(has("show fdb ports 1:*", 1, 1) && !has("show fdb ports 1:*", 1, 129));
    assert!(has("show fdb 02:00:00:00:00:01", 1, 0) && !has("show fdb 02:00:00:00:00:02", 1, 0));
    assert!(!has("show fdb ports 1:1", 1, NO_LPORT));
    for (line, expected) in [
        ("show fdb vlan blue", "no VLAN \"blue\""),
        ("show fdb vlan Mgmt", "not switched"),
        ("show fdb ports 1:9", "1:9"),
    ] {
        let why = wanted(line).err().expect("refused");
        assert!(why.contains(expected), "{why}");
    }
}
