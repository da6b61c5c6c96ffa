use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::model::{Config, Facts, Netdevs};

fn message(line: &str) -> String {
    parse(line).expect_err(line).message()
}

#[test]
fn words_may_be_cut_to_what_is_not_ambiguous() {
    let long = parse("configure msm-failover slave-config inherited").expect("good");
    assert_eq!(parse("config msm sl inh").expect("good"), long);
    assert_eq!(parse("CONF MSM SL I").expect("good"), long);
    assert_eq!(message("c vlan red"), "\"c\" is ambiguous; expected capture, clear, configure, create");
    assert!(message("sh v").contains("version, vlan"));
}

#[test]
fn a_word_written_out_is_never_ambiguous() {
    assert_eq!(
        parse("conf msm link keep pres l2"),
        parse("configure msm-failover link-action keep-links-up preserve-state l2")
    );
    assert!(message("conf msm link keep pres l").contains("ambiguous"));
}

#[test]
fn the_message_says_what_was_expected_and_what_was_meant() {
    let line = "configure vlan red tga 10";
    let fault = parse(line).expect_err("wrong");
    assert_eq!(&line[fault.span.clone()], "tga");
    assert_eq!(fault.nearest.as_deref(), Some("tag"));
    assert_eq!(fault.expected, ["tag", "name", "add", "delete", "ipaddress"]);
    assert_eq!(parse("shwo switch").expect_err("wrong").nearest.as_deref(), Some("show"));
    assert_eq!(message("configure vlan red tag 4095"), "<tag>: \"4095\" is out of range; 1 to 4094");
    assert_eq!(message("configure vlan red tag"), "the command is not complete; expected <tag>");
    assert_eq!(message("show switch now"), "\"now\" is too much; the command ends before it");
    assert!(message("  ").contains("empty"));
    assert!(message("disable ports 1:0").contains("no list of ports"));
    assert!(message("configure vlan Mgmt ipaddress 10.0.0.1").contains("a mask is missing"));
    assert!(
        message(&format!("create vlan {}", "x".repeat(33))).contains("33 characters is too long; 32 at most")
    );
}

#[test]
fn quotes_make_a_name_of_a_keyword() {
    let Ok(Command::Show(Show::Vlan { name, detail })) = parse("show vlan \"detail\"") else {
        panic!("a VLAN")
    };
    assert_eq!((name.map(|n| n.to_string()).as_deref(), detail), (Some("detail"), true));
    assert_eq!(parse("show vlan detail"), Ok(Command::Show(Show::Vlan { name: None, detail: true })));
    assert_eq!(parse("show vlan det"), parse("show vlan detail"));
}

#[test]
fn an_access_rule_says_which_frames() {
    let refused = |line: &str| message(&format!("create access-list x {line}"));
    assert!(
        refused("tcp destination any ip-port range 9 8 source any deny").contains("lower port comes first")
    );
    assert!(refused("ip destination 10.0.0.1/8 source any deny").contains("the network is 10.0.0.0/8"));
    assert!(refused("ip destination any source any deny precedence 25601").contains("1 to 25600"));
    assert!(refused("ip destination any source any").contains("permit, deny"));
    assert!(refused("mac destination any source any ethertype arp deny").contains("no EtherType"));
    let long = "create access-list x tcp destination any ip-port any source 10.0.0.0/255.0.0.0 ip-port 80 deny ports any";
    let Ok(Command::Change(change)) = parse(long) else { panic!("a change") };
    assert_eq!(
        change.to_string(),
        "create access-list \"x\" tcp destination any source 10.0.0.0/8 ip-port 80 deny ports any"
    );
}

#[test]
fn a_file_is_the_clients_unless_a_host_comes_first() {
    let local = |file: &str| Location::Local(file.into());
    let get = |from, incremental| Ok(Command::Act(Action::Download { from, incremental }));
    assert_eq!(parse("download configuration a.cfg incremental"), get(local("a.cfg"), true));
    assert_eq!(parse("download configuration /x/a.cfg"), get(local("/x/a.cfg"), false));
    let tftp = Location::Tftp { host: "10.0.0.9".into(), file: "a.cfg".into() };
    assert_eq!(parse("download configuration 10.0.0.9 a.cfg inc"), get(tftp, true));
}

