use super::*;
use msm_proto::{LinkAction, Preserve, RecoveryLevel, Routing, SlaveConfig};

const GOOD: &str = r#"name = "bed"
type = "BD6808"
system_mac = "02:e0:2b:00:00:01"
[options]
sys_recovery_level = "all msm-failover"
link_action = "keep-links-up preserve-state l2_l3"
slave_config = "inherited"
[[port]]
port = "1:1"
netdev = "s1p1"
[[port]]
port = "8:64"
netdev = "s8p64"
"#;

fn parse(text: &str) -> Result<Chassis, (usize, usize, String)> {
    Chassis::parse(text, Path::new("/etc/bed.toml"), Path::new("/image")).map_err(|(span, what)| {
        let (line, column) = position(text, span.start);
        (line, column, what)
    })
}

#[test]
fn a_file_with_defaults() {
    let chassis = parse(GOOD).expect("good");
    assert_eq!(chassis.run_dir, Path::new("/run/msm/bed"));
    assert_eq!(chassis.flash(Slot::B), Path::new("/var/lib/msm/bed/b"));
    assert_eq!(chassis.bpffs, Path::new("/sys/fs/bpf"));
    assert_eq!(chassis.object(), Path::new("/image/msm-ebpf.o"));
    assert_eq!(chassis.fdb_capacity, FDB_DEFAULT);
    assert_eq!(chassis.options, Options { routing: Routing::Restart, ..Options::hitless() });
    let preserved =
        parse(&GOOD.replace("[[port]]\nport = \"1:1\"", "routing = \"preserve\"\n[[port]]\nport = \"1:1\""));
    assert_eq!(preserved.expect("good").options, Options::hitless());
    assert_eq!(chassis.ports.get(&511), Some(&"s8p64".to_owned()));
}

#[test]
fn the_products_defaults_are_the_manuals() {
    let chassis =
        parse("name = \"x\"\ntype = \"BD6804\"\nsystem_mac = \"02:00:00:00:00:01\"\n").expect("good");
    assert_eq!(chassis.options.recovery, RecoveryLevel::None);
    assert_eq!(chassis.options.link_action, LinkAction::TakeLinksDown);
    assert_eq!(chassis.options.slave_config, SlaveConfig::Flash);
    assert_eq!(chassis.options.link_action.preserve(), Preserve::None);
    assert!(chassis.ports.is_empty());
}

/// (what is replaced, by what, line, column, words of the error)
const BAD: &[(&str, &str, usize, usize, &[&str])] = &[
    ("\"bed\"", "\"a.b\"", 1, 8, &["a.b", "'.'", "a-z"]),
    ("\"bed\"", "\"\"", 1, 8, &["1 to 32"]),
    ("\"bed\"", "\"abcdefghijklmnopqrstuvwxyz0123456\"", 1, 8, &["33"]),
    ("BD6808", "BD6810", 2, 8, &["BD6810", "BD6804"]),
    ("02:e0:2b:00:00:01", "02:e0:2b:00:00", 3, 14, &["hex"]),
    ("02:e0:2b:00:00:01", "01:e0:2b:00:00:01", 3, 14, &["group"]),
    ("slave_config", "slave_confug", 7, 1, &["slave_confug"]),
    ("all msm-failover", "all", 5, 22, &["critical msm-failover"]),
    ("\"inherited\"", "\"flash\"", 6, 15, &["inherited"]),
    ("\"1:1\"", "\"1:65\"", 9, 8, &["1:65"]),
    ("\"8:64\"", "\"9:1\"", 12, 8, &["BD6808", "1 to 8"]),
    ("\"8:64\"", "\"1:1\"", 12, 8, &["twice"]),
    ("\"s8p64\"", "\"s1p1\"", 13, 10, &["two ports"]),
    ("\"s8p64\"", "\"a b\"", 13, 10, &["netdev"]),
    ("netdev = \"s1p1\"", "netdev = s1p1", 10, 10, &[]),
];

#[test]
fn every_fault_is_named_with_its_place() {
    for (from, to, line, column, words) in BAD {
        let text = GOOD.replacen(from, to, 1);
        let (at_line, at_column, what) = parse(&text).expect_err(to);
        assert_eq!((at_line, at_column), (*line, *column), "{to}: {what}");
        for word in *words {
            assert!(what.contains(word), "{to}: {what}");
        }
        assert!(!what.contains('\n'), "one line: {what}");
    }
}

#[test]
fn a_capacity_out_of_range_is_refused() {
    let text = format!("fdb_capacity = 1048577\n{GOOD}");
    assert!(parse(&text).expect_err("too many").2.contains("1048576"));
}

#[test]
fn directories_are_absolute() {
    for key in ["run_dir", "flash_dir"] {
        let fault = parse(&format!("{key} = \"msm\"\n{GOOD}")).expect_err("relative");
        assert_eq!((fault.0, fault.1), (1, key.len() + 4));
        assert!(fault.2.contains(key) && fault.2.contains("absolute"), "{}", fault.2);
    }
    let chassis = parse(&format!("flash_dir = \"/flash\"\n{GOOD}")).expect("good");
    assert_eq!(chassis.flash(Slot::A), Path::new("/flash/a"));
}

#[test]
fn a_missing_file_is_named() {
    let error = Chassis::read(Path::new("/nowhere/x.toml"), Path::new("/")).expect_err("missing");
    assert!(error.to_string().contains("/nowhere/x.toml"), "{error}");
}
