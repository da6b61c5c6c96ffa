//! Access lists: the compiled tables against the plain meaning of the list.

mod acl_lists;

use std::collections::BTreeSet;

use acl_lists::Random;
use msm_abi::ACL_RULES;
use msm_dataplane::plane::acl::{AclFrames, AclList, AclPrefix, AclRule, decide};

/// Lists, and frames for each.
const LISTS: u64 = 80;
const FRAMES: usize = 500;

#[test]
fn the_tables_decide_as_the_list_does() {
    let random = &mut Random(0x5eed);
    let mut decided = 0;
    for _ in 0..LISTS {
        let rules = 1 + random.below(1 + random.0 % 150);
        let list = random.list(rules);
        let compiled = list.compile().expect("lawful");
        for _ in 0..FRAMES {
            let frame = random.frame();
            let want = list.decide(&frame);
            let got = decide(&compiled, &frame);
            assert_eq!(got.map(|(rule, _)| usize::from(rule)), want, "{frame:?} in {list:#?}");
            if let Some((rule, action)) = got {
                let rule = &list.rules[usize::from(rule)];
                assert_eq!((action.permit == 1, action.counter), (rule.permit, rule.counter.into()));
                decided += 1;
            }
        }
    }
    assert!(decided > LISTS as usize * FRAMES / 4, "{decided} frames met a rule");
}

#[test]
fn the_same_list_makes_the_same_tables_and_another_digest_is_another_list() {
    let list = Random(7).list(40);
    let compiled = list.compile().expect("lawful");
    assert_eq!(list.clone().compile().expect("lawful"), compiled);
    assert_eq!(AclList::default().digest(), 0);
    let mut digests: BTreeSet<u64> = [0, list.digest()].into();
    for at in 0..list.rules.len() {
        let mut other = list.clone();
        other.rules[at].permit ^= true;
        assert!(digests.insert(other.digest()));
        let mut other = list.clone();
        other.rules.remove(at);
        assert!(digests.insert(other.digest()));
    }
}

/// A rule that makes as many classes and blocks as one can.
fn greedy(n: u16) -> AclRule {
    let prefix = |n: u32| Some(AclPrefix::new(n << 16 | 0x0101, 32));
    // Windows that slide over each other: each of their borders is another set of rules.
    let window = |width: u16| Some((8 * n + 1, 8 * n + width));
    AclRule {
        permit: true,
        counter: n,
        ingress: Some(vec![n % 1024]),
        frames: AclFrames::Ipv4 {
            source: prefix(u32::from(n)),
            destination: prefix(u32::from(n) + 8192),
            protocol: Some(n as u8),
            source_port: window(20_003),
            destination_port: window(12_006),
        },
    }
}

#[test]
fn every_list_fits_and_more_rules_are_refused() {
    let mut list = AclList { rules: (0..ACL_RULES as u16).map(greedy).collect() };
    let [blocks, classes, rules] = list.compile().expect("fits").size();
    assert!(blocks > 16_384 && classes > 16_000 && rules == ACL_RULES, "{blocks} blocks, {classes} classes");
    list.rules.push(greedy(0));
    assert!(list.compile().expect_err("one more").to_string().contains("4097 access rules"));
    let refused = |change: fn(&mut AclRule), word: &str| {
        let mut rule = greedy(1);
        change(&mut rule);
        let text = AclList { rules: vec![rule] }.compile().expect_err(word).to_string();
        assert!(text.contains(word), "{text}");
    };
    refused(|rule| rule.counter = 4096, "counter 4096");
    refused(|rule| rule.ingress = Some(vec![1536]), "port 1536");
    let twice = AclList { rules: vec![greedy(1), greedy(1)] };
    assert!(twice.compile().expect_err("one counter").to_string().contains("counter 1 of access rule 1"));

    let mac = |n: u16, last| {
        let [a, b] = n.to_be_bytes();
        Some([2, 0, 0, a, b, last])
    };
    let ethernet = |n| AclRule {
        permit: true,
        counter: n,
        ingress: None,
        frames: AclFrames::Ethernet { source: mac(n, 0), destination: mac(n, 1), ethertype: Some(n) },
    };
    let list = AclList { rules: (0..ACL_RULES as u16).map(ethernet).collect() };
    list.compile().expect("fits");
}
