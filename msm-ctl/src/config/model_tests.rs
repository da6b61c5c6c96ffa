use super::*;
use msm_proto::{Preserve, RecoveryLevel};

fn config() -> Config {
    Config {
        options: Options::hitless(),
        sys_name: "bed".into(),
        aging_s: 300,
        blackholes: BTreeSet::new(),
        unsaved: false,
    }
}

const MAC: Mac = Mac([2, 0, 0, 0, 0, 9]);

#[test]
fn a_change_changes_one_thing_and_marks_it_unsaved() {
    let next = config().with(&Change::sys_name("core".into())).expect("lawful");
    assert_eq!(next, Config { sys_name: "core".into(), unsaved: true, ..config() });
    let next = config().with(&Change::aging_time(0)).expect("lawful");
    assert_eq!(next, Config { aging_s: 0, unsaved: true, ..config() });
}

#[test]
fn flash_and_preserve_exclude_each_other_in_either_order() {
    let error = config().with(&Change::slave_config(SlaveConfig::Flash)).expect_err("l2_l3 is set");
    assert!(error.contains("slave-config inherited"), "{error}");
    let plain = config().with(&Change::unconfigure_failover()).expect("defaults");
    assert_eq!(
        plain.options.recovery,
        RecoveryLevel::All,
        "sys-recovery-level is not an msm-failover option"
    );
    assert_eq!(plain.options.slave_config, SlaveConfig::Flash);
    plain.with(&Change::link_action(LinkAction::KeepLinksUp(Preserve::L2))).expect_err("flash is set");
    plain.with(&Change::link_action(LinkAction::KeepLinksUp(Preserve::None))).expect("flash keeps links");
}

#[test]
fn blackholes_come_and_go() {
    let with = config().with(&Change::create_blackhole(MAC, 1)).expect("lawful");
    assert!(with.blackholes.contains(&(MAC, 1)));
    with.with(&Change::create_blackhole(MAC, 1)).expect("twice is the same");
    let without = with.with(&Change::delete_entry(MAC, 1)).expect("there");
    assert!(without.blackholes.is_empty());
    without.with(&Change::delete_entry(MAC, 1)).expect_err("gone");
}

#[test]
fn a_snapshot_is_the_configuration() {
    let mut full = config();
    full.blackholes = (0..STATIC_MAX as u32)
        .map(|n| {
            let [a, b, c, d] = n.to_be_bytes();
            (Mac([2, 0, a, b, c, d]), 1)
        })
        .collect();
    full.unsaved = true;
    let bytes = full.snapshot();
    assert_eq!(Config::restore(&bytes), Ok(full.clone()));
    assert!(bytes.len() < msm_proto::SNAPSHOT_MAX);
    full.with(&Change::create_blackhole(MAC, 2)).expect_err("full");
    assert!(Config::restore(&bytes[..bytes.len() - 1]).is_err());
    assert!(Config::restore(&[]).expect_err("nothing is guessed").contains("link_action"));
}

proptest::proptest! {
    #[test]
    fn any_record_is_a_change_or_an_error(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        if let Ok(change) = Change::read(&bytes) {
            let _ = config().with(&change);
        }
        let _ = Config::restore(&bytes);
    }
}
