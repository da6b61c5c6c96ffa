use super::*;

#[test]
fn words_may_be_cut_while_unambiguous() {
    assert_eq!(parse("show switch"), Ok(Command::Show(Show::Switch)));
    assert_eq!(parse("sh sw"), Ok(Command::Show(Show::Switch)));
    assert_eq!(parse("  SHOW   Msm-Failover "), Ok(Command::Show(Show::Failover)));
    assert_eq!(parse("r m"), Ok(Command::Failover));
    let error = parse("conf msm-failover link-action keep pres l2x").expect_err("no such word");
    assert!(error.contains("l2x") && error.contains("l2_l3"), "{error}");
    assert_eq!(parse("c").expect_err("three commands"), "ambiguous \"c\": configure, create");
}

#[test]
fn an_exact_word_beats_a_longer_one() {
    let change = |text: &str| match parse(text) {
        Ok(Command::Change(change)) => change,
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(
        change("configure msm-failover link-action keep-links-up preserve-state l2"),
        Change::link_action(options::parse_link_action("keep-links-up preserve-state l2").expect("l2"))
    );
    assert_eq!(
        change("configure msm-failover link-action keep-links-up"),
        Change::link_action(options::parse_link_action("keep-links-up").expect("keep"))
    );
}

#[test]
fn values_are_checked() {
    for (line, words) in [
        ("configure msm-failover timeout 29", &["30", "300"][..]),
        ("configure msm-failover timeout x", &["30", "300"]),
        ("configure fdb agingtime 14", &["15", "0 (never)"]),
        ("configure snmp sysName a/b", &["sysName"]),
        ("create fdbentry 01:00:00:00:00:01 vlan Default blackhole", &["group"]),
        ("create fdbentry 02:00:00:00:00:01 vlan red blackhole", &["red", "Default"]),
        ("create fdbentry 02:00:00:00:00:01 vlan Default", &["incomplete", "blackhole"]),
        ("show switch now", &["too much"]),
        ("show", &["incomplete", "switch", "log"]),
        ("", &["empty"]),
    ] {
        let error = parse(line).expect_err(line);
        for word in words {
            assert!(error.contains(word), "{line}: {error}");
        }
    }
    parse("configure fdb agingtime 0").expect("never");
    parse("delete fdbentry 02:00:00:00:00:01 vlan default").expect("case does not matter");
}

#[test]
fn hidden_commands_work_and_are_not_offered() {
    assert_eq!(parse("debug exception tsync"), Ok(Command::Exception("tsync".into())));
    assert!(choices(&[], "").iter().all(|choice| choice.word != "debug"));
    assert!(!parse("x").expect_err("unknown").contains("debug"));
}

#[test]
fn help_says_what_may_follow() {
    let words = |prefix: &[&str], beginning: &str| {
        choices(prefix, beginning).iter().map(|c| c.word).collect::<Vec<_>>()
    };
    assert_eq!(words(&["sh"], "v"), ["version"]);
    assert_eq!(words(&["configure", "sys"], ""), ["none", "all", "critical"]);
    assert_eq!(words(&["configure", "msm", "timeout"], ""), ["<30..300 seconds>"]);
    assert!(words(&["nonsense"], "").is_empty());
}

/// Every keyword of the table is reachable by a line made of the table's own words.
#[test]
fn every_rule_is_reachable() {
    for rule in RULES {
        let line: Vec<&str> = rule
            .tokens
            .iter()
            .map(|token| match token {
                Word(word) => *word,
                One(words) => words[0],
                Value("<mac>") => "02:00:00:00:00:01",
                Value("<vlan>") => "Default",
                Value("<name>" | "<task>") => "x",
                Value(_) => "60",
            })
            .collect();
        parse(&line.join(" ")).expect(rule.help);
    }
}

proptest::proptest! {
    #[test]
    fn any_line_is_a_command_or_an_error(line in ".{0,80}") {
        let _ = parse(&line);
        let words: Vec<&str> = line.split_whitespace().collect();
        let _ = choices(&words, "s");
    }
}
