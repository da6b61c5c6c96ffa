use proptest::prelude::*;

use super::*;
use crate::command::{Command, parse};
use crate::name::Name;
use crate::network::{Interface, Interface6, Network};
use crate::options::link_action_text;
use crate::port::PortName;
use crate::portlist::{PortList, PortSet};

fn facts() -> Arc<Facts> {
    // 1:1 to 1:4 and 2:1 to 2:4.
    let ports = (0..4).chain(64..68).collect();
    let netdevs = [0u16, 1, 2, 3, 64, 65].map(|lport| (lport, format!("p{lport}"))).into();
    let netdevs = Netdevs { ports: netdevs, mgmt: Some("mgmt0".into()) };
    Arc::new(Facts { ports, netdevs, sys_name: "bed".into(), options: Options::hitless() })
}

fn change(line: &str) -> Change {
    match parse(line) {
        Ok(Command::Change(change)) => change,
        other => panic!("{line}: {other:?}"),
    }
}

/// The factory's configuration after these commands, or the message of the first that is refused.
fn after(lines: &[&str]) -> Result<Config, String> {
    let changes: Vec<Change> = lines.iter().map(|line| change(line)).collect();
    Config::factory(&facts()).with(&changes).map_err(|(_, refusal)| refusal.to_string())
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

#[test]
fn the_factory_has_all_ports_in_default_and_says_nothing_else() {
    let config = Config::factory(&facts());
    let default = config.vlans.get(&name("default")).expect("there");
    assert_eq!((default.tag, default.untagged.len()), (Some(1), 8));
    assert_eq!(config.vlans.pvid(64), Some(1));
    let text = config.render();
    assert!(text.starts_with("configure sys-recovery-level all msm-failover\n#\n# SNMP"), "{text}");
    assert!(
        text.contains("configure msm-failover link-action keep-links-up preserve-state l2_l3\n"),
        "{text}"
    );
}

/// Six of the eight combinations are lawful. The other two are refused in whichever order they are typed, and what is refused changes nothing.
#[test]
fn two_combinations_of_failover_options_are_refused_in_any_order() {
    let actions = [
        "take-links-down",
        "keep-links-up",
        "keep-links-up preserve-state l2",
        "keep-links-up preserve-state l2_l3",
    ];
    let mut refused = 0;
    for action in actions {
        for source in ["inherited", "flash"] {
            let action_line = format!("configure msm-failover link-action {action}");
            let source_line = format!("configure msm-failover slave-config {source}");
            let unlawful = source == "flash" && action.contains("preserve-state");
            // From the factory's (take-links-down, flash), and from everything preserved.
            let factory = ["unconfigure msm-failover".to_owned()];
            let hitless = [
                "configure msm-failover slave-config inherited".to_owned(),
                "configure msm-failover link-action keep-links-up preserve-state l2_l3".to_owned(),
            ];
            for before in [&factory[..], &hitless[..]] {
                for (first, second) in [(&action_line, &source_line), (&source_line, &action_line)] {
                    let mut config = Config::factory(&facts());
                    let mut said = Vec::new();
                    for line in before.iter().chain([first, second]) {
                        match config.with(&[change(line)]) {
                            Ok(next) => config = next,
                            Err((_, refusal)) => said.push(refusal.to_string()),
                        }
                        config.failover.validate().expect("lawful options");
                    }
                    let options = &config.failover;
                    let got = (link_action_text(options.link_action), options.slave_config.to_string());
                    // In the wrong order a lawful pair may meet an unlawful one on its way; typed again, it holds.
                    let again = [first, second].map(|line| config.with(&[change(line)]).is_ok());
                    if unlawful {
                        refused += 1;
                        assert_ne!(got, (action.to_owned(), source.to_owned()));
                        assert!(said.iter().any(|why| why.contains("first")), "{first}; {second}: {said:?}");
                        assert!(again.contains(&false), "{first}; {second}");
                    } else if said.is_empty() {
                        assert_eq!(got, (action.to_owned(), source.to_owned()), "{first}; {second}");
                    } else {
                        assert!(again.contains(&true), "{first}; {second}: {said:?}");
                    }
                }
            }
        }
    }
    assert_eq!(refused, 8);
}

#[test]
fn unconfigured_failover_options_are_the_manual_s() {
    let config = after(&[
        "configure msm-failover timeout 90",
        "configure msm-failover watchdog 100",
        "configure msm-failover keepalive 30000",
        "unconfigure msm-failover",
    ])
    .expect("lawful");
    let recovery = msm_proto::RecoveryLevel::All;
    assert_eq!(config.failover, Options { recovery, ..Options::default() }, "all but the recovery level");
}

#[test]
fn a_port_is_untagged_in_one_vlan_at_most() {
    let error = after(&["create vlan red", "configure vlan red add ports 1:1"]).expect_err("in Default");
    assert!(error.contains("port 1:1 is an untagged member of VLAN \"Default\""), "{error}");
    let config = after(&[
        "create vlan red",
        "configure vlan Default delete ports 1:1",
        "configure vlan red tag 10",
        "configure vlan red add ports 1:1 untagged",
        "configure vlan red add ports 1:2 tagged",
    ])
    .expect("lawful");
    assert_eq!(config.vlans.pvid(0), Some(10));
    assert_eq!(config.vlans.pvid(1), Some(1));
    let config = config.with(&[change("delete vlan RED")]).expect("lawful");
    assert_eq!(config.vlans.pvid(0), None, "in no VLAN");
}

#[test]
fn an_id_inside_gives_way_to_a_tag_and_members_keep_theirs() {
    let config = after(&[
        "create vlan red",
        "configure vlan Default delete ports 1:1",
        "configure vlan red add ports 1:1",
        "create vlan blue",
        "configure vlan blue tag 4094",
    ])
    .expect("lawful");
    assert_eq!(config.vlans.get(&name("blue")).map(|vlan| vlan.vid), Some(4094));
    let red = config.vlans.get(&name("red")).expect("there");
    assert_eq!((red.vid, config.vlans.pvid(0)), (4092, Some(4092)));
    let error = config.with(&[change("configure vlan red tag 1")]).expect_err("Default's").1.to_string();
    assert!(error.contains("tag 1 is that of VLAN \"Default\""), "{error}");
}

#[test]
fn what_cannot_be_is_refused_with_what_to_do() {
    for (lines, wanted) in [
        (&["configure vlan red tag 5"][..], "there is no VLAN \"red\""),
        (&["create vlan red", "create vlan RED"], "VLAN \"red\" exists already"),
        (&["delete vlan Default"], "cannot be deleted"),
        (&["configure vlan Mgmt tag 7"], "not switched"),
        (&["create vlan red", "configure vlan red add ports 1:1 tagged"], "has no tag"),
        (&["disable ports 1:5"], "there is no port 1:5"),
        (&["disable ports 3:*"], "there is no port in slot 3"),
        (
            &["configure vlan Default delete ports 1:1", "configure vlan Default delete ports 1:1"],
            "no member",
        ),
        (
            &[
                "configure vlan Default ipaddress 10.0.0.1/24",
                "create vlan red",
                "configure vlan red ipaddress 10.0.0.9/25",
            ],
            "overlaps with VLAN \"Default\"",
        ),
        (
            &["create vlan red", "create fdbentry 2:0:0:0:0:9 vlan red blackhole", "delete vlan red"],
            "in use by fdbentry 02:00:00:00:00:09",
        ),
        (
            &[
                "configure vlan Default ipaddress 2001:db8::1/64",
                "create vlan red",
                "configure vlan red ipaddress 2001:db8:0:0:9::1/80",
            ],
            "overlaps with VLAN \"Default\"",
        ),
        (
            &[
                "configure vlan Default ipaddress 10.0.0.1/24 interface 7",
                "create vlan red",
                "configure vlan red ipaddress 10.0.1.1/24 interface 7",
            ],
            "interface 7 is that of VLAN \"Default\"",
        ),
        (&["configure vlan Mgmt ipaddress 2001:db8::1/64"], "not switched"),
        (&["enable ipforwarding vlan Mgmt"], "not switched"),
        (&["unconfigure vlan Default ipaddress"], "has no address"),
        (
            &[
                "configure vlan Default ipaddress 10.0.0.1/24",
                "unconfigure vlan Default ipaddress 2001:db8::1/64",
            ],
            "has no address 2001:db8::1/64",
        ),
        (&["configure iproute add 10.0.0.0/8 2001:db8::1"], "other family"),
        (&["configure iproute add ::/0 fe80::1"], "which VLAN"),
        (&["configure iproute delete default 10.0.0.1"], "no such route"),
        (&["configure iparp add 224.0.0.1 02:00:00:00:00:01"], "group's address"),
        (&["configure iparp delete 10.0.0.1"], "no static entry"),
        (&["enable sharing 1:1 grouping 1:2-1:3"], "port 1:1 is to stand for the group, and is not in it"),
        (&["enable sharing 1:1 grouping 1:1,1:9"], "there is no port 1:9"),
        (
            &["enable sharing 1:1 grouping 1:1-1:2", "enable sharing 2:1 grouping 1:2,2:1"],
            "port 1:2 is in the load-sharing group of port 1:1 already",
        ),
        (
            &[
                "create vlan red",
                "configure vlan red tag 5",
                "configure vlan red add ports 1:2 tagged",
                "enable sharing 1:1 grouping 1:1-1:2",
            ],
            "port 1:2 is in use by VLAN \"red\"",
        ),
        (
            &["create fdbentry 2:0:0:0:0:9 vlan Default port 1:2", "enable sharing 1:1 grouping 1:1-1:2"],
            "port 1:2 is in use by fdbentry 02:00:00:00:00:09",
        ),
        (
            &["enable sharing 1:1 grouping 1:1-1:2", "configure vlan Default add ports 1:2"],
            "port 1:2 is in the load-sharing group of port 1:1, which stands for it",
        ),
        (
            &["enable sharing 1:1 grouping 1:1-1:2", "create fdbentry 2:0:0:0:0:9 vlan Default port 1:2"],
            "port 1:2 is in the load-sharing group of port 1:1, which stands for it",
        ),
        (
            &["enable sharing 1:1 grouping 1:1 internal 7", "enable sharing 1:2 grouping 1:2 internal 7"],
            "index 7 is that of the load-sharing group of port 1:1",
        ),
        (&["disable sharing 1:1"], "port 1:1 is no master"),
        (
            &["enable sharing 1:1 grouping 1:1-1:2", "configure sharing 1:1 lacp timeout short"],
            "does not speak LACP",
        ),
        (&["create fdbentry 2:0:0:0:0:9 vlan Mgmt blackhole"], "not switched"),
        (&["delete account admin"], "last account that may configure"),
        (&["create account user ADMIN"], "exists already"),
        (&["create account user a encrypted nonsense"], "no argon2 hash"),
        (&["create account user a secret"], "not hashed"),
        (&["configure syslog delete x"], "no syslog host x"),
        (&["configure ospf add vlan Mgmt area 0.0.0.0"], "not switched"),
        (&["configure ospf vlan Default cost 5"], "not in OSPF"),
        (&["configure rip delete vlan Default"], "not in RIP"),
        (
            &["create vlan red", "configure ospf add vlan red area 0.0.0.0", "delete vlan red"],
            "in use by ospf",
        ),
        (&["enable bgp"], "no AS number"),
        (&["configure bgp AS-number 1", "enable bgp", "configure bgp AS-number 2"], "disable bgp before"),
        (&["configure bgp add network 10.1.0.0 8"], "bits behind its mask"),
        (&["enable bgp neighbor 10.0.0.9"], "no BGP neighbor"),
        (
            &["configure msm-failover slave-config flash"],
            "link-action keep-links-up or take-links-down first",
        ),
        (
            &[
                "unconfigure msm-failover",
                "configure msm-failover link-action keep-links-up preserve-state l2_l3",
            ],
            "slave-config inherited first",
        ),
        (&["configure ports 1:1 netdev p1"], "netdev p1 is that of port 1:2"),
        (&["configure ports 1:1 netdev mgmt0"], "is that of VLAN \"Mgmt\""),
        (
            &[
                "configure ports 1:1 netdev x",
                "configure ports 1:2 netdev p0",
                "unconfigure ports 1:1 netdev",
            ],
            "netdev p0 is that of port 1:2",
        ),
        (&["enable mirroring to port 1:1"], "is a member of VLAN \"Default\""),
        (&["configure mirroring add ports 1:1"], "mirroring is off"),
        (
            &[
                "configure vlan Default delete ports 1:1",
                "enable mirroring to port 1:1",
                "configure vlan Default add ports 1:1",
            ],
            "in use by mirroring, as the monitor port",
        ),
        (&["delete access-list x"], "no access list \"x\""),
        (&["create access-list x ip destination any source any deny ports 1:5"], "there is no port 1:5"),
        (
            &[
                "create access-list x ip destination any source any deny",
                "create access-list X icmp destination any source any deny",
            ],
            "\"x\" exists already",
        ),
        (
            &[
                "create access-list x ip destination any source any deny precedence 7",
                "create access-list y ip destination any source any deny precedence 7",
            ],
            "precedence 7 is that of access list \"x\"",
        ),
        (
            &[
                "create access-list x ip destination any source any deny precedence 25600",
                "create access-list y ip destination any source any deny",
            ],
            "no precedence behind that of access list \"x\"",
        ),
        (
            &[
                "create access-list x ip destination any source any deny",
                "create access-list y ip destination any source any deny counter 0",
            ],
            "counter 0 is another",
        ),
    ] {
        let error = after(lines).expect_err(&format!("{lines:?}"));
        assert!(error.contains(wanted), "{lines:?}: {error}");
    }
}

#[test]
fn an_interface_keeps_its_number_while_there_is_an_address() {
    let config = after(&[
        "create vlan red",
        "configure vlan Default ipaddress 10.0.0.1/24",
        "configure vlan red ipaddress 10.0.1.1/24",
        "configure vlan red ipaddress 2001:db8::1/64",
        "unconfigure vlan Default ipaddress",
        "configure vlan red tag 10",
    ])
    .expect("lawful");
    let svi = |config: &Config, vlan| config.vlans.get(&name(vlan)).and_then(|vlan| vlan.svi);
    assert_eq!((svi(&config, "Default"), svi(&config, "red")), (None, Some(1)));
    assert!(
        config.render().contains("configure vlan \"red\" ipaddress 10.0.1.1 255.255.255.0 interface 1\n")
    );
    let config = config.with(&[change("configure vlan Default ipaddress 10.0.0.1/24")]).expect("lawful");
    assert_eq!(svi(&config, "Default"), Some(0), "the lowest that is free");
    let lines = ["unconfigure vlan red ipaddress 2001:db8::1/64", "unconfigure vlan red ipaddress"];
    let config = config.with(&lines.map(change)).expect("lawful");
    assert_eq!(svi(&config, "red"), None);
}

#[test]
fn a_switch_has_so_many_interfaces_and_says_so() {
    let mut lines = Vec::new();
    for number in 0..=msm_abi::SVIS {
        lines.push(format!("create vlan v{number}"));
        lines.push(format!("configure vlan v{number} ipaddress 10.{}.{}.1/24", number / 256, number % 256));
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert!(after(&lines[..lines.len() - 2]).is_ok());
    let error = after(&lines).expect_err("one too many");
    assert!(error.contains("VLANs with an address are 512, the most there can be"), "{error}");
}

#[test]
fn routing_is_of_all_vlans_with_an_address_or_of_one() {
    let config = after(&[
        "create vlan red",
        "create vlan blue",
        "configure vlan red ipaddress 10.0.1.1/24",
        "configure vlan blue ipaddress 2001:db8::1/64",
        "enable ipforwarding",
        "enable ipforwarding ipv6",
    ])
    .expect("lawful");
    let flags = |vlan| config.vlans.get(&name(vlan)).map(|vlan| (vlan.forwarding, vlan.forwarding6));
    assert_eq!(
        [flags("red"), flags("blue"), flags("Default")],
        [Some((true, false)), Some((false, true)), Some((false, false))]
    );
}

#[test]
fn a_group_is_its_master_to_vlans_and_stations() {
    let config = after(&[
        "enable sharing 1:1 grouping 1:1-1:2,2:1-2:2 dynamic",
        "configure sharing 1:1 lacp timeout short",
    ])
    .expect("lawful");
    let default = config.vlans.get(&name("Default")).expect("there");
    assert_eq!(default.untagged, [0, 2, 3, 66, 67].into());
    assert_eq!((config.vlans.pvid(0), config.vlans.pvid(64)), (Some(1), None));
    assert_eq!(config.sharing.groups[&0].dynamic, Some(Lacp { short: true, active: true }));
    // What "all" adds does not name what the master stands for.
    let all = config.with(&[change("configure vlan Default add ports all")]).expect("lawful");
    assert_eq!(all.vlans, config.vlans);
    let ended = config.with(&[change("disable sharing 1:1")]).expect("lawful");
    assert_eq!((ended.vlans.pvid(0), ended.vlans.pvid(64)), (Some(1), None), "the others are in none");
    // Nine ports are refused whole.
    let ports = (0..9).collect();
    let facts = Arc::new(Facts {
        ports,
        netdevs: Netdevs::default(),
        sys_name: "bed".into(),
        options: Options::hitless(),
    });
    let (_, refusal) =
        Config::factory(&facts).with(&[change("enable sharing 1:1 grouping 1:*")]).expect_err("nine");
    assert_eq!(refusal, Refusal::GroupTooLarge { ports: 9, most: 8 });
}

#[test]
fn several_changes_are_made_whole_or_not_at_all() {
    let before = Config::factory(&facts());
    let changes = ["create vlan red", "create vlan blue", "create vlan red"].map(change);
    let (at, refusal) = before.with(&changes).expect_err("twice");
    assert_eq!((at, refusal), (2, Refusal::VlanExists(name("red"))));
    assert_eq!(before, Config::factory(&facts()));
}

#[test]
fn netdevs_change_places_through_none() {
    let config = after(&[
        "configure ports 1:1 netdev none",
        "configure ports 1:2 netdev p0",
        "configure ports 1:1 netdev p1",
    ])
    .expect("lawful");
    let netdev = |lport| config.ports.netdev(config.facts(), lport);
    assert_eq!((netdev(0), netdev(1), netdev(2)), (Some("p1"), Some("p0"), Some("p2")));
    assert_eq!(config.ports.port_of(config.facts(), "p0"), Some(1));
    let read = Config::factory(&facts()).with(&script(&config.render()).expect("commands")).expect("lawful");
    assert_eq!(read, config);
}

#[test]
fn a_port_of_many_settings_is_rendered_with_its_like() {
    let config = after(&[
        "configure ports 1:1-1:3 rate-limit flood broadcast 500",
        "configure ports 1:2 rate-limit flood broadcast no-limit",
        "configure ports 1:1,2:1 limit-learning 16",
        "configure ports 1:1 lock-learning",
        "configure ports 2:* driver tcx",
        "configure cpu-protection arp rate 7",
        "configure cpu-protection stp rate 7",
        "configure cpu-protection stp default",
    ])
    .expect("lawful");
    let text = config.render();
    for line in [
        "configure ports 1:1,1:3 rate-limit flood broadcast 500\n",
        "configure ports 1:1,2:1 limit-learning 16\n",
        "configure ports 1:1 lock-learning\n",
        "configure ports 2:1-2:4 driver tcx\n",
        "configure cpu-protection arp rate 7\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("stp"), "{text}");
    assert_eq!(
        (config.ports.learning(0), config.ports.learning(64), config.ports.learning(1)),
        (Some(None), Some(Some(16)), None)
    );
}

#[test]
fn access_rules_stand_by_precedence_and_keep_their_counters() {
    let config = after(&[
        "create access-list last ip destination any source any deny precedence 30",
        "create access-list first ip destination any source any permit precedence 10",
        "create access-list behind ip destination any source any permit",
        "delete access-list last",
        "create access-list middle ip destination any source any permit precedence 20",
    ])
    .expect("lawful");
    let rules: Vec<_> =
        config.access.iter().map(|(name, rule)| (name.as_str(), rule.precedence, rule.counter)).collect();
    assert_eq!(rules, [("first", 10, 1), ("middle", 20, 0), ("behind", 31, 2)]);
    assert!(after(&["delete access-list all"]).expect("none to delete").access.is_empty());
}

#[test]
fn rules_over_the_limit_are_refused_whole() {
    let rule = |n: usize| {
        change(&format!("create access-list r{n} ip destination 10.0.0.{}/32 source any deny", n % 256))
    };
    let all: Vec<Change> = (0..ACCESS_RULES_MAX).map(rule).collect();
    let full = Config::factory(&facts()).with(&all).expect("as many as there is room for");
    assert_eq!(full.access.len(), ACCESS_RULES_MAX);
    let error = full.with(&[rule(ACCESS_RULES_MAX)]).expect_err("one more").1.to_string();
    assert!(error.contains("access lists are 4096"), "{error}");
    let read = Config::factory(&facts()).with(&script(&full.render()).expect("commands")).expect("lawful");
    assert_eq!(read, full);
}

#[test]
fn factory_defaults_keep_the_accounts_unless_all_is_said() {
    let config =
        after(&["create account user guest", "create vlan red", "unconfigure switch"]).expect("lawful");
    assert!(config.accounts.by_name.contains_key(&name("guest")));
    assert!(config.vlans.get(&name("red")).is_none());
    let config = config.with(&[change("unconfigure switch all")]).expect("lawful");
    assert_eq!(config, Config::factory(&facts()));
}

#[test]
fn the_star_is_there_from_the_first_change_to_the_save() {
    let running = Running::factory(&facts());
    assert!(!running.unsaved());
    let first = running.with(&Record::Changes(vec![change("create vlan red")])).expect("lawful");
    let second = first.with(&Record::Changes(vec![change("create vlan blue")])).expect("lawful");
    let saved = second.with(&Record::Saved(first.revision)).expect("lawful");
    assert!(saved.unsaved(), "what came after the save is not in it");
    assert!(!second.with(&Record::Saved(second.revision)).expect("lawful").unsaved());
    assert_eq!(Running::restore(&facts(), &saved.snapshot()), Ok(saved));
}

#[test]
fn a_record_or_snapshot_that_is_not_understood_is_refused_by_name() {
    for (bytes, wanted) in [
        (&b"\xff"[..], "no text"),
        (b"!saved x", "!saved x"),
        (b"show switch", "no configuration command"),
        (b"create vlan red\nconfigure wlan red tag 1", "line 2"),
    ] {
        let error = Record::decode(bytes).expect_err("garbage");
        assert!(error.contains(wanted), "{error}");
    }
    for bytes in
        [&b"\xff"[..], b"", b"create vlan red\n", b"!running 1\n", b"!running 1 1\ncreate vlan Default\n"]
    {
        assert!(Running::restore(&facts(), bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn what_is_logged_has_no_secret_in_it() {
    let mut typed = change("create account user guest \"hush hush\"");
    assert!(!format!("{} {typed:?} {typed}", typed.logged()).contains("hush"));
    *typed.secret().expect("typed") = Secret::Hash("$argon2id$v=19$m=1,t=1,p=1$abcd$efgh".into());
    assert!(typed.to_string().contains("efgh"));
    assert!(!typed.logged().contains("efgh"));
    assert_eq!(change(&typed.to_string()), typed);
}

fn any_name() -> impl Strategy<Value = Name> {
    // Few, so that changes meet; some that are keywords.
    prop::sample::select(vec!["red", "BLUE", "tag", "all", "Default", "Mgmt", "x-1.y_z", "detail"])
        .prop_map(name)
}

fn any_ports() -> impl Strategy<Value = Option<PortList>> {
    let some = prop::collection::btree_set(prop::sample::select(vec![0u16, 1, 2, 3, 64, 65, 66, 67]), 1..6);
    prop::option::of(some.prop_map(|ports: PortSet| PortList::of(&ports)))
}

fn any_text() -> impl Strategy<Value = String> {
    "[ -!#-~äß]{1,32}".prop_filter("a name is not blank", |text| !text.trim().is_empty())
}

fn any_interface() -> impl Strategy<Value = Interface> {
    (1u8..4, 1u8..250, prop::sample::select(vec![16u8, 24, 30, 32]))
        .prop_filter_map("a host's", |(net, host, prefix)| {
            Interface::new([10, net, net, host].into(), prefix).ok()
        })
}

fn any_interface6() -> impl Strategy<Value = Interface6> {
    let net = prop::sample::select(vec!["2001:db8:1::", "2001:db8:2::", "fe80::"]);
    (net, 1u8..4, prop::sample::select(vec![48u8, 64, 128]))
        .prop_filter_map("a router's", |(net, host, prefix)| format!("{net}{host}/{prefix}").parse().ok())
}

fn any_number() -> impl Strategy<Value = Option<u16>> {
    prop::option::of(0u16..4)
}

fn any_routing() -> impl Strategy<Value = RoutingChange> {
    let network =
        prop::sample::select(vec!["0.0.0.0/0", "::/0", "10.9.0.0/16", "10.9.1.0/24", "2001:db8:9::/48"])
            .prop_map(|text| text.parse::<Network>().expect("a network"));
    let host = prop::sample::select(vec!["10.1.1.7", "10.2.2.7", "2001:db8:1::7"])
        .prop_map(|text| text.parse::<std::net::IpAddr>().expect("an address"));
    let mac = (1u8..4).prop_map(|last| crate::mac::Mac([2, 0, 0, 0, 0, last]));
    prop_oneof![
        (any::<bool>(), any::<bool>(), prop::option::of(any_name()))
            .prop_map(|(on, ipv6, vlan)| RoutingChange::Forwarding { on, ipv6, vlan }),
        (any_name(), prop::sample::select(vec![1280u16, 1500, 3498]))
            .prop_map(|(vlan, mtu)| RoutingChange::Mtu(vlan, mtu)),
        (network.clone(), prop::option::of(host.clone()), 1u16..4).prop_map(|(network, gateway, metric)| {
            RoutingChange::Add {
                network,
                gateway,
                metric: if gateway.is_some() { metric } else { METRIC_DEFAULT },
            }
        }),
        (network, prop::option::of(host.clone()))
            .prop_map(|(network, gateway)| RoutingChange::Delete { network, gateway }),
        (host.clone(), mac).prop_map(|(host, mac)| RoutingChange::Place(host, mac)),
        host.prop_map(RoutingChange::Forget),
        (0u16..=32767).prop_map(RoutingChange::Timeout),
    ]
}

fn any_secret() -> impl Strategy<Value = Secret> {
    "[A-Za-z0-9+/]{8,20}"
        .prop_map(|salt| Secret::Hash(format!("$argon2id$v=19$m=19456,t=2,p=1${salt}${salt}")))
}

fn any_severity() -> impl Strategy<Value = Severity> {
    prop::sample::select(Severity::ALL.map(|(_, severity)| severity).to_vec())
}

fn any_options() -> impl Strategy<Value = FailoverChange> {
    use msm_proto::{EsrpFailoverMode, LinkAction, Preserve, RecoveryLevel, Routing, SlaveConfig};
    prop_oneof![
        prop::sample::select(vec![RecoveryLevel::None, RecoveryLevel::Critical, RecoveryLevel::All])
            .prop_map(FailoverChange::Recovery),
        prop::sample::select(vec![SlaveConfig::Flash, SlaveConfig::Inherited])
            .prop_map(FailoverChange::SlaveConfig),
        prop::sample::select(vec![
            LinkAction::TakeLinksDown,
            LinkAction::KeepLinksUp(Preserve::None),
            LinkAction::KeepLinksUp(Preserve::L2),
            LinkAction::KeepLinksUp(Preserve::L2L3),
        ])
        .prop_map(FailoverChange::LinkAction),
        (30u16..=300).prop_map(FailoverChange::Timeout),
        (100u16..=30_000).prop_map(FailoverChange::Watchdog),
        (100u16..=30_000).prop_map(FailoverChange::Keepalive),
        prop::sample::select(vec![Routing::Preserve, Routing::Restart]).prop_map(FailoverChange::Routing),
        Just(FailoverChange::Esrp(EsrpFailoverMode::RapidReelection, None)),
        (15u16..=180).prop_map(|s| FailoverChange::Esrp(EsrpFailoverMode::RemainMaster, Some(s))),
        Just(FailoverChange::Unconfigure),
    ]
}

fn any_vlan() -> impl Strategy<Value = VlanChange> {
    prop_oneof![
        4 => any_name().prop_map(|name| VlanChange::Create { name, internal: None }),
        1 => (any_name(), 4080u16..=4094)
            .prop_map(|(name, vid)| VlanChange::Create { name, internal: Some(vid) }),
        1 => any_name().prop_map(VlanChange::Delete),
        4 => (any_name(), prop_oneof![1u16..5, 4088u16..=4094]).prop_map(|(name, tag)| VlanChange::Tag(name, tag)),
        1 => (any_name(), any_name()).prop_map(|(old, new)| VlanChange::Rename(old, new)),
        6 => (any_name(), any_ports(), any::<bool>())
            .prop_map(|(vlan, ports, tagged)| VlanChange::Add { vlan, ports, tagged }),
        4 => (any_name(), any_ports()).prop_map(|(vlan, ports)| VlanChange::Remove { vlan, ports }),
        2 => (any_name(), any_interface(), any_number())
            .prop_map(|(vlan, interface, number)| VlanChange::Address(vlan, interface, number)),
        2 => (any_name(), any_interface6(), any_number())
            .prop_map(|(vlan, interface, number)| VlanChange::Address6(vlan, interface, number)),
        1 => (any_name(), prop::option::of(any_interface6()))
            .prop_map(|(vlan, which)| VlanChange::NoAddress(vlan, which)),
    ]
}

fn any_matches() -> impl Strategy<Value = Matches> {
    use crate::ipv4net::Ipv4Net;
    let network =
        || prop::option::of((any::<u32>(), 0u8..=32).prop_map(|(bits, len)| Ipv4Net::of(bits.into(), len)));
    let range =
        || prop::option::of((any::<u16>(), 0u16..3).prop_map(|(low, more)| (low, low.saturating_add(more))));
    let mac = || prop::option::of(any::<[u8; 6]>().prop_map(crate::mac::Mac));
    let protocol = prop::option::of(prop_oneof![prop::sample::select(vec![1u8, 6, 17]), any::<u8>()]);
    prop_oneof![
        3 => (protocol, network(), network(), range(), range()).prop_map(
            |(protocol, destination, source, destination_port, source_port)| {
                let has_ports = matches!(protocol, Some(6 | 17));
                Matches::Ip {
                    protocol,
                    destination,
                    source,
                    destination_port: destination_port.filter(|_| has_ports),
                    source_port: source_port.filter(|_| has_ports),
                }
            }
        ),
        1 => (mac(), mac(), prop::option::of(0x600u16..))
            .prop_map(|(destination, source, ethertype)| Matches::Mac { destination, source, ethertype }),
    ]
}

fn any_access() -> impl Strategy<Value = AccessChange> {
    let precedence = prop::option::of(prop_oneof![4 => 1u16..50, 1 => 25_590u16..=25_600]);
    let counter = prop_oneof![3 => Just(None), 1 => prop_oneof![0u16..5, 4090u16..4096].prop_map(Some)];
    let rule = (any_matches(), any_ports(), any::<bool>(), precedence, counter).prop_map(
        |(matches, ports, permit, precedence, counter)| NewRule {
            matches,
            ports,
            permit,
            precedence,
            counter,
        },
    );
    prop_oneof![
        8 => (any_name(), rule).prop_map(|(name, rule)| AccessChange::Create(name, rule)),
        2 => any_name().prop_map(AccessChange::Delete),
        1 => Just(AccessChange::DeleteAll),
    ]
}

fn any_sharing() -> impl Strategy<Value = SharingChange> {
    let port = || prop::sample::select(vec![0u16, 1, 64]).prop_map(PortName::of);
    let index = prop::option::of(prop::sample::select(vec![0u16, 1, 511]));
    let algorithm = prop::sample::select(ALGORITHMS.map(|(_, algorithm)| algorithm).to_vec());
    let ports = any_ports().prop_filter_map("some", |ports| ports);
    prop_oneof![
        4 => (port(), ports, any::<bool>(), algorithm, index).prop_map(
            |(master, ports, dynamic, algorithm, internal)| SharingChange::Enable { master, ports, dynamic, algorithm, internal }
        ),
        1 => port().prop_map(SharingChange::Disable),
        1 => (port(), any::<bool>()).prop_map(|(master, short)| SharingChange::Timeout(master, short)),
        1 => (port(), any::<bool>()).prop_map(|(master, active)| SharingChange::Activity(master, active)),
        1 => any::<u16>().prop_map(SharingChange::SystemPriority),
    ]
}

fn any_protocol() -> impl Strategy<Value = Change> {
    let source = || prop::sample::select(vec![Source::Direct, Source::Static]);
    let address = || (1u8..4).prop_map(|last| std::net::Ipv4Addr::new(10, 0, 0, last));
    let link = prop::sample::select(LinkType::ALL.map(|(_, link)| link).to_vec());
    let network = (0u8..4, 14u8..18).prop_map(|(net, length)| ([10, net, 0, 0].into(), length));
    let ospf = prop_oneof![
        any::<bool>().prop_map(OspfChange::Enable),
        prop::option::of(address()).prop_map(OspfChange::RouterId),
        (any_name(), address(), link, any::<bool>())
            .prop_map(|(vlan, area, link, passive)| OspfChange::Add { vlan, area, link, passive }),
        any_name().prop_map(OspfChange::Remove),
        (any_name(), 1u16..9, 1u16..9, 1u16..9).prop_map(|(vlan, retransmit_s, transit_s, hello_s)| {
            OspfChange::Timers(vlan, OspfTimers { retransmit_s, transit_s, hello_s, dead_s: 4 * hello_s })
        }),
        (any_name(), prop::option::of(1u16..)).prop_map(|(vlan, cost)| OspfChange::Cost(vlan, cost)),
        (any_name(), any::<u8>()).prop_map(|(vlan, priority)| OspfChange::Priority(vlan, priority)),
        (source(), prop::option::of(0u32..100), any::<bool>())
            .prop_map(|(source, cost, type_1)| OspfChange::Export(source, OspfExport { cost, type_1 })),
        source().prop_map(OspfChange::NoExport),
    ];
    let bgp = prop_oneof![
        any::<bool>().prop_map(BgpChange::Enable),
        (1u32..4).prop_map(BgpChange::AsNumber),
        prop::option::of(address()).prop_map(BgpChange::RouterId),
        network.clone().prop_map(BgpChange::AddNetwork),
        network.prop_map(BgpChange::RemoveNetwork),
        (address(), 1u32.., any::<bool>()).prop_map(|(address, remote_as, multihop)| BgpChange::Create {
            address,
            remote_as,
            multihop
        }),
        address().prop_map(BgpChange::Delete),
        (address(), any::<bool>()).prop_map(|(address, on)| BgpChange::EnableNeighbor(address, on)),
        (address(), 1u16..9, 3u16..30)
            .prop_map(|(address, keepalive, hold)| BgpChange::Timers(address, keepalive, hold)),
        (address(), any::<bool>()).prop_map(|(address, on)| BgpChange::NextHopSelf(address, on)),
        (source(), any::<bool>()).prop_map(|(source, on)| BgpChange::Export(source, on)),
    ];
    let rip = prop_oneof![
        any::<bool>().prop_map(RipChange::Enable),
        any_name().prop_map(RipChange::Add),
        any_name().prop_map(RipChange::Remove),
        (5u32..100).prop_map(RipChange::Update),
        (5u32..100).prop_map(RipChange::Timeout),
        (5u32..100).prop_map(RipChange::Garbage),
        (source(), prop::option::of(0u8..=16)).prop_map(|(source, cost)| RipChange::Export(source, cost)),
        source().prop_map(RipChange::NoExport),
    ];
    prop_oneof![ospf.prop_map(Change::Ospf), bgp.prop_map(Change::Bgp), rip.prop_map(Change::Rip)]
}

fn any_ports_change() -> impl Strategy<Value = PortsChange> {
    let some = || any_ports().prop_filter_map("some", |ports| ports);
    let port = || prop::sample::select(vec![0u16, 1, 2, 64]).prop_map(PortName::of);
    let kind = prop::sample::select(FLOODS.map(|(_, kind)| kind).to_vec());
    let driver = prop::sample::select(Driver::ALL.map(|(_, driver)| driver).to_vec());
    let netdev =
        prop::option::of(prop::sample::select(vec!["p0", "p1", "p2", "p64", "none", "new", "mgmt0"]));
    let netdev = netdev.prop_map(|name| name.map(|name| name.parse().expect("a netdev's name")));
    let learning = prop_oneof![
        (1u32..4).prop_map(Learning::Limit),
        Just(Learning::Unlimited),
        Just(Learning::Lock),
        Just(Learning::Unlock)
    ];
    prop_oneof![
        2 => (any::<bool>(), any_ports()).prop_map(|(enable, ports)| PortsChange::Enable { enable, ports }),
        2 => (some(), driver).prop_map(|(ports, driver)| PortsChange::Driver { ports, driver }),
        2 => (some(), kind, prop::option::of(0u32..3))
            .prop_map(|(ports, kind, rate)| PortsChange::Rate { ports, kind, rate }),
        2 => (some(), learning).prop_map(|(ports, learning)| PortsChange::Learning { ports, learning }),
        4 => (port(), netdev).prop_map(|(port, netdev)| PortsChange::Netdev { port, netdev }),
        1 => port().prop_map(PortsChange::FileNetdev),
    ]
}

fn any_mirroring() -> impl Strategy<Value = MirroringChange> {
    let some = any_ports().prop_filter_map("some", |ports| ports);
    let what = prop::sample::select(Mirrored::ALL.map(|(_, what)| what).to_vec());
    prop_oneof![
        4 => (0u16..4).prop_map(|lport| MirroringChange::Enable(PortName::of(lport))),
        1 => Just(MirroringChange::Disable),
        4 => (some, what).prop_map(|(ports, what)| MirroringChange::Add(ports, what)),
        2 => any_ports().prop_map(MirroringChange::Delete),
    ]
}

fn any_cpu() -> impl Strategy<Value = CpuChange> {
    let class = prop::sample::select(msm_abi::CpuClass::ALL.map(|(class, _)| class).to_vec());
    let rate = prop_oneof![Just(2_000u32), 1..=CPU_RATE_MAX];
    (class, prop::option::of(rate)).prop_map(|(class, rate)| CpuChange { class, rate })
}

fn any_health() -> impl Strategy<Value = HealthChange> {
    let interval = prop_oneof![Just(HEALTH_INTERVAL), HEALTH_MIN..=HEALTH_MAX];
    prop_oneof![any::<bool>().prop_map(HealthChange::Enable), interval.prop_map(HealthChange::Interval)]
}

fn any_change() -> impl Strategy<Value = Change> {
    let mac = (1u8..4).prop_map(|last| crate::mac::Mac([2, 0, 0, 0, 0, last]));
    let port = prop::sample::select(vec![0u16, 1, 64]).prop_map(|lport| Place::Port(PortName::of(lport)));
    let place = prop_oneof![Just(Place::Blackhole), port];
    let host = prop::sample::select(vec!["10.0.0.9".to_owned(), "log.example.com".to_owned()]);
    let server = (1u8..5).prop_map(|last| std::net::Ipv4Addr::new(10, 0, 0, last));
    let access = prop::sample::select(vec![Access::Admin, Access::User]);
    let access2 = access.clone();
    let user = prop::sample::select(vec!["admin", "user", "guest"]).prop_map(name);
    let shown = prop_oneof![
        20 => any_vlan().prop_map(Change::Vlan),
        6 => any_sharing().prop_map(Change::Sharing),
        3 => any_options().prop_map(Change::Failover),
        5 => any_routing().prop_map(Change::Routing),
        1 => any_text().prop_map(|text| Change::System(SystemChange::Name(text))),
        1 => any_text().prop_map(|text| Change::System(SystemChange::Location(text))),
        1 => any_text().prop_map(|text| Change::System(SystemChange::Contact(text))),
        8 => any_ports_change().prop_map(Change::Ports),
        4 => any_mirroring().prop_map(Change::Mirroring),
        1 => any_cpu().prop_map(Change::Cpu),
        1 => any_health().prop_map(Change::Health),
        1 => prop_oneof![Just(0u32), 15u32..=1_000_000].prop_map(|s| Change::Fdb(FdbChange::Aging(s))),
        3 => (mac.clone(), any_name(), place)
            .prop_map(|(mac, vlan, place)| Change::Fdb(FdbChange::Create { mac, vlan, place })),
        1 => (mac, any_name()).prop_map(|(mac, vlan)| Change::Fdb(FdbChange::Delete { mac, vlan })),
        8 => any_access().prop_map(Change::Access),
    ];
    prop_oneof![
        30 => shown,
        2 => (access, user.clone(), prop::option::of(any_secret()))
            .prop_map(|(access, name, secret)| Change::Accounts(AccountChange::Create { access, name, secret })),
        2 => (user.clone(), any_secret())
            .prop_map(|(name, secret)| Change::Accounts(AccountChange::Password { name, secret })),
        1 => (user.clone(), access2)
            .prop_map(|(name, access)| Change::Accounts(AccountChange::Access { name, access })),
        2 => user.prop_map(|name| Change::Accounts(AccountChange::Delete(name))),
        1 => any_severity().prop_map(|severity| Change::Log(LogChange::Memory(severity))),
        1 => any_severity().prop_map(|severity| Change::Log(LogChange::Nvram(severity))),
        1 => (200u32..=20_000).prop_map(|lines| Change::Log(LogChange::Lines(lines))),
        1 => any::<bool>().prop_map(|on| Change::Log(LogChange::Syslog(on))),
        1 => any::<bool>().prop_map(|on| Change::Log(LogChange::Commands(on))),
        2 => (host.clone(), any::<u16>().prop_filter("a port", |p| *p > 0), 0u8..8, any_severity()).prop_map(
            |(host, port, facility, severity)| Change::Log(LogChange::AddHost(
                host,
                SyslogHost { port, facility: Facility(facility), severity }
            ))
        ),
        1 => host.prop_map(|host| Change::Log(LogChange::DeleteHost(host))),
        2 => server.clone().prop_map(|server| Change::Dns(DnsChange::Add(server))),
        1 => server.prop_map(|server| Change::Dns(DnsChange::Delete(server))),
        1 => Just(Change::Dns(DnsChange::Domain("example.com".to_owned()))),
        1 => Just(Change::Dns(DnsChange::NoDomain)),
        8 => any_protocol(),
        1 => any::<bool>().prop_map(|on| Change::Cli(CliChange::Paging(on))),
        1 => any::<bool>().prop_map(|accounts| Change::Factory { accounts }),
    ]
}

/// What must hold of every configuration.
fn check(config: &Config) {
    let mut vids = std::collections::BTreeSet::new();
    let mut untagged = std::collections::BTreeMap::new();
    for (name, vlan) in config.vlans.iter() {
        if vlan.vid == 0 {
            assert_eq!(name.as_str(), MGMT_VLAN);
            continue;
        }
        assert!(vids.insert(vlan.vid), "an id of two VLANs");
        assert_eq!(config.vlans.name_of(vlan.vid), Some(name));
        assert!(vlan.tag.is_none_or(|tag| tag == vlan.vid));
        assert!(vlan.tag.is_some() || vlan.tagged.is_empty());
        assert!(vlan.tagged.is_disjoint(&vlan.untagged));
        for lport in &vlan.untagged {
            assert_eq!(untagged.insert(*lport, vlan.vid), None, "untagged in two VLANs");
        }
    }
    let mut interfaces = std::collections::BTreeMap::new();
    let mut networks: Vec<(&Name, Interface)> = Vec::new();
    for (name, vlan) in config.vlans.iter() {
        assert_eq!(vlan.svi.is_some(), vlan.vid != 0 && vlan.has_address(), "{name}");
        if let Some(svi) = vlan.svi {
            assert!(usize::from(svi) < msm_abi::SVIS);
            assert_eq!(interfaces.insert(svi, name), None, "an interface of two VLANs");
        }
        if let Some(interface) = vlan.interface {
            assert!(networks.iter().all(|(_, other)| !other.overlaps(interface)), "overlap at {name}");
            networks.push((name, interface));
        }
    }
    for lport in &config.facts().ports {
        assert_eq!(config.vlans.pvid(*lport), untagged.get(lport).copied());
    }
    for (vlan, _) in config.fdb.entries.keys() {
        assert!(config.vlans.get(vlan).is_some(), "an entry of no VLAN");
    }
    let facts = config.facts();
    let netdevs: Vec<_> = facts.ports.iter().filter_map(|l| config.ports.netdev(facts, *l)).collect();
    let distinct: std::collections::BTreeSet<_> = netdevs.iter().copied().chain(["mgmt0"]).collect();
    assert_eq!(distinct.len(), netdevs.len() + 1, "a netdev of two");
    if let Some(monitor) = config.mirroring.monitor {
        assert!(!config.mirroring.ports().contains(&monitor));
        let mut vlans = config.vlans.iter();
        assert!(!vlans.any(|(_, vlan)| vlan.untagged.contains(&monitor) || vlan.tagged.contains(&monitor)));
    } else {
        assert!(config.mirroring.ports().is_empty());
    }
    let rules: Vec<_> = config.access.iter().collect();
    assert_eq!(rules.len(), config.access.len(), "a rule without a precedence");
    assert!(rules.is_sorted_by_key(|(_, rule)| rule.precedence));
    let counters: std::collections::BTreeSet<u16> = rules.iter().map(|(_, rule)| rule.counter).collect();
    assert_eq!(counters.len(), rules.len(), "a counter of two rules");
    let mut grouped = PortSet::new();
    let mut indexes = PortSet::new();
    for (master, group) in &config.sharing.groups {
        assert!(group.members.contains(master) && group.members.len() <= msm_abi::GROUP_PORTS);
        assert!(indexes.insert(group.index), "an index of two groups");
        for lport in &group.members {
            assert!(grouped.insert(*lport), "a port in two groups");
            assert_eq!(config.sharing.master(*lport), Some(*master));
            let known = |vlan: &Vlan| vlan.untagged.contains(lport) || vlan.tagged.contains(lport);
            assert!(
                lport == master || !config.vlans.iter().any(|(_, vlan)| known(vlan)),
                "its master stands for it"
            );
        }
    }
    assert!(config.facts().ports.iter().all(|l| config.sharing.master(*l).is_some() == grouped.contains(l)));
    for place in config.fdb.entries.values() {
        assert!(!matches!(place, Place::Port(port) if config.sharing.is_hidden(port.lport())));
    }
    for vlan in config.ospf.vlans.keys().chain(&config.rip.vlans) {
        assert!(config.vlans.get(vlan).is_some_and(|vlan| vlan.vid != 0), "routing in no VLAN");
    }
    assert!(!config.bgp.enabled || config.bgp.as_number.is_some(), "BGP of no AS");
    config.failover.validate().expect("lawful options");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// A change is read as it is written.
    #[test]
    fn a_change_is_its_command(change in any_change()) {
        let line = change.to_string();
        prop_assert_eq!(parse(&line).map_err(|fault| fault.render(&line)), Ok(Command::Change(change)));
    }

    /// What a configuration renders makes it, out of the factory's, and whatever was refused on the way has left no trace.
    #[test]
    fn rendering_and_reading_are_inverse(changes in prop::collection::vec(any_change(), 0..60)) {
        let mut config = Config::factory(&facts());
        for change in &changes {
            if let Ok(next) = config.with(std::slice::from_ref(change)) {
                check(&next);
                config = next;
            }
        }
        let text = config.render();
        let read = script(&text).map_err(|(line, why)| format!("line {line}: {why}\n{text}"));
        let read = read.map_err(TestCaseError::fail)?;
        let made = Config::factory(&facts()).with(&read);
        let made = made.map_err(|(at, why)| TestCaseError::fail(format!("{}: {why}\n{text}", read[at])))?;
        prop_assert_eq!(made.render(), text);
        prop_assert_eq!(&made, &config);
        let again = config.with_script(&read);
        prop_assert_eq!(again.map_err(|(at, why)| format!("{}: {why}", read[at])), Ok(config), "read again");
    }
}