#[test]
fn help_lists_what_may_come_next() {
    let texts = |line: &str| choices(line).1.into_iter().map(|c| c.text).collect::<Vec<_>>();
    assert!(texts("").contains(&"configure".to_owned()) && !texts("").contains(&"debug".to_owned()));
    assert_eq!(texts("configure msm-failover s"), ["slave-config"]);
    assert_eq!(texts("show vlan "), ["detail", "<vlan>", "<cr>"]);
    assert_eq!(texts("configure fdb agingtime "), ["<seconds>"]);
    assert_eq!(texts("nonsense "), Vec::<String>::new());
    let (start, _) = choices("configure vl");
    assert_eq!(start, 10);
}

#[test]
fn a_looker_may_look_and_do_nothing() {
    for rule in rules() {
        let Some(example) = rule.example.last() else { continue };
        let command = parse(example).expect(example);
        let looks = matches!(command, Command::Show(_) | Command::Session(_));
        assert!(looks || command.access() == Access::Admin, "{example}");
    }
    assert_eq!(parse("show switch").map(|c| c.access()), Ok(Access::User));
    assert_eq!(parse("show configuration").map(|c| c.access()), Ok(Access::Admin), "it has hashes in it");
}

/// Each example can be typed, in order, at a switch that has just been unpacked.
#[test]
fn every_example_works() {
    let ports = (0..4).chain(64..68).collect();
    let facts = Arc::new(Facts {
        ports,
        netdevs: Netdevs::default(),
        sys_name: "bed".into(),
        options: msm_proto::Options::default(),
    });
    for rule in rules().filter(|rule| !rule.hidden) {
        assert!(!rule.example.is_empty(), "{} has no example", rule.syntax);
        let mut config = Config::factory(&facts);
        for line in rule.example {
            if let Command::Change(mut change) =
                parse(line).unwrap_or_else(|fault| panic!("{}", fault.render(line)))
            {
                if let Some(secret) = change.secret() {
                    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA";
                    *secret = crate::model::Secret::Hash(hash.to_owned());
                }
                config = config.with(&[change]).unwrap_or_else(|(_, why)| panic!("{line}: {why}"));
            }
        }
        // One of the lines is this rule's, not another's.
        let is_this = |line: &&str| {
            let found = LANGUAGE.tree.read(line, &split(line).expect("words")).expect("a command").rule;
            LANGUAGE.rules[found].syntax == rule.syntax
        };
        assert!(rule.example.iter().any(is_this), "{}", rule.syntax);
    }
}

#[test]
fn the_reference_is_written_from_the_rules() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/commands.md");
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == crate::docs::reference(),
        "docs/commands.md is not what the rules say: cargo xtask docs"
    );
}

proptest! {
    /// Whatever is typed is answered, and the fault lies inside the line.
    #[test]
    fn any_line_is_answered(line in "\\PC{0,60}") {
        if let Err(fault) = parse(&line) {
            prop_assert!(fault.span.start <= fault.span.end && fault.span.end <= line.len().max(1));
            let _ = fault.render(&line);
        }
        let _ = choices(&line);
    }

    /// The same for lines of words that commands are made of.
    #[test]
    fn any_sentence_is_answered(words in prop::collection::vec(prop::sample::select(vec![
        "configure", "create", "vlan", "red", "tag", "10", "add", "ports", "1:1", "all", "tagged", "msm-failover",
        "link-action", "keep-links-up", "preserve-state", "l2", "show", "fdb", "\"x y\"", "ipaddress", "10.0.0.1/24",
    ]), 0..8)) {
        let line = words.join(" ");
        if let Err(fault) = parse(&line) {
            prop_assert!(fault.span.end <= line.len().max(1));
            let _ = fault.render(&line);
        }
    }
}
