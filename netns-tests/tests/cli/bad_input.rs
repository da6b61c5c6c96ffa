//! Bad input: a clear error, a status, and nothing changed.

use netns_tests::bed::Testbed;

use crate::common::client::{client, command, finish, script};
use crate::common::{configuration, has, ready_bed};

/// Lines that are refused, and what each is told.
const REFUSED: [(&str, &str); 29] = [
    ("frobnicate the switch", "not understood"),
    ("confgure vlan Default tag 5", "did you mean configure"),
    ("c", "ambiguous"),
    ("show vlan Default detail extra", "too much"),
    ("configure vlan Default tag", "not complete"),
    ("configure vlan Default tag 4095", "4094"),
    ("configure vlan Default tag -1", "4094"),
    ("configure vlan Default tag 99999999999999999999", "4094"),
    ("configure fdb agingtime 14", "15"),
    ("configure fdb agingtime 1000001", "1000000"),
    ("configure msm-failover timeout 301", "300"),
    ("create vlan Default", "exists already"),
    ("create vlan DEFAULT", "exists already"),
    ("create vlan 1red", "letter"),
    ("create vlan abcdefghijklmnopqrstuvwxyzabcdefg", "32"),
    ("create vlan \"red", "not closed"),
    ("create vlan r\u{7}ed", "control character"),
    ("create vlan grün", "letter"),
    ("configure vlan nobody tag 7", "no VLAN"),
    ("delete vlan Default", "cannot be deleted"),
    ("disable ports 9:1", "no port"),
    ("disable ports 1:4-1:1", "1:4-1:1"),
    ("disable ports 1:99999", "port"),
    ("configure vlan Mgmt add ports 1:1", "not switched"),
    ("create fdbentry 01:00:5e:00:00:01 vlan Default blackhole", "group"),
    ("create fdbentry zz:00:00:00:00:01 vlan Default blackhole", "address"),
    ("configure vlan Default ipaddress 300.1.1.1/24", "address"),
    ("configure vlan Default ipaddress 10.0.0.1 255.0.255.0", "mask"),
    ("download configuration /nonexistent/file incremental", "/nonexistent/file"),
];

fn state(bed: &Testbed) -> (Vec<String>, bool, u64) {
    let switch = bed.show("switch").expect("shown");
    let configuration = configuration(bed);
    (
        configuration,
        switch["unsaved"].as_bool().expect("a bool"),
        switch["generation"].as_u64().expect("a number"),
    )
}

#[test]
fn bad_lines_are_refused_with_a_reason_and_change_nothing() {
    let (bed, ready) = ready_bed("ci1-");
    let before = state(&bed);
    for (line, wanted) in REFUSED {
        let ended = command(&bed, line).refused(wanted);
        assert!(ended.out.is_empty(), "an error is no output: {ended:?}");
        assert!(ended.err.lines().count() <= 6, "short: {ended:?}");
    }
    assert_eq!(state(&bed), before);
    let after = bed.wait_ready(crate::common::READY).expect("ready");
    assert_eq!((after.master, after.epoch), (ready.master, ready.epoch));
}

#[test]
fn what_is_no_line_is_refused_too() {
    let (bed, _) = ready_bed("ci2-");
    let before = state(&bed);
    let long = format!("create vlan red {}\n", "x".repeat(5000));
    finish(client(&bed), long.as_bytes()).refused("4096");
    finish(client(&bed), b"create vlan r\xff\xfed\n").refused("UTF-8");
    finish(client(&bed), b"create vlan a\0b\n").refused("control");
    let endless = vec![b'x'; 3 << 20];
    finish(client(&bed), &endless).refused("4096");
    // JSON too: an error is an answer.
    let mut json = client(&bed);
    json.args(["--format", "json", "-c", "delete vlan nobody"]);
    let ended = finish(json, b"").refused("nobody");
    assert!(ended.out.starts_with('{') && ended.out.contains("\"ok\":false"), "{ended:?}");
    assert_eq!(state(&bed), before);
}

#[test]
fn a_vlan_in_use_stays_and_a_command_is_whole() {
    let (bed, _) = ready_bed("ci3-");
    script(
        &bed,
        "create vlan red\nconfigure vlan red tag 10\ncreate fdbentry 02:00:00:00:00:99 vlan red blackhole\n",
    )
    .good();
    let before = state(&bed);
    command(&bed, "delete vlan red").refused("in use by fdbentry");
    // 1:1 could become a member; 9:9 is not there: neither does.
    command(&bed, "configure vlan red add ports 1:1,9:9 tagged").refused("9:9");
    command(&bed, "disable ports 1:1-1:2,2:9").refused("2:9");
    // An untagged member of Default cannot be one of red as well: none of the four becomes one.
    command(&bed, "configure vlan red add ports all untagged").refused("untagged member");
    assert_eq!(state(&bed), before);
}

#[test]
fn a_script_stops_at_the_first_error_and_says_its_line() {
    let (bed, _) = ready_bed("ci4-");
    let ended =
        script(&bed, "create vlan one\n# a comment\n\ncreate vlan one\ncreate vlan two\n").refused("line 4");
    assert!(ended.err.contains("exists already"), "{ended:?}");
    let made = configuration(&bed);
    assert!(has(&made, "create vlan one") && !has(&made, "two"), "{made:?}");
    // Several arguments are a script as well.
    let mut several = client(&bed);
    several.args(["-c", "create vlan three", "-c", "nonsense", "-c", "create vlan four"]);
    finish(several, b"").refused("nonsense");
    let made = configuration(&bed);
    assert!(has(&made, "three") && !has(&made, "four"), "{made:?}");
    script(&bed, "exit\nnonsense\n").good();
}
