use super::*;

const NEW: &str = "configure snmp sysName \"Zürich\"\ncreate vlan \"x\"\n";
const OLD: &str = "create vlan \"old\"\n";

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().expect("temporary directory");
    let store = Store::new(dir.path().join("a"));
    store.prepare().expect("prepared");
    (dir, store)
}

/// Takes all texts.
fn any(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

#[test]
fn what_is_saved_is_loaded() {
    let (_dir, store) = store();
    assert!(load(&store, Area::Secondary).expect("read").is_none());
    let about = save(&store, Area::Secondary, NEW).expect("saved");
    let saved = load(&store, Area::Secondary).expect("read").expect("there");
    assert_eq!(saved.text, NEW);
    assert_eq!(saved.about.bytes, about.bytes);
    assert_eq!(saved.about.version, env!("CARGO_PKG_VERSION"));
    assert!(about.at.duration_since(saved.about.at).expect("not later") < Duration::from_millis(1));
    let file = std::fs::read_to_string(store.path("secondary.cfg")).expect("text");
    assert!(file.starts_with("# msm configuration 1 saved-ms "), "{file}");
    assert!(file.lines().next_back().expect("last").starts_with("# Checksum crc32 "), "{file}");
}

/// Every byte changed and every length cut to: found out, said, and the other area is used.
#[test]
fn no_damage_passes_and_the_other_area_is_used() {
    let (_dir, store) = store();
    save(&store, Area::Primary, NEW).expect("saved");
    save(&store, Area::Secondary, OLD).expect("saved");
    let path = store.path(&file(Area::Primary));
    let good = std::fs::read(&path).expect("there");
    let check = |bytes: &[u8], what: &str| {
        std::fs::write(&path, bytes).expect("written");
        let (loaded, faults) = load_selected(&store, Area::Primary, any);
        assert!(
            matches!(&loaded, Loaded::Saved(Area::Secondary, _, text) if text == OLD),
            "{what}: {loaded:?}"
        );
        assert!(matches!(faults[..], [FlashError::Damaged { .. }]), "{what}: {faults:?}");
    };
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            check(&bad, &format!("byte {at} bit {bit}"));
        }
        check(&good[..at], &format!("cut to {at}"));
        // A disk that lost a page gives zeros.
        check(&[&good[..at], &vec![0; good.len() - at]].concat(), &format!("zeros from {at}"));
    }
    check(&[&good[..], b"x"].concat(), "one more byte");
    check(&[&good[..], &good[..]].concat(), "twice");
    std::fs::write(&path, &good).expect("written");
    assert!(
        matches!(load_selected(&store, Area::Primary, any), (Loaded::Saved(Area::Primary, ..), faults) if faults.is_empty())
    );
}

#[test]
fn without_a_usable_area_there_are_the_defaults() {
    let (_dir, store) = store();
    let (loaded, faults) = load_selected(&store, Area::Primary, any);
    assert_eq!((loaded, faults.len()), (Loaded::Factory, 0));
    for area in Area::ALL {
        std::fs::write(store.path(&file(area)), "create vlan x\n").expect("written");
    }
    let (loaded, faults) = load_selected(&store, Area::Secondary, any);
    assert_eq!(loaded, Loaded::Factory);
    let texts: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert!(texts[0].contains("secondary.cfg") && texts[1].contains("primary.cfg"), "{texts:?}");
    assert!(texts[0].contains("not a configuration"), "{texts:?}");
}

#[test]
fn a_text_that_is_no_configuration_is_passed_over() {
    let (_dir, store) = store();
    save(&store, Area::Primary, "nonsense\n").expect("saved");
    save(&store, Area::Secondary, OLD).expect("saved");
    let read = |text: &str| if text == OLD { Ok(7) } else { Err("line 1: no command nonsense".to_owned()) };
    let (loaded, faults) = load_selected(&store, Area::Primary, read);
    assert!(matches!(loaded, Loaded::Saved(Area::Secondary, _, 7)));
    assert!(faults[0].to_string().contains("line 1: no command nonsense"), "{faults:?}");
}

#[test]
fn a_selected_area_that_was_never_saved_is_said() {
    let (_dir, store) = store();
    save(&store, Area::Primary, OLD).expect("saved");
    let (loaded, faults) = load_selected(&store, Area::Secondary, any);
    assert!(matches!(loaded, Loaded::Saved(Area::Primary, ..)));
    assert!(matches!(faults[..], [FlashError::Absent(Area::Secondary)]), "{faults:?}");
}
