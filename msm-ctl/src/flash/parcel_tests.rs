use super::*;

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().expect("temporary directory");
    let store = Store::new(dir.path().join("a"));
    store.prepare().expect("prepared");
    (dir, store)
}

fn good(_: &str) -> Result<(), String> {
    Ok(())
}

#[test]
fn a_flash_is_copied_whole() {
    let (_a, master) = store();
    let (_b, slave) = store();
    configuration::save(&master, Area::Secondary, "create vlan x\n").expect("saved");
    configuration::save(&slave, Area::Primary, "create vlan y\n").expect("saved");
    let parcel = Parcel::pack(&master, Area::Secondary, Area::Primary).expect("packed");
    let received = Parcel::decode(&parcel.encode(), good).expect("received");
    assert_eq!(received, parcel);
    received.unpack(&slave).expect("unpacked");
    for area in Area::ALL {
        let of = |store: &Store| configuration::load(store, area).expect("read");
        assert_eq!(of(&slave), of(&master), "{area}");
    }
}

#[test]
fn what_is_damaged_is_neither_sent_nor_taken() {
    let (_a, master) = store();
    configuration::save(&master, Area::Primary, "create vlan x\n").expect("saved");
    let mut bytes = Parcel::pack(&master, Area::Primary, Area::Primary).expect("packed").encode();
    let why = |bytes: &[u8]| Parcel::decode(bytes, good).expect_err("refused").to_string();
    let middle = 40;
    bytes[middle] ^= 1;
    assert!(why(&bytes).contains("primary configuration"), "{}", why(&bytes));
    bytes[middle] ^= 1;
    assert!(why(&bytes[..bytes.len() - 1]).contains("nothing was changed"));
    assert!(why(b"").contains("no selected configuration"));
    assert!(why(&vec![0; PARCEL_MAX + 1]).contains("more than"));
    let refused = Parcel::decode(&bytes, |text| Err(format!("no command {text}"))).expect_err("refused");
    assert!(refused.to_string().contains("no command create vlan x"), "{refused}");
    let wire = Wire { configuration: Some("third".into()), image: Some("primary".into()), ..Wire::default() };
    assert!(why(&wire.encode_to_vec()).contains("third"));
    std::fs::write(master.path("primary.cfg"), b"x").expect("written");
    let error = Parcel::pack(&master, Area::Primary, Area::Primary).expect_err("damaged");
    assert!(matches!(error, FlashError::Damaged { .. }), "{error}");
}
